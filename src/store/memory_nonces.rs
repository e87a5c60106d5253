use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    NowOrLater, StoreError,
    s3p::{Nonce, NonceStore, Recorded},
};

/// Nonces in memory, of one process. A clone is the same store.
///
/// A nonce is kept as 128 bits of a hash under keys drawn at start, and never dropped before it
/// expires: a full store refuses. A clock that jumps ahead lets nonces expire early; requests whose
/// nonces may have been dropped so stay refused when the clock jumps back.
///
/// # Caveats
///
/// A restart forgets: what was signed in the ten minutes around it could be replayed. Several
/// processes do not know of each other's nonces.
#[derive(Clone)]
pub struct MemoryNonceStore(Arc<Parts>);

struct Parts {
    hashers: [RandomState; 2],
    max_live: usize,
    max_live_per_token: usize,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    nonces: HashSet<u128>,
    /// By token, hashed like a nonce.
    count: HashMap<u128, usize>,
    /// By the second in which they expire: (nonce, token).
    expiring: BTreeMap<i64, Vec<(u128, u128)>>,
    /// Nonces that expire by this second may have been dropped.
    dropped_through: Option<i64>,
}

impl MemoryNonceStore {
    /// A store for 1,000,000 live nonces, 100,000 of them of one token.
    pub fn new() -> Self {
        Self::with_limits(1_000_000, 100_000)
    }

    /// A store for so many live nonces, in all and of one token. A nonce lives for up to ten minutes:
    /// 600 times the requests that are expected in a second.
    pub fn with_limits(max_live: usize, max_live_per_token: usize) -> Self {
        Self(Arc::new(Parts {
            hashers: [RandomState::new(), RandomState::new()],
            max_live,
            max_live_per_token,
            live: Mutex::default(),
        }))
    }
}

impl Default for MemoryNonceStore {
    fn default() -> Self {
        Self::new()
    }
}

impl NonceStore for MemoryNonceStore {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let Parts { hashers, max_live, max_live_per_token, live } = &*self.0;
        // Tuples are hashed with their lengths: ("ab", "c") is not ("a", "bc").
        let [id, token] = [(nonce.token, Some(nonce.nonce)), (nonce.token, None)].map(|key| {
            let [high, low] = hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(key)));
            high << 64 | low
        });
        let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
        live.drop_expired(nonce.now);
        let forgotten = live.dropped_through.is_some_and(|second| nonce.expires <= second);
        NowOrLater::now(Ok(if forgotten || live.nonces.contains(&id) {
            Recorded::Replayed
        } else if live.count.get(&token).copied().unwrap_or_default() >= *max_live_per_token {
            Recorded::TokenFull
        } else if live.nonces.len() >= *max_live {
            Recorded::StoreFull
        } else {
            live.insert(id, token, nonce.expires);
            Recorded::Fresh
        }))
    }
}

impl Live {
    fn insert(&mut self, id: u128, token: u128, expires: i64) {
        self.nonces.insert(id);
        *self.count.entry(token).or_default() += 1;
        self.expiring.entry(expires).or_default().push((id, token));
    }

    /// Each nonce is dropped once: a constant cost for each that was recorded.
    fn drop_expired(&mut self, now: i64) {
        while let Some(entry) = self.expiring.first_entry().filter(|entry| *entry.key() < now) {
            let (second, expired) = entry.remove_entry();
            self.dropped_through = self.dropped_through.max(Some(second));
            for (id, token) in expired {
                self.nonces.remove(&id);
                if let Some(count) = self.count.get_mut(&token) {
                    *count -= 1;
                    if *count == 0 {
                        self.count.remove(&token);
                    }
                }
            }
        }
    }
}

impl fmt::Debug for MemoryNonceStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNonceStore")
            .field("max_live", &self.0.max_live)
            .field("max_live_per_token", &self.0.max_live_per_token)
            .finish_non_exhaustive()
    }
}
