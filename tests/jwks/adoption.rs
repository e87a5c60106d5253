//! Which sets are adopted, and what becomes of the keys that were there.

use std::time::Duration;

use http::HeaderValue;
use portcullis::{
    JwtScopeLayer, Scope,
    jwt::{
        Algorithm::{ES256, ES384, HS256, RS256},
        KeySource, Keys,
        remote::{FetchedJwks, RemoteKeys},
    },
};
use serde_json::json;
use tokio::time;

use crate::{
    jwt,
    jwt_support::{ask, claims, judge, jwk, sign_with},
    layer,
    script::{Script, Step},
    set,
    support::Log,
    token, told,
};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Sets that nobody can use.
fn unusable() -> Vec<String> {
    let es256 = || jwk(ES256, &json!({ "kid": "ES256" }));
    vec![
        r#"{"keys":[]}"#.to_owned(),
        "{}".to_owned(),
        String::new(),
        "<html>try again later</html>".to_owned(),
        set(&[ES256])[1..].to_owned(),
        set(&[HS256]),
        json!({ "keys": [es256(), es256()] }).to_string(),
        json!({ "keys": [jwk(ES256, &json!({ "use": "enc" }))] }).to_string(),
        json!({ "keys": [jwk(RS256, &json!({ "alg": null }))] }).to_string(),
        json!({ "keys": [es256()], "Keys": 0 }).to_string().replace("Keys", "keys"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_set_that_cannot_be_used_is_not_adopted() {
    for text in unusable() {
        let refused = RemoteKeys::connect(Script::new(text.clone())).await.unwrap_err();
        assert!(told(&refused).contains("jwks.unusable"), "{text}: {}", told(&refused));

        let script = Script::new(set(&[ES256]));
        let keys = RemoteKeys::connect(script.clone()).await.unwrap();
        script.set(text.clone());
        let log = Log::capture();
        time::sleep(HOUR).await;
        assert!(script.count() > 2, "{text}");
        assert!(judge(&jwt(keys.clone()), &token(ES256)).is_ok(), "{text}");
        assert!(keys.age().unwrap() >= HOUR, "nobody has confirmed the keys");
        assert!(log.text().contains(r#"code="jwks.unusable""#), "{}", log.text());
        assert!(!log.text().contains("html"), "a body in the log: {}", log.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_removed_is_refused_after_the_next_fetch() {
    let script = Script::new(set(&[ES256, ES384]));
    let layer = layer(RemoteKeys::connect(script.clone()).await.unwrap());
    script.set(set(&[ES384]));
    assert_eq!(ask(&layer, &token(ES256)).await.status, 200);
    time::sleep(HOUR).await;
    let answer = ask(&layer, &token(ES256)).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "jwt.no_key"));
    assert_eq!(ask(&layer, &token(ES384)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_set_that_has_not_changed_is_the_very_same_one() {
    let (first, second) = (set(&[ES256]), set(&[ES256, ES384]));
    let unchanged = [
        Step::Answer(FetchedJwks::not_modified()),
        Step::Answer(FetchedJwks::new(first.clone())),
        Step::Answer(FetchedJwks::new(first.clone()).etag(HeaderValue::from_static("\"2\""))),
    ];
    for step in unchanged {
        let script = Script::new("");
        let tag = HeaderValue::from_static("\"1\"");
        script.step(Step::Answer(FetchedJwks::new(first.clone()).etag(tag)));
        let keys = RemoteKeys::connect(script.clone()).await.unwrap();
        script.step(step);
        let log = Log::capture();
        time::sleep(HOUR).await;
        assert!(script.count() > 2);
        assert!(keys.age().unwrap() < HOUR, "the keys were confirmed");
        let text = log.text();
        assert!(text.contains("jwks.unchanged") && !text.contains("jwks.adopted"), "{text}");
        script.set(second.clone());
        time::sleep(HOUR).await;
        assert!(log.text().contains(r#"code="jwks.adopted""#), "{}", log.text());
    }
}

#[tokio::test(start_paused = true)]
async fn the_etag_is_that_of_the_last_set_that_was_adopted() {
    let tagged = |json: &str, etag| {
        Step::Answer(FetchedJwks::new(json.to_owned()).etag(HeaderValue::from_static(etag)))
    };
    let script = Script::new("");
    script.step(tagged(&set(&[ES256]), "\"1\""));
    let keys = RemoteKeys::connect(script.clone()).await.unwrap();
    let renew = async |step| {
        time::sleep(Duration::from_secs(30)).await;
        script.step(step);
        let _ = keys.renew().unwrap().await;
        script.etags().last().unwrap().clone()
    };
    assert_eq!(script.etags(), [None]);
    assert_eq!(renew(tagged("<html>", "\"2\"")).await.unwrap(), "\"1\"");
    assert_eq!(renew(tagged(&set(&[ES384]), "W/\"3\"")).await.unwrap(), "\"1\"");
    assert_eq!(renew(Step::Answer(FetchedJwks::not_modified())).await.unwrap(), "W/\"3\"");
    assert_eq!(renew(Step::Answer(FetchedJwks::new(set(&[ES256])))).await.unwrap(), "W/\"3\"");
    // A set without a tag: there is nothing to ask by.
    assert_eq!(renew(Step::Down).await, None);
}

#[tokio::test(start_paused = true)]
async fn not_modified_is_no_answer_where_no_etag_was_asked_about() {
    let script = Script::new(set(&[ES256]));
    let keys = RemoteKeys::connect(script.clone()).await.unwrap();
    script.step(Step::Answer(FetchedJwks::not_modified()));
    assert!(keys.renew().unwrap().await.is_err());
    let layer = layer(keys);
    assert_eq!(ask(&layer, &token(ES256)).await.status, 200, "the last good set is kept");
    time::sleep(6 * HOUR).await;
    assert_eq!(ask(&layer, &token(ES256)).await.status, 503, "and not confirmed");
}

#[tokio::test(start_paused = true)]
async fn not_modified_is_no_answer_to_the_first_fetch() {
    let script = Script::new("");
    script.step(Step::Answer(FetchedJwks::not_modified()));
    let refused = RemoteKeys::connect(script).await.unwrap_err();
    assert!(told(&refused).contains("jwks.fetch"), "{}", told(&refused));
}

#[tokio::test(start_paused = true)]
async fn rsa_keys_without_an_algorithm_are_for_the_one_that_was_named() {
    let script = Script::new(
        json!({ "keys": [jwk(RS256, &json!({ "kid": "RS256", "alg": null }))] }).to_string(),
    );
    let keys = RemoteKeys::builder(script).rsa_algorithm(RS256).connect().await.unwrap();
    assert!(judge(&jwt(keys), &token(RS256)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_token_by_a_key_that_was_fetched_has_scopes() {
    let keys = RemoteKeys::connect(Script::new(set(&[ES256]))).await.unwrap();
    let layer = JwtScopeLayer::new(jwt(keys), Scope::from_static("messages:send"));
    let header = r#"{"alg":"ES256","kid":"ES256"}"#;
    let scoped = sign_with(ES256, header, claims(&[("scope", r#""messages:send""#)]));
    assert_eq!(ask(&layer, &scoped).await.status, 200);
    assert_eq!(ask(&layer, &token(ES256)).await.status, 403);
}

/// A source that does not change has no newer keys.
#[test]
fn keys_of_a_file_are_not_fetched_again() {
    let keys = Keys::from_jwks_json(set(&[ES256])).unwrap();
    assert!(keys.renew().is_none());
}
