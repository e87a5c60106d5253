//! The layers in front of a tonic server: what a tonic client sees.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod schemes;
mod support;
#[path = "tonic/table.rs"]
mod table;
mod tonic_support;

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, BasicAuthLayer, HttpsEvidence, Identity, JwtScopeLayer,
    OwnershipLayer, S3pSignatureLayer, ScopePolicy, authorize,
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
};
use schemes::{
    Down, NOW, OPENING, bearer, by_password, by_token, good_token, keys, manual_clock, s3p, s3p_line,
    users,
};
use support::basic;
use tokio_stream::StreamExt;
use tonic::{Code, Request, metadata::MetadataValue};
use tonic_support::{Ask, OPEN, Served, WATCH};

const METHODS: &str = "/portcullis.test.Vault/{method}";

/// The method is what is owned: Alice's are both.
fn owned_by_alice(path: &str) -> Ownership {
    let owners = MemoryOwnershipStore::new();
    for method in ["Open", "Watch"] {
        owners.insert(Resource::new("method", method), Identity::local("alice").unwrap());
    }
    Ownership::new(owners, [ResourcePath::new("method", path, "method").unwrap()]).unwrap()
}

async fn assert_served(served: &Served, authorization: &str, subject: &str) {
    for (method, replies) in [(OPEN, vec![subject]), (WATCH, vec![subject; 2])] {
        assert_eq!(served.call(method, &[authorization]).await.unwrap(), replies, "{method}");
    }
}

/// On a unary and on a streaming call, before any handler runs.
async fn assert_refused(served: &Served, authorization: &[&str], code: Code, message: &str) {
    let before = served.vault.calls();
    for method in [OPEN, WATCH] {
        let status = served.call(method, authorization).await.unwrap_err();
        let what = format!("{method} {authorization:?}");
        assert_eq!((status.code(), status.message()), (code, message), "{what}");
        let metadata = status.metadata();
        assert_eq!(metadata.get("cache-control").unwrap(), "no-store", "{what}");
        let challenged = metadata.contains_key("www-authenticate");
        match code {
            Code::Unauthenticated => assert!(challenged, "{what}"),
            Code::Unavailable => assert!(metadata.contains_key("retry-after"), "{what}"),
            Code::PermissionDenied => {}
            _ => assert!(!challenged, "{what}"),
        }
    }
    assert_eq!(served.vault.calls(), before, "a refused call has reached the handler");
}

#[tokio::test]
async fn a_token_with_the_scope_opens() {
    let served = Served::behind(JwtScopeLayer::new(by_token(manual_clock()), OPENING)).await;
    assert_served(&served, &good_token(), "carol").await;

    let good = &*good_token();
    for (lines, code, message) in [
        (&[][..], Code::Unauthenticated, "credentials required"),
        (&["Bearer"], Code::Unauthenticated, "credentials malformed"),
        (&["Bearer a b"], Code::Unauthenticated, "credentials malformed"),
        (&["Bearer a.b.c"], Code::Unauthenticated, "credentials refused"),
        (&[&good[..good.len() - 1]], Code::Unauthenticated, "credentials refused"),
        (&[&bearer("carol", "vault:open", NOW - 61)], Code::Unauthenticated, "credentials refused"),
        (&["Basic YTpi"], Code::Unauthenticated, "credentials refused"),
        (&[good, good], Code::Unauthenticated, "credentials malformed"),
        (&[good, "Bearer a.b.c"], Code::Unauthenticated, "credentials malformed"),
        (&[&bearer("carol", "", NOW + 600)], Code::PermissionDenied, "scope missing"),
        (&[&bearer("carol", "vault:shut", NOW + 600)], Code::PermissionDenied, "scope missing"),
    ] {
        assert_refused(&served, lines, code, message).await;
    }
}

#[tokio::test]
async fn a_password_opens() {
    let served = Served::behind(BasicAuthLayer::new(by_password(users()))).await;
    assert_served(&served, &basic("alice", "sesame"), "alice").await;

    let good = &*basic("alice", "sesame");
    for (lines, message) in [
        (&[][..], "credentials required"),
        (&["Basic"], "credentials malformed"),
        (&["Basic !!!!"], "credentials malformed"),
        (&[&basic("alice", "simsalabim")], "credentials refused"),
        (&[&basic("mallory", "sesame")], "credentials refused"),
        (&[good, good], "credentials malformed"),
    ] {
        assert_refused(&served, lines, Code::Unauthenticated, message).await;
    }
}

