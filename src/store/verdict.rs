use std::time::Duration;

use tokio::{sync::Mutex, time::Instant};

use crate::StoreError;

/// For how long a store that is ready is not asked again.
const KEPT: Duration = Duration::from_secs(1);

/// Whether a store is ready. However many want to know, and however often, it is asked by one at a time: the others
/// wait for the same answer.
#[derive(Default)]
pub(super) struct Verdict(Mutex<Option<Said>>);

struct Said {
    at: Instant,
    /// Or why it is not.
    ready: Result<(), String>,
}

impl Said {
    /// Whether it is news for somebody who has come at this time.
    fn counts(&self, came: Instant) -> bool {
        self.at >= came || self.ready.is_ok() && self.at.elapsed() < KEPT
    }
}

impl Verdict {
    /// What was said just now, or what the store says.
    pub(super) async fn or_ask(
        &self,
        ask: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let came = Instant::now();
        let mut last = self.0.lock().await;
        let said = match last.take().filter(|said| said.counts(came)) {
            Some(said) => said,
            None => Said { ready: ask.await.map_err(|error| cause(&error)), at: Instant::now() },
        };
        let ready = said.ready.clone();
        *last = Some(said);
        ready.map_err(StoreError::new)
    }
}

fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
