//! `CredentialCache`: what spares a hash, and what never does.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use portcullis::{
    BasicAuthLayer, ManualClock, NowOrLater, StoreError,
    basic::{BasicAuth, CredentialCache, MemoryUserStore, PasswordHash, Source, User, UserStore},
};

use super::{Later, Witness, aladdin, basic, cheap, get_with, send, user};
use crate::support::Answer;

/// A node: a layer with a cache of its own, and a witness of its hashes.
struct Node {
    layer: BasicAuthLayer,
    cache: CredentialCache,
    witness: Witness,
}

impl Node {
    fn new(users: impl UserStore, clock: &Arc<ManualClock>) -> Self {
        Self::with_cache(users, clock, CredentialCache::new(100))
    }

    fn with_cache(users: impl UserStore, clock: &Arc<ManualClock>, cache: CredentialCache) -> Self {
        let witness = Witness::default();
        let auth = BasicAuth::new("cave", users).unwrap().clock(clock.clone());
        let layer = BasicAuthLayer::new(auth.verifier(witness.clone()).cache(cache.clone()));
        Self { layer, cache, witness }
    }

    async fn ask(&self, user: &str, password: &str) -> Answer {
        send(&self.layer, get_with("/", basic(user, password))).await
    }

    /// The status, and how many hashes it has cost.
    async fn cost(&self, user: &str, password: &str) -> (u16, usize) {
        let answer = self.ask(user, password).await;
        (answer.status.as_u16(), self.witness.take().len())
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_unix(1_800_000_000))
}

#[tokio::test]
async fn credentials_that_were_verified_are_not_hashed_again_for_a_minute() {
    let clock = clock();
    let node = Node::new(aladdin(), &clock);
    assert_eq!(node.cost("aladdin", "open sesame").await, (200, 1));
    for (seconds, hashes) in [(0, 0), (30, 0), (29, 0), (1, 1), (59, 0), (1, 1), (3600, 1), (0, 0)] {
        clock.advance(Duration::from_secs(seconds));
        assert_eq!(node.cost("aladdin", "open sesame").await, (200, hashes), "{seconds}");
    }
    // The clock goes back to before the verification.
    clock.set(std::time::UNIX_EPOCH);
    assert_eq!(node.cost("aladdin", "open sesame").await, (200, 1));
}

#[tokio::test]
async fn without_a_cache_every_request_is_hashed() {
    let witness = Witness::default();
    let layer = super::watched(aladdin(), witness.clone());
    for _ in 0..3 {
        send(&layer, get_with("/", basic("aladdin", "open sesame"))).await;
        assert_eq!(witness.take().len(), 1);
    }
}

#[tokio::test]
async fn the_time_to_live_can_be_shorter_or_nothing() {
    for (limit, hashes) in [(5, [0, 1]), (0, [1, 1])] {
        let (clock, witness) = (clock(), Witness::default());
        let cache = CredentialCache::new(10).time_to_live(Duration::from_secs(limit));
        let auth = BasicAuth::new("cave", aladdin()).unwrap().clock(clock.clone());
        let layer = BasicAuthLayer::new(auth.verifier(witness.clone()).cache(cache));
        let ask = async || {
            send(&layer, get_with("/", basic("aladdin", "open sesame"))).await;
            witness.take().len()
        };
        assert_eq!(ask().await, 1);
        assert_eq!(ask().await, hashes[0]);
        clock.advance(Duration::from_secs(5));
        assert_eq!(ask().await, hashes[1]);
    }
}

