use std::{fmt, sync::Arc};

use http::Request;
use tower_layer::Layer;

use super::{Authorize, Policy, SharedPolicy};
#[cfg(all(feature = "axum", feature = "ownership"))]
use crate::route::Route;
use crate::{
    Anonymous, Head, Principal, Rejection, RejectionKind, Respond,
    gate::{Decision, Pass},
    response::Answers,
};

/// Asks whether a principal may. See the [module docs](crate::authorize) for the rules and examples.
#[derive(Clone)]
#[must_use]
pub struct AuthorizeLayer(Rules);

impl AuthorizeLayer {
    /// A layer with a policy.
    pub fn new(policy: impl Policy) -> Self {
        Self(Rules(Arc::new(Options {
            policy: Arc::new(policy),
            allow_cors_preflight: false,
            #[cfg(all(feature = "axum", feature = "ownership"))]
            matched_routes: false,
            answers: Answers::default(),
        })))
    }

    /// Lets CORS preflights through: `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    ///
    /// A caller can forge one. Put the CORS layer right inside, so that it answers and no handler is
    /// reached; or outside, and leave this off.
    pub fn allow_cors_preflight(mut self) -> Self {
        self.0.options().allow_cors_preflight = true;
        self
    }

    /// Lets the policy see the route that axum's router has matched, and its parameters: for
    /// `Ownership::of_routes`.
    #[cfg(all(feature = "axum", feature = "ownership"))]
    pub fn matched_routes(mut self) -> Self {
        self.0.options().matched_routes = true;
        self
    }

    /// Words the refusals over plain HTTP. The default is [`PlainText`](crate::PlainText).
    pub fn respond_with(mut self, wording: impl Respond) -> Self {
        self.0.options().answers.wording = Arc::new(wording);
        self
    }

    /// Says that no gRPC service is behind this layer: every refusal is plain HTTP, as
    /// [here](crate::AuthenticateLayer::no_grpc).
    pub fn no_grpc(mut self) -> Self {
        self.0.options().answers.no_grpc = true;
        self
    }
}

impl<S> Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Authorize<S> {
        Authorize::new(inner, self.0.clone())
    }
}

impl fmt::Debug for AuthorizeLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A policy and what its layer was told. A clone copies a pointer.
#[derive(Clone)]
pub(crate) struct Rules(Arc<Options>);

#[derive(Clone)]
struct Options {
    policy: SharedPolicy,
    allow_cors_preflight: bool,
    #[cfg(all(feature = "axum", feature = "ownership"))]
    matched_routes: bool,
    answers: Answers,
}

impl Rules {
    fn options(&mut self) -> &mut Options {
        Arc::make_mut(&mut self.0)
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// Decides over the head of a request. It is put back as it was.
    pub(crate) fn decide<B>(&self, request: &mut Request<B>) -> Decision {
        #[cfg(all(feature = "axum", feature = "ownership"))]
        if self.0.matched_routes && !self.0.policy.is_open(&Head::new(request)) {
            let route = Route::of(request);
            return self.judge(&Head::new(request).with_route(route));
        }
        self.judge(&Head::new(request))
    }

    fn judge(&self, head: &Head<'_>) -> Decision {
        let options = &*self.0;
        if options.policy.is_open(head) || (options.allow_cors_preflight && head.is_cors_preflight()) {
            return Decision::Onward;
        }
        let extensions = head.extensions();
        let Some(principal) = extensions.get::<Principal>() else {
            return Decision::Refuse(match extensions.get::<Anonymous>() {
                Some(anonymous) => anonymous.refusal("authorize.anonymous"),
                None => no_principal(),
            });
        };
        let answer = options.policy.authorize(principal, head);
        if matches!(answer.as_now(), Some(Ok(permit)) if permit.leaves_nothing()) {
            return Decision::Onward;
        }
        match answer.into_now() {
            Ok(answer) => answer.map(Pass::Authorized).into(),
            Err(later) => Decision::Wait(later.map(|answer| answer.map(Pass::Authorized))),
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("allow_cors_preflight", &self.0.allow_cors_preflight)
            .field("no_grpc", &self.0.answers.no_grpc)
            .finish_non_exhaustive()
    }
}

/// The refusal of a request that no authenticating layer has seen.
pub(crate) fn no_principal() -> Rejection {
    Rejection::new(RejectionKind::Misconfigured, "authorize.no_principal").caused_by(
        "no principal in the request's extensions: put an authenticating layer (BasicAuthLayer, \
         JwtScopeLayer, S3pSignatureLayer, AuthenticateLayer) outside of what needs the principal; \
         in axum, the layer that is added last is the outermost",
    )
}
