//! The one state machine, and the one place that deals with readiness.
//!
//! A layer decides over the head of a request and hands the decision in here. If it is there *now*,
//! the inner service, which the caller has polled ready, is called at once: nothing is cloned, nothing
//! is boxed. If it comes *later*, the ready instance is taken out, a clone takes its place, and
//! the ready one is called when the decision is there.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use pin_project_lite::pin_project;
use tower::Service;

use crate::{
    NowOrLater, Principal, Rejection, RejectionKind,
    authenticate::Anonymous,
    authorize::Permit,
    response::{self, Answers, Respond, ResponseBody, Wire},
};

/// What a layer has decided, and what it leaves for inner layers.
pub(crate) enum Pass {
    /// Onward; nothing is left.
    Onward,
    /// Onward without a principal; the challenges are left for those who need one.
    Anonymous(Anonymous),
    Authenticated(Principal),
    Authorized(Permit),
}

impl Pass {
    pub(crate) fn leave(self, extensions: &mut Extensions) {
        match self {
            Self::Onward => {}
            Self::Anonymous(anonymous) => {
                extensions.remove::<Principal>();
                extensions.insert(anonymous);
            }
            Self::Authenticated(principal) => {
                extensions.remove::<Anonymous>();
                extensions.insert(principal);
            }
            Self::Authorized(permit) => permit.leave(extensions),
        }
    }
}

/// What a layer has decided.
pub(crate) enum Decision {
    /// Onward; nothing is left. Apart from the other ways onward, because it is the one that costs least.
    Onward,
    Leave(Pass),
    Refuse(Rejection),
    Wait(Later),
}

type Later = NowOrLater<Result<Pass, Rejection>>;

impl From<Result<Pass, Rejection>> for Decision {
    fn from(now: Result<Pass, Rejection>) -> Self {
        match now {
            Ok(Pass::Onward) => Self::Onward,
            Ok(pass) => Self::Leave(pass),
            Err(rejection) => Self::Refuse(rejection),
        }
    }
}

/// Acts on a decision over a request's head.
#[inline]
pub(crate) fn enter<S, B, W>(
    inner: &mut S,
    mut request: Request<B>,
    decision: Decision,
    answers: &Answers,
) -> ResponseFuture<S, B, W>
where
    S: Service<Request<B>> + Clone,
    W: From<Undecided<B>> + Future<Output = Result<Request<B>, Rejection>> + Unpin,
{
    match decision {
        Decision::Onward => {}
        Decision::Leave(pass) => pass.leave(request.extensions_mut()),
        Decision::Refuse(rejection) => return refuse(&request, rejection, answers),
        Decision::Wait(later) => {
            let wire = answers.wire(request.method(), request.headers());
            let undecided = Undecided { decision: later, request: Some(request) };
            return wait(inner, W::from(undecided), wire, &answers.wording);
        }
    }
    ResponseFuture { state: State::Inner { future: inner.call(request) } }
}

fn refuse<S, B, W>(
    request: &Request<B>,
    rejection: Rejection,
    answers: &Answers,
) -> ResponseFuture<S, B, W>
where
    S: Service<Request<B>>,
{
    let wire = answers.wire(request.method(), request.headers());
    let response = Some(answer(rejection, wire, &*answers.wording));
    ResponseFuture { state: State::Refused { response } }
}

/// Waits for the request that is to be let through.
pub(crate) fn wait<S, B, W>(
    inner: &mut S,
    entrant: W,
    wire: Wire,
    wording: &Arc<dyn Respond>,
) -> ResponseFuture<S, B, W>
where
    S: Service<Request<B>> + Clone,
    W: Future<Output = Result<Request<B>, Rejection>> + Unpin,
{
    let service = take_ready(inner);
    let waiting = Box::new(Waiting { service, entrant, wire, wording: wording.clone() });
    ResponseFuture { state: State::Waiting { waiting } }
}

/// Takes out the instance that was polled ready, and leaves a clone in its place.
pub(crate) fn take_ready<S: Clone>(service: &mut S) -> S {
    let clone = service.clone();
    mem::replace(service, clone)
}

struct Waiting<S, W> {
    service: S,
    entrant: W,
    wire: Wire,
    wording: Arc<dyn Respond>,
}

pin_project! {
    /// The future of every service in this crate.
    pub struct ResponseFuture<S, B, W = Undecided<B>>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, W>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, W>
    where
        S: Service<Request<B>>,
    {
        Inner { #[pin] future: S::Future },
        Refused { response: Option<Response<Bytes>> },
        // Cold, and boxed, so that the others stay small.
        Waiting { waiting: Box<Waiting<S, W>> },
    }
}

impl<S, B, W, ResBody> Future for ResponseFuture<S, B, W>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    W: Future<Output = Result<Request<B>, Rejection>> + Unpin,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inner { future } => {
                    return future
                        .poll(cx)
                        .map(|result| result.map(|response| response.map(ResponseBody::untouched)));
                }
                StateProjection::Refused { response } => {
                    let response = response.take().expect("polled after it was ready");
                    return Poll::Ready(Ok(response.map(ResponseBody::bytes)));
                }
                StateProjection::Waiting { waiting } => {
                    match ready!(Pin::new(&mut waiting.entrant).poll(cx)) {
                        Ok(request) => State::Inner { future: waiting.service.call(request) },
                        Err(rejection) => {
                            let response = answer(rejection, waiting.wire, &*waiting.wording);
                            State::Refused { response: Some(response) }
                        }
                    }
                }
            };
            state.set(next);
        }
    }
}

impl<S, B, W> fmt::Debug for ResponseFuture<S, B, W>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// A request that waits for a decision over its head.
pub struct Undecided<B> {
    decision: Later,
    request: Option<Request<B>>,
}

impl<B> fmt::Debug for Undecided<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undecided").finish_non_exhaustive()
    }
}

/// The request is moved out, and never pinned.
impl<B> Unpin for Undecided<B> {}

impl<B> Future for Undecided<B> {
    type Output = Result<Request<B>, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let pass = ready!(Pin::new(&mut self.decision).poll(cx))?;
        let mut request = self.request.take().expect("polled after it was ready");
        pass.leave(request.extensions_mut());
        Poll::Ready(Ok(request))
    }
}

pub(crate) fn answer(rejection: Rejection, wire: Wire, wording: &dyn Respond) -> Response<Bytes> {
    report(&rejection);
    response::refuse(rejection, wire, wording)
}

/// Tells the operator all. No field holds anything that the caller has sent.
fn report(rejection: &Rejection) {
    let kind = rejection.kind();
    let reason = rejection.reason();
    let status = kind.status().as_u16();
    let cause = std::error::Error::source(rejection).map(|cause| Chain(cause).to_string());
    let cause = cause.as_deref();
    match kind {
        RejectionKind::Misconfigured => {
            tracing::error!(reason, status, cause, "layers are put together wrongly: request refused");
        }
        RejectionKind::Unavailable => {
            tracing::warn!(reason, status, cause, "cannot decide: request refused");
        }
        _ => tracing::info!(reason, status, cause, "request refused"),
    }
}

/// An error and all that led to it, on one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
