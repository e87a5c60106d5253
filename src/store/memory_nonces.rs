use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::{
    NowOrLater, StoreError,
    clock::unix_seconds,
    s3p::{Nonce, NonceStore, Recorded, WINDOW},
};

/// Nonces in memory, of one process. A clone is the same store.
///
/// A nonce is kept as 64 bits of a hash under a key drawn at start, and never dropped before it expires:
/// a full store refuses. That two of a million live nonces have one hash, and the second is refused
/// though it is new, happens once in some ten trillion requests; that a replay passes, never. A live
/// nonce takes less than 64 bytes, growth included (`tests/allocations.rs` measures it).
///
/// A clock that jumps ahead lets nonces expire early; requests whose nonces may have been dropped so
/// stay refused when the clock jumps back.
///
/// # Caveats
///
/// A restart forgets. [`refusing_before`](Self::refusing_before) refuses what could have been seen before
/// it. Several processes do not know of each other's nonces.
#[derive(Clone)]
pub struct MemoryNonceStore(Arc<Shared<Mutex<Live>>>);

/// What is behind the lock. The lock is a parameter, so that a model checker can put in its own.
struct Shared<L> {
    hasher: RandomState,
    max_live: usize,
    max_live_per_token: usize,
    live: L,
}

#[derive(Default)]
struct Live {
    nonces: HashSet<u64>,
    /// By token, hashed like a nonce.
    count: HashMap<u64, usize>,
    /// By the second in which they expire: (nonce, token).
    expiring: BTreeMap<i64, Vec<(u64, u64)>>,
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
        Self(Arc::new(Shared::new(max_live, max_live_per_token, Mutex::default())))
    }

    /// Refuses what was signed before this time.
    ///
    /// With the time at which the process has started, no request that was accepted before a restart is
    /// accepted again, unless its client's clock was ahead. Add how far clients' clocks may be ahead: with
    /// 300 seconds, nothing at all is accepted twice, and nothing is accepted for five minutes.
    pub fn refusing_before(self, time: SystemTime) -> Self {
        // Rounded up: what was signed in the second of the start may have been seen before it.
        let first = time.checked_add(Duration::from_nanos(999_999_999)).map_or(i64::MAX, unix_seconds);
        let last_refused = first.saturating_sub(1).saturating_add(WINDOW);
        self.0.live.with(|live| live.dropped_through = live.dropped_through.max(Some(last_refused)));
        self
    }
}

impl Default for MemoryNonceStore {
    fn default() -> Self {
        Self::new()
    }
}

impl NonceStore for MemoryNonceStore {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        NowOrLater::now(Ok(self.0.record(nonce)))
    }
}

impl<L: Lock> Shared<L> {
    fn new(max_live: usize, max_live_per_token: usize, live: L) -> Self {
        Self { hasher: RandomState::new(), max_live, max_live_per_token, live }
    }

    fn record(&self, nonce: Nonce<'_>) -> Recorded {
        // Texts are hashed with their ends: ("ab", "c") is not ("a", "bc").
        let id = self.hasher.hash_one((nonce.token, nonce.nonce));
        let token = self.hasher.hash_one(nonce.token);
        self.live.with(|live| {
            live.drop_expired(nonce.now);
            let forgotten = live.dropped_through.is_some_and(|second| nonce.expires <= second);
            if forgotten || live.nonces.contains(&id) {
                Recorded::Replayed
            } else if live.count.get(&token).copied().unwrap_or_default() >= self.max_live_per_token {
                Recorded::TokenFull
            } else if live.nonces.len() >= self.max_live {
                Recorded::StoreFull
            } else {
                live.insert(id, token, nonce.expires);
                Recorded::Fresh
            }
        })
    }
}

impl Live {
    fn insert(&mut self, id: u64, token: u64, expires: i64) {
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

/// One at a time.
trait Lock {
    fn with<R>(&self, act: impl FnOnce(&mut Live) -> R) -> R;
}

impl Lock for Mutex<Live> {
    fn with<R>(&self, act: impl FnOnce(&mut Live) -> R) -> R {
        act(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
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

/// The store under a model checker, which runs the threads in every order it can think of.
#[cfg(test)]
mod model {
    use shuttle::{
        check_dfs, check_random,
        sync::{Arc, Mutex},
        thread,
    };

    use super::{Live, Lock, Nonce, Recorded, Shared};

    impl Lock for Mutex<Live> {
        fn with<R>(&self, act: impl FnOnce(&mut Live) -> R) -> R {
            act(&mut self.lock().unwrap())
        }
    }

    fn nonce(nonce: &'static str, expires: i64, now: i64) -> Nonce<'static> {
        Nonce { token: "token", nonce, expires, now }
    }

    /// What each of these requests is answered, each on a thread of its own.
    fn answers(max_live: usize, requests: &[Nonce<'static>]) -> Vec<Recorded> {
        let store = Arc::new(Shared::new(max_live, max_live, Mutex::new(Live::default())));
        let threads: Vec<_> = requests
            .iter()
            .map(|request| {
                let (store, request) = (store.clone(), *request);
                thread::spawn(move || store.record(request))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }

    fn fresh(answers: &[Recorded]) -> usize {
        answers.iter().filter(|answer| **answer == Recorded::Fresh).count()
    }

    #[test]
    fn in_every_order_one_of_three_with_one_nonce_is_fresh() {
        check_dfs(|| assert_eq!(fresh(&answers(9, &[nonce("n", 300, 0); 3])), 1), None);
    }

    #[test]
    fn in_every_order_a_full_store_takes_no_more_than_it_holds() {
        let requests = ["a", "b", "c"].map(|text| nonce(text, 300, 0));
        check_dfs(move || assert_eq!(fresh(&answers(2, &requests)), 2), None);
    }

    #[test]
    fn a_clock_that_moves_between_two_requests_lets_neither_in_twice() {
        // By the time of the third, the others may have expired.
        let requests = [nonce("n", 300, 0), nonce("n", 300, 300), nonce("n", 300, 301)];
        check_random(move || assert!(fresh(&answers(9, &requests)) <= 1), 5_000);
    }
}
