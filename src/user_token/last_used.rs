use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use super::{TokenDigest, UserTokenAdmin, UserTokenRecord};
use crate::{NowOrLater, StoreError};

/// How many tokens are written down within one interval.
const MOST: usize = 10_000;

/// Writes down when tokens were last used: coarsely, and no request waits for it.
///
/// A token is written down when its record says that it was not used within the interval, and this process
/// has not tried to within it: once in an interval, however many requests there are and whatever becomes of
/// the write. A store that answers later does so in a task of its own, on the tokio runtime that serves the
/// request. What cannot be written is logged. Of more than 10,000 tokens in an interval, the rest is passed
/// over until the next one.
///
/// ```
/// use std::time::Duration;
///
/// use portcullis::user_token::{LastUsed, MemoryUserTokenStore, UserTokenAuth};
///
/// let store = MemoryUserTokenStore::new();
/// let auth = UserTokenAuth::new("vault", store.clone())?
///     .last_used(LastUsed::new(store, Duration::from_secs(10 * 60)));
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct LastUsed(Arc<Parts>);

struct Parts {
    store: Box<dyn UserTokenAdmin>,
    interval: Duration,
    tried: Mutex<Tried>,
}

/// What this process has tried to write since a time.
#[derive(Default)]
struct Tried {
    since: Option<SystemTime>,
    tokens: HashSet<TokenDigest>,
}

impl LastUsed {
    /// Writes to this store. The interval is how exact the times in it are: ten minutes, say.
    pub fn new(store: impl UserTokenAdmin, interval: Duration) -> Self {
        Self(Arc::new(Parts { store: Box::new(store), interval, tried: Mutex::default() }))
    }

    /// Notes that a token was let in.
    pub(super) fn note(&self, digest: &TokenDigest, record: &UserTokenRecord, now: SystemTime) {
        if !self.is_recent(record.last_used, now) && self.is_first(digest, now) {
            write(self.0.store.used(digest, now));
        }
    }

    /// Whether this is the first try within the interval, and there is room to remember it.
    fn is_first(&self, digest: &TokenDigest, now: SystemTime) -> bool {
        let mut tried = self.0.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_recent(tried.since, now) {
            tried.since = Some(now);
            tried.tokens.clear();
        }
        tried.tokens.len() < MOST && tried.tokens.insert(*digest)
    }

    /// A time that is still to come is not recent: the clock was set back.
    fn is_recent(&self, time: Option<SystemTime>, now: SystemTime) -> bool {
        let age = time.and_then(|time| now.duration_since(time).ok());
        age.is_some_and(|age| age < self.0.interval)
    }
}

fn write(written: NowOrLater<Result<(), StoreError>>) {
    match written.into_now() {
        Ok(written) => report(written),
        Err(later) => match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async { report(later.await) })),
            Err(error) => report(Err(StoreError::new(error))),
        },
    }
}

fn report(written: Result<(), StoreError>) {
    if let Err(error) = written {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(cause, "the last use of a user token could not be written down");
    }
}

impl fmt::Debug for LastUsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastUsed").field("interval", &self.0.interval).finish_non_exhaustive()
    }
}
