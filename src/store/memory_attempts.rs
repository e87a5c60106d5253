use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use quick_cache::unsync::Cache;

use crate::{
    NowOrLater, StoreError,
    basic::{Admission, AttemptKey, AttemptLimit, AttemptStore},
};

/// Attempts to sign in, counted in memory. A clone is the same store.
///
/// It holds up to 100,000 records, some ten megabytes; beyond, the least used ones are dropped.
///
/// # Caveats
///
/// It counts for one node, and a restart forgets. An attempt that is looked at leaves three records at most, and one
/// that has to wait leaves none: who makes it drop one record has had 30,000 passwords looked at.
#[derive(Clone)]
pub struct MemoryAttemptStore(Arc<Mutex<Cache<AttemptKey, Record>>>);

#[derive(Clone, Copy)]
struct Record {
    attempts: u32,
    /// The next attempt waits until then.
    next: SystemTime,
    last: SystemTime,
    forget_after: Duration,
    known: bool,
}

impl MemoryAttemptStore {
    /// A store in which nothing is counted.
    pub fn new() -> Self {
        Self::with_capacity(100_000)
    }

    /// A store of so many records.
    pub fn with_capacity(records: usize) -> Self {
        Self(Arc::new(Mutex::new(Cache::new(records))))
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn count_now(&self, key: AttemptKey, limit: AttemptLimit, now: SystemTime) -> Admission {
        let mut records = self.lock();
        let record = records.get(&key).filter(|record| !record.is_forgotten(now)).copied();
        let mut record = record.unwrap_or_else(|| Record::new(limit, now));
        let wait = record.next.duration_since(now).unwrap_or_default();
        if !wait.is_zero() && wait <= limit.longest_wait() {
            return Admission::Wait(wait);
        }
        record.attempts = record.attempts.saturating_add(1);
        record.next = now.checked_add(limit.wait_after(record.attempts)).unwrap_or(now);
        record.last = now;
        records.insert(key, record);
        Admission::Admitted { known: record.known }
    }

    pub(crate) fn take_back_now(&self, key: AttemptKey) {
        let mut records = self.lock();
        let Some(mut record) = records.get_mut(&key) else { return };
        record.attempts = record.attempts.saturating_sub(1);
        let (is_none_left, known) = (record.attempts == 0, record.known);
        if is_none_left {
            record.next = SystemTime::UNIX_EPOCH;
        }
        drop(record);
        if is_none_left && !known {
            records.remove(&key);
        }
    }

    pub(crate) fn succeed_now(&self, key: AttemptKey, limit: AttemptLimit, now: SystemTime) {
        self.lock().insert(key, Record { known: true, ..Record::new(limit, now) });
    }

    fn lock(&self) -> MutexGuard<'_, Cache<AttemptKey, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn new(limit: AttemptLimit, now: SystemTime) -> Self {
        let forget_after = limit.forget_after();
        Self { attempts: 0, next: now, last: now, forget_after, known: false }
    }

    fn is_forgotten(&self, now: SystemTime) -> bool {
        now.duration_since(self.last).is_ok_and(|idle| idle >= self.forget_after)
    }
}

impl AttemptStore for MemoryAttemptStore {
    fn count(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<Admission, StoreError>> {
        NowOrLater::now(Ok(self.count_now(key, limit, now)))
    }

    fn take_back(&self, key: AttemptKey) -> NowOrLater<Result<(), StoreError>> {
        self.take_back_now(key);
        NowOrLater::now(Ok(()))
    }

    fn succeed(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<(), StoreError>> {
        self.succeed_now(key, limit, now);
        NowOrLater::now(Ok(()))
    }
}

impl Default for MemoryAttemptStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryAttemptStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryAttemptStore").field("records", &self.len()).finish()
    }
}
