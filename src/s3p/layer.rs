use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use hyper::body::Body as HttpBody;
use tower::{BoxError, Service};
use tower_layer::Layer;

use super::{Body, S3pAuth, auth::KeyLookup};
use crate::{
    Authenticator, Challenge, Head, NowOrLater, Principal, Rejection, RejectionKind, ResponseBody,
    Scheme,
    authenticate::{
        options::{optional, options},
        schemes::Schemes,
    },
    gate::{self, Decision, ResponseFuture, Undecided},
};

/// Lets through requests that are signed by the S3P scheme, each once. See the
/// [module docs](crate::s3p) for the rules and examples.
#[derive(Clone)]
#[must_use]
pub struct S3pSignatureLayer {
    auth: S3pAuth,
    schemes: Schemes,
}

impl S3pSignatureLayer {
    /// A layer.
    pub fn new(auth: S3pAuth) -> Self {
        Self { auth, schemes: Schemes::none().or(Arc::new(Offer)) }
    }

    /// Offers one more scheme.
    ///
    /// # Panics
    ///
    /// When the layer has this scheme already.
    pub fn or(mut self, authenticator: impl Authenticator) -> Self {
        self.schemes = self.schemes.or(Arc::new(authenticator));
        self
    }

    optional!(schemes);
    options!(schemes);
}

impl<S> Layer<S> for S3pSignatureLayer {
    type Service = S3pSignature<S>;

    fn layer(&self, inner: S) -> S3pSignature<S> {
        S3pSignature { inner, auth: self.auth.clone(), schemes: self.schemes.clone() }
    }
}

impl fmt::Debug for S3pSignatureLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3pSignatureLayer")
            .field("auth", &self.auth)
            .field("schemes", &self.schemes)
            .finish()
    }
}

/// The service of [`S3pSignatureLayer`]. The inner service takes requests with an s3p
/// [`Body`](super::Body).
#[derive(Clone)]
pub struct S3pSignature<S> {
    inner: S,
    auth: S3pAuth,
    schemes: Schemes,
}

impl<S, B, ResBody> Service<Request<B>> for S3pSignature<S>
where
    S: Service<Request<Body<B>>, Response = Response<ResBody>> + Clone,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, Body<B>, Entrant<B>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let decision = match self.begin(&request) {
            Begun::Decided(decision) => decision,
            Begun::Waits(key) => {
                let answers = self.schemes.answers();
                let wire = answers.wire(request.method(), request.headers());
                let entrant = Entrant::new(self.auth.clone(), self.schemes.clone(), request, key);
                return gate::wait(&mut self.inner, entrant, wire, &answers.wording);
            }
        };
        let request = request.map(Body::untouched);
        gate::enter(&mut self.inner, request, decision, self.schemes.answers())
    }
}

/// How far the head of a request alone leads.
enum Begun {
    Decided(Decision),
    /// For the key of a timely request, or for its body.
    Waits(KeyLookup),
}

impl<S> S3pSignature<S> {
    fn begin<B: HttpBody>(&self, request: &Request<B>) -> Begun {
        let head = Head::new(request);
        let entry = self.schemes.entry(&head);
        if let Some(decision) = self.schemes.decide_without_credentials(&head, entry) {
            return Begun::Decided(decision.into());
        }
        let Some(credentials) = head.credentials(Scheme::S3P.as_str()) else {
            return Begun::Decided(self.schemes.decide(&head));
        };
        let timely = match self.auth.timely(credentials) {
            Ok(timely) => timely,
            Err(rejection) => {
                let refusal = self.schemes.refusal(Some(Scheme::S3P), rejection);
                return Begun::Decided(Decision::Refuse(refusal));
            }
        };
        match self.auth.look_up(&timely).into_now() {
            Ok(key) if request.body().is_end_stream() => {
                let decision = self.auth.decide(&head, timely, key);
                Begun::Decided(self.schemes.concluding(Scheme::S3P, entry, decision))
            }
            Ok(key) => Begun::Waits(NowOrLater::now(key)),
            Err(later) => Begun::Waits(later),
        }
    }
}

impl<S> fmt::Debug for S3pSignature<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3pSignature").field("auth", &self.auth).finish_non_exhaustive()
    }
}

/// A signed request that waits to be let through.
pub struct Entrant<B>(BoxFuture<Result<Request<Body<B>>, Rejection>>);

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<B> Entrant<B>
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    fn new(auth: S3pAuth, schemes: Schemes, request: Request<B>, key: KeyLookup) -> Self {
        let entry = schemes.entry(&Head::new(&request));
        Self(Box::pin(async move {
            match auth.admit(request, key).await {
                Ok((mut request, principal)) => {
                    let pass = schemes.conclude(Scheme::S3P, entry, Ok(principal))?;
                    pass.leave(request.extensions_mut());
                    Ok(request)
                }
                Err(rejection) => Err(schemes.refusal(Some(Scheme::S3P), rejection)),
            }
        }))
    }
}

impl<B> Future for Entrant<B> {
    type Output = Result<Request<Body<B>>, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

/// A request of another scheme, whose authenticator answers later.
impl<B: Send + 'static> From<Undecided<Body<B>>> for Entrant<B> {
    fn from(undecided: Undecided<Body<B>>) -> Self {
        Self(Box::pin(undecided))
    }
}

impl<B> fmt::Debug for Entrant<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrant").finish_non_exhaustive()
    }
}

/// The scheme's place among others: its name and its challenge. What it decides needs the body, and
/// is decided above.
struct Offer;

impl Authenticator for Offer {
    fn scheme(&self) -> Scheme {
        Scheme::S3P
    }

    fn authenticate(&self, _head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        None
    }

    fn challenge(&self, _refused: Option<RejectionKind>) -> Challenge {
        Challenge::builder(Scheme::S3P.as_str())
            .param("realm", "S3P")
            .build()
            .expect("both are visible ASCII")
    }
}
