//! Guessing is slowed down, and the owner of an account is not locked out.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::{
    BasicAuthLayer, ManualClock, NowOrLater, PeerAddr, RejectionKind, StoreError,
    basic::{
        Admission, AttemptKey, AttemptLimit, AttemptStore, BasicAuth, CredentialCache, HashingPool,
        MemoryAttemptStore, MemoryUserStore, Source, Throttle, User, UserStore,
    },
};

use super::{Down, Witness, basic, get_with, seen, send, user};
use crate::support::{Answer, Log};

const START: u64 = 1_800_000_000;

/// A layer with a throttle, by a clock that is moved, and a witness of its hashes.
struct Gate {
    auth: BasicAuth,
    clock: Arc<ManualClock>,
    witness: Witness,
}

impl Gate {
    fn new(throttle: Throttle) -> Self {
        let users = MemoryUserStore::new();
        for name in ["aladdin", "jafar"] {
            users.insert(user(name, &format!("{name}'s password")));
        }
        Self::of(users, throttle)
    }

    fn of(users: impl UserStore, throttle: Throttle) -> Self {
        let (clock, witness) = (Arc::new(ManualClock::at_unix(START)), Witness::default());
        let auth = BasicAuth::new("cave", users).unwrap().clock(clock.clone());
        Self { auth: auth.verifier(witness.clone()).throttle(throttle), clock, witness }
    }

    async fn from(&self, source: &str, user: &str, password: &str) -> Answer {
        let mut request = get_with("/", basic(user, password));
        if let Ok(address) = source.parse::<IpAddr>() {
            request.extensions_mut().insert(PeerAddr(SocketAddr::new(address, 4711)));
        }
        send(&BasicAuthLayer::new(self.auth.clone()), request).await
    }

    async fn wrong(&self, user: &str) -> Answer {
        self.from("", user, "wrong").await
    }

    async fn right(&self, user: &str) -> Answer {
        self.from("", user, &format!("{user}'s password")).await
    }

    /// Guesses until it is told to wait; how many were judged, and the wait.
    async fn exhaust(&self, source: &str, user: &str) -> (usize, u64) {
        for guesses in 0.. {
            let answer = self.from(source, user, "wrong").await;
            if answer.status == 429 {
                return (guesses, retry_after(&answer));
            }
            assert_eq!(answer.status, 401);
        }
        unreachable!()
    }

    fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn retry_after(answer: &Answer) -> u64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

fn by_peer() -> Throttle {
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
        while portcullis::Clock::now(&gate.clock) < end {
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
async fn another_source_is_not_held_up_by_one_that_guesses() {
    let gate = Gate::new(by_peer());
    for _ in 0..3 {
        let (_, wait) = gate.exhaust("192.0.2.1", "aladdin").await;
        let answer = gate.from("192.0.2.1", "aladdin", "wrong").await;
        assert_eq!(answer.reason(), "basic.throttled_pair");
        gate.wait(wait);
    }
    let gate = Gate::new(by_peer().account_limit(limit(1000, 1, 1, 60)));
    gate.exhaust("192.0.2.1", "aladdin").await;
    for source in ["192.0.2.2", "2001:db8::1"] {
        assert_eq!(gate.from(source, "aladdin", "aladdin's password").await.status, 200);
    }
    // The success of another has not helped the one who guesses.
    assert_eq!(gate.from("192.0.2.1", "aladdin", "wrong").await.status, 429);
}

#[tokio::test]
async fn an_account_is_guarded_against_many_sources_and_its_owner_is_let_in_where_he_is_known() {
    let gate = Gate::new(by_peer());
    let home = "198.51.100.7";
    assert_eq!(gate.from(home, "aladdin", "aladdin's password").await.status, 200);
    // A swarm, one guess each.
    let mut judged = 0;
    for n in 0..200 {
        let answer = gate.from(&format!("203.0.113.{n}"), "aladdin", "wrong").await;
        match answer.status.as_u16() {
            401 => judged += 1,
            _ => assert_eq!(answer.reason(), "basic.throttled_account"),
        }
    }
    assert_eq!(judged, 20);
    for _ in 0..50 {
        assert_eq!(gate.from(home, "aladdin", "aladdin's password").await.status, 200);
    }
    assert_eq!(gate.from("198.51.100.8", "aladdin", "aladdin's password").await.status, 429);
    // Where he is known, a guess is a guess nevertheless.
    assert_eq!(gate.exhaust(home, "aladdin").await, (20, 1));
    // And what he has done there is no help to the swarm.
    assert_eq!(gate.from("203.0.113.250", "aladdin", "wrong").await.status, 429);
}

#[tokio::test]
async fn a_source_that_tries_many_accounts_is_slowed_down_and_its_own_account_does_not_help_it() {
    let gate = Gate::new(by_peer());
    let mut judged = 0;
    for n in 0..300 {
        // His own account, rightly, in between.
        assert_eq!(gate.from("192.0.2.1", "jafar", "jafar's password").await.status, 200, "{n}");
        let answer = gate.from("192.0.2.1", &format!("user{n}"), "Summer2025!").await;
        match answer.status.as_u16() {
            401 => judged += 1,
            _ => assert_eq!(answer.reason(), "basic.throttled_source"),
        }
    }
    assert_eq!(judged, 100);
    // Others are not held up, and the accounts neither.
    assert_eq!(gate.from("192.0.2.2", "user299", "wrong").await.status, 401);
    assert_eq!(gate.from("192.0.2.2", "aladdin", "aladdin's password").await.status, 200);
}

#[tokio::test]
async fn a_source_of_many_people_who_sign_in_rightly_is_not_slowed_down() {
    let users = MemoryUserStore::new();
    for n in 0..150 {
        users.insert(user(&format!("user{n}"), "x"));
    }
    let gate = Gate::of(users, by_peer());
    for n in 0..150 {
        assert_eq!(gate.from("192.0.2.1", &format!("user{n}"), "x").await.status, 200, "{n}");
    }
}

#[tokio::test]
async fn a_source_is_an_ipv4_address_or_the_first_half_of_an_ipv6_address() {
    let source = |text: &str| Source::ip(text.parse().unwrap());
    for (one, other, same) in [
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("4.2.2.2", "3432:3232::", false),
    ] {
        assert_eq!(source(one) == source(other), same, "{one} {other}");
    }
    assert_ne!(source("116.120.120.120"), Source::new("xxx"));
    // And so it is counted.
    let gate = Gate::new(by_peer());
    for n in 0..20 {
        assert_eq!(gate.from(&format!("2001:db8::{n}"), "aladdin", "wrong").await.status, 401);
    }
    assert_eq!(gate.from("2001:db8::ffff", "aladdin", "wrong").await.status, 429);
}

#[tokio::test]
async fn what_nobody_has_judged_is_not_counted() {
    // No place in the pool, ever: 503.
    let full = HashingPool::new(1).queue(0).wait_limit(Duration::ZERO);
    let gate = Gate::new(by_peer());
    struct Stuck(Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>);
    impl portcullis::basic::PasswordVerifier for Stuck {
        fn verify(&self, _: &[u8], _: &portcullis::basic::PasswordHash) -> bool {
            let (open, changed) = &*self.0;
            drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
            false
        }
    }
    let opened = Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new()));
    let auth = BasicAuth::new("cave", super::aladdin()).unwrap().hashing_pool(full.clone());
    let stuck = BasicAuthLayer::new(auth.verifier(Stuck(opened.clone())));
    let blocked = tokio::spawn(async move { send(&stuck, get_with("/", basic("x", "x"))).await });
    tokio::task::yield_now().await;
    let busy = Gate { auth: gate.auth.clone().hashing_pool(full), ..gate };
    for source in ["", "192.0.2.1"] {
        for _ in 0..200 {
            assert_eq!(busy.from(source, "aladdin", "wrong").await.reason(), "basic.hashing");
        }
    }
    *opened.0.lock().unwrap() = true;
    opened.1.notify_all();
    blocked.await.unwrap();

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
async fn cached_credentials_are_let_in_though_the_account_is_throttled() {
    let gate = Gate::new(Throttle::in_memory());
    let auth = gate.auth.clone().cache(CredentialCache::new(10));
    let gate = Gate { auth, ..gate };
    assert_eq!(gate.right("aladdin").await.status, 200);
    gate.exhaust("", "aladdin").await;
    for _ in 0..30 {
        assert_eq!(gate.right("aladdin").await.status, 200);
        assert_eq!(gate.wrong("aladdin").await.status, 429);
    }
    gate.wait(60);
    gate.exhaust("", "aladdin").await;
    assert_eq!(gate.right("aladdin").await.status, 429, "nor for longer than the cache keeps them");
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

/// A store that can be taken down.
#[derive(Clone, Default)]
struct Flaky {
    store: MemoryAttemptStore,
    down: Arc<AtomicBool>,
}

impl Flaky {
    fn answer<T: Send + 'static>(
        &self,
        answer: NowOrLater<Result<T, StoreError>>,
    ) -> NowOrLater<Result<T, StoreError>> {
        let down = self.down.load(Ordering::SeqCst);
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            if down { Err(StoreError::new("connection refused")) } else { answer.await }
        })
    }
}

