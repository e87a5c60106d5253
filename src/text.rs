use std::{
    fmt,
    hash::{Hash, Hasher},
    ops::{Deref, Range},
    sync::Arc,
};

/// A text, or a part of one, that many share: a clone copies a pointer.
#[derive(Clone)]
pub(crate) struct Text {
    whole: Arc<str>,
    part: Range<usize>,
}

impl Text {
    /// A part of a text, by a part of another copy of it; or else a text of its own.
    #[cfg(feature = "_jwt")]
    pub(crate) fn part_of(whole: &Arc<str>, copy: &str, part: &str) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(copy.as_ptr().addr());
        let part_of_whole = start..start.wrapping_add(part.len());
        match whole.get(part_of_whole.clone()) {
            Some(same) if same == part => Self { whole: whole.clone(), part: part_of_whole },
            _ => Arc::<str>::from(part).into(),
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.whole[self.part.clone()]
    }
}

impl<T: Into<Arc<str>>> From<T> for Text {
    fn from(text: T) -> Self {
        let whole = text.into();
        Self { part: 0..whole.len(), whole }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
