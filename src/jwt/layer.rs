use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::JwtAuth;
use crate::{
    Authenticate, ScopePolicy,
    authenticate::{options::options, schemes::Schemes},
};

/// Lets through who has a good token with the scopes that are needed. See the
/// [module docs](crate::jwt) for the rules and examples.
#[derive(Clone)]
#[must_use]
pub struct JwtScopeLayer {
    schemes: Schemes,
}

impl JwtScopeLayer {
    /// A layer that needs these scopes: a [`Scope`](crate::Scope) or a [`ScopePolicy`]. For a layer
    /// that needs none, see [`AuthenticateLayer`](crate::AuthenticateLayer).
    pub fn new(jwt: JwtAuth, scopes: impl Into<ScopePolicy>) -> Self {
        let mut schemes = Schemes::none().or(Arc::new(jwt));
        schemes.options().scopes = Some(scopes.into());
        Self { schemes }
    }

    options!(schemes);
}

impl<S> Layer<S> for JwtScopeLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate::new(inner, self.schemes.clone())
    }
}

impl fmt::Debug for JwtScopeLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtScopeLayer").field("schemes", &self.schemes).finish()
    }
}
