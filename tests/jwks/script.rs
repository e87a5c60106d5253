//! A source of sets without a network, for tests in which time passes.

use std::{
    fmt, future,
    sync::{Arc, Mutex},
};

use http::HeaderValue;
use portcullis::{
    NowOrLater, StoreError,
    jwt::remote::{FetchedJwks, JwksFetch},
};

/// Answers what it is set to, and counts how often it is asked.
#[derive(Clone)]
pub(crate) struct Script(Arc<Mutex<State>>);

struct State {
    step: Step,
    etags: Vec<Option<HeaderValue>>,
}

#[derive(Clone)]
pub(crate) enum Step {
    Answer(FetchedJwks),
    Down,
    Hang,
    Panic,
}

impl Script {
    /// Answers with this set.
    pub(crate) fn new(json: impl Into<String>) -> Self {
        let step = Step::Answer(FetchedJwks::new(json.into()));
        Self(Arc::new(Mutex::new(State { step, etags: Vec::new() })))
    }

    pub(crate) fn set(&self, json: impl Into<String>) {
        self.step(Step::Answer(FetchedJwks::new(json.into())));
    }

    pub(crate) fn step(&self, step: Step) {
        self.0.lock().unwrap().step = step;
    }

    /// What it answers at present.
    pub(crate) fn current(&self) -> Step {
        self.0.lock().unwrap().step.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.etags().len()
    }

    /// What the fetches so far were given.
    pub(crate) fn etags(&self) -> Vec<Option<HeaderValue>> {
        self.0.lock().unwrap().etags.clone()
    }
}

impl JwksFetch for Script {
    fn fetch(&self, etag: Option<&HeaderValue>) -> NowOrLater<Result<FetchedJwks, StoreError>> {
        let mut state = self.0.lock().unwrap();
        state.etags.push(etag.cloned());
        let step = state.step.clone();
        drop(state);
        match step {
            Step::Answer(fetched) => NowOrLater::later(async {
                tokio::task::yield_now().await;
                Ok(fetched)
            }),
            Step::Down => NowOrLater::now(Err(StoreError::new("connection refused"))),
            Step::Hang => NowOrLater::later(future::pending()),
            Step::Panic => panic!("a mistake in the client"),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}
