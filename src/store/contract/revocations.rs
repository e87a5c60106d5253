use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{PAIRS, answer, must_fail, texts};
use crate::{
    Identity,
    jwt::{RevocationStore, TokenFacts},
};

/// The time around which tokens are issued here, in seconds since 1970-01-01T00:00:00Z.
const ISSUED: u64 = 1_700_000_000;
/// 2100-01-01T00:00:00Z.
const EXPIRES: u64 = 4_102_444_800;

/// What a store is to hold as revoked.
#[derive(Clone, Debug)]
pub enum Revocation {
    /// One token.
    Token {
        /// Whose the subject is.
        issuer: String,
        /// `jti`.
        id: String,
        /// When the token expires.
        expires: SystemTime,
    },
    /// All that was issued to somebody up to a time, and what does not say when it was issued.
    Subject {
        /// To whom.
        identity: Identity,
        /// Up to this time, inclusive.
        up_to: SystemTime,
        /// When the last of these tokens expires.
        expires: SystemTime,
    },
}

/// What every [`RevocationStore`] must do. The function makes a store that holds these, revoked in this order.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn revocations<S: RevocationStore>(new_store: impl AsyncFn(Vec<Revocation>) -> S) {
    nothing_is_revoked_by_itself(new_store(Vec::new()).await).await;
    let keys = keys();
    for part in 0..2 {
        // Each key has neighbours that are not revoked.
        let (revoked, others) = split(&keys, part);
        let by_id = revoked.iter().map(|(issuer, id)| token(issuer, id)).collect();
        ids_are_scoped(&new_store(by_id).await, &revoked, &others).await;
        let by_subject = revoked.iter().map(|(issuer, name)| subject(issuer, name, ISSUED)).collect();
        subjects_are_scoped(&new_store(by_subject).await, &revoked, &others).await;
    }
    for order in [[ISSUED, ISSUED + 60], [ISSUED + 60, ISSUED]] {
        let twice = order.map(|up_to| subject("issuer", "alice", up_to)).to_vec();
        the_latest_time_counts(&new_store(twice).await).await;
    }
}

/// What a [`RevocationStore`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_revocations(store: &impl RevocationStore) {
    must_fail(store.is_revoked(facts("issuer", "alice", "id", Some(ISSUED)))).await;
}

async fn nothing_is_revoked_by_itself(store: impl RevocationStore) {
    for (issuer, text) in keys() {
        for issued in [None, Some(0), Some(ISSUED)] {
            let revoked = answer(store.is_revoked(facts(&issuer, &text, &text, issued))).await;
            assert!(!revoked, "what nobody has revoked is good: {issuer:?} {text:?}");
        }
    }
}

async fn ids_are_scoped(store: &impl RevocationStore, revoked: &[Key], others: &[Key]) {
    for (keys, expected) in [(revoked, true), (others, false)] {
        for (issuer, id) in keys {
            let facts = facts(issuer, "alice", id, Some(ISSUED));
            let found = answer(store.is_revoked(facts)).await;
            assert_eq!(found, expected, "a token is known by its issuer and `jti`: {issuer:?} {id:?}");
        }
    }
    for (issuer, id) in revoked {
        // As a subject, the same texts are nobody's.
        let found = answer(store.is_revoked(facts(issuer, id, "another", None))).await;
        assert!(!found, "an id that is revoked is no subject: {issuer:?} {id:?}");
    }
}

async fn subjects_are_scoped(store: &impl RevocationStore, revoked: &[Key], others: &[Key]) {
    for (keys, expected) in [(revoked, true), (others, false)] {
        for (issuer, name) in keys {
            for issued in [None, Some(0), Some(ISSUED - 1), Some(ISSUED)] {
                let found = answer(store.is_revoked(facts(issuer, name, "id", issued))).await;
                assert_eq!(
                    found, expected,
                    "a subject is known by its issuer: {issuer:?} {name:?} {issued:?}"
                );
            }
            let later = facts(issuer, name, "id", Some(ISSUED + 1));
            let found = answer(store.is_revoked(later)).await;
            assert!(!found, "what is issued later is good: {issuer:?} {name:?}");
        }
    }
}

async fn the_latest_time_counts(store: &impl RevocationStore) {
    for (issued, expected) in [(ISSUED, true), (ISSUED + 60, true), (ISSUED + 61, false)] {
        let found = answer(store.is_revoked(facts("issuer", "alice", "id", Some(issued)))).await;
        assert_eq!(found, expected, "of two times up to which all is revoked, the later counts");
    }
}

/// An issuer, and an id or a subject.
type Key = (String, String);

fn keys() -> Vec<Key> {
    let of_one_issuer = texts().into_iter().map(|text| ("issuer".to_owned(), text));
    let of_each_issuer = texts().into_iter().map(|text| (text, "text".to_owned()));
    let pairs = PAIRS.into_iter().map(|(issuer, text)| (issuer.to_owned(), text.to_owned()));
    of_one_issuer.chain(of_each_issuer).chain(pairs).collect()
}

/// Every second key, and the others.
fn split(keys: &[Key], part: usize) -> (Vec<Key>, Vec<Key>) {
    let parts = keys.iter().cloned().enumerate();
    let (one, other): (Vec<_>, Vec<_>) = parts.partition(|(at, _)| at % 2 == part);
    let keys = |part: Vec<(usize, Key)>| part.into_iter().map(|(_, key)| key).collect();
    (keys(one), keys(other))
}

pub(super) fn token(issuer: &str, id: &str) -> Revocation {
    Revocation::Token { issuer: issuer.to_owned(), id: id.to_owned(), expires: at(EXPIRES) }
}

fn subject(issuer: &str, name: &str, up_to: u64) -> Revocation {
    let identity = Identity::new(issuer, name).expect("the texts are not empty");
    Revocation::Subject { identity, up_to: at(up_to), expires: at(EXPIRES) }
}

fn facts<'t>(issuer: &'t str, subject: &'t str, id: &'t str, issued: Option<u64>) -> TokenFacts<'t> {
    TokenFacts { issuer, subject, id, issued: issued.map(at) }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}
