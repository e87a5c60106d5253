use std::{fmt, time::Duration};

use foldhash::fast::RandomState;
use quick_cache::{
    UnitWeighter,
    sync::{Cache, DefaultLifecycle},
};

use super::keys::Generation;
use crate::{
    Principal,
    claim::Validity,
    fingerprint::{Fingerprint, Fingerprints},
};

/// Tokens that were verified, by their fingerprints.
///
/// What is kept are facts, never decisions: who the token is from, in which time it is good, and by
/// which set of keys. Scopes are asked for each time, and so is revocation. Only good tokens get in, so what
/// strangers make up pushes nothing out.
pub(super) struct TokenCache {
    fingerprints: Fingerprints,
    tokens: Cache<Fingerprint, Verified, UnitWeighter, RandomState>,
}

/// What verifying a token has shown.
#[derive(Clone)]
pub(super) struct Verified {
    pub(super) principal: Principal,
    pub(super) validity: Validity,
    pub(super) generation: Generation,
    /// At which [version](super::RevocationStore::version) the store knew of no revocation.
    pub(super) unrevoked_at: Option<u64>,
}

impl TokenCache {
    /// Of at most so many tokens, each of at most so many bytes.
    pub(super) fn new(tokens: usize, longest: usize) -> Self {
        let (hashing, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        let tokens = Cache::with(tokens, tokens as u64, UnitWeighter, hashing, lifecycle);
        Self { fingerprints: Fingerprints::new(longest), tokens }
    }

    /// What is known of a token, if it was found out by these keys, and the token is still good.
    pub(super) fn find(
        &self,
        token: &[u8],
        generation: Generation,
        now: Duration,
    ) -> Option<(Fingerprint, Verified)> {
        let fingerprint = self.fingerprints.of(token)?;
        let verified = self.tokens.get(&fingerprint)?;
        if verified.generation == generation && verified.validity.judge(now).is_ok() {
            return Some((fingerprint, verified));
        }
        self.forget(&fingerprint);
        None
    }

    pub(super) fn fingerprint(&self, token: &[u8]) -> Option<Fingerprint> {
        self.fingerprints.of(token)
    }

    pub(super) fn keep(&self, fingerprint: Fingerprint, verified: Verified) {
        self.tokens.insert(fingerprint, verified);
    }

    pub(super) fn forget(&self, fingerprint: &Fingerprint) {
        self.tokens.remove(fingerprint);
    }
}

/// No token is printed.
impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").field("tokens", &self.tokens.len()).finish_non_exhaustive()
    }
}
