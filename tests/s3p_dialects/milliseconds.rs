//! Timestamps in milliseconds: the window, and how long a nonce is kept.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use portcullis::{
    ManualClock, NowOrLater, S3pSignatureLayer, StoreError,
    s3p::{AccessKey, Dialect, MemoryAccessKeyStore, Nonce, NonceStore, Recorded, S3pAuth},
};

use crate::{alice_in, layer_at, outcome, s3p_support::*, support::send};

const MILLIS: Dialect = Dialect::POSTMAN;

/// The present, in milliseconds, with a part of a second.
const NOW_MS: u64 = NOW * 1000 + 437;

fn key() -> AccessKey {
    alice_in(&[MILLIS, Dialect::STRICT])
}

fn clock_at(micros: u64) -> Arc<ManualClock> {
    Arc::new(ManualClock::new(UNIX_EPOCH + Duration::from_micros(micros)))
}

#[tokio::test]
async fn a_timestamp_may_be_300_000_milliseconds_from_now_either_way() {
    for (offset, expected) in [
        (0, "accepted"),
        (1, "accepted"),
        (-1, "accepted"),
        (-299_999, "accepted"),
        (-300_000, "accepted"),
        (-300_001, "s3p.too_old"),
        (-300_563, "s3p.too_old"),
        (299_999, "accepted"),
        (300_000, "accepted"),
        (300_001, "s3p.in_the_future"),
        (86_400_000, "s3p.in_the_future"),
    ] {
        // Parts of a millisecond are left out.
        for micros in [0, 1, 999] {
            let timestamp = NOW_MS.checked_add_signed(offset).unwrap();
            let layer = layer_at(key(), clock_at(NOW_MS * 1000 + micros));
            for draft in [Draft::get("/v2/ping").nonce(1), Draft::json("{}").nonce(2)] {
                let answer = send(&layer, draft.timestamp(timestamp).request()).await;
                assert_eq!(outcome(&answer), expected, "{offset} {micros}");
            }
        }
    }
}

#[tokio::test]
async fn the_clocks_part_of_a_second_counts_for_milliseconds_and_not_for_seconds() {
    for part in [0, 1, 437, 500, 999] {
        let layer = layer_at(key(), clock_at((NOW * 1000 + part) * 1000));
        for (nonce, (timestamp, expected)) in [
            ((NOW - 300).to_string(), "accepted"),
            ((NOW + 300).to_string(), "accepted"),
            ((NOW - 301).to_string(), "s3p.too_old"),
            ((NOW + 301).to_string(), "s3p.in_the_future"),
            ((NOW * 1000 + part - 300_000).to_string(), "accepted"),
            ((NOW * 1000 + part + 300_000).to_string(), "accepted"),
            ((NOW * 1000 + part - 300_001).to_string(), "s3p.too_old"),
            ((NOW * 1000 + part + 300_001).to_string(), "s3p.in_the_future"),
        ]
        .into_iter()
        .enumerate()
        {
            let draft = Draft::get("/v2/ping").nonce(nonce).timestamp(&timestamp);
            assert_eq!(outcome(&send(&layer, draft.request()).await), expected, "{timestamp} {part}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_shows_nonsense_refuses_milliseconds() {
    let far = Duration::from_secs(1 << 40);
    for now in [
        UNIX_EPOCH,
        UNIX_EPOCH - Duration::from_micros(1),
        UNIX_EPOCH - far,
        UNIX_EPOCH + far,
        UNIX_EPOCH + Duration::from_secs(i64::MAX.unsigned_abs()),
    ] {
        let layer = layer_at(key(), Arc::new(ManualClock::new(now)));
        for timestamp in ["1000000000000", "1361281946000", "9999999999999"] {
            let draft = Draft::get("/v2/ping").timestamp(timestamp);
            assert_eq!(send(&layer, draft.request()).await.status, 401, "{now:?} {timestamp}");
        }
    }
}

#[tokio::test]
async fn a_replay_is_refused_at_each_second_until_the_timestamp_is_too_old() {
    // Signed at the start of a second, within it, at its end; and accepted as early, and as late, as can be.
    for part in [0, 1, 437, 999] {
        for accepted_after in [-300_000, -1, 0, 299_999] {
            let timestamp = NOW * 1000 + part;
            let at = |offset: i64| {
                UNIX_EPOCH + Duration::from_millis(timestamp.checked_add_signed(offset).unwrap())
            };
            let clock = clock_at(0);
            let layer = layer_at(key(), clock.clone());
            let draft = Draft::get("/v2/ping").timestamp(timestamp);
            clock.set(at(accepted_after));
            assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
            let mut offset = accepted_after;
            while offset <= 300_000 {
                clock.set(at(offset));
                // Others come in meanwhile, and let the store forget what has expired.
                let other = Draft::get("/v2/ping")
                    .nonce(offset)
                    .timestamp(timestamp.checked_add_signed(offset).unwrap());
                assert_eq!(outcome(&send(&layer, other.request()).await), "accepted");
                let answer = send(&layer, draft.request()).await;
                assert_eq!(outcome(&answer), "s3p.replayed", "{part} {accepted_after} {offset}");
                offset = if offset < 300_000 { (offset + 1000).min(300_000) } else { 300_001 };
            }
            clock.set(at(300_001));
            assert_eq!(outcome(&send(&layer, draft.request()).await), "s3p.too_old");
        }
    }
}

/// Keeps what it is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(i64, i64)>>>);

impl NonceStore for Told {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        self.0.lock().unwrap().push((nonce.expires, nonce.now));
        NowOrLater::now(Ok(Recorded::Fresh))
    }
}

#[tokio::test]
async fn a_store_is_told_the_last_second_in_which_the_request_could_pass() {
    let told = Told::default();
    let keys = MemoryAccessKeyStore::new();
    keys.insert(TOKEN, key());
    let clock = clock_at(NOW_MS * 1000);
    let auth = S3pAuth::new(url(), keys, told.clone()).clock(clock.clone());
    let layer = S3pSignatureLayer::new(auth);
    let now = NOW.cast_signed();
    for (offset, expires) in
        [(-300_000, now), (-437, now + 300), (-438, now + 299), (0, now + 300), (300_000, now + 600)]
    {
        let timestamp = NOW_MS.checked_add_signed(offset).unwrap();
        let draft = Draft::get("/v2/ping").timestamp(timestamp);
        clock.set(UNIX_EPOCH + Duration::from_millis(NOW_MS));
        assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted");
        assert_eq!(told.0.lock().unwrap().pop(), Some((expires, now)), "{offset}");

        // It could pass in that second, and not in the one after it.
        let last = UNIX_EPOCH + Duration::from_secs(expires.unsigned_abs());
        clock.set(last);
        assert_eq!(outcome(&send(&layer, draft.request()).await), "accepted", "{offset}");
        clock.set(last + Duration::from_secs(1));
        assert_eq!(outcome(&send(&layer, draft.request()).await), "s3p.too_old", "{offset}");
    }
}
