use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use hmac::{Hmac, KeyInit, Mac};
use quick_cache::sync::Cache;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{PasswordHash, Source, User, credentials::BasicCredentials};

/// How many other passwords may be tried before an entry is forgotten.
const MOST_GUESSES: u32 = 20;

/// Credentials that were verified a short while ago, so that a caller who sends them again need not
/// be hashed for. For [`BasicAuth::cache`](super::BasicAuth::cache); a clone is the same cache.
///
/// An entry is kept under a MAC of the user name and of the source that a [`Throttle`](super::Throttle) knows the
/// request by, and holds a MAC of the password. Their key is drawn when the cache is made and kept nowhere else; no
/// password is in it. It counts only as long as the store's hash is still the one that was verified, and the user
/// is still let in: the store is asked on every request. Failures are never kept.
///
/// No throttle sees what is answered from here. So that nobody guesses faster for that, an entry answers its own
/// source alone, and is forgotten when 20 other passwords have been tried against it.
#[derive(Clone)]
pub struct CredentialCache {
    entries: Arc<Cache<[u8; 32], Arc<Entry>>>,
    mac: Hmac<Sha256>,
    time_to_live: Duration,
}

struct Entry {
    /// A MAC, too.
    password: [u8; 32],
    user: Arc<str>,
    hash: PasswordHash,
    verified_at: SystemTime,
    /// How many other passwords were tried.
    guesses: AtomicU32,
}

impl CredentialCache {
    /// A cache of about so many entries, each for 60 seconds.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    pub fn new(capacity: usize) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        crate::random::fill(&mut *key);
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

    /// Forgets all that is kept of a user, by the name that the store gives it. It takes a look at every entry.
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
    pub(super) fn find(
        &self,
        credentials: &BasicCredentials,
        source: Option<&Source>,
        now: SystemTime,
    ) -> Option<PasswordHash> {
        let (key, password) = self.macs(credentials, source);
        let entry = self.entries.get(&key)?;
        // Both are MACs: how many of their bytes agree tells nothing.
        if entry.password != password {
            if entry.guesses.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_GUESSES {
                self.entries.remove(&key);
            }
            return None;
        }
        // Before it was verified: the clock has gone back.
        let age = now.duration_since(entry.verified_at).ok()?;
        (age < self.time_to_live).then(|| entry.hash.clone())
    }

    pub(super) fn insert(
        &self,
        credentials: &BasicCredentials,
        source: Option<&Source>,
        user: &User,
        now: SystemTime,
    ) {
        let (key, password) = self.macs(credentials, source);
        let entry = Entry {
            password,
            user: user.name().into(),
            hash: user.password().clone(),
            verified_at: now,
            guesses: AtomicU32::new(0),
        };
        self.entries.insert(key, Arc::new(entry));
    }

    /// Of the user and the source, and of them and the password. The lengths keep the parts apart: `ab` with `c`
    /// is not `a` with `bc`.
    fn macs(&self, credentials: &BasicCredentials, source: Option<&Source>) -> ([u8; 32], [u8; 32]) {
        let (user, source) = (credentials.user().as_bytes(), source.map_or(&[][..], Source::as_bytes));
        let mut mac = self.mac.clone();
        for part in [user, source] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let key = mac.clone().finalize().into_bytes().into();
        mac.update(credentials.password().as_bytes());
        (key, mac.finalize().into_bytes().into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_caches_keep_one_credential_under_one_key() {
        let credentials = BasicCredentials::new("aladdin", "open sesame").unwrap();
        let source = Source::new("cave");
        let cache = CredentialCache::new(10);
        let (key, password) = cache.macs(&credentials, Some(&source));
        assert_eq!(cache.clone().macs(&credentials, Some(&source)), (key, password));
        let (other_key, other_password) = CredentialCache::new(10).macs(&credentials, Some(&source));
        assert!(key != other_key && password != other_password, "who has one has not the other");
    }
}
