//! Who starts a fetch, and who waits for it.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use portcullis::{
    Authenticator, Head, NowOrLater, Principal, Rejection, RejectionKind,
    jwt::{
        Algorithm::{ES256, ES384, EdDSA},
        JwtAuth, KeySource,
        remote::RemoteKeys,
    },
};
use tokio::{task::JoinSet, time};

use crate::{
    jwt,
    jwt_support::judge,
    layer,
    script::{Script, Step},
    set,
    support::{get_with, send},
    token, token_of,
};

const COOLDOWN: Duration = Duration::from_secs(30);
const ALMOST: Duration = Duration::from_secs(29);
const SECOND: Duration = Duration::from_secs(1);

async fn connected(script: &Script) -> RemoteKeys {
    RemoteKeys::connect(script.clone()).await.unwrap()
}

fn ask(jwt: &JwtAuth, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
    jwt.authenticate(&Head::new(&get_with("/", format!("Bearer {token}")))).unwrap()
}

/// Sends so many tokens that each name another key, and wants none let in. How many are told to come again,
/// since nobody knows whether there is such a key.
async fn flood(jwt: &JwtAuth, unknown: usize) -> usize {
    let token = token_of(ES256, "CANARY");
    let (header, rest) = token.split_once('.').unwrap();
    let header = String::from_utf8(crate::jwt_support::unb64(header)).unwrap();
    let mut asked = JoinSet::new();
    for number in 0..unknown {
        let header = header.replace("CANARY", &format!("unknown-{number}"));
        let token = format!("{}.{rest}", crate::jwt_support::b64(header));
        asked.spawn(ask(jwt, &token));
    }
    let mut again = 0;
    while let Some(answer) = asked.join_next().await {
        let rejection = answer.unwrap().unwrap_err();
        match rejection.kind() {
            RejectionKind::Unavailable => again += 1,
            _ => assert_eq!(rejection.reason(), "jwt.no_key"),
        }
    }
    again
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_unknown_ids_are_one_fetch_in_each_cooldown() {
    let good = || Script::new(set(&[ES256])).current();
    let all = [5_000, 5_000];
    for (name, step, again) in [
        // Those beyond the 256 that wait.
        ("the same set", good(), [4_744, 0]),
        ("an empty set", Script::new(r#"{"keys":[]}"#).current(), all),
        ("down", Step::Down, all),
        ("no answer", Step::Hang, all),
        ("a panic", Step::Panic, all),
    ] {
        let script = Script::new(set(&[ES256]));
        let jwt = jwt(connected(&script).await);
        for round in 1..=2 {
            script.step(step.clone());
            let before = script.count();
            assert_eq!([flood(&jwt, 5_000).await, flood(&jwt, 5_000).await], again, "{name}");
            assert_eq!(script.count() - before, 1, "{name}, round {round}");
            assert!(judge(&jwt, &token(ES256)).is_ok(), "{name}");
            // The attempts after a failure, which no request starts, come to their end.
            script.step(good());
            time::sleep(4 * COOLDOWN).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_cooldown_is_measured_from_the_start_of_a_fetch_and_ends() {
    let script = Script::new(set(&[ES256]));
    let jwt = jwt(connected(&script).await);
    flood(&jwt, 1).await;
    assert_eq!(script.count(), 2, "the first change after the start is found at once");
    time::advance(ALMOST).await;
    flood(&jwt, 10).await;
    assert_eq!(script.count(), 2);
    time::advance(SECOND).await;
    flood(&jwt, 10).await;
    assert_eq!(script.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn all_who_come_with_a_new_key_wait_for_one_fetch_and_pass() {
    let script = Script::new(set(&[ES256]));
    let keys = connected(&script).await;
    script.set(set(&[ES256, ES384]));
    let mut asked = JoinSet::new();
    for _ in 0..200 {
        let keys = keys.clone();
        asked.spawn(async move { send(&layer(keys), get_with("/", bearer(&token(ES384)))).await });
    }
    while let Some(answer) = asked.join_next().await {
        assert_eq!(answer.unwrap().status, 200);
    }
    assert_eq!(script.count(), 2);
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test(start_paused = true)]
async fn requests_with_known_keys_do_not_wait_while_a_fetch_hangs() {
    let script = Script::new(set(&[ES256]));
    let jwt = jwt(connected(&script).await);
    script.step(Step::Hang);
    let waiting = tokio::spawn(ask(&jwt, &token(ES384)));
    time::sleep(SECOND).await;
    assert_eq!(script.count(), 2);
    assert!(!waiting.is_finished());
    // `judge` takes no answer that comes later.
    assert!(judge(&jwt, &token(ES256)).is_ok());
    assert_eq!(judge(&jwt, &token_of(ES384, "ES256")).unwrap_err(), "jwt.alg");
    // The fetch is given up, and with it the wait.
    let answer = waiting.await.unwrap();
    assert_eq!(told(answer), (503, "jwt.keys"));
}

/// The status, and the reason.
fn told(answer: Result<Principal, Rejection>) -> (u16, &'static str) {
    let rejection = answer.unwrap_err();
    (rejection.kind().status().as_u16(), rejection.reason())
}

#[tokio::test(start_paused = true)]
async fn while_the_issuer_is_down_an_unknown_key_is_no_word_against_a_token() {
    let script = Script::new(set(&[ES256]));
    for (name, step) in [("down", Step::Down), ("unusable", Script::new("{}").current())] {
        script.set(set(&[ES256]));
        let jwt = jwt(connected(&script).await);
        script.step(step);
        // The first starts a fetch, which fails; the second may not start one.
        for _ in 0..2 {
            assert_eq!(told(ask(&jwt, &token(ES384)).await), (503, "jwt.keys"), "{name}");
            assert!(judge(&jwt, &token(ES256)).is_ok(), "{name}");
        }
        script.set(set(&[ES256]));
        time::sleep(2 * SECOND).await;
        for _ in 0..2 {
            assert_eq!(told(ask(&jwt, &token(ES384)).await), (401, "jwt.no_key"), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_256_requests_wait() {
    let script = Script::new(set(&[ES256]));
    let jwt = jwt(connected(&script).await);
    script.step(Step::Hang);
    let asked: Vec<_> = (0..300).map(|_| ask(&jwt, &token_of(ES256, "unknown"))).collect();
    let (waiting, refused): (Vec<_>, Vec<_>) =
        asked.into_iter().map(NowOrLater::into_now).partition(Result::is_err);
    assert_eq!((waiting.len(), refused.len()), (256, 44));
    for answer in refused {
        assert_eq!(told(answer.unwrap()), (503, "jwt.keys"));
    }
    assert!(judge(&jwt, &token(ES256)).is_ok(), "whose key is known takes no seat");
    // Who hangs up leaves the seat to another.
    drop(waiting);
    assert!(ask(&jwt, &token_of(ES256, "unknown")).into_now().is_err());
}

#[tokio::test(start_paused = true)]
async fn who_has_waited_takes_no_seat_from_those_who_come_after_the_fetch() {
    let script = Script::new(set(&[ES256]));
    let jwt = jwt(connected(&script).await);
    let waiting: Vec<_> = (0..256).map(|_| ask(&jwt, &token_of(ES256, "unknown"))).collect();
    script.set(set(&[ES256, ES384]));
    time::sleep(SECOND).await;
    assert_eq!(script.count(), 2);
    // Nobody has looked at the answers yet.
    assert!(judge(&jwt, &token(ES384)).is_ok());
    assert_eq!(judge(&jwt, &token(EdDSA)).unwrap_err(), "jwt.no_key");
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_up_does_not_end_the_fetch_for_others() {
    let script = Script::new(set(&[ES256]));
    let jwt = jwt(connected(&script).await);
    script.set(set(&[EdDSA]));
    let first = ask(&jwt, &token(EdDSA));
    let second = ask(&jwt, &token(EdDSA));
    drop(first);
    assert!(second.await.is_ok());
    assert_eq!(script.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_fetch_in_the_background_has_not_started_one() {
    let script = Script::new(set(&[ES256]));
    script.step(Step::Hang);
    let keys = RemoteKeys::builder(script.clone()).connect_lazy().unwrap();
    time::sleep(SECOND).await;
    let waits = (keys.renew(), keys.renew());
    script.set(set(&[ES256]));
    assert!(waits.0.unwrap().await.is_err());
    assert!(waits.1.unwrap().await.is_err());
    assert_eq!(script.count(), 1);
    keys.renew().expect("a fetch may be started").await.unwrap();
    assert_eq!(script.count(), 2);
    assert!(keys.renew().is_none(), "and no other");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_fetch_after_the_one_that_was_off() {
    let script = Script::new(set(&[ES256]));
    let keys = connected(&script).await;
    script.step(Step::Hang);
    let waits_for_the_first = keys.renew().unwrap();
    // It is given up, and tried again.
    time::sleep(7 * SECOND).await;
    assert_eq!(script.count(), 3);
    let waits_for_the_second = keys.renew().unwrap();
    assert!(waits_for_the_first.now_or_never().is_some());
    assert!(waits_for_the_second.now_or_never().is_none());
}

#[test]
fn when_the_runtime_has_ended_nobody_waits_and_nobody_starts_a_fetch() {
    let script = Script::new(set(&[ES256]));
    let builder = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let runtime = builder();
    let keys = runtime.block_on(connected(&script));
    script.step(Step::Hang);
    let wait = keys.renew().unwrap();
    drop(runtime);
    assert!(builder().block_on(wait).is_err());
    assert!(keys.renew().unwrap().into_now().unwrap().is_err());
    assert!(keys.is_ready(), "until they are stale");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_panics_has_failed_once_and_is_asked_again() {
    let script = Script::new(set(&[ES256]));
    let jwt = jwt(connected(&script).await);
    script.step(Step::Panic);
    flood(&jwt, 3).await;
    script.set(set(&[ES384]));
    time::sleep(COOLDOWN).await;
    assert!(ask(&jwt, &token(ES384)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn when_the_last_handle_is_dropped_nothing_is_fetched_and_nobody_waits() {
    let script = Script::new(set(&[ES256]));
    let keys = connected(&script).await;
    let jwt = Arc::new(jwt(keys.clone()));
    drop(keys);
    time::sleep(2 * 60 * 60 * SECOND).await;
    let count = script.count();
    assert!(count > 2, "the authenticator keeps it going: {count}");
    drop(jwt);
    time::sleep(2 * 60 * 60 * SECOND).await;
    assert_eq!(script.count(), count);

    let keys = connected(&script).await;
    script.step(Step::Hang);
    let wait = keys.renew().unwrap();
    tokio::task::yield_now().await;
    drop(keys);
    assert!(wait.await.is_err());
}
