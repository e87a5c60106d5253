//! Over tower-test's mock, which panics when it is called without having been polled ready.

use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use tower::{BoxError, Service, ServiceExt};
use tower_test::mock::{self, Handle, Mock};

use crate::{
    cases::{Answers, CASES, Case, cases},
    inner::Bodiless,
};

type Inner = Mock<Request<()>, Response<()>>;

fn mocked(case: Case) -> (Answers<BoxError>, Handle<Request<()>, Response<()>>) {
    let (inner, handle): (Inner, _) = mock::pair();
    (case.around(Bodiless(inner)), handle)
}

#[tokio::test]
async fn a_layer_is_ready_when_the_inner_service_is() {
    for case in CASES {
        let (mut service, mut handle) = mocked(case);
        handle.allow(0);
        assert!(service.ready().now_or_never().is_none(), "{case:?}");
        handle.allow(1);
        service.ready().await.unwrap();
    }
}

#[tokio::test]
async fn the_instance_that_was_polled_ready_is_the_one_that_is_called() {
    for case in cases(true) {
        let (mut service, mut handle) = mocked(case);
        // There is one call to be had, and the clone that takes the ready one's place has none.
        handle.allow(1);
        let answer = service.ready().await.unwrap().call(case.request());
        let serve = async {
            let (_, reply) = handle.next_request().await.unwrap();
            reply.send_response(Response::builder().status(201).body(()).unwrap());
        };
        let (answer, ()) = tokio::join!(answer, serve);
        assert_eq!(answer.unwrap(), StatusCode::CREATED, "{case:?}");
    }
}

#[tokio::test]
async fn a_refused_request_is_never_seen_inside() {
    for case in cases(false) {
        let (mut service, mut handle) = mocked(case);
        let answer = service.ready().await.unwrap().call(case.request()).await.unwrap();
        assert!(answer.is_client_error(), "{case:?}");
        drop(service);
        assert!(handle.next_request().await.is_none(), "{case:?}");
    }
}

#[tokio::test]
async fn an_error_of_poll_ready_comes_through_unchanged() {
    for case in CASES {
        let (mut service, mut handle) = mocked(case);
        handle.send_error("out of order");
        let error = service.ready().await.err().unwrap();
        assert_eq!(error.to_string(), "out of order", "{case:?}");
    }
}

#[tokio::test]
async fn an_error_of_the_inner_service_comes_through_unchanged() {
    for case in cases(true) {
        let (mut service, mut handle) = mocked(case);
        let answer = service.ready().await.unwrap().call(case.request());
        let serve = async {
            let (_, reply) = handle.next_request().await.unwrap();
            reply.send_error("connection reset");
        };
        let (answer, ()) = tokio::join!(answer, serve);
        assert_eq!(answer.unwrap_err().to_string(), "connection reset", "{case:?}");
    }
}
