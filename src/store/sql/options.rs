use std::{sync::Arc, time::Duration};

use sqlx::{
    AnyConnection, Connection,
    any::{AnyPoolOptions, install_default_drivers},
};
use tokio::time;

#[cfg(feature = "user-token")]
use super::user_tokens::Held;
use super::{Engine, Shared, Sql, Verdict, engine::Location, migrations, timed_out};
#[cfg(feature = "s3p")]
use super::{SealingKey, nonces::Counts};
#[cfg(feature = "user-token")]
use crate::Scope;
use crate::{Clock, ConfigError, StoreError, SystemClock};

/// How much longer than the engine the client waits: the engine says better what is wrong. So long, too, is a
/// connection asked whether the server is there.
const GRACE: Duration = Duration::from_millis(500);

/// How long a health check waits for a lock.
const PROBE_WAITS: Duration = Duration::from_millis(500);

/// How long it waits in all, and half of that for a connection.
pub(super) const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// How long the tables may take to be brought up to date, or another instance to do it.
const MIGRATION_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How a database is used.
#[must_use = "nothing is connected until `connect` is called"]
pub struct SqlOptions {
    location: Location,
    max_connections: u32,
    acquire_timeout: Duration,
    query_timeout: Duration,
    clock: Arc<dyn Clock>,
    #[cfg(feature = "s3p")]
    sealing: Option<SealingKey>,
    #[cfg(feature = "s3p")]
    max_nonces: (u64, u64),
    #[cfg(feature = "user-token")]
    held: Held,
    #[cfg(feature = "user-token")]
    max_user_tokens: u32,
    #[cfg(feature = "_jwt")]
    max_families: u32,
}

impl SqlOptions {
    pub(super) fn new(url: &str) -> Result<Self, ConfigError> {
        Ok(Self {
            location: Location::parse(url)?,
            max_connections: 8,
            acquire_timeout: Duration::from_secs(2),
            query_timeout: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
            #[cfg(feature = "s3p")]
            sealing: None,
            #[cfg(feature = "s3p")]
            max_nonces: (1_000_000, 100_000),
            #[cfg(feature = "user-token")]
            held: Held::default(),
            #[cfg(feature = "user-token")]
            max_user_tokens: 1_000,
            #[cfg(feature = "_jwt")]
            max_families: 10_000,
        })
    }