#[tokio::test]
async fn what_changes_in_the_store_takes_effect_on_the_next_request_on_every_node() {
    type Change = fn(&MemoryUserStore);
    let changes: [(&str, Change, u16, &str); 7] = [
        ("password", |users| users.insert(user("aladdin", "open barley")), 401, "basic.wrong_password"),
        ("rehash", |users| users.insert(user("aladdin", "open sesame")), 200, ""),
        ("scopes", |users| users.insert(recoloured(users)), 200, ""),
        ("disabled", |users| users.insert(recoloured(users).disabled(true)), 401, "basic.disabled"),
        ("locked", |users| users.insert(recoloured(users).locked(true)), 401, "basic.locked"),
        (
            "expired",
            |users| users.insert(recoloured(users).expires(std::time::UNIX_EPOCH)),
            401,
            "basic.expired",
        ),
        ("removed", |users| assert!(users.remove("aladdin")), 401, "basic.unknown_user"),
    ];
    for (what, change, status, reason) in changes {
        let (users, clock) = (aladdin(), clock());
        let nodes = [Node::new(users.clone(), &clock), Node::new(Later(users.clone()), &clock)];
        for node in &nodes {
            assert_eq!(node.cost("aladdin", "open sesame").await, (200, 1));
            assert_eq!(node.cost("aladdin", "open sesame").await, (200, 0));
        }
        change(&users);
        for node in &nodes {
            let answer = node.ask("aladdin", "open sesame").await;
            assert_eq!(answer.status, status, "{what}");
            if status == 401 {
                assert_eq!(answer.reason(), reason, "{what}");
                // Refused after one hash, like any other.
                assert_eq!(node.witness.take().len(), 1, "{what}");
            }
        }
    }
}

/// Aladdin as he is stored, hash and all.
fn recoloured(users: &MemoryUserStore) -> User {
    users.user("aladdin").into_now().unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn an_account_that_expires_while_it_is_cached_is_refused() {
    let (users, clock) = (MemoryUserStore::new(), clock());
    let at = std::time::UNIX_EPOCH + Duration::from_secs(1_800_000_010);
    users.insert(user("aladdin", "open sesame").expires(at));
    let node = Node::new(users, &clock);
    assert_eq!(node.cost("aladdin", "open sesame").await, (200, 1));
    clock.advance(Duration::from_secs(9));
    assert_eq!(node.cost("aladdin", "open sesame").await, (200, 0));
    clock.advance(Duration::from_secs(1));
    assert_eq!(node.cost("aladdin", "open sesame").await, (401, 1));
}

#[tokio::test]
async fn a_store_that_is_down_is_a_503_for_cached_credentials_too() {
    struct Switch(MemoryUserStore, Arc<std::sync::atomic::AtomicBool>);
    impl UserStore for Switch {
        fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
            if self.1.load(std::sync::atomic::Ordering::SeqCst) {
                return NowOrLater::now(Err(StoreError::new("connection refused")));
            }
            self.0.user(name)
        }
    }
    let down = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let node = Node::new(Switch(aladdin(), down.clone()), &clock());
    assert_eq!(node.cost("aladdin", "open sesame").await, (200, 1));
    down.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(node.ask("aladdin", "open sesame").await.reason(), "basic.store");
    down.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(node.cost("aladdin", "open sesame").await, (200, 0));
}

#[tokio::test]
async fn failures_are_never_kept_and_successes_only_so_many() {
    let users = MemoryUserStore::new();
    let hash = cheap("open sesame");
    for n in 0..500 {
        users.insert(User::new(format!("user{n}"), hash.clone()).unwrap());
    }
    let node = Node::new(users, &clock());
    for n in 0..300 {
        assert_eq!(node.cost("user1", &format!("wrong {n}")).await, (401, 1));
        assert_eq!(node.cost(&format!("nobody{n}"), "open sesame").await, (401, 1));
    }
    assert!(node.cache.is_empty());
    for n in 0..500 {
        assert_eq!(node.cost(&format!("user{n}"), "open sesame").await, (200, 1));
        assert!(node.cache.len() <= 100, "{}", node.cache.len());
    }
    assert!(!node.cache.is_empty());
    // A wrong password beside a kept one.
    assert_eq!(node.cost("user499", "wrong").await, (401, 1));
}

/// Two stores that were changed equally often tell the same version.
#[tokio::test]
async fn what_one_store_has_let_in_is_nobody_to_another_that_shares_the_cache() {
    let (clock, cache) = (clock(), CredentialCache::new(100));
    let (strangers, others) = (MemoryUserStore::new(), MemoryUserStore::new());
    strangers.insert(user("jasmine", "tiger"));
    others.insert(user("aladdin", "open barley"));
    let [first, second, third] =
        [aladdin(), strangers, others].map(|users| Node::with_cache(users, &clock, cache.clone()));
    assert_eq!(first.cost("aladdin", "open sesame").await, (200, 1));
    for node in [&second, &third] {
        assert_eq!(node.cost("aladdin", "open sesame").await, (401, 1));
    }
    assert_eq!(first.cost("aladdin", "open sesame").await, (200, 0));
}

