use std::sync::Arc;

use super::UserTokenAuth;
use crate::authenticate::{
    options::{face, optional},
    schemes::Schemes,
};

face! {
    /// Lets through who has a good user token. See the [module docs](crate::user_token) for the rules and
    /// examples; for several schemes on one route, [`AuthenticateLayer`](crate::AuthenticateLayer).
    UserTokenLayer
}

impl UserTokenLayer {
    /// A layer.
    pub fn new(tokens: UserTokenAuth) -> Self {
        Self { schemes: Schemes::none().or(Arc::new(tokens)) }
    }

    optional!(schemes);
}
