//! A store of nonces, with a million of them live.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};

use dashmap::DashMap;
use portcullis::s3p::{MemoryNonceStore, Nonce, NonceStore, Recorded};

use crate::{
    paired::{Turns, function},
    requests::unique,
    results::{Goal, Results, short},
};

const LIVE: u64 = 1_000_000;

pub fn rows(results: &mut Results) {
    against_dashmap(results);
    two_threads(results);
    bytes(results);
    pause(results);
}

/// Dashmap gets its keys for nothing: sixteen bytes, made outside of the time.
fn against_dashmap(results: &mut Results) {
    let store = full(LIVE, |nonce| 300 + nonce % 600);
    let map = DashMap::with_capacity_and_hasher(0, foldhash::fast::RandomState::default());
    for nonce in 0..LIVE {
        map.insert(u128::from(nonce), 300_i64);
    }
    let mut turns = Turns::default();
    let ours = turns.whole(function(
        || unique().to_string(),
        move |nonce| assert_eq!(record(&store, unique() % 100, &nonce, 500, 0), Recorded::Fresh),
    ));
    let dashmap = turns.whole(function(
        || u128::from(unique()),
        move |nonce| assert!(map.insert(nonce, 500).is_none()),
    ));
    let times = turns.take(1001);
    let figures = format!("{} against {}", short(times.ns(dashmap)), short(times.ns(ours)));
    let goal = Goal::AtLeast { must: 1.5, stretch: 2.0 };
    results.add(
        "Nonces, 10⁶ live: dashmap inserts ÷ ours records",
        goal,
        times.ratio(dashmap, ours),
        figures,
    );
}

/// One thread, and two at once, by turns; the best tenth, since others want the cores, too.
fn two_threads(results: &mut Results) {
    let store = full(LIVE, |nonce| 300 + nonce % 600);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        alone.push(burst(&store));
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    burst(&store);
                }
            });
            burst(&store);
            beside.push(burst(&store));
            stop.store(true, Ordering::Relaxed);
        });
    }
    let tenth = |mut times: Vec<f64>| {
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 10]
    };
    let (alone, beside) = (tenth(alone), tenth(beside));
    let figures = format!("{} against {}", short(beside), short(alone));
    let goal = Goal::AtMost { must: 1.6, stretch: 1.4 };
    results.add("Nonces: beside another thread ÷ alone", goal, beside / alone, figures);
}

fn burst(store: &MemoryNonceStore) -> f64 {
    const MANY: u32 = 2_000;
    let nonces: Vec<_> = (0..MANY).map(|_| unique().to_string()).collect();
    let start = Instant::now();
    for nonce in &nonces {
        record(store, 7, nonce, 500, 0);
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(MANY)
}

/// What the process has more of in memory, with a million nonces.
fn bytes(results: &mut Results) {
    let before = resident();
    let store = full(LIVE, |nonce| 300 + nonce % 600);
    let each = (resident() - before) / LIVE as f64;
    drop(store);
    let goal = Goal::AtMost { must: 40.0, stretch: 16.0 };
    results.add("Nonces: bytes for a live one", goal, each, "resident memory".to_owned());
}

/// All of them expire at once: how long does the one wait that comes next? The best of five, since a
/// thread may be made to wait by others.
fn pause(results: &mut Results) {
    let waits = (0..5).map(|_| {
        let store = full(LIVE, |_| 300);
        let start = Instant::now();
        record(&store, 7, "after", 900, 301);
        start.elapsed().as_secs_f64() * 1e3
    });
    let wait = waits.fold(f64::INFINITY, f64::min);
    let goal = Goal::AtMost { must: 1.0, stretch: 1.0 };
    results.add("Nonces: the wait when 10⁶ expire, in ms", goal, wait, String::new());
}

/// A store with so many nonces, of a hundred tokens.
fn full(many: u64, expires: impl Fn(u64) -> u64) -> MemoryNonceStore {
    let store = MemoryNonceStore::with_limits(10_000_000, 10_000_000);
    for nonce in 0..many {
        let expires = i64::try_from(expires(nonce)).expect("a second");
        record(&store, nonce % 100, &nonce.to_string(), expires, 0);
    }
    store
}

fn record(store: &MemoryNonceStore, token: u64, nonce: &str, expires: i64, now: i64) -> Recorded {
    const TOKEN: &str = "xvz1evFS4wEEPTGEFPHBog";
    // A hundred tokens of the usual length.
    let end = TOKEN.len() - usize::try_from(token % 10).expect("a digit");
    let start = usize::try_from(token / 10).expect("a digit");
    let nonce = Nonce { token: &TOKEN[start.min(9)..end], nonce, expires, now };
    let mut answer = store.record(nonce);
    use std::{
        future::Future,
        pin::Pin,
        task::{Context, Poll, Waker},
    };
    match Pin::new(&mut answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(recorded) => recorded.expect("memory answers"),
        Poll::Pending => panic!("memory answers at once"),
    }
}

fn resident() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").expect("a Linux");
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("pages");
    pages * 4096.0
}
