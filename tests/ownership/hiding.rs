//! `hide`: somebody else's looks like nobody's.

use http::Method;
use portcullis::{
    EmptyBody, Head, OwnershipLayer, ProblemJson, RejectionKind, ownership::ResourcePath,
};

use super::{Counted, Later, Ownership, OwnershipStore, by, owners, things, through};
use crate::support::{Answer, Log};

fn seen(answer: &Answer) -> (u16, &http::HeaderMap, &str) {
    (answer.status.as_u16(), &answer.headers, &answer.body)
}

/// The wordings of a layer, over the same policy.
fn wordings(ownership: &Ownership) -> [OwnershipLayer; 3] {
    let layer = || OwnershipLayer::new(ownership.clone());
    [layer(), layer().respond_with(ProblemJson), layer().respond_with(EmptyBody)]
}

async fn check(owners: impl OwnershipStore + Clone) {
    let owners = Counted::new(owners);
    let own = Ownership::new(
        owners.clone(),
        [
            ResourcePath::new("thing", "/things/{id}", "id").unwrap(),
            ResourcePath::new("thing", "/things/{id}/parts/{part}", "id").unwrap(),
        ],
    );
    for layer in wordings(&own.unwrap().hide()) {
        for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE, "FOO".parse().unwrap()]
        {
            for content_type in ["text/plain", "application/grpc"] {
                for parts in ["", "/parts/1"] {
                    let send = async |id: &str| {
                        let mut request = by("alice", &method, &format!("/things/{id}{parts}"));
                        request.headers_mut().insert("content-type", content_type.parse().unwrap());
                        (through(&layer, request).await, owners.take())
                    };
                    let (foreign, foreign_calls) = send("b").await;
                    let (missing, missing_calls) = send("c").await;
                    assert_eq!(seen(&foreign), seen(&missing), "{method} {content_type}");
                    assert_eq!(foreign_calls, missing_calls, "the same work");
                    assert_eq!(foreign_calls, (1, 0));
                    assert_eq!(foreign.kind(), RejectionKind::NotFound);
                    assert_eq!(missing.kind(), RejectionKind::NotFound);
                    // A gRPC call is a POST, and is told in gRPC's own way.
                    let grpc = method == Method::POST && content_type == "application/grpc";
                    let status = if grpc { 200 } else { 404 };
                    assert_eq!(foreign.status, status);
                    // The operator is told which it was.
                    assert_eq!(foreign.reason(), "ownership.not_owner");
                    assert_eq!(missing.reason(), "ownership.unknown");
                    assert_eq!(send("a").await.0.body, "owned a");
                }
            }
        }
    }
}

#[tokio::test]
async fn somebody_elses_and_nobodys_are_refused_byte_for_byte_the_same() {
    check(owners()).await;
}

#[tokio::test]
async fn so_they_are_with_a_store_that_answers_later() {
    check(Later(owners())).await;
}

#[tokio::test]
async fn without_hiding_they_differ_and_the_owner_is_not_named() {
    let layer = OwnershipLayer::new(things(owners()));
    let foreign = through(&layer, by("alice", &Method::POST, "/things/b")).await;
    let missing = through(&layer, by("alice", &Method::POST, "/things/c")).await;
    assert_eq!((foreign.status.as_u16(), missing.status.as_u16()), (403, 404));
    assert!(!format!("{:?}", seen(&foreign)).contains("bob"));
}

#[tokio::test]
async fn a_claim_that_comes_too_late_is_hidden_as_well() {
    // What is foreign cannot be claimed; with `hide`, it is a 404 all the same.
    let layer = OwnershipLayer::new(things(owners()).hide());
    let foreign = through(&layer, by("alice", &Method::PUT, "/things/b")).await;
    assert_eq!((foreign.status.as_u16(), foreign.reason()), (404, "ownership.not_owner"));
}

#[tokio::test]
async fn a_path_that_nothing_matches_is_hidden_as_well() {
    let log = Log::capture();
    for own in [things(owners()).hide(), things(owners()).private().hide()] {
        for layer in wordings(&own) {
            let missing = through(&layer, by("alice", &Method::DELETE, "/things/c")).await;
            for path in ["/elsewhere/a", "/things", "/things/a/", "//things/a"] {
                let unmatched = through(&layer, by("alice", &Method::DELETE, path)).await;
                assert_eq!(seen(&unmatched), seen(&missing), "{path}");
                assert_eq!(unmatched.reason(), "ownership.unmatched_path", "the operator is told");
            }
        }
    }
    assert!(log.text().contains("no `ResourcePath`"), "{}", log.text());
    let nothing = Ownership::from_fn(owners(), |_| None);
    for (own, status) in [(nothing.clone(), 403), (nothing.hide(), 404)] {
        let request = by("alice", &Method::DELETE, "/things/a");
        assert_eq!(own.target(&Head::new(&request)).unwrap_err().kind().status(), status);
        let answer = through(&OwnershipLayer::new(own), request).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (status, "ownership.no_resource"));
    }
}

#[tokio::test]
async fn who_may_create_learns_what_is_free_by_creating_it() {
    let layer = OwnershipLayer::new(things(owners()).hide());
    let put = async |id: &str| through(&layer, by("alice", &Method::PUT, id)).await;
    assert_eq!(put("/things/b").await.status, 404, "it is Bob's");
    assert_eq!(put("/things/free").await.body, "new free");
}

#[tokio::test]
async fn where_there_is_no_grpc_service_a_refusal_of_the_layer_is_plain_http() {
    for layer in wordings(&things(owners())).map(OwnershipLayer::no_grpc) {
        let send = async |content_type: &str| {
            let mut request = by("alice", &Method::POST, "/things/b");
            request.headers_mut().insert("content-type", content_type.parse().unwrap());
            through(&layer, request).await
        };
        let plain = send("text/plain").await;
        assert_eq!(plain.status, 403);
        for content_type in ["application/grpc", "application/grpc-web", "application/grpc-web-text"] {
            assert_eq!(seen(&send(content_type).await), seen(&plain), "{content_type}");
        }
    }
}
