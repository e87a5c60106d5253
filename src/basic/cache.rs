use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use foldhash::fast::RandomState;
use quick_cache::{Lifecycle, UnitWeighter, sync::Cache};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{PasswordHash, Source, User, credentials::BasicCredentials};
use crate::Principal;

/// How many other passwords may be tried before an entry is forgotten.
const MOST_GUESSES: u32 = 20;

/// Credentials that were verified a short while ago, so that a caller who sends them again need not
/// be hashed for. For [`BasicAuth::cache`](super::BasicAuth::cache); a clone is the same cache.
///
/// An entry is kept under a MAC of the credentials, and of the source that a [`Throttle`](super::Throttle) knows the
/// request by. Its key is drawn when the cache is made and kept nowhere else; no password is in it. It counts only as
/// long as the store's hash is still the one that was verified, and the user is still let in: the store is asked on
/// every request, or tells by a [version](super::UserStore::version) that nothing has changed. Failures are never kept.
///
/// Layers may share a cache, over one store of users or several: who is kept by one layer is looked up before another
/// lets them in.
///
/// No throttle sees what is answered from here. So that nobody guesses faster for that, an entry answers its own
/// source alone, and is forgotten when 20 other passwords have been tried for its user from there.
#[derive(Clone)]
pub struct CredentialCache {
    entries: Arc<Table<Silent>>,
    /// The same ones, by user and source.
    watched: Arc<Table<Ending>>,
    macs: Macs,
    time_to_live: Duration,
}

type Table<L> = Cache<Mac, Arc<Entry>, UnitWeighter, RandomState, L>;

/// What was found out by a hash.
pub(super) struct Entry {
    pub(super) principal: Principal,
    verified_at: SystemTime,
    /// When the account expires.
    pub(super) expires: Option<SystemTime>,
    /// Of the store, when it was asked.
    pub(super) version: Option<Version>,
    /// How many other passwords were tried for the user from the source.
    guesses: AtomicU32,
    pub(super) hash: PasswordHash,
    user: Arc<str>,
}

/// As long as it is the same, nothing has changed in the store that was asked. What two stores tell may be the same
/// number, and says nothing of each other.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct Version {
    pub(super) of: StoreNumber,
    pub(super) number: u64,
}

/// Which store it is: each that is given to this process's layers is another one.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) struct StoreNumber(u64);

impl StoreNumber {
    pub(super) fn next() -> Self {
        static GIVEN: AtomicU64 = AtomicU64::new(0);
        Self(GIVEN.fetch_add(1, Ordering::Relaxed))
    }
}

impl Entry {
    /// For when nobody counts guesses any more.
    fn end(&self) {
        self.guesses.store(MOST_GUESSES, Ordering::Relaxed);
    }

    fn has_ended(&self) -> bool {
        self.guesses.load(Ordering::Relaxed) >= MOST_GUESSES
    }
}

impl CredentialCache {
    /// A cache of about so many entries, each for 60 seconds.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: Arc::new(table(capacity, Silent)),
            watched: Arc::new(table(capacity, Ending)),
            macs: Macs::new(),
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

    /// What these credentials, as they were sent, are known by.
    pub(super) fn mac(&self, sent: &[u8], source: Option<&Source>) -> Mac {
        self.macs.of_credentials(sent, source)
    }

    /// What was found out about these credentials.
    pub(super) fn find(&self, mac: &Mac, now: SystemTime) -> Option<Arc<Entry>> {
        let entry = self.entries.get(mac)?;
        // Before it was verified: the clock has gone back.
        let age = now.duration_since(entry.verified_at).ok()?;
        (age < self.time_to_live && !entry.has_ended()).then_some(entry)
    }

