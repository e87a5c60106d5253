use std::fmt;

use http::Method;

use crate::{ConfigError, Principal, Rejection, Scope, ScopePolicy};

/// What a rule of a [`ScopeTable`](super::ScopeTable) asks for: a [`Scope`] or a [`ScopePolicy`], turned into
/// one; or one of these.
#[derive(Clone, Debug)]
pub struct Requirement {
    need: Need,
    dry_run: bool,
}

#[derive(Clone, Debug)]
enum Need {
    Nothing,
    Principal,
    Scopes(ScopePolicy),
}

impl Requirement {
    /// Nothing: everybody may, without a principal, too.
    pub const fn open() -> Self {
        Self { need: Need::Nothing, dry_run: false }
    }

    /// A principal, whatever its scopes.
    pub const fn authenticated() -> Self {
        Self { need: Need::Principal, dry_run: false }
    }

    /// Lets a principal through that lacks the scopes, and only reports it: an event of the level `INFO` with
    /// the reason, the rule and the principal. Without a principal, the request is refused all the same.
    pub fn dangerous_dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Whether everybody may.
    pub const fn is_open(&self) -> bool {
        matches!(self.need, Need::Nothing)
    }

    /// Whether what it lacks is only reported of a principal.
    pub const fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    fn set_resource_metadata(&mut self, url: &str) -> Result<(), ConfigError> {
        if let Need::Scopes(scopes) = &mut self.need {
            *scopes = scopes.clone().resource_metadata(url)?;
        }
        Ok(())
    }

    pub(super) fn check(&self, principal: &Principal) -> Result<(), Rejection> {
        match &self.need {
            Need::Nothing | Need::Principal => Ok(()),
            Need::Scopes(scopes) => scopes.check(principal),
        }
    }
}

impl From<ScopePolicy> for Requirement {
    fn from(scopes: ScopePolicy) -> Self {
        Self { need: Need::Scopes(scopes), dry_run: false }
    }
}

impl From<Scope> for Requirement {
    fn from(scope: Scope) -> Self {
        ScopePolicy::from(scope).into()
    }
}

/// `open`, `authenticated`, or the scopes.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.need {
            Need::Nothing => f.write_str("open")?,
            Need::Principal => f.write_str("authenticated")?,
            Need::Scopes(scopes) => scopes.fmt(f)?,
        }
        f.write_str(if self.dry_run { " (dry run)" } else { "" })
    }
}

/// A line of a [`ScopeTable`](super::ScopeTable). Its `Display` is the method and the pattern: `GET /messages`.
#[derive(Clone)]
pub struct Rule {
    /// `None` is any method.
    method: Option<Method>,
    pattern: String,
    requirement: Requirement,
}

impl Rule {
    pub(super) fn new(method: Option<Method>, pattern: String, requirement: Requirement) -> Self {
        Self { method, pattern, requirement }
    }

    /// The method; `None` is any that the pattern has no rule of its own for.
    pub fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The pattern, as it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// What it asks for.
    pub fn requirement(&self) -> &Requirement {
        &self.requirement
    }

    pub(super) fn set_resource_metadata(&mut self, url: &str) -> Result<(), ConfigError> {
        self.requirement.set_resource_metadata(url)
    }

    /// No method has a parenthesis in its name (RFC 9110 section 5.6.2).
    pub(super) fn method_name(&self) -> &str {
        self.method.as_ref().map_or("(any)", Method::as_str)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method_name(), self.pattern)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.requirement)
    }
}
