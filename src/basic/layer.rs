use std::sync::Arc;

use super::BasicAuth;
use crate::authenticate::{
    options::{face, optional},
    schemes::Schemes,
};

face! {
    /// Lets through who proves by HTTP Basic who they are. See the [module docs](crate::basic) for the rules
    /// and examples; for several schemes on one route, [`AuthenticateLayer`](crate::AuthenticateLayer).
    BasicAuthLayer
}

impl BasicAuthLayer {
    /// A layer.
    pub fn new(basic: BasicAuth) -> Self {
        Self { schemes: Schemes::none().or(Arc::new(basic)) }
    }

    optional!(schemes);
}
