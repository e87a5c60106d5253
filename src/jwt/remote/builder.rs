use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use tokio::runtime::Handle;

use super::{
    JwksFetch, RemoteKeys,
    flight::Flights,
    refresh::Refresh,
    source::{Shared, Task},
};
use crate::{
    ConfigError,
    jwt::{Algorithm, jwks::check_is_rsa},
};

/// A [`RemoteKeys`] in the making.
#[must_use]
#[derive(Debug)]
pub struct RemoteKeysBuilder {
    fetch: Arc<dyn JwksFetch>,
    settings: Settings,
}

impl RemoteKeysBuilder {
    pub(super) fn new(fetch: impl JwksFetch) -> Self {
        let settings = Settings {
            rsa: None,
            refresh: Duration::from_secs(60)..=Duration::from_secs(60 * 60),
            max_stale: Duration::from_secs(6 * 60 * 60),
            cooldown: Duration::from_secs(30),
            time_limit: Duration::from_secs(5),
        };
        Self { fetch: Arc::new(fetch), settings }
    }

    /// RSA keys that do not say their algorithm are for this one. Without it they are passed over: see
    /// [`Keys::from_jwks_for`](crate::jwt::Keys::from_jwks_for).
    pub fn rsa_algorithm(mut self, algorithm: Algorithm) -> Self {
        self.settings.rsa = Some(algorithm);
        self
    }

    /// The shortest and the longest time between two fetches in the background, whatever the issuer's
    /// `Cache-Control` says. The default is one minute to one hour.
    pub fn refresh_between(mut self, shortest: Duration, longest: Duration) -> Self {
        self.settings.refresh = shortest..=longest;
        self
    }

    /// How long the last good set is believed while it cannot be confirmed. The default is six hours.
    pub fn max_stale(mut self, limit: Duration) -> Self {
        self.settings.max_stale = limit;
        self
    }

    /// How long after a fetch that a request has started the next request may start one. The default is
    /// 30 seconds.
    pub fn cooldown(mut self, cooldown: Duration) -> Self {
        self.settings.cooldown = cooldown;
        self
    }

    /// How long a fetch may take, from connecting to the last byte; and so the longest that a request waits.
    /// The default is five seconds.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.settings.time_limit = limit;
        self
    }

    /// Fetches the keys, and goes on to do so in a task of the tokio runtime, which needs its timer
    /// enabled.
    ///
    /// # Errors
    ///
    /// When the settings do not fit together, there is no runtime, or the first fetch fails. For a server that is to start
    /// without its issuer, there is [`connect_lazy`](Self::connect_lazy).
    pub async fn connect(self) -> Result<RemoteKeys, ConfigError> {
        let mut refresh = self.build()?;
        let fetched = refresh.once().await;
        let lifetime = fetched.map_err(|failure| {
            let fetch = refresh.fetch();
            ConfigError::because(format!("no keys could be had from {fetch:?}"), failure)
        })?;
        Ok(spawn(refresh, lifetime))
    }

    /// Fetches the keys in a task of the present tokio runtime, which needs its timer enabled. Requests are
    /// answered 503 until a fetch has succeeded.
    ///
    /// # Errors
    ///
    /// When the settings do not fit together, or there is no runtime.
    pub fn connect_lazy(self) -> Result<RemoteKeys, ConfigError> {
        Ok(spawn(self.build()?, Duration::ZERO))
    }

    fn build(self) -> Result<Refresh, ConfigError> {
        let Self { fetch, settings } = self;
        settings.check()?;
        Handle::try_current().map_err(|error| {
            ConfigError::because(
                "keys are fetched by a task of tokio's, and there is no runtime here",
                error,
            )
        })?;
        let shared = Shared { believed: None.into(), flights: Flights::new(settings.cooldown) };
        Ok(Refresh::new(fetch, settings, Arc::new(shared)))
    }
}

/// On the runtime that `build` has found.
fn spawn(refresh: Refresh, first: Duration) -> RemoteKeys {
    RemoteKeys::new(refresh.shared(), Task(tokio::spawn(refresh.run(first))))
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) rsa: Option<Algorithm>,
    pub(super) refresh: RangeInclusive<Duration>,
    pub(super) max_stale: Duration,
    pub(super) cooldown: Duration,
    pub(super) time_limit: Duration,
}

impl Settings {
    fn check(&self) -> Result<(), ConfigError> {
        self.rsa.map_or(Ok(()), check_is_rsa)?;
        let (shortest, longest) = (*self.refresh.start(), *self.refresh.end());
        let mistake = if shortest < SECOND || self.cooldown < SECOND {
            "keys would be fetched more than once in a second: raise `refresh_between` or `cooldown`"
        } else if longest < shortest {
            "`refresh_between` has its bounds the wrong way round"
        } else if self.max_stale <= longest {
            "keys would not be believed until they are fetched again: `max_stale` must be more than the \
             longest of `refresh_between`"
        } else if self.max_stale > MONTH {
            "`max_stale` of more than a month: keys that were stolen, and removed, would be believed for it"
        } else if self.time_limit.is_zero() || self.time_limit > MINUTE {
            "`time_limit` must be more than nothing, and a minute at most: requests wait for it"
        } else {
            return Ok(());
        };
        Err(ConfigError::new(mistake))
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const MONTH: Duration = Duration::from_secs(31 * 24 * 60 * 60);
