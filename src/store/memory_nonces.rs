use std::{
    fmt,
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use foldhash::quality::RandomState;

use super::nonce_table::{Limits, NonceTable, TokenHash};
use crate::{
    NowOrLater, StoreError,
    clock::unix_seconds,
    s3p::{Nonce, NonceStore, Recorded, WINDOW},
};

/// Nonces in memory, of one process. A clone is the same store.
///
/// A nonce is kept as 64 bits of a hash that is keyed at start, and never dropped before it expires:
/// a full store refuses. That two of a million live nonces have one hash, and the second is refused
/// though it is new, happens once in some ten trillion requests; that a replay passes, never. A live
/// nonce takes less than 40 bytes, and each token some 60 more (`tests/allocations.rs` measures it).
///
/// A large store is many small tables, each with a lock of its own, so that threads do not wait for each other and
/// nothing that is done to a table takes long. Each has its part of the room, so that the first refusals come
/// shortly before all of it is taken. Where the share of a token is small beside the whole (1,000 of 1,000,000), all
/// nonces of a token are in one table, and the first refusals may come when less than half of it is taken: give such a
/// store three times the room.
///
/// A clock that jumps ahead lets nonces expire early; requests whose nonces may have been dropped so
/// stay refused when the clock jumps back.
///
/// # Caveats
///
/// * A restart forgets. What was signed before it is refused, so that no request is accepted again, unless its client's
///   clock was ahead. With a start that is 300 seconds later, nothing at all is accepted twice, and nothing is accepted
///   for five minutes. A client whose clock is behind is refused for as long after a restart. With
///   [`UNIX_EPOCH`](std::time::UNIX_EPOCH), whatever was accepted within five minutes before a restart can be replayed.
/// * Several processes do not know of each other's nonces.
#[derive(Clone)]
pub struct MemoryNonceStore(Arc<Tables<Mutex<NonceTable>>>);

/// What is behind locks. They are a parameter, so that a model checker can put in its own.
struct Tables<L> {
    hasher: RandomState,
    /// A power of two of them.
    all: Box<[L]>,
    /// Over how many of them a token's nonces are spread.
    spread: usize,
    /// Of the whole store.
    limits: Limits,
}

/// How many nonces a table is for: to put it in order takes a fraction of a millisecond.
const TABLE: usize = 8 * 1024;

impl MemoryNonceStore {
    /// A store for 1,000,000 live nonces, 100,000 of them of one token.
    ///
    /// What was signed before `start`, the time at which the process has started, is refused: it may have been seen
    /// before.
    pub fn new(start: SystemTime) -> Self {
        Self::with_limits(start, 1_000_000, 100_000)
    }

    /// A store for so many live nonces, in all and of one token. A nonce lives for up to ten minutes:
    /// 600 times the requests that are expected in a second.
    pub fn with_limits(start: SystemTime, max_live: usize, max_live_per_token: usize) -> Self {
        // Rounded up: what was signed in the second of the start may have been seen before it.
        let first = start.checked_add(Duration::from_nanos(999_999_999)).map_or(i64::MAX, unix_seconds);
        let last_refused = first.saturating_sub(1).saturating_add(WINDOW);
        let limits = Limits { in_all: max_live, of_token: max_live_per_token };
        Self(Arc::new(Tables::new(limits, last_refused, Mutex::new)))
    }
}

impl NonceStore for MemoryNonceStore {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        NowOrLater::now(Ok(self.0.record(nonce)))
    }
}

impl<L: Lock> Tables<L> {
    fn new(limits: Limits, last_refused: i64, lock: fn(NonceTable) -> L) -> Self {
        // Where shares are small, all of a token's nonces are in one table, and the limits exact.
        let parts = |many: usize, least: usize| (many / least).clamp(1, 1024).next_power_of_two();
        let many = parts(limits.in_all, TABLE);
        let spread = parts(limits.of_token, TABLE / 8).min(many);
        let of_each =
            Limits { in_all: limits.in_all.div_ceil(many), of_token: limits.of_token.div_ceil(spread) };
        let all = (0..many).map(|_| lock(NonceTable::new(of_each, last_refused))).collect();
        Self { hasher: RandomState::default(), all, spread, limits }
    }

    fn record(&self, nonce: Nonce<'_>) -> Recorded {
        // Texts are hashed with their ends: ("ab", "c") is not ("a", "bc").
        let token = self.hasher.hash_one(nonce.token);
        let hash = self.hasher.hash_one((token, nonce.nonce));
        let [first, one] = [token, hash].map(|hash| usize::try_from(hash & 0xFFFF).unwrap_or_default());
        let table = first.wrapping_add(one % self.spread) % self.all.len();
        let token = TokenHash::new(token).unwrap_or(TokenHash::MIN);
        self.all[table].with(|table| table.record(hash, token, nonce.expires, nonce.now))
    }
}

/// One at a time.
trait Lock {
    fn with<R>(&self, act: impl FnOnce(&mut NonceTable) -> R) -> R;
}

impl Lock for Mutex<NonceTable> {
    fn with<R>(&self, act: impl FnOnce(&mut NonceTable) -> R) -> R {
        act(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for MemoryNonceStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNonceStore")
            .field("max_live", &self.0.limits.in_all)
            .field("max_live_per_token", &self.0.limits.of_token)
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

    use super::{Limits, Lock, Nonce, NonceTable, Recorded, Tables};

    impl Lock for Mutex<NonceTable> {
        fn with<R>(&self, act: impl FnOnce(&mut NonceTable) -> R) -> R {
            act(&mut self.lock().unwrap())
        }
    }

    fn nonce(nonce: &'static str, expires: i64, now: i64) -> Nonce<'static> {
        Nonce { token: "token", nonce, expires, now }
    }

    /// What each of these requests is answered, each on a thread of its own.
    fn answers(max_live: usize, requests: &[Nonce<'static>]) -> Vec<Recorded> {
        let limits = Limits { in_all: max_live, of_token: max_live };
        let store = Arc::new(Tables::new(limits, 0, Mutex::new));
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
