//! What a decision costs: now, nothing is cloned; later, one clone takes the place of the instance that
//! was polled ready.

use tower::{Service, ServiceExt};

use crate::{cases::CASES, inner::Strict};

#[tokio::test]
async fn a_decision_that_is_there_now_clones_nothing_and_one_that_comes_later_clones_once() {
    for case in CASES {
        let (inner, counts) = Strict::new();
        let mut service = case.around(inner);
        assert_eq!(counts.clones(), 0, "{case:?}: to build a service clones nothing");
        for nth in 1..=3 {
            let answer = service.ready().await.unwrap().call(case.request()).await.unwrap();
            assert_eq!(answer.is_success(), case.passes, "{case:?}: {answer}");
            assert_eq!(counts.clones(), if case.later { nth } else { 0 }, "{case:?}");
            assert_eq!(counts.calls(), if case.passes { nth } else { 0 }, "{case:?}");
        }
    }
}

#[tokio::test]
async fn a_decision_that_is_there_now_has_called_the_inner_service_when_call_returns() {
    for case in CASES.into_iter().filter(|case| !case.later) {
        let (inner, counts) = Strict::new();
        let mut service = case.around(inner);
        let future = service.ready().await.unwrap().call(case.request());
        assert_eq!(counts.calls(), usize::from(case.passes), "{case:?}");
        drop(future);
    }
}

#[tokio::test]
async fn several_decisions_of_one_service_wait_side_by_side() {
    for case in CASES {
        let (inner, counts) = Strict::new();
        let mut service = case.around(inner);
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(service.ready().await.unwrap().call(case.request()));
        }
        drop(service);
        // The last one first: none waits for another.
        while let Some(answer) = answers.pop() {
            assert_eq!(answer.await.unwrap().is_success(), case.passes, "{case:?}");
        }
        assert_eq!(counts.calls(), if case.passes { 4 } else { 0 }, "{case:?}");
    }
}
