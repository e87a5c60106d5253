use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use quick_cache::sync::Cache;

use crate::{
    Clock, ConfigError, NowOrLater, StoreError, SystemClock,
    s3p::{AccessKey, AccessKeyStore},
};

/// Access keys of another store, each remembered for a short while, so that not every signed request asks a
/// database. A clone is the same cache.
///
/// For so long, a key that was changed or taken away at another instance is still good here: use it where that
/// is harmless. What is taken away at this one is called [`forget`](Self::forget). That a token is unknown is not
/// remembered, nor that the store was down: a new key is good at once. The other side of it: whether a token is known
/// shows in the time of the second answer.
#[derive(Clone)]
pub struct CachedAccessKeys(Arc<Parts>);

struct Parts {
    store: Box<dyn AccessKeyStore>,
    keys: Cache<Box<str>, Remembered>,
    time_to_live: Duration,
    /// How often something was forgotten.
    forgotten: AtomicU64,
    clock: Box<dyn Clock>,
}

#[derive(Clone)]
struct Remembered {
    key: AccessKey,
    /// When the store was asked: its answer may have been late.
    asked: SystemTime,
}

impl CachedAccessKeys {
    /// At most so many keys of this store, each for at most so long.
    ///
    /// # Errors
    ///
    /// When that is no key, no time, or more than a minute: nobody should wait longer for a stolen secret to
    /// be refused.
    pub fn new(
        store: impl AccessKeyStore,
        capacity: usize,
        time_to_live: Duration,
    ) -> Result<Self, ConfigError> {
        Self::with_clock(store, capacity, time_to_live, SystemClock)
    }

    /// The same, with the time from this clock.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_clock(
        store: impl AccessKeyStore,
        capacity: usize,
        time_to_live: Duration,
        clock: impl Clock,
    ) -> Result<Self, ConfigError> {
        if capacity == 0 || time_to_live.is_zero() || time_to_live > Duration::from_secs(60) {
            return Err(ConfigError::new(
                "access keys are remembered for at most a minute, and at least one of them for some time; to \
                 remember none, use the store itself",
            ));
        }
        Ok(Self(Arc::new(Parts {
            store: Box::new(store),
            keys: Cache::new(capacity),
            time_to_live,
            forgotten: AtomicU64::new(0),
            clock: Box::new(clock),
        })))
    }

    /// Forgets the key of this access token: after it was changed or taken away. An answer of the store that is
    /// under way is not remembered, either.
    pub fn forget(&self, token: &str) {
        self.0.forgotten.fetch_add(1, Ordering::SeqCst);
        self.0.keys.remove(token);
    }
}

impl Parts {
    fn remembered(&self, token: &str, now: SystemTime) -> Option<AccessKey> {
        let Remembered { key, asked } = self.keys.get(token)?;
        // A clock that was set back makes no entry last longer.
        let age = now.duration_since(asked).ok()?;
        (age < self.time_to_live).then_some(key)
    }

    fn remember(&self, token: &str, asked: SystemTime, forgotten: u64, key: &AccessKey) {
        self.keys.insert(token.into(), Remembered { key: key.clone(), asked });
        if self.forgotten.load(Ordering::SeqCst) != forgotten {
            self.keys.remove(token);
        }
    }
}

impl AccessKeyStore for CachedAccessKeys {
    fn access_key(&self, token: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        let parts = &self.0;
        let now = parts.clock.now();
        if let Some(key) = parts.remembered(token, now) {
            return NowOrLater::now(Ok(Some(key)));
        }
        let forgotten = parts.forgotten.load(Ordering::SeqCst);
        let (parts, owned) = (parts.clone(), Box::<str>::from(token));
        self.0.store.access_key(token).map(move |answer| {
            if let Ok(Some(key)) = &answer {
                parts.remember(&owned, now, forgotten, key);
            }
            answer
        })
    }
}

impl fmt::Debug for CachedAccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedAccessKeys")
            .field("time_to_live", &self.0.time_to_live)
            .finish_non_exhaustive()
    }
}
