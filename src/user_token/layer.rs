use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::UserTokenAuth;
use crate::{
    Authenticate,
    authenticate::{
        options::{optional, options},
        schemes::Schemes,
    },
};

/// Lets through who has a good user token. See the [module docs](crate::user_token) for the
/// rules and examples; for several schemes on one route, [`AuthenticateLayer`](crate::AuthenticateLayer).
#[derive(Clone)]
#[must_use]
pub struct UserTokenLayer {
    schemes: Schemes,
}

impl UserTokenLayer {
    /// A layer.
    pub fn new(tokens: UserTokenAuth) -> Self {
        Self { schemes: Schemes::none().or(Arc::new(tokens)) }
    }

    optional!(schemes);
    options!(schemes);
}

impl<S> Layer<S> for UserTokenLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate::new(inner, self.schemes.clone())
    }
}

impl fmt::Debug for UserTokenLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokenLayer").field("schemes", &self.schemes).finish()
    }
}
