//! No signed request is accepted twice; and what that costs is bounded.
#![cfg(feature = "s3p")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "s3p_replay/race.rs"]
mod race;
#[path = "s3p_replay/store.rs"]
mod store;

mod s3p_support;
mod support;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use portcullis::{
    ManualClock, NowOrLater, S3pSignatureLayer, StoreError,
    s3p::{MemoryNonceStore, Nonce, NonceStore, Recorded, S3pAuth},
};
use s3p_support::*;
use support::{Answer, send};

/// Sets a clock to so many seconds after (or before) [`NOW`].
fn set(clock: &ManualClock, offset: i64) {
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW.checked_add_signed(offset).unwrap()));
}

fn outcome(answer: &Answer) -> &'static str {
    answer.rejection.as_ref().map_or("accepted", portcullis::Rejection::reason)
}

#[tokio::test]
async fn a_request_is_accepted_once() {
    let (layer, _) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    for draft in [Draft::get("/v2/ping").nonce(1), Draft::json(r#"{"a":1}"#).nonce(2)] {
        assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
        for _ in 0..3 {
            let answer = send(&layer, draft.request()).await;
            assert_eq!((answer.status.as_u16(), answer.reason()), (401, "s3p.replayed"));
            // As every other refusal of credentials.
            assert_eq!(answer.body, "credentials refused");
            assert_eq!(answer.challenges(), [r#"s3pAuth realm="S3P""#]);
        }
    }
}

#[tokio::test]
async fn a_nonce_counts_whatever_it_is_signed_with() {
    let (layer, _) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    assert_eq!(outcome(&send(&layer, Draft::get("/v2/ping").request()).await), "accepted");
    for draft in [
        Draft::get("/v2/other"),
        Draft::get("/v2/ping").timestamp(NOW + 1),
        Draft::get("/v2/ping").timestamp(NOW - 300),
        Draft::get("/v2/ping").timestamp(NOW + 300),
        Draft::json(r#"{"a":1}"#),
    ] {
        assert_eq!(outcome(&send(&layer, draft.request()).await), "s3p.replayed", "{draft:?}");
    }
    for nonce in ["A-nonce", "a-nonce.", "a-nonc"] {
        let answer = send(&layer, Draft::get("/v2/ping").nonce(nonce).request()).await;
        assert_eq!(outcome(&answer), "accepted", "{nonce}");
    }
}

#[tokio::test]
async fn the_header_in_another_spelling_is_the_same_request() {
    let (layer, _) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    let draft = Draft::get("/v2/ping");
    assert_eq!(send(&layer, draft.request()).await.status, 200);
    let mut turned = draft.fields();
    turned.reverse();
    for authorization in
        [format!("s3pAuth,{}", draft.fields().join(",")), format!("S3PAUTH  {}", turned.join("\t,"))]
    {
        let answer = send(&layer, draft.request_with(&authorization)).await;
        assert_eq!(outcome(&answer), "s3p.replayed", "{authorization}");
    }
}

#[tokio::test]
async fn a_request_is_refused_for_as_long_as_its_timestamp_is_in_the_window() {
    for signed_at in [-300, -299, -1, 0, 1, 299, 300] {
        let (layer, clock) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
        let draft = Draft::get("/v2/ping").timestamp(NOW.checked_add_signed(signed_at).unwrap());
        assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
        for later in [0, 1, 299, 300, 301, 599, 600, 601, 1000, 100_000] {
            set(&clock, later);
            // Another request, so that the store has a reason to tidy up.
            let other =
                Draft::get("/v2/ping").nonce(later).timestamp(NOW.checked_add_signed(later).unwrap());
            assert_eq!(outcome(&send(&layer, other.request()).await), "accepted");
            let expected = if later <= signed_at + 300 { "s3p.replayed" } else { "s3p.too_old" };
            let answer = send(&layer, draft.request()).await;
            assert_eq!(outcome(&answer), expected, "signed at {signed_at}, sent at {later}");
        }
    }
}

#[tokio::test]
async fn a_nonce_is_not_used_up_by_who_cannot_sign() {
    let (layer, _) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    for draft in [Draft::get("/v2/ping").nonce(1), Draft::json(r#"{"a":1}"#).nonce(2)] {
        let forged = Draft { secret: "some other secret", ..draft.clone() };
        let unknown = Draft { token: "nobodys-token", ..draft.clone() };
        let mut bad = draft.clone();
        bad.body = "{".into();
        for wrong in [forged, unknown, bad, draft.clone().timestamp(NOW + 301)] {
            let answer = send(&layer, wrong.request_with(wrong.authorization())).await;
            assert_ne!(outcome(&answer), "accepted");
        }
        assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
    }
}

#[tokio::test]
async fn nonces_of_two_tokens_have_nothing_to_do_with_each_other() {
    let (layer, _) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    let draft = Draft::get("/v2/ping");
    for (draft, expected) in [
        (draft.clone(), "accepted"),
        (draft.clone().of_bob(), "accepted"),
        (draft.clone(), "s3p.replayed"),
        (draft.of_bob(), "s3p.replayed"),
    ] {
        assert_eq!(outcome(&send(&layer, draft.request()).await), expected);
    }
}

#[tokio::test]
async fn two_layers_with_one_store_accept_a_request_once() {
    let nonces = MemoryNonceStore::new(UNIX_EPOCH);
    let ((one, _), (two, _)) = (layer_with(nonces.clone()), layer_with(nonces));
    let draft = Draft::get("/v2/ping");
    assert_eq!(outcome(&send(&one, draft.request()).await), "accepted");
    assert_eq!(outcome(&send(&two, draft.request()).await), "s3p.replayed");
}

#[tokio::test]
async fn a_store_that_starts_anew_at_no_known_time_has_forgotten_as_its_page_says() {
    let (layer, _) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    let draft = Draft::get("/v2/ping");
    assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
    let (restarted, clock) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    set(&clock, 301);
    assert_eq!(outcome(&send(&restarted, draft.request()).await), "s3p.too_old");
    set(&clock, 300);
    assert_eq!(outcome(&send(&restarted, draft.request()).await), "accepted");
}

#[tokio::test]
async fn after_a_restart_what_was_signed_before_it_is_refused() {
    let at = |seconds: i64| Draft::get("/v2/ping").timestamp(NOW.checked_add_signed(seconds).unwrap());
    let (layer, _) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    for seconds in [-300, -1, 0, 300] {
        let draft = at(seconds).nonce(seconds);
        assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
    }
    let start = UNIX_EPOCH + Duration::from_secs(NOW);
    for (told, known) in [
        (start, &[-300, -1][..]),
        // Within the second: what was signed in it may have been seen.
        (start + Duration::from_nanos(1), &[-300, -1, 0]),
        (start + Duration::from_secs(301), &[-300, -1, 0, 300]),
    ] {
        for seconds in [-300, -1, 0, 300] {
            let (restarted, _) = layer_with(MemoryNonceStore::new(told));
            let replay = outcome(&send(&restarted, at(seconds).nonce(seconds).request()).await);
            let expected = if known.contains(&seconds) { "s3p.replayed" } else { "accepted" };
            assert_eq!(replay, expected, "{seconds}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_back_lets_nothing_in_twice() {
    let (layer, clock) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    let drafts: Vec<Draft> = [-300, -10, 0, 10, 300]
        .map(|at| Draft::get("/v2/ping").nonce(at).timestamp(NOW.checked_add_signed(at).unwrap()))
        .into();
    for draft in &drafts {
        assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
    }
    for jump in [301, 400, 601, 10_000] {
        set(&clock, jump);
        let during =
            Draft::get("/v2/ping").nonce(jump).timestamp(NOW.checked_add_signed(jump).unwrap());
        assert_eq!(outcome(&send(&layer, during.request()).await), "accepted");
        set(&clock, 0);
        for draft in &drafts {
            assert_eq!(
                outcome(&send(&layer, draft.request()).await),
                "s3p.replayed",
                "{jump} {draft:?}"
            );
        }
    }
    // The farthest jump had dropped all that expires by then. When it is later than that, all is well.
    set(&clock, 20_000);
    let draft = Draft::get("/v2/ping").nonce("later").timestamp(NOW + 20_000);
    assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
}

#[tokio::test]
async fn a_clock_that_goes_back_keeps_what_it_knows() {
    let (layer, clock) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    let draft = Draft::get("/v2/ping");
    assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
    for back in [-1, -300] {
        set(&clock, back);
        let other = Draft::get("/v2/ping").nonce(back).timestamp(NOW.checked_add_signed(back).unwrap());
        assert_eq!(outcome(&send(&layer, other.request()).await), "accepted");
        assert_eq!(outcome(&send(&layer, draft.request()).await), "s3p.replayed");
    }
    set(&clock, -301);
    assert_eq!(outcome(&send(&layer, draft.request()).await), "s3p.in_the_future");
}

/// Always answers the same.
#[derive(Clone, Copy)]
struct Says(Result<Recorded, &'static str>);

impl NonceStore for Says {
    fn record(&self, _: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        NowOrLater::now(self.0.map_err(StoreError::new))
    }
}

#[tokio::test]
async fn each_answer_of_a_store_has_its_status() {
    for (says, status, expected) in [
        (Ok(Recorded::Fresh), 200, "accepted"),
        (Ok(Recorded::Replayed), 401, "s3p.replayed"),
        (Ok(Recorded::TokenFull), 429, "s3p.token_full"),
        (Ok(Recorded::StoreFull), 503, "s3p.store_full"),
        (Err("connection refused"), 503, "s3p.nonce_store"),
    ] {
        for draft in [Draft::get("/v2/ping"), Draft::json("{}")] {
            for (layer, _) in [layer_with(Says(says)), layer_with(Later(Says(says)))] {
                let answer = send(&layer, draft.request()).await;
                assert_eq!((answer.status.as_u16(), outcome(&answer)), (status, expected));
                assert_eq!(answer.challenges().is_empty(), status != 401);
            }
        }
    }
}

/// Keeps what it is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl NonceStore for Told {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let Nonce { token, nonce, expires, now } = nonce;
        self.0.lock().unwrap().push(format!("{token} {nonce} {expires} {now}"));
        NowOrLater::now(Ok(Recorded::Fresh))
    }
}

#[tokio::test]
async fn a_store_is_told_the_last_second_in_which_the_request_could_pass() {
    let told = Told::default();
    let auth = S3pAuth::new(url(), keys(), told.clone()).clock(clock());
    let layer = S3pSignatureLayer::new(auth);
    for at in [-300, 0, 300] {
        let draft = Draft::get("/v2/ping").timestamp(NOW.checked_add_signed(at).unwrap()).of_bob();
        assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
    }
    let expected =
        [NOW, NOW + 300, NOW + 600].map(|expires| format!("bobs-token a-nonce {expires} {NOW}"));
    assert_eq!(*told.0.lock().unwrap(), expected);
}
