use std::time::Duration;

use sqlx::{Any, AnyConnection, AssertSqlSafe, Executor, Transaction, any::AnyConnectOptions};

use crate::ConfigError;

/// Which database is behind a [`Sql`](super::Sql).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Engine {
    /// SQLite, in this process.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// Where the database is.
pub(super) struct Location {
    pub(super) engine: Engine,
    pub(super) options: AnyConnectOptions,
    /// A second connection would see another database.
    pub(super) in_memory: bool,
}

impl Location {
    /// The URL may hold a password, and is in no error.
    pub(super) fn parse(url: &str) -> Result<Self, ConfigError> {
        let engine = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Engine::Sqlite,
            Some("postgres" | "postgresql") => Engine::Postgres,
            _ => {
                return Err(ConfigError::new(
                    "the URL of a database begins with `sqlite:` or `postgres://`",
                ));
            }
        };
        if !engine.is_compiled_in() {
            return Err(ConfigError::new(format!(
                "this URL needs the feature `{}` of portcullis",
                engine.feature()
            )));
        }
        let in_memory =
            engine == Engine::Sqlite && (url.contains(":memory:") || url.contains("mode=memory"));
        let mut url = url.to_owned();
        if engine == Engine::Sqlite && !url.contains("mode=") {
            url.push_str(if url.contains('?') { "&mode=rwc" } else { "?mode=rwc" });
        }
        let options = url.parse().map_err(|error: sqlx::Error| {
            ConfigError::because("the URL of the database cannot be read", error)
        })?;
        Ok(Self { engine, options, in_memory })
    }
}

impl Engine {
    fn feature(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    fn is_compiled_in(self) -> bool {
        match self {
            Self::Sqlite => cfg!(feature = "sqlite"),
            Self::Postgres => cfg!(feature = "postgres"),
        }
    }

    /// Makes a new connection durable, and puts the time limit into the engine's own hands.
    pub(super) async fn prepare(
        self,
        connection: &mut AnyConnection,
        limit: Duration,
    ) -> sqlx::Result<()> {
        let limit = limit.as_millis();
        let statements = match self {
            // FULL: what was acknowledged is there after a power failure.
            Self::Sqlite => format!(
                "PRAGMA busy_timeout = {limit}; PRAGMA journal_mode = WAL; \
                 PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"
            ),
            // The client may have gone, so that nobody else ends a statement, or a transaction. What waits for another
            // transaction goes on with what that has left, whatever the server's default is.
            Self::Postgres => format!(
                "SET statement_timeout = {limit}; SET idle_in_transaction_session_timeout = {}; \
                 SET default_transaction_isolation = 'read committed'",
                4 * limit
            ),
        };
        connection.execute(AssertSqlSafe(statements)).await?;
        Ok(())
    }

    /// Warns if what is acknowledged may be lost all the same.
    pub(super) async fn check_durability(self, pool: &sqlx::AnyPool) -> sqlx::Result<()> {
        if self == Self::Sqlite {
            return Ok(());
        }
        let setting = "SELECT current_setting('synchronous_commit')";
        let setting: String = sqlx::query_scalar(setting).fetch_one(pool).await?;
        if setting == "off" {
            tracing::warn!(
                "synchronous_commit of PostgreSQL is off: a crash of it loses what it has acknowledged"
            );
        }
        Ok(())
    }

    /// A transaction that nobody else's with the same name runs beside.
    pub(super) async fn begin(
        self,
        pool: &sqlx::AnyPool,
        name: &str,
    ) -> sqlx::Result<Transaction<'static, Any>> {
        match self {
            // There is one writer at a time, whatever the name.
            Self::Sqlite => pool.begin_with("BEGIN IMMEDIATE").await,
            Self::Postgres => {
                let mut transaction = pool.begin().await?;
                sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                    .bind(name)
                    .execute(&mut *transaction)
                    .await?;
                Ok(transaction)
            }
        }
    }
}
