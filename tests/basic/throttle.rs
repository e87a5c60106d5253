//! Guessing is slowed down, and the owner of an account is not locked out.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use portcullis::{
    BasicAuthLayer, Clock, ManualClock, PeerAddr, RejectionKind,
    basic::{AttemptLimit, BasicAuth, HashingPool, MemoryUserStore, Source, Throttle, User, UserStore},
};

use super::{Down, Witness, basic, get_with, pool, seen, send, user};
use crate::support::Answer;

pub(super) const START: u64 = 1_800_000_000;

/// A layer with a throttle, by a clock that is moved, and a witness of its hashes.
pub(super) struct Gate {
    pub(super) auth: BasicAuth,
    pub(super) clock: Arc<ManualClock>,
    pub(super) witness: Witness,
}

impl Gate {
    pub(super) fn new(throttle: Throttle) -> Self {
        let users = MemoryUserStore::new();
        for name in ["aladdin", "jafar"] {
            users.insert(user(name, &format!("{name}'s password")));
        }
        Self::of(users, throttle)
    }

    pub(super) fn of(users: impl UserStore, throttle: Throttle) -> Self {
        let (clock, witness) = (Arc::new(ManualClock::at_unix(START)), Witness::default());
        let auth = BasicAuth::new("cave", users).unwrap().clock(clock.clone());
        // Who waits for a place is not told to come again, on a machine that is busy.
        let pool = HashingPool::new(2).wait_limit(Duration::from_secs(3600));
        let auth = auth.verifier(witness.clone()).throttle(throttle).hashing_pool(pool);
        Self { auth, clock, witness }
    }

    pub(super) async fn from(&self, source: &str, user: &str, password: &str) -> Answer {
        let mut request = get_with("/", basic(user, password));
        if let Ok(address) = source.parse::<IpAddr>() {
            request.extensions_mut().insert(PeerAddr(SocketAddr::new(address, 4711)));
        }
        send(&BasicAuthLayer::new(self.auth.clone()), request).await
    }

    pub(super) async fn wrong(&self, user: &str) -> Answer {
        self.from("", user, "wrong").await
    }

    pub(super) async fn right(&self, user: &str) -> Answer {
        self.from("", user, &format!("{user}'s password")).await
    }

    /// Guesses until it is told to wait; how many were judged, and the wait.
    pub(super) async fn exhaust(&self, source: &str, user: &str) -> (usize, u64) {
        for guesses in 0..1000 {
            let answer = self.from(source, user, "wrong").await;
            if answer.status == 429 {
                return (guesses, retry_after(&answer));
            }
            assert_eq!(answer.status, 401);
        }
        panic!("1000 guesses without a wait")
    }

    pub(super) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn retry_after(answer: &Answer) -> u64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

pub(super) fn by_peer() -> Throttle {
    Throttle::in_memory().sources(|head| PeerAddr::of(head).map(Source::ip))
}

#[tokio::test]
async fn after_20_failures_an_attempt_waits_longer_each_time_and_costs_neither_hash_nor_lookup() {
    let gate = Gate::new(Throttle::in_memory());
    assert_eq!(gate.exhaust("", "aladdin").await, (20, 1));
    assert_eq!(gate.witness.take().len(), 20);
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1800, 1800, 1800] {
        for password in ["wrong", "aladdin's password", "", &"x".repeat(1025)] {
            let answer = gate.from("", "aladdin", password).await;
            assert_eq!(answer.kind(), RejectionKind::Throttled);
            assert_eq!((answer.reason(), retry_after(&answer)), ("basic.throttled_account", wait));
            assert_eq!((&*answer.body, answer.challenges().len()), ("too many requests", 0));
        }
        assert_eq!(gate.witness.take().len(), 0);
        gate.wait(wait - 1);
        assert_eq!(retry_after(&gate.wrong("aladdin").await), 1);
        gate.wait(1);
        assert_eq!(gate.wrong("aladdin").await.status, 401);
        assert_eq!(gate.witness.take().len(), 1);
    }
    // A store that is down would be a 503.
    let gate = Gate::of(Down::Now, Throttle::in_memory());
    let limit = limit(1, 60, 60, 60);
    let throttle = Throttle::in_memory().account_limit(limit);
    let auth = gate.auth.clone().throttle(throttle);
    let gate = Gate { auth, ..gate };
    assert_eq!(gate.wrong("aladdin").await.status, 503);
}

#[tokio::test]
async fn names_that_do_not_exist_are_counted_like_those_that_do() {
    let gate = Gate::new(Throttle::in_memory());
    for _ in 0..3 {
        for _ in 0..21 {
            let (known, unknown) = (gate.wrong("aladdin").await, gate.wrong("nobody").await);
            assert_eq!(seen(&known), seen(&unknown));
        }
        gate.wait(1);
    }
}

