use std::{
    fmt,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::Service;

use super::schemes::Schemes;
use crate::{
    Head, ResponseBody,
    gate::{self, ResponseFuture},
};

/// The service of every layer that authenticates over the head of a request. See the
/// [module docs](crate::authenticate).
#[derive(Clone)]
pub struct Authenticate<S> {
    inner: S,
    schemes: Schemes,
}

impl<S> Authenticate<S> {
    pub(crate) fn new(inner: S, schemes: Schemes) -> Self {
        Self { inner, schemes }
    }
}

impl<S, B, ResBody> Service<Request<B>> for Authenticate<S>
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
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let decision = self.schemes.decide(&Head::new(&request));
        gate::enter(&mut self.inner, request, decision, self.schemes.answers())
    }
}

impl<S> fmt::Debug for Authenticate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate").field("schemes", &self.schemes).finish_non_exhaustive()
    }
}
