use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, watch},
    time::{self, Instant},
};

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

    /// Waits for the flight that is off, or starts one. `None`: none is off, and none may start yet; or no
    /// seat is left.
    pub(super) fn join(&self) -> Option<impl Future<Output = ()> + Send + use<>> {
        let seat = self.seats.clone().try_acquire_owned().ok()?;
        let mut state = self.state.subscribe();
        let mut flight = None;
        self.state.send_if_modified(|state| {
            let starts = state.may_start(self.cooldown);
            if starts {
                // Written down before the fetch, so that it holds whatever comes of it.
                state.started = Some(Instant::now());
                state.phase = Phase::Flying;
            }
            flight = (state.phase == Phase::Flying).then_some(state.landed);
            starts
        });
        let flight = flight?;
        Some(async move {
            // An error: there is nobody left who could land.
            let _ = state.wait_for(|state| state.landed > flight).await;
            drop(seat);
        })
    }

    /// Waits until a fetch is due, or a request has started one. It is off then.
    pub(super) async fn take_off(&self, due: Instant) {
        let mut state = self.state.subscribe();
        // Either way it is time.
        let _ = time::timeout_at(due, state.wait_for(|state| state.phase == Phase::Flying)).await;
        self.state.send_modify(|state| state.phase = Phase::Flying);
    }

    pub(super) fn land(&self) {
        self.end_in(Phase::Grounded);
    }

    /// Lands for good.
    pub(super) fn close(&self) {
        self.end_in(Phase::Closed);
    }

    fn end_in(&self, phase: Phase) {
        self.state.send_modify(|state| {
            state.phase = phase;
            state.landed += 1;
        });
    }
}

impl State {
    fn may_start(&self, cooldown: Duration) -> bool {
        self.phase == Phase::Grounded && self.started.is_none_or(|then| then.elapsed() >= cooldown)
    }
}
