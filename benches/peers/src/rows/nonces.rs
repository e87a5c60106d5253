//! A store of nonces, with a million of them live.

use std::{
    env, fs,
    pin::Pin,
    process::Command,
    sync::Barrier,
    task::{Context, Poll, Waker},
    thread,
    time::{Instant, UNIX_EPOCH},
};

use dashmap::DashMap;
use portcullis::s3p::{MemoryNonceStore, Nonce, NonceStore, Recorded};

use crate::{
    paired::{Turns, function, median},
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
        || (unique() % 100, unique().to_string()),
        move |(token, nonce)| assert_eq!(record(&store, token, &nonce, 500, 0), Recorded::Fresh),
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

/// A burst of one thread, and bursts of two at once, by turns. Only those count in which the kernel has
/// taken the processor from nobody: else it is the machine that is measured.
fn two_threads(results: &mut Results) {
    const WANTED: usize = 20;
    let store = full(LIVE, |nonce| 300 + nonce % 600);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..2_000 {
        if alone.len() >= WANTED && beside.len() >= WANTED {
            break;
        }
        alone.extend(burst(&store, &Barrier::new(1)));
        let both = Barrier::new(2);
        let (one, other) = thread::scope(|scope| {
            let other = scope.spawn(|| burst(&store, &both));
            (burst(&store, &both), other.join().expect("a burst"))
        });
        beside.extend(one.zip(other).map(|(one, other)| f64::midpoint(one, other)));
    }
    if alone.len().min(beside.len()) < WANTED {
        println!("Nonces, two threads: not measured, the machine is too busy");
        return;
    }
    let (alone, beside) = (median(alone), median(beside));
    let figures = format!("{} against {}", short(beside), short(alone));
    let goal = Goal::AtMost { must: 1.6, stretch: 1.4 };
    results.add("Nonces: beside another thread ÷ alone", goal, beside / alone, figures);
}

/// What one of many takes; `None` if somebody else had the processor meanwhile.
fn burst(store: &MemoryNonceStore, start: &Barrier) -> Option<f64> {
    const MANY: u32 = 1_000;
    let nonces: Vec<_> = (0..MANY).map(|_| unique().to_string()).collect();
    start.wait();
    let before = preemptions();
    let start = Instant::now();
    for nonce in &nonces {
        record(store, 7, nonce, 500, 0);
    }
    let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(MANY);
    (preemptions() == before).then_some(each)
}

/// How often the kernel has taken the processor from this thread.
fn preemptions() -> String {
    let status = fs::read_to_string("/proc/thread-self/status").expect("a Linux");
    let line = status.lines().find(|line| line.starts_with("nonvoluntary_ctxt_switches"));
    line.expect("a count").to_owned()
}

/// What a process has more of in memory with a million nonces: one of its own, since others leave free
/// memory behind.
fn bytes(results: &mut Results) {
    let program = env::current_exe().expect("a path");
    let output = Command::new(program).arg("bytes-of-a-nonce").output().expect("a process");
    let each = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
    let goal = Goal::AtMost { must: 40.0, stretch: 16.0 };
    results.add("Nonces: bytes for a live one", goal, each, "resident memory".to_owned());
}

/// To be asked for in a new process.
pub fn bytes_of_one() -> f64 {
    let before = resident();
    let store = full(LIVE, |nonce| 300 + nonce % 600);
    let each = (resident() - before) / LIVE as f64;
    drop(store);
    each
}

/// All of them expire at once, and as many come after them: how long does the one wait that waits longest? That of
/// the best run, since it is not only the kernel that makes a thread wait: so does whoever runs the machine.
fn pause(results: &mut Results) {
    const RUNS: usize = 9;
    let waits: Vec<_> = (0..RUNS).filter_map(|_| longest_wait()).collect();
    let Some(wait) = waits.iter().copied().min_by(f64::total_cmp) else {
        println!("Nonces, the wait: not measured, the machine is too busy");
        return;
    };
    let worst = waits.iter().copied().fold(wait, f64::max);
    let figures = format!("of 10⁶ that follow; {} runs, the worst {}", waits.len(), short(worst));
    let goal = Goal::AtMost { must: 1_000.0, stretch: 1_000.0 };
    results.add("Nonces: the longest wait when 10⁶ expire, in µs", goal, wait, figures);
}

/// In microseconds, of a million. What somebody else has had the processor in does not count; `None` if that was a
/// tenth of the run or more.
fn longest_wait() -> Option<f64> {
    const MANY: u64 = 1_000;
    let store = full(LIVE, |_| 300);
    let mut waits = Vec::new();
    for part in 0..LIVE / MANY {
        let nonces: Vec<_> = (0..MANY).map(|_| unique().to_string()).collect();
        let before = preemptions();
        let mut longest = 0.0_f64;
        for (at, nonce) in (part * MANY..).zip(&nonces) {
            let start = Instant::now();
            let recorded = record(&store, at % 100, nonce, 900, 301);
            longest = longest.max(start.elapsed().as_secs_f64() * 1e6);
            assert_eq!(recorded, Recorded::Fresh);
        }
        if preemptions() == before {
            waits.push(longest);
        }
    }
    let enough = u64::try_from(waits.len()).is_ok_and(|parts| parts > LIVE / MANY * 9 / 10);
    enough.then(|| waits.into_iter().fold(0.0, f64::max))
}

/// A store with so many nonces, of a hundred tokens, with the room that one would give it.
fn full(many: u64, expires: impl Fn(u64) -> u64) -> MemoryNonceStore {
    let store = MemoryNonceStore::with_limits(UNIX_EPOCH, 2_000_000, 100_000);
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
