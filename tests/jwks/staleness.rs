//! How long keys are believed, and what is answered without any.

use std::time::Duration;

use http::HeaderValue;
use portcullis::jwt::{
    Algorithm::{ES256, ES384},
    KeySource,
    remote::{FetchedJwks, RemoteKeys},
};
use tokio::time;

use crate::{
    jwt_support::ask,
    layer,
    script::{Script, Step},
    set,
    support::Log,
    token, told,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test(start_paused = true)]
async fn the_last_good_set_is_kept_for_a_stated_time_and_then_answered_503() {
    for (step, again) in [
        (Step::Down, Step::Answer(FetchedJwks::new(set(&[ES256])))),
        (Step::Hang, Step::Answer(FetchedJwks::not_modified())),
    ] {
        let script = Script::new("");
        let tag = HeaderValue::from_static("\"1\"");
        script.step(Step::Answer(FetchedJwks::new(set(&[ES256])).etag(tag)));
        let keys = RemoteKeys::builder(script.clone()).max_stale(2 * HOUR).connect().await.unwrap();
        let layer = layer(keys.clone());
        script.step(step);
        time::sleep(119 * MINUTE).await;
        assert_eq!(ask(&layer, &token(ES256)).await.status, 200);
        assert!(keys.is_ready());
        time::sleep(MINUTE).await;
        for _ in 0..2 {
            let answer = ask(&layer, &token(ES256)).await;
            assert_eq!((answer.status.as_u16(), answer.reason()), (503, "jwt.keys"));
        }
        assert!(!keys.is_ready() && keys.keys().is_none());
        assert!(keys.age().unwrap() >= 2 * HOUR);
        // Nobody restarts anything.
        script.step(again);
        time::sleep(2 * MINUTE).await;
        assert_eq!(ask(&layer, &token(ES256)).await.status, 200);
        assert!(keys.is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_issuer_the_server_starts_and_answers_503_until_it_is_there() {
    let script = Script::new(set(&[ES256]));
    script.step(Step::Down);
    let log = Log::capture();
    let keys = RemoteKeys::builder(script.clone()).connect_lazy().unwrap();
    let layer = layer(keys.clone());
    for _ in 0..3 {
        let answer = ask(&layer, &token(ES256)).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (503, "jwt.keys"));
        time::sleep(MINUTE).await;
    }
    assert!(!keys.is_ready());
    assert_eq!(keys.age(), None);
    let text = log.text();
    assert!(
        text.contains(r#"code="jwks.fetch" fetch=Script"#) && text.contains("connection refused"),
        "{text}"
    );
    script.set(set(&[ES256]));
    time::sleep(MINUTE).await;
    assert_eq!(ask(&layer, &token(ES256)).await.status, 200);
    assert!(keys.is_ready() && keys.age().unwrap() <= MINUTE);
}

#[tokio::test(start_paused = true)]
async fn the_first_fetch_fails_the_start_unless_it_is_told_to_wait() {
    for step in [Step::Down, Step::Hang, Step::Panic] {
        let script = Script::new("");
        script.step(step);
        let refused = RemoteKeys::connect(script.clone()).await.unwrap_err();
        assert!(refused.to_string().contains("Script"), "{refused}");
        assert!(told(&refused).contains("jwks.fetch"), "{}", told(&refused));
        time::sleep(HOUR).await;
        assert_eq!(script.count(), 1, "nothing goes on in the background");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_after_a_failure_come_sooner_at_first_and_later_then() {
    let script = Script::new(set(&[ES256]));
    script.step(Step::Down);
    let _keys = RemoteKeys::builder(script.clone()).connect_lazy().unwrap();
    // 1 + 2 + 4 + 8 + 16 + 32 seconds, each up to a quarter less.
    time::sleep(MINUTE + 4 * SECOND).await;
    assert!((7..=9).contains(&script.count()), "{}", script.count());
    let before = script.count();
    time::sleep(20 * MINUTE).await;
    assert!((19..=28).contains(&(script.count() - before)), "{}", script.count() - before);
}

#[tokio::test(start_paused = true)]
async fn a_failure_does_not_hide_a_set_that_is_there_again() {
    let script = Script::new(set(&[ES256]));
    let layer = layer(RemoteKeys::connect(script.clone()).await.unwrap());
    script.step(Step::Down);
    assert_eq!(ask(&layer, &token(ES384)).await.status, 503);
    script.set(set(&[ES384]));
    // The cooldown is for requests; the attempts after a failure come sooner.
    time::sleep(5 * SECOND).await;
    assert_eq!(ask(&layer, &token(ES384)).await.status, 200);
}