impl AttemptStore for Flaky {
    fn count(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<Admission, StoreError>> {
        self.answer(self.store.count(key, limit, now))
    }

    fn take_back(&self, key: AttemptKey) -> NowOrLater<Result<(), StoreError>> {
        self.answer(self.store.take_back(key))
    }

    fn succeed(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<(), StoreError>> {
        self.answer(self.store.succeed(key, limit, now))
    }
}

#[tokio::test]
async fn while_the_store_is_down_attempts_are_counted_in_memory_and_a_warning_is_logged() {
    let log = Log::capture();
    let store = Flaky::default();
    let gate = Gate::new(Throttle::new(store.clone()));
    assert_eq!(gate.wrong("aladdin").await.status, 401);
    assert!(!log.text().contains("WARN"), "{}", log.text());

    store.down.store(true, Ordering::SeqCst);
    assert_eq!(gate.exhaust("", "aladdin").await, (20, 1), "never without a limit");
    assert_eq!(gate.right("jafar").await.status, 200);
    assert!(log.text().contains("WARN") && log.text().contains("counted on this node alone"));
    assert!(!log.text().contains("aladdin"), "{}", log.text());
    // A success during the outage counts as well.
    gate.wait(1);
    assert_eq!(gate.right("aladdin").await.status, 200);
    assert_eq!(gate.exhaust("", "aladdin").await, (20, 1));

    store.down.store(false, Ordering::SeqCst);
    gate.wait(3600);
    assert_eq!(gate.right("aladdin").await.status, 200);
}

#[tokio::test]
async fn two_nodes_with_one_store_have_one_count() {
    let store = MemoryAttemptStore::new();
    let nodes = [Gate::new(Throttle::new(store.clone())), Gate::new(Throttle::new(store))];
    for n in 0..20 {
        assert_eq!(nodes[n % 2].wrong("aladdin").await.status, 401);
    }
    for node in &nodes {
        assert_eq!(node.wrong("aladdin").await.status, 429);
    }
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

fn limit(free: u32, first: u64, longest: u64, forget: u64) -> AttemptLimit {
    let seconds = Duration::from_secs;
    AttemptLimit::new(free, seconds(first), seconds(longest), seconds(forget)).unwrap()
}

#[test]
fn a_limit_that_is_none_or_for_ever_is_refused() {
    let (zero, second, day) = (Duration::ZERO, Duration::from_secs(1), Duration::from_secs(86_400));
    assert!(AttemptLimit::new(1, second, day, day).is_ok());
    for (free, first, longest, forget) in [
        (0, second, day, day),
        (1, zero, day, day),
        (1, Duration::from_micros(999), day, day),
        (1, second * 2, second, day),
        (1, second, day + second, day * 2),
        (1, second, Duration::MAX, Duration::MAX),
        (1, second, day, day - second),
        (1, second, day, day * 367),
    ] {
        let error = AttemptLimit::new(free, first, longest, forget);
        assert!(error.is_err(), "{free} {first:?} {longest:?} {forget:?}");
    }
    let limit = limit(3, 2, 60, 60);
    let waits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 40, u32::MAX].map(|n| limit.wait_after(n).as_secs());
    assert_eq!(waits, [0, 0, 0, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
}

#[tokio::test]
async fn a_store_in_memory_holds_so_many_records_and_drops_those_of_one_attempt_first() {
    let store = MemoryAttemptStore::with_capacity(1000);
    let (limit, now) = (limit(20, 1, 1800, 86_400), UNIX_EPOCH + Duration::from_secs(START));
    let victim = AttemptKey::new([b"account", b"aladdin"]);
    let admitted = async |key| store.count(key, limit, now).await.unwrap();
    for _ in 0..20 {
        assert!(matches!(admitted(victim).await, Admission::Admitted { known: false }));
    }
    for n in 0..50_000_u32 {
        admitted(AttemptKey::new([b"account", &n.to_be_bytes()])).await;
        assert!(store.len() <= 1000);
    }
    assert_eq!(admitted(victim).await, Admission::Wait(Duration::from_secs(1)));
}

#[test]
fn the_parts_of_a_key_are_kept_apart() {
    let keys = [
        AttemptKey::new([b"ab", b"c"]),
        AttemptKey::new([b"a", b"bc"]),
        AttemptKey::new([b"abc", b""]),
        AttemptKey::new([b"", b"abc"]),
    ];
    for (n, one) in keys.iter().enumerate() {
        assert!(keys[..n].iter().all(|other| other != one));
    }
}
