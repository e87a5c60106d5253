use std::fmt;

use super::{Permit, Policy};
use crate::{
    Challenge, ConfigError, Head, NowOrLater, Principal, Rejection, RejectionKind, Scheme, Scope,
    ScopeSet, secure_url,
};

/// Which scopes are needed: one, all of several, any of several, nested at will.
///
/// Who holds the global scope, `all:any` unless told otherwise, needs no other.
///
/// ```
/// use portcullis::{Scope, ScopePolicy, ScopeSet};
///
/// let list = ScopePolicy::any_of([
///     Scope::from_static("messages:list").into(),
///     ScopePolicy::all_of([Scope::from_static("logs:read"), Scope::from_static("audit")]),
/// ]);
/// assert!(list.is_met_by(&ScopeSet::parse("audit logs:read")?));
/// assert!(list.is_met_by(&ScopeSet::parse("all:any")?));
/// assert!(!list.is_met_by(&ScopeSet::parse("logs:read")?));
/// # Ok::<_, portcullis::InvalidScope>(())
/// ```
#[derive(Clone, Debug)]
pub struct ScopePolicy {
    rule: Rule,
    /// Made once: it is the same for every refusal.
    challenge: Challenge,
}

#[derive(Clone, Debug)]
enum Rule {
    Scope { scope: Scope, global: Option<Scope> },
    All(Vec<Rule>),
    Any(Vec<Rule>),
}

impl ScopePolicy {
    /// Each of these is needed. Of none: nobody passes.
    pub fn all_of<P: Into<Self>>(policies: impl IntoIterator<Item = P>) -> Self {
        Self::of(Rule::All(rules(policies)))
    }

    /// One of these is needed. Of none: nobody passes.
    pub fn any_of<P: Into<Self>>(policies: impl IntoIterator<Item = P>) -> Self {
        Self::of(Rule::Any(rules(policies)))
    }

    /// Makes another scope the global one, here and in all that is nested.
    pub fn global_scope(mut self, scope: &Scope) -> Self {
        self.rule.set_global(Some(scope));
        self
    }

    /// Honours no global scope, here and in all that is nested.
    pub fn no_global_scope(mut self) -> Self {
        self.rule.set_global(None);
        self
    }

    /// Says in the challenge where the metadata of the resource is (RFC 9728 section 5.1). Of nested
    /// policies, the outermost says it.
    ///
    /// # Errors
    ///
    /// When the URL is not `https` (loopback may be `http`), or has a query or a fragment.
    pub fn resource_metadata(mut self, url: &str) -> Result<Self, ConfigError> {
        secure_url::check_without_query("the URL of the resource's metadata", url)?;
        self.challenge = self.rule.challenge(Some(url));
        Ok(self)
    }

    /// Whether these scopes do.
    pub fn is_met_by(&self, held: &ScopeSet) -> bool {
        self.rule.is_met_by(held)
    }

    /// The scopes that would do: of alternatives, the first.
    pub fn wanted(&self) -> ScopeSet {
        self.rule.wanted()
    }

    /// Judges a principal.
    ///
    /// # Errors
    ///
    /// `insufficient_scope`; with RFC 6750's challenge if the principal came by a bearer token.
    pub fn check(&self, principal: &Principal) -> Result<(), Rejection> {
        if self.is_met_by(principal.scopes()) {
            return Ok(());
        }
        let rejection = Rejection::new(RejectionKind::InsufficientScope, "scope.missing");
        Err(match principal.scheme() {
            Scheme::BEARER => rejection.challenge(&self.challenge),
            _ => rejection,
        })
    }

    fn of(rule: Rule) -> Self {
        let challenge = rule.challenge(None);
        Self { rule, challenge }
    }
}

impl Policy for ScopePolicy {
    fn authorize(
        &self,
        principal: &Principal,
        _head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        NowOrLater::now(self.check(principal).map(|()| Permit::granted()))
    }
}

impl From<Scope> for ScopePolicy {
    fn from(scope: Scope) -> Self {
        Self::of(Rule::Scope { scope, global: Some(Scope::ALL_ANY) })
    }
}

impl fmt::Display for ScopePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.fmt(f)
    }
}

impl Rule {
    fn is_met_by(&self, held: &ScopeSet) -> bool {
        match self {
            Self::Scope { scope, global } => {
                held.contains(scope) || global.as_ref().is_some_and(|global| held.contains(global))
            }
            Self::All(rules) => !rules.is_empty() && rules.iter().all(|rule| rule.is_met_by(held)),
            Self::Any(rules) => rules.iter().any(|rule| rule.is_met_by(held)),
        }
    }

    fn set_global(&mut self, to: Option<&Scope>) {
        match self {
            Self::Scope { global, .. } => *global = to.cloned(),
            Self::All(rules) | Self::Any(rules) => {
                for rule in rules {
                    rule.set_global(to);
                }
            }
        }
    }

    fn wanted(&self) -> ScopeSet {
        let mut scopes = Vec::new();
        self.collect(&mut scopes);
        scopes.into_iter().collect()
    }

    fn challenge(&self, resource_metadata: Option<&str>) -> Challenge {
        let wanted = self.wanted();
        let mut challenge = Challenge::builder(Scheme::BEARER.as_str());
        if let Some(error) = RejectionKind::InsufficientScope.oauth_error() {
            challenge = challenge.param("error", error);
        }
        if !wanted.is_empty() {
            challenge = challenge.param("scope", wanted.as_str());
        }
        if let Some(url) = resource_metadata {
            challenge = challenge.param("resource_metadata", url);
        }
        challenge.build().expect("a scope and a checked URL are visible ASCII")
    }

    fn collect(&self, scopes: &mut Vec<Scope>) {
        match self {
            Self::Scope { scope, .. } if scopes.contains(scope) => {}
            Self::Scope { scope, .. } => scopes.push(scope.clone()),
            Self::All(rules) => rules.iter().for_each(|rule| rule.collect(scopes)),
            Self::Any(rules) => rules.iter().take(1).for_each(|rule| rule.collect(scopes)),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rules, word) = match self {
            Self::Scope { scope, .. } => return scope.fmt(f),
            Self::All(rules) | Self::Any(rules) if rules.is_empty() => return f.write_str("nobody"),
            Self::All(rules) => (rules, " and "),
            Self::Any(rules) => (rules, " or "),
        };
        for (at, rule) in rules.iter().enumerate() {
            let before = if at == 0 { "" } else { word };
            match rule {
                Self::Scope { scope, .. } => write!(f, "{before}{scope}")?,
                nested => write!(f, "{before}({nested})")?,
            }
        }
        Ok(())
    }
}

fn rules<P: Into<ScopePolicy>>(policies: impl IntoIterator<Item = P>) -> Vec<Rule> {
    policies.into_iter().map(|policy| policy.into().rule).collect()
}
