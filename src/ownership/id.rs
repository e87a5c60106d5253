use std::{
    cmp, fmt,
    hash::{Hash, Hasher},
    ops::{Deref, Range},
    sync::Arc,
};

use http::uri::PathAndQuery;

/// An id: a text of its own, or a part of the path that it was read in, of which nothing is copied.
#[derive(Clone)]
pub(super) enum Id {
    Text(Arc<str>),
    PartOf(PathAndQuery, Range<usize>),
}

impl Id {
    /// Of a text that may be a part of this path.
    pub(super) fn within(path: &PathAndQuery, text: &str) -> Self {
        let start = text.as_ptr().addr().wrapping_sub(path.as_str().as_ptr().addr());
        let part = start..start.wrapping_add(text.len());
        match path.as_str().get(part.clone()) {
            Some(same) if same == text => Self::PartOf(path.clone(), part),
            _ => Self::Text(text.into()),
        }
    }
}

impl Deref for Id {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::PartOf(path, part) => &path.as_str()[part.clone()],
        }
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Id {}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        (**self).cmp(&**other)
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