    /// How many connections are kept, at the most. The default is 8. A database in memory has one.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// How long a request waits for a connection: all are in use, or the server cannot be reached. The
    /// default is 2 seconds.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire_timeout = timeout;
        self
    }

    /// How long a statement may take. The default is 5 seconds. The engine ends it then
    /// (`statement_timeout`, `busy_timeout`); half a second later, the store no longer waits for it.
    pub fn query_timeout(mut self, timeout: Duration) -> Self {
        self.query_timeout = timeout;
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Seals the secrets of access keys with this key. Without one, they are neither stored nor read.
    #[cfg(feature = "s3p")]
    pub fn sealing_key(mut self, key: SealingKey) -> Self {
        self.sealing = Some(key);
        self
    }

    /// How many live nonces there may be, in all and of one access token. The default is 1,000,000 and
    /// 100,000. A nonce lives for up to ten minutes.
    #[cfg(feature = "s3p")]
    pub fn max_nonces(mut self, in_all: u64, per_token: u64) -> Self {
        self.max_nonces = (in_all, per_token);
        self
    }

    /// Lets a user token have of its scopes, beside those that its user holds by name, what this scope stands for
    /// while the user holds it. Without this, no scope stands for others: a token of a user who holds
    /// [`Scope::ALL_ANY`] alone has at the most that one.
    ///
    /// Name what it stands for, and let an [override scope](crate::ownership::Ownership::override_scope) not be
    /// among it: who no longer holds that by name goes on otherwise, by the tokens of before.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// use portcullis::{Scope, store::Sql};
    ///
    /// let options = Sql::options("sqlite::memory:")?
    ///     .global_scope(Scope::ALL_ANY, |scope| scope.starts_with("messages:"));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    #[cfg(feature = "user-token")]
    pub fn global_scope(
        mut self,
        scope: Scope,
        stands_for: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.held = Held::global(scope, Arc::new(stands_for));
        self
    }

    /// How many user tokens somebody may have, those that are revoked or have expired included, until they are
    /// forgotten. The default is 1,000.
    #[cfg(feature = "user-token")]
    pub fn max_user_tokens(mut self, each: u32) -> Self {
        self.max_user_tokens = each;
        self
    }

    /// How many families of refresh tokens somebody may have, revoked ones included, until they expire. The default is
    /// 10,000: for who signs in every five minutes, where a family lives for 30 days.
    #[cfg(feature = "_jwt")]
    pub fn max_refresh_families(mut self, each: u32) -> Self {
        self.max_families = each;
        self
    }

    /// Connects, and brings the tables to the newest version. That may take ten minutes, whatever the
    /// [time limit](Self::query_timeout) of a statement. A PostgreSQL whose `synchronous_commit` is off is taken with
    /// a warning in the trace.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached or opened, or its tables are newer than this program.
    ///
    /// # Panics
    ///
    /// When the program has installed drivers of its own choice with sqlx's `install_drivers`.
    pub async fn connect(self) -> Result<Sql, StoreError> {
        install_default_drivers();
        let Location { engine, options, in_memory } = self.location;
        let pools = AnyPoolOptions::new().acquire_timeout(self.acquire_timeout);
        let (pools, connections) = if in_memory {
            // The database is gone with its connection.
            (pools.idle_timeout(None).max_lifetime(None), 1)
        } else {
            (pools, self.max_connections)
        };
        let limited = |limit| {
            let pools = pools.clone();
            let pools =
                pools.after_connect(move |connection, _| Box::pin(engine.prepare(connection, limit)));
            match engine {
                Engine::Sqlite => pools,
                // sqlx asks a connection, too, and waits for the answer without a limit.
                Engine::Postgres => pools
                    .test_before_acquire(false)
                    .before_acquire(|connection, _| Box::pin(answers(connection)))
                    .after_release(|connection, _| Box::pin(answers(connection))),
            }
        };
        let pool = limited(self.query_timeout)
            .max_connections(connections)
            .connect_with(options.clone())
            .await
            .map_err(StoreError::new)?;
        let checked = time::timeout(self.query_timeout + GRACE, engine.check_durability(&pool)).await;
        checked.unwrap_or_else(|_| Err(timed_out())).map_err(StoreError::new)?;
        let (probe, migrating) = if in_memory {
            (pool.clone(), pool.clone())
        } else {
            let probe = limited(PROBE_WAITS).max_connections(1).acquire_timeout(PROBE_LIMIT / 2);
            let migrating = limited(MIGRATION_LIMIT).max_connections(1);
            (probe.connect_lazy_with(options.clone()), migrating.connect_lazy_with(options))
        };
        let migrated =
            time::timeout(MIGRATION_LIMIT + GRACE, migrations::run(engine, &migrating)).await;
        migrated.unwrap_or_else(|_| Err(timed_out().into())).map_err(StoreError::new)?;
        if !in_memory {
            migrating.close().await;
        }
        let sql = Sql(Arc::new(Shared {
            pool,
            probe,
            verdict: Verdict::default(),
            engine,
            patience: self.query_timeout + GRACE,
            clock: self.clock,
            #[cfg(feature = "s3p")]
            sealing: self.sealing,
            #[cfg(feature = "s3p")]
            nonces: Counts::new(self.max_nonces),
            #[cfg(feature = "user-token")]
            held: self.held,
            #[cfg(feature = "basic")]
            decoy: super::decoy::Decoy::default(),
            #[cfg(feature = "user-token")]
            max_user_tokens: self.max_user_tokens.into(),
            #[cfg(feature = "_jwt")]
            max_families: self.max_families.into(),
        }));
        #[cfg(feature = "basic")]
        sql.count_costs().await;
        Ok(sql)
    }
}

/// Fails if the server says nothing: the connection is closed then, and its place is free for a new one.
async fn answers(connection: &mut AnyConnection) -> sqlx::Result<bool> {
    let answer = time::timeout(GRACE, connection.ping()).await;
    answer.unwrap_or_else(|_| Err(timed_out())).map(|()| true)
}

/// The URL may hold a password.
impl std::fmt::Debug for SqlOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlOptions")
            .field("engine", &self.location.engine)
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("query_timeout", &self.query_timeout)
            .finish_non_exhaustive()
    }
}
