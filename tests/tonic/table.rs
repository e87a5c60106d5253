//! A table of gRPC methods, in front of unary and streaming calls.

use portcullis::{
    AuthenticateLayer, AuthorizeLayer, BasicAuthLayer, JwtScopeLayer, Requirement, Scope, ScopeTable,
};
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest,
};

use super::{
    schemes::{NOW, OPENING, bearer, by_password, by_token, manual_clock, users},
    support::basic,
    tonic_support::{OPEN, STORE, Served, WATCH},
};

const STORING: Scope = Scope::from_static("vault:store");

/// Opening and storing have rules of their own; nothing else of the vault is in the table, but for what the
/// caller adds.
fn table() -> portcullis::authorize::table::ScopeTableBuilder {
    ScopeTable::builder()
        .grpc_method("portcullis.test.Vault/Open", OPENING)
        .grpc_method("portcullis.test.Vault/Store", STORING)
        .grpc_service("grpc.health.v1.Health", Requirement::open())
        .grpc_service("grpc.reflection.v1.ServerReflection", Requirement::open())
}

async fn check_health(served: &Served) -> Result<(), Status> {
    let mut client = HealthClient::new(served.channel().await);
    client.check(HealthCheckRequest::default()).await.map(drop)
}

async fn reflect(served: &Served) -> Result<(), Status> {
    let mut client = ServerReflectionClient::new(served.channel().await);
    let list = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..ServerReflectionRequest::default()
    };
    let mut answers = client.server_reflection_info(tokio_stream::iter([list])).await?.into_inner();
    answers.message().await.map(|answer| assert!(answer.is_some()))
}

/// What a client sees of a refusal.
fn seen(status: &Status) -> (Code, &str, Vec<&str>) {
    let challenges = status.metadata().get_all("www-authenticate").iter();
    (status.code(), status.message(), challenges.map(|line| line.to_str().unwrap()).collect())
}

#[tokio::test]
async fn each_method_needs_its_scope_whether_it_streams_or_not() {
    let table = table().grpc_service("portcullis.test.Vault", Requirement::authenticated());
    let served =
        Served::behind(JwtScopeLayer::table(by_token(manual_clock()), table.build().unwrap())).await;
    for (method, scope, replies) in [
        (OPEN, "vault:open", vec!["carol"]),
        (STORE, "vault:store", vec!["carol"]),
        (WATCH, "", vec!["carol"; 2]),
    ] {
        let good = bearer("carol", scope, NOW + 600);
        assert_eq!(served.call(method, &[&good]).await.unwrap(), replies, "{method}");
    }
    let before = served.vault.calls();
    for (method, scope) in [(OPEN, "vault:open"), (STORE, "vault:store")] {
        let other = bearer("carol", "vault:shut", NOW + 600);
        let status = served.call(method, &[&other]).await.unwrap_err();
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}""#);
        assert_eq!(
            seen(&status),
            (Code::PermissionDenied, "scope missing", vec![&*challenge]),
            "{method}"
        );
    }
    for method in [OPEN, STORE, WATCH] {
        let status = served.call(method, &[]).await.unwrap_err();
        let nobody = (Code::Unauthenticated, "credentials required", vec![r#"Bearer realm="vault""#]);
        assert_eq!(seen(&status), nobody, "{method}");
        let expired = bearer("carol", "all:any", NOW - 61);
        let status = served.call(method, &[&expired]).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "credentials refused"));
    }
    assert_eq!(served.vault.calls(), before, "a refused call has reached the handler");
}

#[tokio::test]
async fn health_and_reflection_are_open_and_what_is_not_listed_is_not() {
    let table = table().build().unwrap();
    let who = AuthenticateLayer::new(by_password(users())).or(by_token(manual_clock())).optional();
    let two = Served::behind((who, AuthorizeLayer::new(table.clone()))).await;
    let one = Served::behind(JwtScopeLayer::table(by_token(manual_clock()), table)).await;
    for served in [&one, &two] {
        check_health(served).await.unwrap();
        reflect(served).await.unwrap();

        let anything = bearer("carol", "all:any", NOW + 600);
        let status = served.call(WATCH, &[&anything]).await.unwrap_err();
        assert_eq!(seen(&status), (Code::PermissionDenied, "forbidden", vec![]));
        let status = served.call(WATCH, &[]).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "credentials required"));
        assert_eq!(served.vault.calls(), 0);
    }
    assert_eq!(two.call(OPEN, &[&basic("alice", "sesame")]).await.unwrap(), ["alice"]);
    let status = two.call(OPEN, &[&basic("bob", "sesame")]).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "scope missing"));
}

#[tokio::test]
async fn without_their_rules_health_and_reflection_are_closed() {
    let table = ScopeTable::builder().grpc_service("portcullis.test.Vault", OPENING).build().unwrap();
    let served = Served::behind(JwtScopeLayer::table(by_token(manual_clock()), table)).await;
    assert_eq!(check_health(&served).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(reflect(&served).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn only_a_post_of_the_very_path_is_a_call() {
    let table = table().build().unwrap();
    let who = BasicAuthLayer::new(by_password(users()));
    let served = Served::behind((who, AuthorizeLayer::new(table))).await;
    let good = basic("alice", "sesame");
    for path in [
        &OPEN[1..],
        "",
        "*",
        "//",
        "Open",
        "/portcullis.test.Vault//Open",
        "//portcullis.test.Vault/Open",
        "/portcullis.test.Vault/Open/",
        "/portcullis.test.Vault/Open%20",
        "/portcullis.test.Vault/%4Fpen",
        "/portcullis.test.Vault/open",
        "/portcullis.test.vault/Open",
        "/grpc.health.v1.Health/../portcullis.test.Vault/Open",
        "http://x/portcullis.test.Vault/Open",
    ] {
        served.raw(path, &good).await;
        assert_eq!(served.vault.calls(), 0, "{path:?}");
    }
    for method in ["GET", "PUT", "OPTIONS", "post"] {
        let request = http::Request::builder().method(method).uri(OPEN).header("authorization", &good);
        let request = request.header("content-type", "application/grpc").body(String::new()).unwrap();
        let answer = served.plain(request).await;
        assert_eq!((answer.status().as_u16(), served.vault.calls()), (403, 0), "{method}");
    }
    served.raw(OPEN, &good).await;
    assert_eq!(served.vault.calls(), 1);
}

#[tokio::test]
async fn a_dry_run_lets_a_token_without_the_scope_open_and_nobody_without_a_token() {
    let table = table().dangerous_dry_run().build().unwrap();
    let served = Served::behind(JwtScopeLayer::table(by_token(manual_clock()), table)).await;
    let poor = bearer("carol", "", NOW + 600);
    for method in [OPEN, WATCH, STORE] {
        assert!(served.call(method, &[&poor]).await.is_ok(), "{method}");
        let status = served.call(method, &[]).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{method}");
    }
}
