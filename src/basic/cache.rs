use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use hmac::{Hmac, KeyInit, Mac};
use quick_cache::sync::Cache;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{PasswordHash, credentials::BasicCredentials};

/// Credentials that were verified a short while ago, so that a caller who sends them again need not
/// be hashed for. For [`BasicAuth::cache`](super::BasicAuth::cache); a clone is the same cache.
///
/// An entry is kept under a MAC of the user name and the password, whose key is drawn when the cache is made and
/// kept nowhere else; no password is in it. It counts only as long as the store's hash is still the one that
/// was verified, and the user is still let in: the store is asked on every request. Failures are never kept.
#[derive(Clone)]
pub struct CredentialCache {
    entries: Arc<Cache<[u8; 32], Entry>>,
    mac: Hmac<Sha256>,
    time_to_live: Duration,
}

#[derive(Clone)]
struct Entry {
    user: Arc<str>,
    hash: PasswordHash,
    verified_at: SystemTime,
}

impl CredentialCache {
    /// A cache of about so many entries, each for 60 seconds.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    pub fn new(capacity: usize) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        getrandom::fill(&mut *key).expect("the system has random numbers");
        Self {
            entries: Arc::new(Cache::new(capacity)),
            mac: Hmac::new_from_slice(&*key).expect("HMAC takes keys of any length"),
            time_to_live: Duration::from_secs(60),
        }
    }

    /// How long an entry counts after the hash that has made it. Repeating it does not make it longer.
    pub fn time_to_live(mut self, limit: Duration) -> Self {
        self.time_to_live = limit;
        self
    }

    /// Forgets all that is kept of a user. It takes a look at every entry.
    ///
    /// What changes in the store needs no call: it is for what the store does not see, such as a
    /// password that was found in a leak.
    pub fn invalidate(&self, user: &str) {
        self.entries.retain(|_, entry| &*entry.user != user);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The hash that these credentials were verified against.
    pub(super) fn find(&self, credentials: &BasicCredentials, now: SystemTime) -> Option<PasswordHash> {
        let entry = self.entries.get(&self.key(credentials))?;
        // Before it was verified: the clock has gone back.
        let age = now.duration_since(entry.verified_at).ok()?;
        (age < self.time_to_live).then_some(entry.hash)
    }

    pub(super) fn insert(&self, credentials: &BasicCredentials, hash: PasswordHash, now: SystemTime) {
        let user = credentials.user().into();
        self.entries.insert(self.key(credentials), Entry { user, hash, verified_at: now });
    }

    /// The length keeps the parts apart: `ab` with `c` is not `a` with `bc`.
    fn key(&self, credentials: &BasicCredentials) -> [u8; 32] {
        let (user, password) = (credentials.user(), credentials.password());
        let mut mac = self.mac.clone();
        mac.update(&(user.len() as u64).to_be_bytes());
        mac.update(user.as_bytes());
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for CredentialCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCache")
            .field("entries", &self.len())
            .field("time_to_live", &self.time_to_live)
            .finish_non_exhaustive()
    }
}