#[tokio::test]
async fn two_schemes_and_a_policy_stand_in_one_stack() {
    let who = AuthenticateLayer::new(by_password(users())).or(by_token(manual_clock()));
    let may = AuthorizeLayer::new(ScopePolicy::from(OPENING));
    let served = Served::behind((who, may)).await;
    assert_served(&served, &basic("alice", "sesame"), "alice").await;
    assert_served(&served, &good_token(), "carol").await;

    for (lines, code, message) in [
        (&[][..], Code::Unauthenticated, "credentials required"),
        (&[&*basic("alice", "simsalabim")], Code::Unauthenticated, "credentials refused"),
        (&[&good_token(), &basic("alice", "sesame")], Code::Unauthenticated, "credentials malformed"),
        (&[&basic("bob", "sesame")], Code::PermissionDenied, "scope missing"),
        (&[&bearer("carol", "", NOW + 600)], Code::PermissionDenied, "scope missing"),
    ] {
        assert_refused(&served, lines, code, message).await;
    }
    let status = served.call(OPEN, &[]).await.unwrap_err();
    let offered: Vec<_> = status.metadata().get_all("www-authenticate").iter().collect();
    assert_eq!(offered, [r#"Bearer realm="vault""#, r#"Basic realm="vault", charset="UTF-8""#]);
}

#[tokio::test]
async fn a_method_is_its_owners() {
    for (ownership, code, message) in [
        (owned_by_alice(METHODS), Code::PermissionDenied, "forbidden"),
        (owned_by_alice(METHODS).hide(), Code::NotFound, "not found"),
    ] {
        let who = BasicAuthLayer::new(by_password(users()));
        let served = Served::behind((who, OwnershipLayer::new(ownership))).await;
        assert_served(&served, &basic("alice", "sesame"), "alice").await;
        assert_refused(&served, &[&basic("bob", "sesame")], code, message).await;
        assert_refused(&served, &[], Code::Unauthenticated, "credentials required").await;
    }
    // A path that the policy does not know is refused, whoever asks.
    let who = BasicAuthLayer::new(by_password(users()));
    let elsewhere = OwnershipLayer::new(owned_by_alice("/another.Service/{method}"));
    let served = Served::behind((who, elsewhere)).await;
    let alice = basic("alice", "sesame");
    assert_refused(&served, &[&alice], Code::PermissionDenied, "forbidden").await;
}

#[tokio::test]
async fn a_policy_sees_the_grpc_path() {
    let who = AuthenticateLayer::new(by_token(manual_clock()));
    let may = AuthorizeLayer::new(authorize::from_fn(|_, head| head.uri().path() == OPEN));
    let served = Served::behind((who, may)).await;
    assert_eq!(served.call(OPEN, &[&good_token()]).await.unwrap(), ["carol"]);
    let status = served.call(WATCH, &[&good_token()]).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "forbidden"));
}

#[tokio::test]
async fn a_store_that_is_down_is_unavailable() {
    let alice = basic("alice", "sesame");
    let (code, message) = (Code::Unavailable, "try again later");

    let served = Served::behind(BasicAuthLayer::new(by_password(Down))).await;
    assert_refused(&served, &[&alice], code, message).await;

    let path = ResourcePath::new("method", METHODS, "method").unwrap();
    let ownership = OwnershipLayer::new(Ownership::new(Down, [path]).unwrap().hide());
    let served = Served::behind((BasicAuthLayer::new(by_password(users())), ownership)).await;
    assert_refused(&served, &[&alice], code, message).await;

    let served = Served::behind(S3pSignatureLayer::new(s3p(Down))).await;
    assert_refused(&served, &[&s3p_line(NOW)], code, message).await;
}

#[tokio::test]
async fn a_layer_that_wants_https_and_one_that_stands_alone_say_so() {
    let layer = BasicAuthLayer::new(by_password(users())).require_https(HttpsEvidence::marker());
    let served = Served::behind(layer).await;
    let alice = basic("alice", "sesame");
    assert_refused(&served, &[&alice], Code::PermissionDenied, "https required").await;

    let served = Served::behind(AuthorizeLayer::new(ScopePolicy::from(OPENING))).await;
    assert_refused(&served, &[&alice], Code::Internal, "internal server error").await;
}

#[tokio::test]
async fn signed_requests_and_passwords_share_a_server() {
    let served = Served::behind(S3pSignatureLayer::new(s3p(keys())).or(by_password(users()))).await;
    assert_served(&served, &basic("alice", "sesame"), "alice").await;

    for (lines, code, message) in [
        (&[][..], Code::Unauthenticated, "credentials required"),
        (&[&*basic("alice", "simsalabim")], Code::Unauthenticated, "credentials refused"),
        (&["s3pAuth"], Code::Unauthenticated, "credentials malformed"),
        (&[&s3p_line(NOW - 301)], Code::Unauthenticated, "credentials refused"),
        (&[&s3p_line(NOW + 301)], Code::Unauthenticated, "credentials refused"),
        // The scheme has no way to sign a gRPC message.
        (&[&s3p_line(NOW)], Code::InvalidArgument, "body type not supported"),
    ] {
        assert_refused(&served, lines, code, message).await;
    }
}

