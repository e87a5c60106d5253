use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use tokio::{task::JoinHandle, time::Instant};

use super::{JwksFetch, RemoteKeysBuilder, flight::Flights};
use crate::{
    ConfigError, NowOrLater, StoreError,
    jwt::{KeySource, Keys},
};

/// The keys of an issuer, fetched again and again. See the [module docs](super) for the rules.
///
/// A clone is a handle of the same keys. When the last one is dropped, and every
/// [`JwtAuth`](crate::jwt::JwtAuth) that was made with one, nothing is fetched any more.
#[derive(Clone)]
pub struct RemoteKeys(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    _refreshed_by: Task<()>,
}

impl RemoteKeys {
    /// Fetches the keys with the default settings.
    ///
    /// # Errors
    ///
    /// As of [`RemoteKeysBuilder::connect`].
    pub async fn connect(fetch: impl JwksFetch) -> Result<Self, ConfigError> {
        Self::builder(fetch).connect().await
    }

    /// Begins with where the set is fetched from.
    pub fn builder(fetch: impl JwksFetch) -> RemoteKeysBuilder {
        RemoteKeysBuilder::new(fetch)
    }

    /// Whether there are keys that may be believed: for a readiness check.
    pub fn is_ready(&self) -> bool {
        self.keys().is_some()
    }

    /// How long ago the issuer has last confirmed the keys, by a set that was adopted or one that has not
    /// changed. `None`: never yet.
    pub fn age(&self) -> Option<Duration> {
        self.0.shared.believed.load().as_ref().map(|believed| believed.confirmed.elapsed())
    }

    pub(super) fn new(shared: Arc<Shared>, refreshed_by: Task<()>) -> Self {
        Self(Arc::new(Handle { shared, _refreshed_by: refreshed_by }))
    }
}

impl KeySource for RemoteKeys {
    fn keys(&self) -> Option<Keys> {
        let believed = self.0.shared.believed.load();
        let believed = believed.as_ref()?;
        (Instant::now() < believed.until).then(|| believed.keys.clone())
    }

    fn renew(&self) -> Option<NowOrLater<Result<(), StoreError>>> {
        self.0.shared.flights.join()
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteKeys").field(&self.keys()).finish()
    }
}

/// What requests see of the keys.
pub(super) struct Shared {
    pub(super) believed: ArcSwapOption<Believed>,
    pub(super) flights: Flights,
}

pub(super) struct Believed {
    pub(super) keys: Keys,
    /// When the fetch began that has brought them, or has found them unchanged.
    pub(super) confirmed: Instant,
    pub(super) until: Instant,
}

/// A task that ends when this is dropped.
pub(super) struct Task<T>(pub(super) JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
