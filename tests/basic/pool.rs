//! `HashingPool`: how many hashes run and wait, and what becomes of one whose caller has gone.
//!
//! Time stands still in these tests while a hash runs. When nothing runs, it jumps to the next wait limit:
//! so a place that is lost is a 503, and no test hangs.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Condvar, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use portcullis::{
    BasicAuthLayer, RejectionKind,
    basic::{BasicAuth, HashingPool, PasswordHash, PasswordVerifier},
};
use tokio::{
    task::{JoinHandle, yield_now},
    time::advance,
};

use super::{aladdin, basic, get, get_with, send};
use crate::support::Answer;

/// A verifier that holds every hash until it is opened, and then says no.
#[derive(Clone, Default)]
pub(super) struct Turnstile(Arc<(Mutex<Count>, Condvar)>);

#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) open: bool,
    pub(super) running: usize,
    pub(super) most: usize,
    pub(super) done: usize,
}

impl PasswordVerifier for Turnstile {
    fn verify(&self, _: &[u8], _: &PasswordHash) -> bool {
        let (count, changed) = &*self.0;
        let mut count = count.lock().unwrap();
        count.running += 1;
        count.most = count.most.max(count.running);
        let mut count = changed.wait_while(count, |count| !count.open).unwrap();
        count.running -= 1;
        count.done += 1;
        false
    }
}

impl Turnstile {
    pub(super) fn count(&self) -> Count {
        *self.0.0.lock().unwrap()
    }

    pub(super) fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    pub(super) async fn running(&self, hashes: usize) {
        while self.count().running < hashes {
            yield_now().await;
        }
    }
}

/// Opens the turnstile at the end of a test, also of one that fails: the runtime waits for the hashes.
pub(super) struct Test(pub(super) Turnstile);

impl Test {
    pub(super) fn new() -> Self {
        Self(Turnstile::default())
    }

    pub(super) fn layer(&self, pool: &HashingPool) -> BasicAuthLayer {
        let auth = BasicAuth::new("cave", aladdin()).unwrap();
        BasicAuthLayer::new(auth.verifier(self.0.clone()).hashing_pool(pool.clone()))
    }

    fn door(&self, pool: HashingPool) -> Door {
        Door { layer: self.layer(&pool), pool }
    }
}

impl Drop for Test {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// A wait limit that is met only when nothing is left to wait for.
const LONG: Duration = Duration::from_secs(3600);

async fn wrong(layer: BasicAuthLayer) -> Answer {
    send(&layer, get_with("/", basic("aladdin", "wrong"))).await
}

/// A layer, and the pool that it hashes in.
struct Door {
    layer: BasicAuthLayer,
    pool: HashingPool,
}

impl Door {
    /// Begins a request, and lets it come as far as it can without a hash: into a place of the pool or of its queue,
    /// or to its end.
    async fn begin(&self) -> JoinHandle<Answer> {
        let places = || format!("{:?}", self.pool);
        let before = places();
        let request = tokio::spawn(wrong(self.layer.clone()));
        until(|| request.is_finished() || places() != before).await;
        request
    }

    /// Sends a request that gets no hash, nor waits for one.
    async fn refuses_at_once(&self) {
        let request = tokio::spawn(wrong(self.layer.clone()));
        settle().await;
        // The timer's smallest step: a wait limit of nothing has passed.
        advance(Duration::from_millis(1)).await;
        until(|| request.is_finished()).await;
        assert_unavailable(&request.await.unwrap());
    }
}

/// Lets tasks go on until it is so. Time stands still meanwhile: what never comes is a test that fails.
async fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..100_000 {
        if is_so() {
            return;
        }
        yield_now().await;
    }
    panic!("a request waits that is not to, or is hashed for");
}

/// Lets all tasks that can go on do so: for what is not to happen.
async fn settle() {
    for _ in 0..16 {
        yield_now().await;
    }
}

fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.kind(), RejectionKind::Unavailable);
    assert_eq!(answer.reason(), "basic.hashing");
    assert!(answer.headers.contains_key("retry-after") && answer.challenges().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_500_wrong_passwords_never_more_are_hashed_at_once_than_the_limit() {
    for limit in [1, 3] {
        let test = Test::new();
        let pool = HashingPool::new(limit).queue(500).wait_limit(LONG);
        let layer = test.layer(&pool);
        let requests: Vec<_> = (0..500).map(|_| tokio::spawn(wrong(layer.clone()))).collect();
        test.0.running(limit).await;
        settle().await;
        assert_eq!(test.0.count().running, limit);
        test.0.open();
        for request in requests {
            assert_eq!(request.await.unwrap().reason(), "basic.wrong_password");
        }
        let count = test.0.count();
        assert_eq!((count.most, count.done), (limit, 500));
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_holds_for_all_layers_that_share_a_pool() {
    let test = Test::new();
    let pool = HashingPool::new(2);
    let layers = [test.layer(&pool), test.layer(&pool.clone())];
    let requests: Vec<_> = (0..20).map(|n| tokio::spawn(wrong(layers[n % 2].clone()))).collect();
    test.0.running(2).await;
    settle().await;
    test.0.open();
    for request in requests {
        assert_eq!(request.await.unwrap().status, 401);
    }
    assert_eq!(test.0.count().most, 2);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_none_at_once_is_one() {
    let test = Test::new();
    test.0.open();
    assert_eq!(wrong(test.layer(&HashingPool::new(0))).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_queue_the_answer_is_503_at_once() {
    let test = Test::new();
    let door = test.door(HashingPool::new(1).queue(2).wait_limit(LONG));
    let running = door.begin().await;
    test.0.running(1).await;
    let waiting = [door.begin().await, door.begin().await];
    door.refuses_at_once().await;
    test.0.open();
    for request in [running].into_iter().chain(waiting) {
        assert_eq!(request.await.unwrap().status, 401);
    }
    assert_eq!(wrong(door.layer).await.status, 401, "the queue has room again");
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_a_password_is_still_hashed_when_nothing_else_is() {
    let test = Test::new();
    let door = test.door(HashingPool::new(1).queue(0));
    let running = door.begin().await;
    assert!(!running.is_finished(), "there was nothing to wait for: {:?}", running.await);
    test.0.running(1).await;
    door.refuses_at_once().await;
    test.0.open();
    assert_eq!(running.await.unwrap().status, 401);
}

#[tokio::test(start_paused = true)]
async fn whoever_hangs_up_while_waiting_leaves_room_in_the_queue() {
    let test = Test::new();
    let door = test.door(HashingPool::new(1).queue(1).wait_limit(LONG));
    let running = door.begin().await;
    test.0.running(1).await;
    let waiting = door.begin().await;
    door.refuses_at_once().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    let next = door.begin().await;
    assert!(!next.is_finished());
    test.0.open();
    assert_eq!(running.await.unwrap().status, 401);
    assert_eq!(next.await.unwrap().status, 401);
    assert_eq!(test.0.count().done, 2, "who has hung up is not hashed for");
}

#[tokio::test(start_paused = true)]
async fn after_the_wait_limit_the_answer_is_503() {
    let test = Test::new();
    let door = test.door(HashingPool::new(1).wait_limit(Duration::from_millis(500)));
    let running = door.begin().await;
    test.0.running(1).await;
    let waiting = door.begin().await;
    advance(Duration::from_millis(499)).await;
    settle().await;
    assert!(!waiting.is_finished());
    advance(Duration::from_millis(2)).await;
    until(|| waiting.is_finished()).await;
    assert_unavailable(&waiting.await.unwrap());
    // The limit is for the wait: what runs goes on.
    assert!(!running.is_finished());
    test.0.open();
    assert_eq!(running.await.unwrap().status, 401);
}

#[tokio::test(start_paused = true)]
async fn with_a_wait_limit_of_nothing_only_a_free_place_helps() {
    let test = Test::new();
    let door = test.door(HashingPool::new(1).wait_limit(Duration::ZERO));
    let running = door.begin().await;
    test.0.running(1).await;
    door.refuses_at_once().await;
    test.0.open();
    assert_eq!(running.await.unwrap().status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_hash_keeps_its_place_until_it_ends_though_its_caller_hangs_up() {
    let test = Test::new();
    let pool = HashingPool::new(2).wait_limit(LONG);
    let impatient = test.door(pool.clone().wait_limit(Duration::ZERO));
    let gone = [impatient.begin().await, impatient.begin().await];
    test.0.running(2).await;
    for request in gone {
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
    }
    settle().await;
    assert_eq!(test.0.count().running, 2, "a hash that has begun is not stopped");
    for _ in 0..100 {
        impatient.refuses_at_once().await;
    }
    test.0.open();
    assert_eq!(wrong(test.layer(&pool)).await.status, 401, "the places are given back");
    assert_eq!(test.0.count().most, 2);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn other_requests_are_answered_while_a_hash_blocks() {
    let test = Test::new();
    let door = test.door(HashingPool::new(1));
    let (running, layer) = (door.begin().await, door.layer);
    test.0.running(1).await;
    assert_eq!(send(&layer, get("/")).await.reason(), "authorization.missing");
    assert_eq!(send(&layer, get_with("/", "Basic !")).await.reason(), "basic.base64");
    assert_eq!(send(&layer.clone().optional(), get("/")).await.body, "anonymous");
    assert_eq!(test.0.count().running, 1);
    assert!(!running.is_finished());
    test.0.open();
    assert_eq!(running.await.unwrap().status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_verifier_that_panics_is_a_503_and_gives_its_place_back() {
    struct Panics;
    impl PasswordVerifier for Panics {
        fn verify(&self, _: &[u8], _: &PasswordHash) -> bool {
            std::panic::resume_unwind(Box::new("without a message on the test's output"))
        }
    }
    let auth = BasicAuth::new("cave", aladdin()).unwrap();
    let pool = HashingPool::new(1);
    let layer = BasicAuthLayer::new(auth.verifier(Panics).hashing_pool(pool));
    for _ in 0..3 {
        assert_unavailable(&wrong(layer.clone()).await);
    }
}

#[test]
fn outside_of_a_tokio_runtime_the_answer_is_503_and_no_panic() {
    let test = Test::new();
    test.0.open();
    let request = pin!(wrong(test.layer(&HashingPool::new(1))));
    let Poll::Ready(answer) = request.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("there is nothing to wait for");
    };
    assert_unavailable(&answer);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_request_that_is_dropped_before_it_is_polled_costs_nothing() {
    let test = Test::new();
    let layer = test.layer(&HashingPool::new(1).queue(1));
    for _ in 0..10 {
        drop(wrong(layer.clone()));
    }
    // Polled once, it has begun; dropped then, its hash goes on alone.
    let mut begun = Box::pin(wrong(layer.clone()));
    poll_fn(|cx| {
        assert!(begun.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(begun);
    test.0.running(1).await;
    test.0.open();
    assert_eq!(wrong(layer).await.status, 401);
    assert_eq!(test.0.count().done, 2);
}
