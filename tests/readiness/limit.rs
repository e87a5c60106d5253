//! Over `ConcurrencyLimit` with one permit: whoever was polled ready holds it.

use std::convert::Infallible;

use futures_util::FutureExt;
use http::Request;
use tower::{Service, ServiceExt, limit::ConcurrencyLimit};

use crate::{
    cases::{Answers, CASES, Case, cases},
    inner::{Counts, Strict},
};

/// A service with one permit, and a second handle on that permit.
fn limited(case: Case) -> (Answers<Infallible>, Permit, Counts) {
    let (inner, counts) = Strict::new();
    let limit = ConcurrencyLimit::new(inner, 1);
    (case.around(limit.clone()), Permit(limit), counts)
}

/// Watches the one permit from outside.
struct Permit(ConcurrencyLimit<Strict>);

impl Permit {
    fn is_free(&self) -> bool {
        let mut other = self.0.clone();
        let ready = ServiceExt::<Request<()>>::ready(&mut other).now_or_never();
        ready.is_some()
    }
}

#[tokio::test]
async fn requests_follow_each_other_through_one_permit() {
    for case in CASES {
        let (mut service, permit, counts) = limited(case);
        for _ in 0..3 {
            let answer = service.ready().await.unwrap().call(case.request()).await.unwrap();
            assert_eq!(answer.is_success(), case.passes, "{case:?}");
        }
        assert_eq!(counts.calls(), if case.passes { 3 } else { 0 });
        drop(service);
        assert!(permit.is_free(), "{case:?}");
    }
}

#[tokio::test]
async fn the_permit_is_held_while_a_decision_is_waited_for_and_free_after_any_answer() {
    for case in CASES.into_iter().filter(|case| case.later) {
        let (mut service, permit, _) = limited(case);
        let answer = service.ready().await.unwrap().call(case.request());
        assert!(!permit.is_free(), "{case:?}: the instance that is ready has it");
        // The service itself has a clone that is not ready, so that it takes nothing from others.
        answer.await.unwrap();
        assert!(permit.is_free(), "{case:?}");
    }
}

#[tokio::test]
async fn a_decision_that_nobody_waits_for_any_more_gives_the_permit_back() {
    for case in CASES.into_iter().filter(|case| case.later) {
        let (mut service, permit, _) = limited(case);
        let mut answer = service.ready().await.unwrap().call(case.request());
        let _ = (&mut answer).now_or_never();
        drop(answer);
        assert!(permit.is_free(), "{case:?}");
        // The one service goes on with the next request.
        service.ready().await.unwrap().call(case.request()).await.unwrap();
        assert!(permit.is_free(), "{case:?}");
    }
}

#[tokio::test]
async fn after_a_refusal_that_was_there_now_the_permit_serves_the_next_request_or_goes_with_the_service()
 {
    for case in cases(false).filter(|case| !case.later) {
        let (mut service, permit, counts) = limited(case);
        let refused = service.ready().await.unwrap().call(case.request());
        drop(refused);
        let ready = service.ready().now_or_never();
        assert!(ready.is_some(), "{case:?}: what was reserved is still there");
        drop(service);
        assert!(permit.is_free(), "{case:?}");
        assert_eq!(counts.calls(), 0);
    }
}

#[tokio::test]
async fn a_service_is_not_ready_while_another_has_the_permit() {
    for case in CASES {
        let (mut service, permit, counts) = limited(case);
        let mut other = permit.0.clone();
        ServiceExt::<Request<()>>::ready(&mut other).await.unwrap();
        assert!(service.ready().now_or_never().is_none(), "{case:?}");
        drop(other);
        let answer = service.ready().await.unwrap().call(case.request()).await.unwrap();
        assert_eq!(answer.is_success(), case.passes, "{case:?}");
        assert_eq!(counts.calls(), usize::from(case.passes));
    }
}
