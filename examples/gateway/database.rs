use std::{
    collections::HashSet,
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use portcullis::{
    Scope,
    store::{
        Sql,
        sql::{Engine, SealingKey},
    },
};
use sqlx::{
    Any, AnyConnection, AnyPool, Connection, Transaction, any::install_default_drivers, query_scalar,
    raw_sql,
};

use crate::{Error, smsgate};

/// What would end the path in a URL, or stand for another character.
const RESERVED: &AsciiSet = &CONTROLS.add(b' ').add(b'#').add(b'%').add(b'?');

/// Of the tables that are in `schema/`.
const VERSION: i64 = 1;

/// For how many time limits another instance is waited for that makes the tables.
const PATIENCE: usize = 60;

/// In a file of an earlier version of this program.
const EARLIER: &str =
    "SELECT count(*) FROM sqlite_schema WHERE name IN ('owners', 's3p_keys', 'users')";

/// SQLite or PostgreSQL: the tables of `store::Sql`, and beside them those of the three systems. A clone is
/// the same pool of connections.
#[derive(Clone)]
pub struct Database {
    store: Sql,
}

impl Database {
    /// Opens a database that was [prepared](prepare), and makes what is missing in it.
    pub async fn open(url: &str, timeout: Duration, sealing: SealingKey) -> Result<Self, Error> {
        let store = Sql::options(&connectable(url))?
            .sealing_key(sealing)
            // As when a token is made.
            .global_scope(Scope::ALL_ANY, smsgate::is_own)
            .acquire_timeout(timeout)
            .query_timeout(timeout)
            .connect()
            .await
            .map_err(|error| cannot_open(url, &error))?;
        let database = Self { store };
        database.make_tables().await?;
        Ok(database)
    }

    /// Makes what is missing, if anything is: what makes tables and indexes keeps the requests of other instances
    /// waiting.
    async fn make_tables(&self) -> Result<(), Error> {
        let engine = self.store.engine();
        if version(engine, &mut *self.pool().acquire().await?).await? == VERSION {
            return Ok(());
        }
        let mut change = self.change_after_others("gateway: tables").await?;
        let version = version(engine, &mut change).await?;
        if version > VERSION {
            return Err(format!(
                "the tables are of version {version}, and this program knows {VERSION}: start a newer one"
            )
            .into());
        }
        if version < VERSION {
            let schema = match engine {
                Engine::Sqlite => include_str!("schema/sqlite.sql"),
                _ => include_str!("schema/postgres.sql"),
            };
            raw_sql(schema).execute(&mut *change).await?;
        }
        Ok(change.commit().await?)
    }

    /// Begins a change, in its turn, however long others take that make the tables just now.
    async fn change_after_others(&self, of: &str) -> sqlx::Result<Transaction<'static, Any>> {
        for _ in 0..PATIENCE {
            match self.change(of).await {
                Err(sqlx::Error::Database(_)) => {}
                begun => return begun,
            }
        }
        self.change(of).await
    }

    /// Users, tokens, keys, nonces and owners, as portcullis asks for them.
    pub fn store(&self) -> &Sql {
        &self.store
    }

    pub fn pool(&self) -> &AnyPool {
        self.store.pool()
    }

    /// Begins a change to what is this user's, or of this group: one at a time, at all instances.
    pub async fn change(&self, of: &str) -> sqlx::Result<Transaction<'static, Any>> {
        self.store.begin(of).await
    }

    /// Begins to read what there is at one moment, in however many statements.
    pub async fn snapshot(&self) -> sqlx::Result<Transaction<'static, Any>> {
        let begin = match self.store.engine() {
            Engine::Sqlite => "BEGIN",
            _ => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.pool().begin_with(begin).await
    }

    /// The claims on groups that are not stored: of requests under way, and those that stay behind because the server
    /// was killed in between, or the database failed.
    pub async fn unfinished_claims(&self) -> sqlx::Result<HashSet<Claim>> {
        let unfinished: Vec<(String, i64)> = sqlx::query_as(
            "SELECT id, version FROM portcullis_owners o WHERE kind = 'group' \
             AND NOT EXISTS (SELECT 1 FROM smp_groups g WHERE g.id = o.id)",
        )
        .fetch_all(self.pool())
        .await?;
        Ok(unfinished.into_iter().map(|(group, version)| Claim { group, version }).collect())
    }

    /// Makes a group that is not stored nobody's again, if this is the claim on it still. A request that is about to
    /// store it claims it anew.
    pub async fn forget_claim(&self, Claim { group, version }: &Claim) -> sqlx::Result<()> {
        // After the request that may be storing it just now: a group that is stored keeps its owner.
        let mut change = self.change(group).await?;
        sqlx::query(
            "DELETE FROM portcullis_owners WHERE kind = 'group' AND id = $1 AND version = $2 \
             AND NOT EXISTS (SELECT 1 FROM smp_groups WHERE smp_groups.id = $1)",
        )
        .bind(group)
        .bind(version)
        .execute(&mut *change)
        .await?;
        change.commit().await
    }

    pub async fn close(&self) {
        self.store.close().await;
    }
}

