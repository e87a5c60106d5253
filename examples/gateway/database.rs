use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::Error;

/// The tables of all three systems.
const SCHEMA: &str = include_str!("schema.sql");

/// The embedded database. A clone is the same pool of connections.
#[derive(Clone)]
pub struct Database(SqlitePool);

impl Database {
    /// Opens a database, and creates it if there is none.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let (options, connections) = match file(url) {
            Some(file) => (
                SqliteConnectOptions::new()
                    .filename(file)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    // An acknowledged write survives a power failure.
                    .synchronous(SqliteSynchronous::Full),
                4,
            ),
            // A second connection would see another database.
            None => (SqliteConnectOptions::new().in_memory(true), 1),
        };
        let options = options.foreign_keys(true).busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(|error| format!("cannot open the database {url:?}: {error}"))?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Self(pool))
    }

    pub fn pool(&self) -> &SqlitePool {
        &self.0
    }

    /// Whether the database answers.
    pub async fn is_ready(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.0).await.is_ok()
    }

    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// The file of a database, unless it is in memory. `sqlite:` and `sqlite://` may stand before it.
pub fn file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
    (path != ":memory:").then(|| Path::new(path).to_owned())
}

/// A random id that is not secret: 16 hexadecimal digits.
pub fn new_id() -> String {
    format!("{:016x}", u64::from_be_bytes(random()))
}

/// A random secret of 32 hexadecimal digits.
pub fn new_secret() -> String {
    format!("{:032x}", u128::from_be_bytes(random()))
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}
