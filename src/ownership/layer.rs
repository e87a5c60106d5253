use std::fmt;

use tower_layer::Layer;

use super::Ownership;
use crate::{Authorize, AuthorizeLayer, Respond};

/// Lets only the owner of a resource write it. See the [module docs](crate::ownership) for the rules
/// and examples.
#[derive(Clone)]
#[must_use]
pub struct OwnershipLayer(AuthorizeLayer);

impl OwnershipLayer {
    /// A layer.
    pub fn new(ownership: Ownership) -> Self {
        #[cfg(feature = "axum")]
        if ownership.is_of_routes() {
            return Self(AuthorizeLayer::new(ownership).matched_routes());
        }
        Self(AuthorizeLayer::new(ownership))
    }

    /// Words the refusals over plain HTTP. The default is [`PlainText`](crate::PlainText).
    pub fn respond_with(self, wording: impl Respond) -> Self {
        Self(self.0.respond_with(wording))
    }

    /// Says that no gRPC service is behind this layer: every refusal is plain HTTP, as
    /// [here](crate::AuthenticateLayer::no_grpc).
    pub fn no_grpc(self) -> Self {
        Self(self.0.no_grpc())
    }
}

impl<S> Layer<S> for OwnershipLayer {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Authorize<S> {
        self.0.layer(inner)
    }
}

impl fmt::Debug for OwnershipLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnershipLayer")
    }
}