    /// Counts credentials that are not known.
    pub(super) fn note_guess(&self, credentials: &BasicCredentials, source: Option<&Source>) {
        if let Some(entry) = self.watched.get(&self.macs.of_user(credentials.user(), source)) {
            entry.guesses.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Keeps credentials that were verified against this user, whom the store gave at this version.
    pub(super) fn insert(
        &self,
        mac: Mac,
        whose: (&BasicCredentials, Option<&Source>),
        (user, version): (&User, Option<Version>),
        now: SystemTime,
    ) {
        self.keep(
            mac,
            whose,
            Entry {
                principal: user.to_principal(),
                verified_at: now,
                expires: user.expiry(),
                version,
                guesses: AtomicU32::new(0),
                hash: user.password().clone(),
                user: user.name().into(),
            },
        );
    }

    /// Keeps what the store says now of a user that is still let in by the same hash.
    pub(super) fn renew(
        &self,
        mac: Mac,
        whose: (&BasicCredentials, Option<&Source>),
        entry: &Entry,
        (user, version): (&User, Option<Version>),
    ) {
        self.keep(
            mac,
            whose,
            Entry {
                principal: user.to_principal(),
                verified_at: entry.verified_at,
                expires: user.expiry(),
                version,
                guesses: AtomicU32::new(entry.guesses.load(Ordering::Relaxed)),
                hash: entry.hash.clone(),
                user: entry.user.clone(),
            },
        );
    }

    fn keep(
        &self,
        mac: Mac,
        (credentials, source): (&BasicCredentials, Option<&Source>),
        entry: Entry,
    ) {
        let of_user = self.macs.of_user(credentials.user(), source);
        if let Some(former) = self.watched.get(&of_user) {
            former.end();
        }
        let entry = Arc::new(entry);
        self.watched.insert(of_user, entry.clone());
        self.entries.insert(mac, entry);
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

fn table<L: Lifecycle<Mac, Arc<Entry>> + Clone>(capacity: usize, lifecycle: L) -> Table<L> {
    Cache::with(capacity, capacity as u64, UnitWeighter, RandomState::default(), lifecycle)
}

/// A table that says nothing of what it drops.
#[derive(Clone)]
struct Silent;

impl Lifecycle<Mac, Arc<Entry>> for Silent {
    type RequestState = ();
}

/// A table whose entries end when they are dropped.
#[derive(Clone)]
struct Ending;

impl Lifecycle<Mac, Arc<Entry>> for Ending {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: Mac, entry: Arc<Entry>) {
        entry.end();
    }
}

/// A MAC: how many of its bytes agree with those of another tells nothing.
pub(super) type Mac = [u8; 32];

/// SHA-256 over a secret block and the message, of which nobody sees the outcome: it cannot be made longer.
#[derive(Clone)]
struct Macs(Sha256);

impl Macs {
    fn new() -> Self {
        let mut key = Zeroizing::new([0; 64]);
        crate::random::fill(&mut *key);
        Self(Sha256::new_with_prefix(key.as_slice()))
    }

    fn of_credentials(&self, sent: &[u8], source: Option<&Source>) -> Mac {
        self.of(b'c', sent, source)
    }

    fn of_user(&self, user: &str, source: Option<&Source>) -> Mac {
        self.of(b'u', user.as_bytes(), source)
    }

    /// The length keeps the parts apart: `ab` from `c` is not `a` from `bc`.
    fn of(&self, kind: u8, text: &[u8], source: Option<&Source>) -> Mac {
        let source = source.map_or(&[][..], Source::as_bytes);
        let mac = self.0.clone().chain_update([kind]).chain_update((text.len() as u64).to_be_bytes());
        mac.chain_update(text).chain_update(source).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_caches_keep_one_credential_under_one_key() {
        let source = Source::new("cave");
        let macs_of = |cache: &CredentialCache| {
            let of_credentials =
                cache.macs.of_credentials(b"YWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(&source));
            (of_credentials, cache.macs.of_user("aladdin", Some(&source)))
        };
        let cache = CredentialCache::new(10);
        let (key, user) = macs_of(&cache);
        assert_eq!(macs_of(&cache.clone()), (key, user));
        let (other_key, other_user) = macs_of(&CredentialCache::new(10));
        assert!(key != other_key && user != other_user, "who has one has not the other");
    }
}
