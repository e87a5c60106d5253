//! A token and the credentials of this server are nowhere to be seen, and a refusal does not say what was
//! wrong.

use std::fmt::Debug;

use portcullis::introspection::HttpEndpoint;

use super::{server::Server, *};
use crate::support::Log;

#[tokio::test]
async fn every_refused_token_looks_the_same() {
    let mut answers = Vec::new();
    for changes in [
        &[("active", "false")][..],
        &[("exp", "1")],
        &[("exp", "null")],
        &[("nbf", "1800000000")],
        &[("aud", r#""devices""#)],
        &[("iss", "")],
        &[("sub", "")],
        &[("scope", r#""a  b""#)],
        &[("token_type", r#""DPoP""#)],
    ] {
        let auth = builder(&Saying::json(response(changes))).build().unwrap();
        let answer =
            send(&AuthenticateLayer::new(auth), get_with("/", format!("Bearer {TOKEN}"))).await;
        answers.push((answer.status.as_u16(), answer.headers, answer.body));
    }
    let auth = builder(&Saying::json(GOOD)).max_length(1).build().unwrap();
    let answer = send(&AuthenticateLayer::new(auth), get_with("/", format!("Bearer {TOKEN}"))).await;
    answers.push((answer.status.as_u16(), answer.headers, answer.body));
    answers.dedup();
    let [(401, headers, body)] = &answers[..] else { panic!("a caller can tell: {answers:#?}") };
    assert_eq!(headers["www-authenticate"], r#"Bearer realm="protected", error="invalid_token""#);
    assert_eq!(body, "credentials refused");
}

#[tokio::test]
async fn neither_token_nor_credentials_are_in_a_log_or_an_answer() {
    let log = Log::capture();
    let mut statuses = Vec::new();
    for reply in [
        Server::ok(GOOD),
        Server::ok(r#"{"active":false}"#),
        Server::ok("<html>"),
        Server::status("401 Unauthorized", r#"{"error":"invalid_client"}"#),
        Server::status("500 Internal Server Error", TOKEN),
        Vec::new(),
    ] {
        let server = Server::start(reply).await;
        for endpoint in [
            HttpEndpoint::basic(&server.url("/x?key=canary"), "me", "canary-secret").unwrap(),
            HttpEndpoint::bearer(&server.url("/x?key=canary"), "canary-secret").unwrap(),
        ] {
            let endpoint = endpoint.time_limit(PATIENCE);
            let auth = builder(&endpoint).cache(Duration::from_secs(1), 10).build().unwrap();
            let layer = AuthenticateLayer::new(auth.clone());
            let things: [&dyn Debug; 4] = [&endpoint, &auth, &layer, &builder(&endpoint)];
            for thing in things {
                assert_clean(&format!("{thing:?} {thing:#?}"));
            }
            let answer = send(&layer, get_with("/", format!("Bearer {TOKEN}"))).await;
            assert_clean(&format!("{answer:?}"));
            statuses.push(answer.status.as_u16());
        }
    }
    assert_eq!(statuses, [200, 200, 401, 401, 503, 503, 503, 503, 503, 503, 503, 503]);
    assert_clean(&log.text());
    assert!(log.text().contains("introspection.inactive") && log.text().contains("401 Unauthorized"));
}

#[tokio::test]
async fn a_principal_prints_nothing_that_was_said_of_it() {
    let json = response(&[("email", r#""canary@example.org""#), ("username", r#""canary""#)]);
    let principal = judge(&builder(&Saying::json(json)).build().unwrap(), TOKEN).await.unwrap();
    assert_clean(&format!("{principal:?} {:?}", principal.extra::<IntrospectionResponse>().unwrap()));
}

/// Basic credentials are base64 in a header: neither form may be seen.
#[track_caller]
fn assert_clean(text: &str) {
    for secret in [TOKEN, "canary", "bWU6Y2FuYXJ5"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
