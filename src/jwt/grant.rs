use std::{fmt, time::Duration};

use serde_json::{Map, Value};

use crate::{Principal, ScopeSet};

/// What is to be issued, and to whom.
#[derive(Clone)]
#[must_use]
pub struct Grant<'p> {
    pub(super) principal: &'p Principal,
    pub(super) scopes: ScopeSet,
    pub(super) lifetime: Option<Duration>,
    pub(super) claims: Map<String, Value>,
}

impl<'p> Grant<'p> {
    /// A token for this principal, with these of its scopes.
    pub fn to(principal: &'p Principal, scopes: impl Into<ScopeSet>) -> Self {
        Self { principal, scopes: scopes.into(), lifetime: None, claims: Map::new() }
    }

    /// How long the token is to live: the issuer's maximum, if that is less.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Adds a claim: none of those that the issuer makes itself, or that mean scopes or times.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }
}

/// No claim is printed.
impl fmt::Debug for Grant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("principal", &self.principal)
            .field("scopes", &self.scopes)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
