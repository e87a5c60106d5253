//! A caller that goes away: wherever a decision is dropped, nothing has happened.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, combinators::BoxBody};
use hyper::body::{Body, Frame};
use portcullis::S3pSignatureLayer;
use tower::{Layer, Service, ServiceExt};

use crate::{
    cases::{CASES, Slow, known, signatures, signed},
    inner::Strict,
};

/// Polls so often, or until there is an answer.
fn poll_times<F: Future + Unpin>(future: &mut F, times: usize) -> Option<F::Output> {
    let mut cx = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match Pin::new(&mut *future).poll(&mut cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

#[tokio::test]
async fn an_inner_service_is_not_called_by_a_decision_that_is_dropped_at_any_point() {
    for case in CASES.into_iter().filter(|case| case.later) {
        let mut dropped = 0;
        for polls in 0..8 {
            let (inner, counts) = Strict::new();
            let mut service = case.around(inner);
            let mut answer = service.ready().await.unwrap().call(case.request());
            if poll_times(&mut answer, polls).is_none() {
                dropped += 1;
                drop(answer);
                // Whatever still runs elsewhere, a password's hash for one, comes to an end.
                tokio::task::yield_now().await;
                assert_eq!(counts.calls(), 0, "{case:?} after {polls} polls");
            }
        }
        assert!(dropped > 0, "{case:?}: nothing was dropped midway");
    }
}

type SomeBody = BoxBody<Bytes, Infallible>;

/// A body of one frame, which arrives at the third poll.
struct Slowly(Option<Bytes>, usize);

impl Body for Slowly {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.1 > 0 {
            self.1 -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[tokio::test]
async fn a_signed_request_whose_decision_was_dropped_can_be_sent_again() {
    const BODY: &[u8] = br#"{"amount":"1000"}"#;
    let request = |slow: bool| -> Request<SomeBody> {
        let sent = signed(BODY).map(|_| {
            let polls = if slow { 2 } else { 0 };
            Slowly(Some(Bytes::from_static(BODY)), polls).boxed()
        });
        let (head, body) = sent.into_parts();
        Request::from_parts(head, body)
    };
    let mut dropped = 0;
    for polls in 0..8 {
        let (inner, counts) = Strict::new();
        let mut service = S3pSignatureLayer::new(signatures(Slow(known()))).layer(inner);
        let first = request(true);
        let mut again = request(false);
        again.headers_mut().clone_from(first.headers());
        let mut answer =
            Box::pin(ServiceExt::<Request<SomeBody>>::ready(&mut service).await.unwrap().call(first));
        if poll_times(&mut answer, polls).is_some() {
            continue;
        }
        dropped += 1;
        drop(answer);
        let answer = service.oneshot(again).await.unwrap();
        assert_eq!(answer.status(), 200, "the nonce was burned after {polls} polls");
        assert_eq!(counts.calls(), 1);
    }
    // Before the first poll, two polls for the key and two for the body.
    assert_eq!(dropped, 5);
}
