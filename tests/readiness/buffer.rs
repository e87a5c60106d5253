//! Over `Buffer`, and under it: whoever was polled ready holds a place in the queue.

use std::{convert::Infallible, future::Ready, time::Duration};

use futures_util::FutureExt;
use http::{Request, Response};
use tower::{BoxError, Service, ServiceExt, buffer::Buffer};

use crate::{
    cases::{Answers, CASES, Case},
    inner::{Bodiless, Counts, Strict},
};

type Queue = Buffer<Request<()>, Ready<Result<Response<()>, Infallible>>>;

/// A queue with one place.
fn queue() -> (Queue, Counts) {
    let (inner, counts) = Strict::new();
    (Buffer::new(inner, 1), counts)
}

fn over(case: Case, queue: &Queue) -> Answers<BoxError> {
    case.around(Bodiless(queue.clone()))
}

#[tokio::test]
async fn requests_follow_each_other_through_one_place_in_the_queue() {
    for case in CASES {
        let (queue, counts) = queue();
        let mut service = over(case, &queue);
        for _ in 0..3 {
            let answer = service.ready().await.unwrap().call(case.request()).await.unwrap();
            assert_eq!(answer.is_success(), case.passes, "{case:?}");
        }
        assert_eq!(counts.calls(), if case.passes { 3 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_leaves_the_place_to_another() {
    for case in CASES.into_iter().filter(|case| !case.passes) {
        let (queue, counts) = queue();
        let mut service = over(case, &queue);
        let answer = service.ready().await.unwrap().call(case.request()).await.unwrap();
        assert!(!answer.is_success());
        // A refusal that was there now keeps the place for the next request of the same service.
        if !case.later {
            drop(service);
        }
        let mut other = queue.clone();
        let ready = tokio::time::timeout(Duration::from_secs(1), other.ready());
        ready.await.unwrap().unwrap();
        assert_eq!(counts.calls(), 0, "{case:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_decision_that_nobody_waits_for_any_more_leaves_the_place_to_another() {
    for case in CASES.into_iter().filter(|case| case.later) {
        let (queue, _) = queue();
        let mut service = over(case, &queue);
        let mut answer = service.ready().await.unwrap().call(case.request());
        let _ = (&mut answer).now_or_never();
        drop(answer);
        let mut other = queue.clone();
        let ready = tokio::time::timeout(Duration::from_secs(1), other.ready());
        ready.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_layer_may_itself_stand_behind_a_queue() {
    for case in CASES {
        let (inner, counts) = Strict::new();
        let service = Buffer::new(case.around(inner), 2);
        let answers = (0..3).map(|_| service.clone().oneshot(case.request()));
        for answer in futures_util::future::join_all(answers).await {
            assert_eq!(answer.unwrap().is_success(), case.passes, "{case:?}");
        }
        assert_eq!(counts.calls(), if case.passes { 3 } else { 0 }, "{case:?}");
    }
}
