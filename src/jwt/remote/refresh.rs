use std::{error::Error, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::HeaderValue;
use tokio::time::{self, Instant};

use super::{
    FetchedJwks, JwksFetch,
    builder::Settings,
    source::{Believed, Shared, Task},
};
use crate::{StoreError, jwt::Keys};

/// What the background task does: it fetches, judges what came, and shows it to the requests.
pub(super) struct Refresh {
    fetch: Arc<dyn JwksFetch>,
    settings: Settings,
    shared: Arc<Shared>,
    adopted: Option<Adopted>,
}

struct Adopted {
    keys: Keys,
    json: Bytes,
    etag: Option<HeaderValue>,
}

impl Refresh {
    pub(super) fn new(fetch: Arc<dyn JwksFetch>, settings: Settings, shared: Arc<Shared>) -> Self {
        Self { fetch, settings, shared, adopted: None }
    }

    pub(super) fn fetch(&self) -> &dyn JwksFetch {
        &*self.fetch
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Fetches for ever; the first time after about this long.
    pub(super) async fn run(mut self, first: Duration) {
        let mut wait = first;
        let mut failures = 0_u32;
        loop {
            self.shared.flights.take_off(Instant::now() + jittered(wait)).await;
            let outcome = self.once().await;
            let failed = outcome.is_err();
            wait = match outcome {
                Ok(lifetime) => {
                    failures = 0;
                    lifetime
                }
                Err(Failure { code, cause }) => {
                    let (fetch, cause) = (&self.fetch, chain(&*cause));
                    tracing::warn!(code, ?fetch, cause, "the JWK set could not be renewed");
                    failures = failures.saturating_add(1);
                    backoff(failures).min(*self.settings.refresh.end())
                }
            };
            self.shared.flights.land(failed);
        }
    }

    /// Fetches once. The answer is how long what came is fresh.
    pub(super) async fn once(&mut self) -> Result<Duration, Failure> {
        let began = Instant::now();
        let fetched = self.ask().await.map_err(|cause| Failure::new("jwks.fetch", cause))?;
        let lifetime = fetched.lifetime.unwrap_or(UNSTATED);
        let keys = self.adopt(fetched)?;
        let until = began + self.settings.max_stale;
        self.shared.believed.store(Some(Arc::new(Believed { keys, confirmed: began, until })));
        Ok(lifetime.clamp(*self.settings.refresh.start(), *self.settings.refresh.end()))
    }

    /// In a task of its own, so that a fetch that panics is one that failed.
    async fn ask(&self) -> Result<FetchedJwks, StoreError> {
        let fetch = self.fetch.clone();
        let etag = self.adopted.as_ref().and_then(|adopted| adopted.etag.clone());
        let mut task = Task(tokio::spawn(async move { fetch.fetch(etag.as_ref()).await }));
        match time::timeout(self.settings.time_limit, &mut task.0).await {
            Ok(Ok(fetched)) => fetched,
            Ok(Err(panicked)) => Err(StoreError::new(panicked)),
            Err(_) => Err(StoreError::new("the time limit is over")),
        }
    }

    /// The keys of a set that can be used; the very same ones, if it is the same set.
    fn adopt(&mut self, fetched: FetchedJwks) -> Result<Keys, Failure> {
        let FetchedJwks { json, etag, .. } = fetched;
        // Without a tag, nobody was asked whether it is another set.
        if let Some(adopted) = &mut self.adopted
            && json.as_ref().map_or(adopted.etag.is_some(), |json| *json == adopted.json)
        {
            adopted.etag = etag.or(adopted.etag.take());
            tracing::debug!(code = "jwks.unchanged", fetch = ?self.fetch, "the JWK set has not changed");
            return Ok(adopted.keys.clone());
        }
        let json = json.ok_or_else(|| {
            let unasked = "not modified, and there is no set with an ETag that was asked about";
            Failure::new("jwks.fetch", StoreError::new(unasked))
        })?;
        let keys = Keys::read_jwks(&json, self.settings.rsa)
            .map_err(|cause| Failure::new("jwks.unusable", cause))?;
        tracing::info!(code = "jwks.adopted", fetch = ?self.fetch, "a new JWK set is in use");
        self.adopted = Some(Adopted { keys: keys.clone(), json, etag });
        Ok(keys)
    }
}

/// Whoever waits for a fetch that will not be made stops waiting.
impl Drop for Refresh {
    fn drop(&mut self) {
        self.shared.flights.close();
    }
}

/// Why a fetch has brought nothing.
#[derive(Debug)]
pub(super) struct Failure {
    code: &'static str,
    cause: Box<dyn Error + Send + Sync>,
}

impl Failure {
    fn new(code: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code, cause: cause.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", chain(&*self.cause), self.code)
    }
}

impl Error for Failure {}

/// An error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// How long a set is fresh that does not say it.
const UNSTATED: Duration = Duration::from_secs(15 * 60);

/// 1, 2, 4, … seconds; at last a minute.
fn backoff(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(Duration::from_secs(60))
}

/// Up to a quarter sooner, so that a fleet does not ask all at once.
fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(0);
    wait.mul_f64(1.0 - f64::from(random) / f64::from(u32::MAX) / 4.0)
}
