//! Inner services that watch how they are used.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::Service;

/// How often an inner service was cloned and called, whichever instance it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<[AtomicUsize; 2]>);

impl Counts {
    pub(crate) fn clones(&self) -> usize {
        self.0[0].load(Ordering::SeqCst)
    }

    pub(crate) fn calls(&self) -> usize {
        self.0[1].load(Ordering::SeqCst)
    }
}

/// Counts its clones, and panics when an instance is called that was not polled ready.
#[derive(Debug, Default)]
pub(crate) struct Strict {
    counts: Counts,
    ready: bool,
}

impl Strict {
    pub(crate) fn new() -> (Self, Counts) {
        let strict = Self::default();
        let counts = strict.counts.clone();
        (strict, counts)
    }
}

/// A clone is not ready, even if the original is.
impl Clone for Strict {
    fn clone(&self) -> Self {
        self.counts.0[0].fetch_add(1, Ordering::SeqCst);
        Self { counts: self.counts.clone(), ready: false }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(self.ready, "an instance was called that had not been polled ready");
        self.ready = false;
        self.counts.0[1].fetch_add(1, Ordering::SeqCst);
        ready(Ok(Response::new(())))
    }
}

/// Takes the body off a request, so that one inner service fits layers that change the body's type.
#[derive(Clone, Debug)]
pub(crate) struct Bodiless<S>(pub(crate) S);

impl<S, B> Service<Request<B>> for Bodiless<S>
where
    S: Service<Request<()>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.0.call(request.map(drop))
    }
}
