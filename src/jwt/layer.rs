use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::JwtAuth;
use crate::{
    Authenticate, Authenticator, Challenge, Head, NowOrLater, Principal, Rejection, RejectionKind,
    Scheme, ScopePolicy,
    authenticate::layer::{Schemes, options},
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
        let scoped = Scoped { jwt, scopes: Arc::new(scopes.into()) };
        Self { schemes: Schemes::none().or(Arc::new(scoped)) }
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

impl ScopePolicy {
    fn admit(&self, result: Result<Principal, Rejection>) -> Result<Principal, Rejection> {
        let principal = result?;
        self.check(&principal)?;
        Ok(principal)
    }
}

/// A token is only as good as its scopes.
struct Scoped {
    jwt: JwtAuth,
    scopes: Arc<ScopePolicy>,
}

impl Authenticator for Scoped {
    fn scheme(&self) -> Scheme {
        self.jwt.scheme()
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        Some(match self.jwt.authenticate(head)?.into_now() {
            Ok(result) => NowOrLater::now(self.scopes.admit(result)),
            Err(later) => {
                let scopes = self.scopes.clone();
                later.map(move |result| scopes.admit(result))
            }
        })
    }

    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge {
        self.jwt.challenge(refused)
    }
}
