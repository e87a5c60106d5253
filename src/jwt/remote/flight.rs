use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, watch},
    time::{self, Instant},
};

use crate::{NowOrLater, StoreError};

/// One fetch at a time, started by the clock or by a request, and those who wait for it.
pub(super) struct Flights {
    state: watch::Sender<State>,
    seats: Arc<Semaphore>,
    cooldown: Duration,
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// Told apart by number, so that nobody waits for the next one as well.
    landed: u64,
    /// Whether the last one has brought nothing: nobody knows then which keys there are.
    failed: bool,
    /// When a request has last started one.
    started: Option<Instant>,
}

#[derive(Default, PartialEq)]
enum Phase {
    #[default]
    Grounded,
    /// Started by a request, or off.
    Flying,
    /// There will be no more.
    Closed,
}

impl Flights {
    /// The most requests that wait.
    const SEATS: usize = 256;

    pub(super) fn new(cooldown: Duration) -> Self {
        Self { state: watch::Sender::default(), seats: Arc::new(Semaphore::new(Self::SEATS)), cooldown }
    }

    /// Waits for the flight that is off, or starts one. `None`: none is off and none may start yet, since the
    /// last one has brought the newest keys.
    pub(super) fn join(&self) -> Option<NowOrLater<Result<(), StoreError>>> {
        let mut state = self.state.subscribe();
        let (mut flight, mut failed) = (None, false);
        self.state.send_if_modified(|state| {
            let starts = state.may_start(self.cooldown);
            if starts {
                // Written down before the fetch, so that it holds whatever comes of it.
                state.started = Some(Instant::now());
                state.phase = Phase::Flying;
            }
            flight = (state.phase == Phase::Flying).then_some(state.landed);
            failed = state.failed;
            starts
        });
        let Some(flight) = flight else {
            return failed.then(|| NowOrLater::now(Err(unknown())));
        };
        let Ok(seat) = self.seats.clone().try_acquire_owned() else {
            let full = "too many requests wait for the keys to be renewed";
            return Some(NowOrLater::now(Err(StoreError::new(full))));
        };
        Some(NowOrLater::later(async move {
            let landed = state.wait_for(|state| state.landed > flight).await;
            drop(seat);
            // An error: there is nobody left who could land.
            if landed.is_ok_and(|state| !state.failed) { Ok(()) } else { Err(unknown()) }
        }))
    }

    /// Waits until a fetch is due, or a request has started one. It is off then.
    pub(super) async fn take_off(&self, due: Instant) {
        let mut state = self.state.subscribe();
        // Either way it is time.
        let _ = time::timeout_at(due, state.wait_for(|state| state.phase == Phase::Flying)).await;
        self.state.send_modify(|state| state.phase = Phase::Flying);
    }

    pub(super) fn land(&self, failed: bool) {
        self.end_in(Phase::Grounded, failed);
    }

    /// Lands for good.
    pub(super) fn close(&self) {
        self.end_in(Phase::Closed, true);
    }

    fn end_in(&self, phase: Phase, failed: bool) {
        self.state.send_modify(|state| {
            state.phase = phase;
            state.failed = failed;
            state.landed += 1;
        });
    }
}

impl State {
    fn may_start(&self, cooldown: Duration) -> bool {
        self.phase == Phase::Grounded && self.started.is_none_or(|then| then.elapsed() >= cooldown)
    }
}

/// Why it was is in the log of the fetch.
fn unknown() -> StoreError {
    StoreError::new("the keys could not be renewed")
}