#[tokio::test]
async fn a_success_forgets_the_failures_before_it() {
    let gate = Gate::new(Throttle::in_memory());
    for _ in 0..10 {
        for _ in 0..19 {
            assert_eq!(gate.wrong("aladdin").await.status, 401);
        }
        assert_eq!(gate.right("aladdin").await.status, 200);
    }
    for _ in 0..100 {
        assert_eq!(gate.right("aladdin").await.status, 200);
    }
}

#[tokio::test]
async fn in_a_day_of_guessing_fewer_than_100_passwords_are_looked_at_and_nobody_is_locked_out_for_good()
{
    for source in ["", "192.0.2.1"] {
        let gate = Gate::new(if source.is_empty() { Throttle::in_memory() } else { by_peer() });
        let end = UNIX_EPOCH + Duration::from_secs(START + 24 * 3600);
        while gate.clock.now() < end {
            let (_, wait) = gate.exhaust(source, "aladdin").await;
            gate.wait(wait);
        }
        let guesses = gate.witness.take().len();
        assert!((20..100).contains(&guesses), "{guesses}");
        // At most the longest wait, and the owner is in, with the count at nothing.
        gate.wait(1800);
        assert_eq!(gate.from(source, "aladdin", "aladdin's password").await.status, 200);
        assert_eq!(gate.exhaust(source, "aladdin").await, (20, 1));
    }
}

#[tokio::test]
async fn failures_are_forgotten_after_a_day_without_any() {
    let gate = Gate::new(Throttle::in_memory());
    assert_eq!(gate.exhaust("", "aladdin").await, (20, 1));
    gate.wait(24 * 3600 - 1);
    assert_eq!(gate.exhaust("", "aladdin").await, (1, 2));
    gate.wait(24 * 3600);
    assert_eq!(gate.exhaust("", "aladdin").await, (20, 1));
}

#[tokio::test]
async fn of_many_guesses_at_the_same_moment_no_more_are_looked_at_than_of_those_in_a_row() {
    let gate = Gate::new(Throttle::in_memory());
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let layer = BasicAuthLayer::new(gate.auth.clone());
        flood.spawn(async move { send(&layer, get_with("/", basic("aladdin", "wrong"))).await.status });
    }
    let statuses = flood.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 20);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 480);
    assert_eq!(gate.witness.take().len(), 20);
}

#[tokio::test]
async fn what_nobody_has_judged_is_not_counted() {
    // No place in the pool: 503.
    let (held, full) = (pool::Test::new(), HashingPool::new(1).queue(0));
    let layer = held.layer(&full);
    let running = tokio::spawn(async move { send(&layer, get_with("/", basic("x", "x"))).await });
    held.0.running(1).await;
    let gate = Gate::new(by_peer());
    let busy = Gate { auth: gate.auth.clone().hashing_pool(full), ..gate };
    for source in ["", "192.0.2.1"] {
        for _ in 0..200 {
            assert_eq!(busy.from(source, "aladdin", "wrong").await.reason(), "basic.hashing");
        }
    }
    held.0.open();
    running.await.unwrap();

    let down = Gate::of(Down::Later, Throttle::in_memory());
    for _ in 0..100 {
        assert_eq!(down.wrong("aladdin").await.reason(), "basic.store");
    }
    // What is malformed is nobody's.
    let gate = Gate::new(Throttle::in_memory());
    let layer = BasicAuthLayer::new(gate.auth.clone());
    for _ in 0..100 {
        assert_eq!(send(&layer, get_with("/", basic("aladdin", "a\n"))).await.status, 401);
    }
    assert_eq!(gate.exhaust("", "aladdin").await, (20, 1));
}

#[tokio::test]
async fn a_disabled_user_with_the_right_password_is_counted_as_a_failure() {
    let users = MemoryUserStore::new();
    users.insert(User::disabled(user("jafar", "jafar's password"), true));
    let gate = Gate::of(users, Throttle::in_memory());
    for _ in 0..20 {
        assert_eq!(gate.right("jafar").await.reason(), "basic.disabled");
    }
    assert_eq!(gate.right("jafar").await.status, 429);
}

#[tokio::test]
async fn a_clock_that_is_set_back_locks_nobody_out() {
    let gate = Gate::new(Throttle::in_memory());
    gate.exhaust("", "aladdin").await;
    gate.clock.set(UNIX_EPOCH);
    assert_eq!(gate.right("aladdin").await.status, 200);
    gate.exhaust("", "aladdin").await;
    gate.clock.set(UNIX_EPOCH + Duration::from_secs(1 << 40));
    assert_eq!(gate.right("aladdin").await.status, 200);
}

pub(super) fn limit(free: u32, first: u64, longest: u64, forget: u64) -> AttemptLimit {
    let seconds = Duration::from_secs;
    AttemptLimit::new(free, seconds(first), seconds(longest), seconds(forget)).unwrap()
}