#[tokio::test]
async fn layers_over_one_store_share_what_is_known() {
    let (clock, cache, users) = (clock(), CredentialCache::new(100), aladdin());
    let nodes =
        [users.clone(), users.clone()].map(|users| Node::with_cache(users, &clock, cache.clone()));
    assert_eq!(nodes[0].cost("aladdin", "open sesame").await, (200, 1));
    for node in [&nodes[1], &nodes[0]] {
        assert_eq!(node.cost("aladdin", "open sesame").await, (200, 0));
    }
    users.insert(recoloured(&users).disabled(true));
    for node in &nodes {
        assert_eq!(node.ask("aladdin", "open sesame").await.reason(), "basic.disabled");
    }
}

/// The name and the source, of which a text is kept after a `t`: `a` and `t` `tx`, `at` and `t` `x`.
#[tokio::test]
async fn a_name_and_a_source_that_run_together_to_the_same_text_are_kept_apart() {
    // One hash for both, so that nothing but the key keeps them apart.
    let hash = cheap("c");
    let users = MemoryUserStore::new();
    for name in ["a", "at"] {
        users.insert(User::new(name, hash.clone()).unwrap());
    }
    let (cache, witness) = (CredentialCache::new(10), Witness::default());
    let auth = BasicAuth::new("cave", users).unwrap().verifier(witness.clone()).cache(cache);
    let cost = async |name: &str, source: &str| {
        let verified = auth.verify(name, "c", Some(Source::new(source))).await;
        (verified.is_ok(), witness.take().len())
    };
    assert_eq!(cost("a", "tx").await, (true, 1));
    assert_eq!(cost("at", "x").await, (true, 1), "it is another user, from another source");
    assert_eq!((cost("a", "tx").await, cost("at", "x").await), ((true, 0), (true, 0)));
}

#[tokio::test]
async fn two_credentials_that_run_together_to_the_same_text_are_kept_apart() {
    // One hash for all, so that nothing but the key keeps them apart.
    let hash = cheap("c");
    let users = MemoryUserStore::new();
    for name in ["ab", "a", "abc", "", "\u{e9}"].into_iter().filter(|name| !name.is_empty()) {
        users.insert(User::new(name, hash.clone()).unwrap());
    }
    let node = Node::new(users, &clock());
    assert_eq!(node.cost("ab", "c").await, (200, 1));
    for (name, password) in
        [("a", "bc"), ("abc", ""), ("ab", "C"), ("ab", "c "), ("A", "bc"), ("", "abc")]
    {
        assert_eq!(node.cost(name, password).await, (401, 1), "{name} {password}");
    }
    // Another user of the same password has a hash of his own computed.
    assert_eq!(node.cost("a", "c").await, (200, 1));
    assert_eq!(node.cost("ab", "c").await, (200, 0));
}

#[tokio::test]
async fn what_is_invalidated_is_hashed_again_and_nothing_else_is() {
    let users = aladdin();
    users.insert(user("jasmine", "tiger"));
    let node = Node::new(users, &clock());
    for (name, password) in [("aladdin", "open sesame"), ("jasmine", "tiger")] {
        assert_eq!(node.cost(name, password).await, (200, 1));
    }
    node.cache.invalidate("aladdin");
    assert_eq!(node.cost("jasmine", "tiger").await, (200, 0));
    assert_eq!(node.cost("aladdin", "open sesame").await, (200, 1));
}

#[test]
fn known_credentials_are_answered_on_the_spot_without_a_runtime() {
    let node = Node::new(aladdin(), &clock());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(runtime.block_on(node.cost("aladdin", "open sesame")), (200, 1));
    drop(runtime);
    let request = pin!(node.cost("aladdin", "open sesame"));
    let Poll::Ready(cost) = request.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("there is nothing to wait for");
    };
    assert_eq!(cost, (200, 0));
}

#[tokio::test]
async fn a_cache_shows_neither_users_nor_hashes() {
    let node = Node::new(aladdin(), &clock());
    node.ask("aladdin", "open sesame").await;
    let hash: PasswordHash = node.witness.take()[0].hash.clone();
    for text in [format!("{:?}", node.cache), format!("{:?}", node.layer)] {
        for secret in ["aladdin", "sesame", hash.as_str()] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
