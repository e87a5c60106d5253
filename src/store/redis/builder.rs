use std::{fmt, sync::Arc, time::Duration};

use ::redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, RedisError, ServerErrorKind,
    aio::MultiplexedConnection,
    cmd,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use tokio::sync::Semaphore;

use super::{
    MOST_WAITING, Parts, Redis, Verdict,
    link::{Link, PATIENCE},
};
use crate::{Clock, ConfigError, SystemClock};

/// After how long without a word it is looked whether the other side is there: so that a connection which has gone
/// while nobody asked is replaced before somebody does.
const SILENCE: Duration = Duration::from_secs(5);

/// What a [`Redis`] is to be. See the [module docs](crate::store::redis).
#[derive(Clone)]
pub struct RedisBuilder {
    url: String,
    prefix: String,
    time_limit: Duration,
    max_live_per_token: usize,
    max_families: usize,
    clock: Arc<dyn Clock>,
    may_evict: bool,
    must_append: bool,
}

impl RedisBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            prefix: "portcullis".to_owned(),
            time_limit: Duration::from_millis(500),
            max_live_per_token: 100_000,
            max_families: 10_000,
            clock: Arc::new(SystemClock),
            may_evict: false,
            must_append: false,
        }
    }

    /// What all keys begin with: `portcullis`, unless told otherwise. Stores of one prefix are one store.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long an operation may take: 500 milliseconds, unless told otherwise. Connecting may take five seconds, or as
    /// long as this, if that is longer.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// How many live nonces a token may have: 100,000, unless told otherwise. Each takes some 100 bytes.
    pub fn max_live_nonces_per_token(mut self, most: usize) -> Self {
        self.max_live_per_token = most;
        self
    }

    /// How many families of refresh tokens somebody may have, revoked ones included, until they expire: 10,000, unless
    /// told otherwise. That is for who signs in every five minutes, where a family lives for 30 days. Each takes some
    /// 500 bytes.
    pub fn max_refresh_families(mut self, most: usize) -> Self {
        self.max_families = most;
        self
    }

    /// Takes the time from this clock, to see how long a revocation has to be kept.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes a Redis that may drop nonces, revocations, refresh tokens and counted attempts when its memory is full:
    /// requests that were seen are accepted again then, and revoked tokens are good again.
    pub fn dangerous_allow_eviction(mut self) -> Self {
        self.may_evict = true;
        self
    }

    /// Refuses a Redis that keeps no append-only file (`appendonly`): a restart of it forgets what it has
    /// acknowledged, so that requests that were seen are accepted again, and revoked tokens are good again. Without
    /// this, there is a warning in the trace.
    pub fn require_append_only(mut self) -> Self {
        self.must_append = true;
        self
    }

    /// Connects, and looks whether this Redis evicts, and whether it keeps an append-only file. One that does not let
    /// itself be asked (`INFO`) is taken, with a warning in the trace.
    ///
    /// # Errors
    ///
    /// When the URL or the prefix is not one, Redis cannot be reached within five seconds (or its
    /// [`time_limit`](Self::time_limit), if that is longer) or refuses the credentials, it evicts, or it keeps no
    /// append-only file that is required.
    pub async fn connect(self) -> Result<Redis, ConfigError> {
        check_prefix(&self.prefix)?;
        #[cfg(feature = "redis-tls")]
        choose_cryptography();
        let client = self.client().map_err(|error| {
            ConfigError::because("the Redis URL is not like `redis://user:password@host:6379/0`", error)
        })?;
        let patience = PATIENCE.max(self.time_limit);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience));
        let mut first =
            client.get_multiplexed_async_connection_with_config(&config).await.map_err(unreachable)?;
        check_eviction(&mut first, self.may_evict).await?;
        check_append_only(&mut first, self.must_append).await?;
        Ok(Redis(Arc::new(Parts {
            link: Link::new(client, patience).map_err(unreachable)?,
            prefix: self.prefix,
            time_limit: self.time_limit,
            waiting: Semaphore::new(MOST_WAITING),
            verdict: Verdict::default(),
            max_live_per_token: self.max_live_per_token,
            max_families: self.max_families,
            clock: self.clock,
        })))
    }

    fn client(&self) -> Result<Client, RedisError> {
        let info = (&*self.url).into_connection_info()?;
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE));
        // With RESP3, a connection that is cut is noticed and replaced before the next request needs it.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        Client::open(info.set_tcp_settings(tcp).set_redis_settings(settings))
    }
}

/// The URL has a password in it.
impl fmt::Debug for RedisBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

fn unreachable(error: RedisError) -> ConfigError {
    ConfigError::because(
        "Redis cannot be reached: look at the address and the credentials in its URL",
        error,
    )
}

/// Braces mark the part of a key by which a cluster chooses its slot.
fn check_prefix(prefix: &str) -> Result<(), ConfigError> {
    if (1..=64).contains(&prefix.len()) && !prefix.contains(['{', '}']) {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "the prefix of keys, {prefix:?}, must have between 1 and 64 bytes, and no braces"
    )))
}

async fn check_eviction(redis: &mut MultiplexedConnection, may_evict: bool) -> Result<(), ConfigError> {
    let policy = setting(redis, "memory", "maxmemory_policy:").await?;
    match policy.as_deref() {
        Some("noeviction") => Ok(()),
        None => {
            tracing::warn!("Redis does not say its maxmemory-policy: see that it is noeviction");
            Ok(())
        }
        Some(policy) if may_evict => {
            tracing::warn!(policy, "Redis may evict nonces and revocations that still count");
            Ok(())
        }
        Some(policy) => Err(ConfigError::new(format!(
            "the maxmemory-policy of Redis is {policy}, by which nonces and revocations that still count may \
             be dropped: set it to noeviction, or use a Redis of its own for them"
        ))),
    }
}

async fn check_append_only(
    redis: &mut MultiplexedConnection,
    must_append: bool,
) -> Result<(), ConfigError> {
    match setting(redis, "persistence", "aof_enabled:").await?.as_deref() {
        Some("1") => Ok(()),
        None => {
            tracing::warn!("Redis does not say whether it keeps an append-only file: see that it does");
            Ok(())
        }
        Some(_) if must_append => Err(ConfigError::new(
            "Redis keeps no append-only file, and so forgets nonces and revocations when it is restarted: set \
             appendonly to yes",
        )),
        Some(_) => {
            tracing::warn!(
                "Redis keeps no append-only file: a restart of it forgets nonces and revocations"
            );
            Ok(())
        }
    }
}

/// What Redis says of itself after these words, if it lets itself be asked.
async fn setting(
    redis: &mut MultiplexedConnection,
    section: &str,
    words: &str,
) -> Result<Option<String>, ConfigError> {
    let info = match cmd("INFO").arg(section).query_async::<String>(redis).await {
        Ok(info) => info,
        Err(error) if error.kind() == ServerErrorKind::NoPerm.into() => String::new(),
        Err(error) => return Err(unreachable(error)),
    };
    Ok(info.lines().find_map(|line| line.trim_end().strip_prefix(words)).map(str::to_owned))
}

/// Where the program has not chosen, and could not be asked: with two of them compiled in, rustls does not
/// choose by itself.
#[cfg(feature = "redis-tls")]
fn choose_cryptography() {
    use rustls::crypto::{CryptoProvider, aws_lc_rs};

    if CryptoProvider::get_default().is_none() {
        let _ = aws_lc_rs::default_provider().install_default();
    }
}
