use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{
    Authenticate, Authenticator,
    options::{optional, options},
    schemes::Schemes,
};

/// Asks who a request is from. See the [module docs](crate::authenticate) for the rules and examples.
#[derive(Clone)]
#[must_use]
pub struct AuthenticateLayer {
    schemes: Schemes,
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
}

impl AuthenticateLayer {
    optional!(schemes);
    options!(schemes);
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate::new(inner, self.schemes.clone())
    }
}

impl fmt::Debug for AuthenticateLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.schemes.fmt(f)
    }
}
