use std::sync::Arc;

use super::{
    Authenticator,
    options::{face, optional},
    schemes::Schemes,
};

face! {
    /// Asks who a request is from. See the [module docs](crate::authenticate) for the rules and examples.
    AuthenticateLayer
}

impl AuthenticateLayer {
    /// A layer with one scheme.
    pub fn new(authenticator: impl Authenticator) -> Self {
        Self { schemes: Schemes::none().or(Arc::new(authenticator)) }
    }

    /// Offers one more scheme.
    ///
    /// # Panics
    ///
    /// When the layer has an authenticator of this scheme already: which of the two a header is meant
    /// for could only be guessed.
    pub fn or(mut self, authenticator: impl Authenticator) -> Self {
        self.schemes = self.schemes.or(Arc::new(authenticator));
        self
    }

    optional!(schemes);
}