/// That a group is somebody's.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Claim {
    pub group: String,
    /// No other claim has it.
    pub version: i64,
}

/// Whether `store::Sql` stores this text as it is: neither by its digest nor in other words, so that the statements of
/// this program find what it has stored, and it what they have. Two such texts fit into an index of PostgreSQL.
pub fn is_stored_as_it_is(text: &str) -> bool {
    text.len() <= 1_024 && !text.contains('\u{10FFFF}')
}

/// Of the tables that there are: 0 where nobody has written it down.
async fn version(engine: Engine, connection: &mut AnyConnection) -> sqlx::Result<i64> {
    let is_there = match engine {
        Engine::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE name = 'gateway_schema'",
        _ => {
            "SELECT count(*) FROM pg_catalog.pg_class \
             WHERE relname = 'gateway_schema' AND pg_catalog.pg_table_is_visible(oid)"
        }
    };
    if query_scalar::<_, i64>(is_there).fetch_one(&mut *connection).await? == 0 {
        return Ok(0);
    }
    query_scalar("SELECT version FROM gateway_schema").fetch_one(connection).await
}

/// Creates the file of a database if there is none and it is to be made, and refuses one that is not this program's.
pub async fn prepare(url: &str, make: bool) -> Result<(), Error> {
    let Some(file) = file(url) else {
        return Ok(());
    };
    if !make && !file.exists() {
        return Err(format!(
            "there is no database {}: run this in the folder in which the server was started, or name the file by \
             --database; the first start of the server makes one, and so does `user add`",
            file.display()
        )
        .into());
    }
    create_if_missing(&file).map_err(|error| cannot_open(url, &error))?;
    install_default_drivers();
    let is_earlier = async {
        let mut database = AnyConnection::connect(&connectable(url)).await?;
        let (tables,): (i64,) = sqlx::query_as(EARLIER).fetch_one(&mut database).await?;
        database.close().await?;
        Ok::<_, sqlx::Error>(tables > 0)
    };
    if is_earlier.await.map_err(|error| cannot_open(url, &error))? {
        return Err(format!(
            "{} is a database of an earlier version of this program, whose tables this one does not read: \
             move the file away, or name another one by --database",
            file.display()
        )
        .into());
    }
    Ok(())
}

/// The URL that sqlx takes.
fn connectable(url: &str) -> String {
    file(url).map_or_else(
        || url.to_owned(),
        |file| format!("sqlite:{}", utf8_percent_encode(&file.to_string_lossy(), RESERVED)),
    )
}

/// The URL of a server may hold a password, and is not repeated.
fn cannot_open(url: &str, error: &(dyn std::error::Error + 'static)) -> String {
    if is_on_a_server(url) {
        format!("cannot open the database: {}", source(error))
    } else {
        format!("cannot open the database {url:?}: {}", source(error))
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
            "--database is a file's path, `sqlite::memory:`, or `postgres://…`; no other database \
                    is known"
                .into(),
        );
    }
    if file.extension().is_some_and(|extension| extension == "keys") {
        return Err(
            "--database must not end in `.keys`: the key file lies beside it under that name".into()
        );
    }
    Ok(())
}

/// Whether the database is gone when the program ends.
pub fn is_in_memory(url: &str) -> bool {
    path(url) == ":memory:"
}

/// The file of a database, unless it is in memory or on a server. `sqlite:` and `sqlite://` may stand before
/// it.
pub fn file(url: &str) -> Option<PathBuf> {
    (!is_on_a_server(url) && !is_in_memory(url)).then(|| Path::new(path(url)).to_owned())
}

fn is_on_a_server(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

fn path(url: &str) -> &str {
    url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url)
}

/// What is behind an error of a store.
pub fn source<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> &'e (dyn std::error::Error + 'static) {
    error.source().filter(|_| error.is::<portcullis::StoreError>()).unwrap_or(error)
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
