use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use memchr::memchr;

use crate::text::Text;

/// One scope: `messages:send` (RFC 6749 section 3.3). Case counts.
///
/// ```
/// use portcullis::Scope;
///
/// const SEND: Scope = Scope::from_static("messages:send");
/// assert!(Scope::new("two words").is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// The scope that grants everything where it is honoured: `all:any`.
    pub const ALL_ANY: Self = Self::from_static("all:any");

    /// A scope known when the program is written.
    ///
    /// # Panics
    ///
    /// When the text is not a scope; in a `const`, that is a compile error.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(is_scope(text), "a scope is visible ASCII without blanks, `\"` and `\\`");
        Self(Cow::Borrowed(text))
    }

    /// A scope known when the program runs.
    ///
    /// # Errors
    ///
    /// When the text is not one or more of `%x21 / %x23-5B / %x5D-7E`.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidScope> {
        let text = text.into();
        if is_scope(&text) { Ok(Self(Cow::Owned(text))) } else { Err(InvalidScope(())) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scopes of a principal. No scopes is the default, and grants nothing.
///
/// Held as one text, so that a set costs one allocation however many scopes there are, and a clone none.
///
/// ```
/// use portcullis::{Scope, ScopeSet};
///
/// let held = ScopeSet::parse("messages:send devices:list")?;
/// assert!(held.contains(&Scope::from_static("devices:list")));
/// assert!(!held.contains(&Scope::from_static("devices")));
/// # Ok::<_, portcullis::InvalidScope>(())
/// ```
#[derive(Clone, Default)]
pub struct ScopeSet(Option<Text>);

impl ScopeSet {
    /// No scopes.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads scopes separated by single blanks (RFC 6749 section 3.3). The empty text is no scopes.
    ///
    /// # Errors
    ///
    /// When anything else stands between the scopes or in them.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        check_list(text)?;
        Ok(Self::of(text))
    }

    /// As [`parse`](Self::parse) reads it, without a copy.
    #[cfg(feature = "_jwt")]
    pub(crate) fn parse_text(text: Text) -> Result<Self, InvalidScope> {
        check_list(&text)?;
        Ok(Self((!text.is_empty()).then_some(text)))
    }

    /// Of scopes that are known to be some.
    fn of(text: impl Into<Arc<str>>) -> Self {
        let text: Text = text.into().into();
        Self((!text.is_empty()).then_some(text))
    }

    /// Whether this scope is in the set: the whole text, never a part or a pattern.
    pub fn contains(&self, scope: &Scope) -> bool {
        let (mut held, wanted) = (self.as_str().as_bytes(), scope.as_str().as_bytes());
        loop {
            if let Some([] | [b' ', ..]) = held.strip_prefix(wanted) {
                return true;
            }
            match memchr(b' ', held) {
                Some(end) => held = &held[end + 1..],
                None => return false,
            }
        }
    }

    /// Whether each scope of this set is in the other.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        let (these, those) = (self.sorted(), other.sorted());
        these.iter().all(|scope| those.binary_search(scope).is_ok())
    }

    /// Of these scopes, those that the other set holds, or that this says yes to.
    #[cfg(all(feature = "sql", feature = "user-token"))]
    pub(crate) fn held_by(self, other: &Self, or: impl Fn(&str) -> bool) -> Self {
        let those = other.sorted();
        let is_held = |scope: &&str| those.binary_search(scope).is_ok() || or(scope);
        if self.iter().all(|scope| is_held(&scope)) {
            return self;
        }
        let held: Vec<_> = self.iter().filter(is_held).collect();
        Self::of(held.join(" "))
    }

    /// Sets come from strangers: to compare two costs no more than to sort them.
    fn sorted(&self) -> Vec<&str> {
        let mut scopes: Vec<_> = self.iter().collect();
        scopes.sort_unstable();
        scopes
    }

    /// Whether there are no scopes.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The scopes, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|text| text.split(' '))
    }

    /// The scopes, separated by single blanks.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// Order and repetition do not count.
impl PartialEq for ScopeSet {
    fn eq(&self, other: &Self) -> bool {
        self.is_subset_of(other) && other.is_subset_of(self)
    }
}

impl Eq for ScopeSet {}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut text = String::new();
        for scope in scopes {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(scope.as_str());
        }
        Self::of(text)
    }
}

impl<const N: usize> From<[Scope; N]> for ScopeSet {
    fn from(scopes: [Scope; N]) -> Self {
        scopes.into_iter().collect()
    }
}

/// A text that is not a scope, or not a list of scopes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidScope(());

impl fmt::Display for InvalidScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scope is visible ASCII without blanks, `\"` and `\\` (RFC 6749 section 3.3)")
    }
}

impl Error for InvalidScope {}

/// Scopes with single blanks between them, or nothing at all.
fn check_list(text: &str) -> Result<(), InvalidScope> {
    let mut is_between = true;
    for byte in text.bytes() {
        if !(is_scope_byte(byte) || byte == b' ' && !is_between) {
            return Err(InvalidScope(()));
        }
        is_between = byte == b' ';
    }
    if text.is_empty() || !is_between { Ok(()) } else { Err(InvalidScope(())) }
}

/// `scope-token` of RFC 6749 section 3.3.
const fn is_scope(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !is_scope_byte(bytes[at]) {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

const fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}
