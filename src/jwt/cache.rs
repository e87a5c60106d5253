use std::{fmt, time::Duration};

use foldhash::{SharedSeed, quality::SeedableRandomState};
use quick_cache::{UnitWeighter, sync};

use crate::{Principal, claim::Validity};

/// Tokens that were verified, by their whole text.
///
/// What is kept are facts, never decisions: who the token is from, in which time it is good, and by
/// which set of keys. Scopes and revocation are asked for each time. Only good tokens get in, so what
/// strangers make up pushes nothing out.
pub(super) struct TokenCache(sync::Cache<Box<str>, Verified, UnitWeighter, SeedableRandomState>);

/// What verifying a token has shown.
#[derive(Clone)]
pub(super) struct Verified {
    pub(super) principal: Principal,
    pub(super) validity: Validity,
    /// [`Keys::generation`](super::Keys::generation).
    pub(super) generation: u64,
}

impl TokenCache {
    /// At most this many tokens.
    pub(super) fn new(tokens: usize) -> Self {
        let mut seed = [0; 8];
        crate::random::fill(&mut seed);
        let seed = u64::from_ne_bytes(seed);
        let hashing = SeedableRandomState::with_seed(seed, SharedSeed::global_random());
        let lifecycle = sync::DefaultLifecycle::default();
        Self(sync::Cache::with(tokens, tokens as u64, UnitWeighter, hashing, lifecycle))
    }

    /// Who the token is from, if that was found out by these keys, and the token is still good.
    pub(super) fn principal(&self, token: &str, generation: u64, now: Duration) -> Option<Principal> {
        let verified = self.0.get(token)?;
        if verified.generation == generation && verified.validity.judge(now).is_ok() {
            return Some(verified.principal);
        }
        self.forget(token);
        None
    }

    pub(super) fn keep(&self, token: &str, verified: Verified) {
        self.0.insert(token.into(), verified);
    }

    pub(super) fn forget(&self, token: &str) {
        self.0.remove(token);
    }
}

/// No token is printed.
impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").field("tokens", &self.0.len()).finish_non_exhaustive()
    }
}
