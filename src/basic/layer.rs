use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::BasicAuth;
use crate::{
    Authenticate,
    authenticate::{
        options::{optional, options},
        schemes::Schemes,
    },
};

/// Lets through who proves by HTTP Basic who they are. See the [module docs](crate::basic) for the
/// rules and examples; for several schemes on one route, [`AuthenticateLayer`](crate::AuthenticateLayer).
#[derive(Clone)]
#[must_use]
pub struct BasicAuthLayer {
    schemes: Schemes,
}

impl BasicAuthLayer {
    /// A layer.
    pub fn new(basic: BasicAuth) -> Self {
        Self { schemes: Schemes::none().or(Arc::new(basic)) }
    }

    optional!(schemes);
    options!(schemes);
}

impl<S> Layer<S> for BasicAuthLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate::new(inner, self.schemes.clone())
    }
}

impl fmt::Debug for BasicAuthLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuthLayer").field("schemes", &self.schemes).finish()
    }
}