#[tokio::test]
async fn a_stream_outlasts_its_token_and_no_new_one_begins() {
    let clock = Arc::new(manual_clock());
    let served = Served::behind(JwtScopeLayer::new(by_token(clock.clone()), OPENING)).await;
    let token = good_token();
    let mut request = Request::new(Ask { wait: true });
    request.metadata_mut().insert("authorization", MetadataValue::try_from(&*token).unwrap());
    let mut replies = served.watch(request).await.unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap().subject, "carol");

    clock.set(UNIX_EPOCH + Duration::from_secs(NOW + 24 * 60 * 60));
    assert_refused(&served, &[&token], Code::Unauthenticated, "credentials refused").await;
    served.vault.go_on();
    assert_eq!(replies.next().await.unwrap().unwrap().subject, "carol");
}

#[tokio::test]
async fn binary_metadata_is_no_credential() {
    let served = Served::behind(JwtScopeLayer::new(by_token(manual_clock()), OPENING)).await;
    let mut request = Request::new(Ask::default());
    let value = MetadataValue::from_bytes(good_token().as_bytes());
    request.metadata_mut().insert_bin("authorization-bin", value);
    let status = served.send(OPEN, request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "credentials required"));
}

#[tokio::test]
async fn the_content_type_shapes_the_answer_and_never_the_decision() {
    let served = Served::behind(JwtScopeLayer::new(by_token(manual_clock()), OPENING)).await;
    let request = |content_type: Option<&str>, authorization: Option<&str>| {
        let mut request = http::Request::post(OPEN);
        for (name, value) in [(CONTENT_TYPE, content_type), (AUTHORIZATION, authorization)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        request.body(String::new()).unwrap()
    };
    for content_type in [None, Some("application/json"), Some("application/grpcx"), Some("text/plain")]
    {
        for (authorization, status, body) in [
            (None, 401, "credentials required"),
            (Some("Bearer a b"), 400, "credentials malformed"),
            (Some("Bearer a.b.c"), 401, "credentials refused"),
            (Some(&*bearer("carol", "", NOW + 600)), 403, "scope missing"),
        ] {
            let answer = served.plain(request(content_type, authorization)).await;
            assert_eq!(
                (answer.status().as_u16(), &**answer.body()),
                (status, body),
                "{content_type:?}"
            );
            assert_eq!(answer.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
            assert!(answer.headers().contains_key(WWW_AUTHENTICATE));
            assert!(!answer.headers().contains_key("grpc-status"));
        }
    }
    for (content_type, answered) in [
        ("application/grpc", "application/grpc"),
        ("application/grpc+proto", "application/grpc"),
        ("application/grpc;charset=utf-8", "application/grpc"),
        ("application/grpc-web", "application/grpc-web+proto"),
        ("application/grpc-web+proto", "application/grpc-web+proto"),
        ("application/grpc-web-text", "application/grpc-web-text+proto"),
    ] {
        for (authorization, code) in [
            (None, "16"),
            (Some("Bearer a b"), "16"),
            (Some("Bearer a.b.c"), "16"),
            (Some(&*bearer("carol", "", NOW + 600)), "7"),
        ] {
            let answer = served.plain(request(Some(content_type), authorization)).await;
            assert_eq!((answer.status().as_u16(), &**answer.body()), (200, ""), "{content_type}");
            assert_eq!(answer.headers()["grpc-status"], code, "{content_type} {authorization:?}");
            assert_eq!(answer.headers()[CONTENT_TYPE], answered);
        }
    }
    assert_eq!(served.vault.calls(), 0);
}

#[tokio::test]
async fn a_path_without_a_slash_reaches_nothing() {
    let who = BasicAuthLayer::new(by_password(users()));
    let served = Served::behind((who, OwnershipLayer::new(owned_by_alice(METHODS)))).await;
    let alice = basic("alice", "sesame");
    for path in [&OPEN[1..], "", "*", "//", "Open", "http://x/portcullis.test.Vault/Open"] {
        served.raw(path, &alice).await;
        assert_eq!(served.vault.calls(), 0, "{path:?}");
    }
    // The frames are right, and so is the next call.
    served.raw(OPEN, &alice).await;
    assert_eq!(served.vault.calls(), 1);
    assert_served(&served, &alice, "alice").await;
}
