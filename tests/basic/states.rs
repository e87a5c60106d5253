//! Accounts that are disabled, locked or expired.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use portcullis::{
    BasicAuthLayer, ManualClock, RejectionKind,
    basic::{BasicAuth, MemoryUserStore, User},
};

use super::{Witness, basic, get_with, seen, send, user};

const NOW: u64 = 1_800_000_000;

type State = fn(User) -> User;

const STATES: [(&str, State, Option<&str>); 9] = [
    ("good", |user| user, None),
    ("disabled", |user| user.disabled(true), Some("basic.disabled")),
    ("locked", |user| user.locked(true), Some("basic.locked")),
    ("unlocked", |user| user.locked(true).locked(false), None),
    ("expired", |user| expiring(user, NOW - 1), Some("basic.expired")),
    ("expired now", |user| expiring(user, NOW), Some("basic.expired")),
    ("expires soon", |user| expiring(user, NOW + 1), None),
    ("all three", |user| expiring(user, 0).locked(true).disabled(true), Some("basic.disabled")),
    ("locked, expired", |user| expiring(user, 0).locked(true), Some("basic.locked")),
];

fn expiring(user: User, at: u64) -> User {
    user.expires(UNIX_EPOCH + Duration::from_secs(at))
}

#[tokio::test]
async fn the_state_counts_after_one_hash_and_shows_in_no_answer() {
    let users = MemoryUserStore::new();
    for (name, state, _) in STATES {
        users.insert(state(user(name, "open sesame")));
    }
    let witness = Witness::default();
    let auth = BasicAuth::new("cave", users).unwrap().clock(ManualClock::at_unix(NOW));
    let layer = BasicAuthLayer::new(auth.verifier(witness.clone()));
    let model = seen(&send(&layer, get_with("/", basic("nobody", "open sesame"))).await);
    assert_eq!(witness.take().len(), 1);
    for (name, _, refused) in STATES {
        let answer = send(&layer, get_with("/", basic(name, "open sesame"))).await;
        assert_eq!(witness.take().len(), 1, "{name}");
        assert_eq!(answer.rejection.as_ref().map(|_| answer.reason()), refused, "{name}");
        if refused.is_some() {
            assert_eq!(
                (seen(&answer), answer.kind()),
                (model.clone(), RejectionKind::RefusedCredentials)
            );
        }
        // A wrong password says nothing of the state.
        for wrong in ["wrong", "", &"x".repeat(1025)] {
            let answer = send(&layer, get_with("/", basic(name, wrong))).await;
            assert_eq!((seen(&answer), witness.take().len()), (model.clone(), 1), "{name}");
            assert_ne!(refused, Some(answer.reason()), "{name}");
        }
    }
}

#[tokio::test]
async fn an_account_expires_by_the_clock_that_was_passed_in() {
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let users = MemoryUserStore::new();
    users.insert(expiring(user("aladdin", "open sesame"), NOW + 60));
    let auth = BasicAuth::new("cave", users).unwrap().clock(clock.clone());
    let layer = BasicAuthLayer::new(auth);
    let status = async || send(&layer, get_with("/", basic("aladdin", "open sesame"))).await.status;
    for (advance, expected) in [(0, 200), (59, 200), (1, 401), (86_400, 401)] {
        clock.advance(Duration::from_secs(advance));
        assert_eq!(status().await, expected, "{advance}");
    }
    clock.set(UNIX_EPOCH);
    assert_eq!(status().await, 200);
}
