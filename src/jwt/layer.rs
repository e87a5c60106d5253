use std::sync::Arc;

use crate::{
    BearerAuth, ScopePolicy,
    authenticate::{options::face, schemes::Schemes},
};

face! {
    /// Lets through who has a good token with the scopes that are needed. See the
    /// [module docs](crate::jwt) for the rules and examples.
    JwtScopeLayer
}

impl JwtScopeLayer {
    /// A layer that needs these scopes: a [`Scope`](crate::Scope) or a [`ScopePolicy`]. For a layer
    /// that needs none, see [`AuthenticateLayer`](crate::AuthenticateLayer).
    ///
    /// The tokens are a [`JwtAuth`](super::JwtAuth)'s; or, for several issuers or kinds of token, a
    /// [`BearerAuth`]'s.
    pub fn new(tokens: impl Into<BearerAuth>, scopes: impl Into<ScopePolicy>) -> Self {
        let mut schemes = Schemes::none().or(Arc::new(tokens.into()));
        schemes.options().scopes = Some(scopes.into());
        Self { schemes }
    }
}
