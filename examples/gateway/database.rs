use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
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

/// How long a health check waits for another's write to end.
const PROBE_WAITS: Duration = Duration::from_millis(500);

/// The embedded database. A clone is the same pool of connections.
#[derive(Clone)]
pub struct Database {
    pool: SqlitePool,
    /// For health checks, so that they take no connection from a request.
    probe: SqlitePool,
}

impl Database {
    /// Opens a database, and creates it if there is none.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let file = file(url);
        if let Some(file) = &file {
            create_if_missing(file)
                .map_err(|error| format!("cannot open the database {url:?}: {error}"))?;
        }
        let in_memory = file.is_none();
        let (options, connections) = match file {
            Some(file) => (
                SqliteConnectOptions::new()
                    .filename(file)
                    .journal_mode(SqliteJournalMode::Wal)
                    // An acknowledged write survives a power failure.
                    .synchronous(SqliteSynchronous::Full),
                4,
            ),
            // A second connection would see another database.
            None => (SqliteConnectOptions::new().in_memory(true), 1),
        };
        let options = options.foreign_keys(true).busy_timeout(Duration::from_secs(5));
        let pools = SqlitePoolOptions::new()
            .acquire_timeout(Duration::from_secs(5))
            .idle_timeout(None)
            .max_lifetime(None);
        let pool = pools
            .clone()
            .max_connections(connections)
            .connect_with(options.clone())
            .await
            .map_err(|error| format!("cannot open the database {url:?}: {error}"))?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        let probe = if in_memory {
            pool.clone()
        } else {
            let options = options.busy_timeout(PROBE_WAITS);
            pools.max_connections(1).acquire_timeout(2 * PROBE_WAITS).connect_lazy_with(options)
        };
        Ok(Self { pool, probe })
    }

    /// Takes back the claims on groups that were never stored, since the server was killed in between. For
    /// the start: a request under way has such a claim, too.
    pub async fn forget_unfinished_claims(&self) -> Result<(), Error> {
        let unfinished =
            "DELETE FROM owners WHERE kind = 'group' AND id NOT IN (SELECT id FROM smp_groups)";
        sqlx::query(unfinished).execute(&self.pool).await?;
        Ok(())
    }

    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Whether the database takes writes. While it does not, reading may go on, but no token is given and
    /// no signed request accepted.
    pub async fn is_ready(&self) -> bool {
        let written = async { self.probe.begin_with("BEGIN IMMEDIATE").await?.rollback().await };
        written.await.inspect_err(|error| tracing::warn!(%error, "not ready")).is_ok()
    }

    pub async fn close(&self) {
        self.probe.close().await;
        self.pool.close().await;
    }
}

/// An empty file is an empty database. Hashes will be in it: only its owner may read it, and SQLite gives
/// the files that it puts beside it the same mode.
fn create_if_missing(file: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(file).map(drop)
}

/// Refuses what is no name of a database here. What is refused may hold a password, and is not repeated.
pub fn check(url: &str) -> Result<(), Error> {
    let Some(file) = file(url) else {
        return Ok(());
    };
    let text = file.to_string_lossy();
    if text.contains("://") || text.contains('?') {
        return Err(
            "--database is a file's path, or `sqlite::memory:`; no other database is known".into()
        );
    }
    if file.extension().is_some_and(|extension| extension == "keys") {
        return Err(
            "--database must not end in `.keys`: the key file lies beside it under that name".into()
        );
    }
    Ok(())
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
