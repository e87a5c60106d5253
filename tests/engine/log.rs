//! What is logged: enough for the operator, and nothing of what a caller has sent.

use http::{HeaderValue, header};
use portcullis::{
    AuthenticateLayer, Authenticator, AuthorizeLayer, Challenge, Head, NowOrLater, Principal,
    Rejection, RejectionKind, Scheme, StoreError,
};
use tower::ServiceBuilder;

use crate::{
    fixtures::{BASIC, BEARER, EITHER, Saying, Says, Spoken, When, principal},
    support::{Log, get, get_with, send},
};

#[tokio::test]
async fn no_credentials_appear_in_the_log_in_an_answer_or_in_a_layers_debug_text() {
    const CANARY: &str = "canary-5f3b";
    for when in EITHER {
        let log = Log::capture();
        let bearer = Spoken::new(BEARER, when);
        let layer = AuthenticateLayer::new(bearer).or(Spoken::new(BASIC, when));
        let mut seen = vec![format!("{layer:?}")];
        for authorization in [
            format!("Bearer {CANARY}"),
            format!("Basic {CANARY}"),
            format!("Basic  {CANARY}"),
            format!("Digest {CANARY}"),
            CANARY.to_owned(),
            format!("Bearer\t{CANARY}"),
            format!("Bearer {CANARY}\u{e9}"),
        ] {
            let request = get_with("/", &authorization);
            let head = Head::new(&request);
            seen.push(format!("{head:?} {:?}", head.authorization()));
            let answer = send(&layer, request).await;
            assert_eq!(answer.status, 401);
            seen.push(format!("{answer:?}"));
            let mut twice = get_with("/", &authorization);
            let line = HeaderValue::from_bytes(authorization.as_bytes()).unwrap();
            twice.headers_mut().append(header::AUTHORIZATION, line);
            seen.push(format!("{:?}", send(&layer.clone().optional(), twice).await));
        }
        let text = log.text();
        assert!(text.contains("spoken.refused") && text.contains("authorization.repeated"), "{text}");
        assert!(!text.contains(CANARY), "{text}");
        assert!(!seen.concat().contains(CANARY), "{seen:?}");
    }
}

#[tokio::test]
async fn each_refusal_is_logged_once_with_its_stable_reason_at_its_level() {
    for when in EITHER {
        for (authorization, level, reason, status) in [
            ("Bearer mallory", " INFO", "spoken.refused", 401),
            ("Bearer expired", " INFO", "spoken.expired", 401),
            ("Digest x", " INFO", "authorization.unknown_scheme", 401),
            ("Bearer busy", " INFO", "spoken.busy", 429),
            ("Bearer down", " WARN", "spoken.down", 503),
        ] {
            let log = Log::capture();
            let layer = AuthenticateLayer::new(Spoken::new(BEARER, when));
            send(&layer, get_with("/", authorization)).await;
            let text = log.text();
            let lines: Vec<_> = text.lines().filter(|line| line.contains("request refused")).collect();
            let [line] = lines[..] else { panic!("{text}") };
            assert!(line.contains(level), "{line}");
            assert!(line.contains(&format!("reason=\"{reason}\"")), "{line}");
            assert!(line.contains(&format!("status={status}")), "{line}");
        }
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_logged_with_its_cause_and_the_caller_does_not_see_it() {
    let log = Log::capture();
    let answer =
        send(&AuthenticateLayer::new(Spoken::new(BEARER, When::Now)), get_with("/", "Bearer down"))
            .await;
    assert!(log.text().contains("the store could not answer: no route to host"), "{}", log.text());
    assert_eq!(answer.body, "try again later");
    assert!(!format!("{:?}", answer.headers).contains("route"), "{answer:?}");
}

#[tokio::test]
async fn a_policy_without_an_authenticating_layer_outside_logs_what_to_do() {
    let log = Log::capture();
    let layer = AuthorizeLayer::new(Saying::new(Says::Yes, When::Now));
    let answer = send(&layer, get("/")).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (500, "internal server error"));
    let text = log.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("ERROR")).collect();
    let [line] = lines[..] else { panic!("{text}") };
    for part in
        ["authorize.no_principal", "put an authenticating layer", "AuthenticateLayer", "outside"]
    {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

/// Believes anybody, whatever the name.
struct Gullible(&'static str);

impl Authenticator for Gullible {
    fn scheme(&self) -> Scheme {
        Scheme::BEARER
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        head.credentials("Bearer")?;
        Some(NowOrLater::now(Ok(principal(self.0, Scheme::BEARER, ""))))
    }

    fn challenge(&self, _: Option<RejectionKind>) -> Challenge {
        Challenge::builder("Bearer").build().unwrap()
    }
}

#[tokio::test]
async fn a_name_writes_no_line_and_no_colour_of_its_own_into_the_log() {
    for name in [
        "mallory\n2026-01-01T00:00:00Z ERROR all is lost",
        "mallory\r\nroot logged in",
        "\u{1b}[2J\u{1b}[31mmallory",
        "mallory\u{7}\u{8}\u{7f}",
    ] {
        let log = Log::capture();
        let stack = ServiceBuilder::new()
            .layer(AuthenticateLayer::new(Gullible(name)))
            .layer(AuthorizeLayer::new(Saying::new(Says::No, When::Later)));
        send(&stack, get_with("/", "Bearer x")).await;
        let text = log.text();
        assert!(text.contains("mallory"), "the name is logged, so that this test can fail: {text}");
        for line in text.lines() {
            assert!(!line.chars().any(char::is_control), "{line:?}");
            assert!(!line.starts_with("root") && !line.starts_with("2026-01-01T00:00:00Z"), "{line}");
        }
    }
}

#[test]
fn the_chain_of_causes_of_a_rejection_is_whole() {
    use std::error::Error;
    let rejection = Rejection::unavailable("x.down", StoreError::new("no route to host"));
    assert_eq!(rejection.to_string(), "try again later (x.down)");
    let store = rejection.source().unwrap();
    assert_eq!(store.to_string(), "the store could not answer");
    assert_eq!(store.source().unwrap().to_string(), "no route to host");
    assert!(Rejection::new(RejectionKind::Forbidden, "x").source().is_none());
}
