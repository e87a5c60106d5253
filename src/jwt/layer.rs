use std::sync::Arc;

use crate::{
    BearerAuth, ScopePolicy, ScopeTable,
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

    /// A layer that needs the scopes of a [`ScopeTable`]: those of the route or the gRPC method.
    ///
    /// It decides as an optional [`AuthenticateLayer`](crate::AuthenticateLayer) and an
    /// [`AuthorizeLayer`](crate::AuthorizeLayer) with the table would, one inside the other: what the table
    /// opens also goes onward without a token, as [`Anonymous`](crate::Anonymous). A token that is wrong is
    /// refused there, too.
    pub fn table(tokens: impl Into<BearerAuth>, table: ScopeTable) -> Self {
        let mut schemes = Schemes::none().or(Arc::new(tokens.into()));
        schemes.options().table = Some(table);
        Self { schemes }
    }
}
