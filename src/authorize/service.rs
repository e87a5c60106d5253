use std::{
    fmt,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::Service;

use super::layer::Rules;
use crate::{
    ResponseBody,
    gate::{self, ResponseFuture},
};

/// The service of [`AuthorizeLayer`](super::AuthorizeLayer) and of `OwnershipLayer`. See the
/// [module docs](crate::authorize).
#[derive(Clone)]
pub struct Authorize<S> {
    inner: S,
    rules: Rules,
}

impl<S> Authorize<S> {
    pub(crate) fn new(inner: S, rules: Rules) -> Self {
        Self { inner, rules }
    }
}

impl<S, B, ResBody> Service<Request<B>> for Authorize<S>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let decision = self.rules.decide(&mut request);
        gate::enter(&mut self.inner, request, decision, self.rules.answers())
    }
}

impl<S> fmt::Debug for Authorize<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorize").field("rules", &self.rules).finish_non_exhaustive()
    }
}
