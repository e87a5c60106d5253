use std::{sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use quick_cache::sync::{EntryAction, EntryResult};
use sha2::Sha256;
use tokio::sync::OnceCell;

use super::judge::Accepted;
use crate::Rejection;

/// Answers that may be used again, by token: as many as there is room for.
pub(super) struct Cache {
    entries: quick_cache::sync::Cache<Key, Arc<Entry>>,
    /// Under a key of this process, so that a token can be neither read nor tried out.
    mac: Hmac<Sha256>,
    ttl: Duration,
}

pub(super) type Key = [u8; 32];

/// One question. Those who wait for its answer share it; if who has asked goes away, another one of them
/// asks again.
pub(super) struct Entry {
    /// Since 1970-01-01T00:00:00Z.
    asked: Duration,
    pub(super) answer: OnceCell<Result<Accepted, Rejection>>,
}

impl Cache {
    pub(super) fn new(ttl: Duration, capacity: usize) -> Self {
        let mut key = [0; 32];
        crate::random::fill(&mut key);
        let mac = Hmac::new_from_slice(&key).expect("HMAC takes keys of any length");
        Self { entries: quick_cache::sync::Cache::new(capacity), mac, ttl }
    }

    pub(super) fn key(&self, token: &str) -> Key {
        self.mac.clone().chain_update(token).finalize().into_bytes().into()
    }

    /// The question that was asked less than the configured time ago, or a new one. An answer that is
    /// used at a time was therefore asked for at most so long before, however long it took.
    pub(super) fn entry(&self, key: &Key, now: Duration) -> Arc<Entry> {
        if let Some(entry) = self.entries.get(key).filter(|entry| self.is_fresh(entry, now)) {
            return entry;
        }
        let found = self.entries.entry(key, None, |_, entry| {
            if self.is_fresh(entry, now) {
                EntryAction::Retain(entry.clone())
            } else {
                EntryAction::ReplaceWithGuard
            }
        });
        let new = Arc::new(Entry { asked: now, answer: OnceCell::new() });
        match found {
            EntryResult::Retained(entry) => return entry,
            EntryResult::Vacant(guard) | EntryResult::Replaced(guard, _) => {
                let _ = guard.insert(new.clone());
            }
            // Never: nothing is removed above, and no time limit is set. Not to share is harmless.
            EntryResult::Removed(..) | EntryResult::Timeout => {}
        }
        new
    }

    /// Forgets this question, and no later one.
    pub(super) fn forget(&self, key: &Key, entry: &Arc<Entry>) {
        self.entries.remove_if(key, |other| Arc::ptr_eq(other, entry));
    }

    /// Not if the clock was set back.
    fn is_fresh(&self, entry: &Entry, now: Duration) -> bool {
        now.checked_sub(entry.asked).is_some_and(|age| age < self.ttl)
    }
}
