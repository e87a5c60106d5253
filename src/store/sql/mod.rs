//! All stores in SQLite or PostgreSQL, by one type: [`Sql`].
//!
//! Needs Rust 1.94, and the feature `sqlite` or `postgres`.
//!
//! ```
//! # #[cfg(all(feature = "sqlite", feature = "basic"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use portcullis::{
//!     BasicAuthLayer,
//!     basic::{BasicAuth, PasswordHash, User},
//!     store::Sql,
//! };
//!
//! let store = Sql::options("sqlite::memory:")?.connect().await?;
//! store.insert_user(&User::new("aladdin", PasswordHash::of("open sesame")?)?).await?;
//! let layer = BasicAuthLayer::new(BasicAuth::new("cave", store.clone())?);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "sqlite", feature = "basic")))]
//! # fn main() {}
//! ```
//!
//! The rules:
//!
//! 1. **Where**: `sqlite:` and a path (percent-encoded; created if there is none), `sqlite::memory:`, or
//!    `postgres://user:password@host/database`. PostgreSQL is spoken to over TLS if the server offers it;
//!    `?sslmode=verify-full` insists on it, and on a certificate for this host of an authority that Mozilla trusts, or
//!    of those in a file: `&sslrootcert=/etc/ssl/own-ca.pem`.
//! 2. **Tables** are made and brought up to date by [`SqlOptions::connect`], in one transaction; of several
//!    instances that start at once, one does it. Tables of a newer version are left alone: `connect` fails. A program
//!    of the version before that is running goes on with them, so that instances are upgraded one after the other.
//! 3. **Waiting is bounded**: for a connection, and for a statement ([`SqlOptions`]). What takes longer, a
//!    pool that is used up, and a database that is down, read-only or full are a [`StoreError`]: the caller
//!    gets a 503 with `Retry-After`, and the next request tries again. Nothing has to be restarted.
//! 4. **What was acknowledged stays**: each write is one statement or one transaction, on disk before it is answered
//!    (SQLite: WAL with `synchronous = FULL`; PostgreSQL: leave `synchronous_commit` on). What failed with an error
//!    may have been written all the same.
//! 5. **Atomic**: of any number of callers at any number of instances, one records a nonce, one claims a resource, and
//!    one uses a refresh token; that which decides is one statement.
//! 6. **At once**: there is no cache. What is revoked, disabled or changed is so on the next request, at
//!    every instance.
//! 7. **Users who are disabled, locked or expired** are refused by password, user token, access key and JWT
//!    alike, and get no new tokens for a refresh token.
//! 8. **A user token has the scopes that its user holds now**, and no others that it was made with: see
//!    [`SqlOptions::global_scope`].
//!
//! # The tables
//!
//! An application may have its own tables beside them, read these, and write to them in its own
//! transactions over [`Sql::pool`]. Times are seconds since 1970-01-01T00:00:00Z. A text by which rows are found is
//! stored by its SHA-256 if it is longer than 1,024 bytes, since no index of PostgreSQL takes it: U+10FFFF, `2`, and
//! 64 hexadecimal digits. Not so the owner of a token, a key or a resource. In every text, NUL, which PostgreSQL does
//! not take, is stored as U+10FFFF and `0`, and U+10FFFF as U+10FFFF and `1`.
//!
//! | table | a row is | trait | kept |
//! |---|---|---|---|
//! | `portcullis_users` | a user by login name: identity, password hash, scopes, states | `UserStore` | for good |
//! | `portcullis_user_tokens` | a token by its SHA-256: id, owner, scopes | `UserTokenStore` | until 90 days after it was revoked or has expired |
//! | `portcullis_revoked_tokens` | a revoked JWT by issuer and `jti` | `RevocationStore` | until it expires |
//! | `portcullis_revoked_subjects` | up to when all JWTs of somebody are revoked | `RevocationStore` | for good |
//! | `portcullis_refresh_families` | a family of refresh tokens, its parent, and whether it is revoked | `RefreshStore`, `RevocationStore` | until the last of its tokens and of its children expires |
//! | `portcullis_refresh_tokens` | an unused refresh token, by its `jti` | `RefreshStore` | until it is used, or expires |
//! | `portcullis_owners` | who owns a resource, by kind and id | `OwnershipStore` | until given up |
//! | `portcullis_access_keys` | an S3P key by its token: owner, sealed secrets, dialects, method | `AccessKeyStore` | for good |
//! | `portcullis_nonces` | a nonce of an access token | `NonceStore` | until it expires |
//! | `portcullis_nonces_purged` | up to when nonces were deleted; one row | `NonceStore` | |
//! | `portcullis_ready` | when somebody asked whether the database takes writes; one row | | |
//! | `portcullis_schema` | the version of the tables; one row | | |
//!
//! # Caveats
//!
//! * Call [`Sql::purge`] every minute or so. What has expired is not taken for valid without it, but stays. It also
//!   looks what most password hashes cost, so that a name that does not exist takes as long as one that does; without
//!   it, that is what was so when the store was connected.
//! * One instance takes no more nonces than it may, and perhaps a few less for a second: what it records while it
//!   counts may count twice. Of several, each counts its own, and takes the whole count over at each purge.
//! * A nonce is written to the disk for every signed request. Where that is too slow, keep the nonces
//!   elsewhere, and the rest here.
//! * `sqlx` asks a connection that is given back once more, without a limit: a network to PostgreSQL that falls silent
//!   in that moment holds its place in the pool until the system gives the connection up (Linux: after some 15
//!   minutes), or for good, if it was the answer alone that was lost.
//! * PostgreSQL behind a pooler that gives each transaction another connection (PgBouncer's transaction
//!   mode) breaks prepared statements, and is not supported.

#[cfg(feature = "s3p")]
mod access_keys;
#[cfg(feature = "basic")]
mod decoy;
mod engine;
#[cfg(feature = "_jwt")]
mod families;
#[cfg(feature = "_jwt")]
mod line;
mod migrations;
#[cfg(feature = "s3p")]
mod nonces;
mod options;
#[cfg(feature = "ownership")]
mod owners;
mod purge;
#[cfg_attr(
    not(feature = "full"),
    allow(dead_code, reason = "which store asks is a matter of features")
)]
mod query;
#[cfg(feature = "_jwt")]
mod refreshes;
#[cfg(any(feature = "_jwt", feature = "s3p", feature = "user-token"))]
mod refused;
#[cfg(feature = "_jwt")]
mod revocations;
#[cfg(feature = "s3p")]
mod seal;
#[cfg_attr(
    not(feature = "full"),
    allow(dead_code, reason = "which store asks is a matter of features")
)]
mod text;
#[cfg(feature = "user-token")]
mod user_tokens;
#[cfg(feature = "basic")]
mod users;

#[cfg(any(feature = "basic", feature = "user-token"))]
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fmt, io, sync::Arc, time::Duration};

use sqlx::{Any, AnyPool, Transaction};
use tokio::time;

use self::options::PROBE_LIMIT;
#[cfg(feature = "s3p")]
pub use self::seal::SealingKey;
pub use self::{engine::Engine, options::SqlOptions};
use super::verdict::Verdict;
use crate::{Clock, ConfigError, StoreError, clock::unix_seconds};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A database with all that the layers ask for. A clone is the same pool of connections. See the
/// [module docs](self) for the rules.
#[derive(Clone)]
pub struct Sql(Arc<Shared>);

struct Shared {
    pool: AnyPool,
    /// For health checks, so that they take no connection from a request.
    probe: AnyPool,
    verdict: Verdict,
    engine: Engine,
    /// How long a statement is waited for.
    patience: Duration,
    clock: Arc<dyn Clock>,
    #[cfg(feature = "s3p")]
    sealing: Option<SealingKey>,
    #[cfg(feature = "s3p")]
    nonces: nonces::Counts,
    #[cfg(feature = "user-token")]
    held: user_tokens::Held,
    #[cfg(feature = "basic")]
    decoy: decoy::Decoy,
    #[cfg(feature = "user-token")]
    max_user_tokens: i64,
    #[cfg(feature = "_jwt")]
    max_families: i64,
}

impl Sql {
    /// The database at this URL: `sqlite:path`, `sqlite::memory:` or `postgres://…`.
    ///
    /// # Errors
    ///
    /// When it is not such a URL, or the feature for it is not on.
    pub fn options(url: &str) -> Result<SqlOptions, ConfigError> {
        SqlOptions::new(url)
    }

    /// Whether the database takes writes: one is made and committed, over a connection of its own, within two
    /// seconds. That it does holds for a second; those who ask at once share an answer.
    ///
    /// # Errors
    ///
    /// When it does not, or not in time. Reading may go on.
    pub async fn check_ready(&self) -> Result<(), StoreError> {
        let write = sqlx::query(match self.0.engine {
            // On a disk that is nearly full, there may be room for a page, and none for a nonce and its index. Pages
            // that stay as they are would not be written.
            Engine::Sqlite => "UPDATE portcullis_ready SET asked = $1, room = randomblob(16384)",
            Engine::Postgres => "UPDATE portcullis_ready SET asked = $1",
        });
        let write = write.bind(self.now());
        let written = async {
            let written = time::timeout(PROBE_LIMIT, write.execute(&self.0.probe)).await;
            written.unwrap_or_else(|_| Err(timed_out())).map(drop).map_err(StoreError::new)
        };
        self.0.verdict.or_ask(written).await
    }

    /// The connections, for an application's own tables in the same database (sqlx 0.9).
    ///
    /// Statements over it have the engine's time limit, and none besides: when the network to a PostgreSQL swallows
    /// them, nobody ends them. Give them a limit of your own (`tokio::time::timeout`), in transactions, too; a
    /// connection whose statement was dropped is given up when its server does not answer within half a second.
    /// Placeholders are `$1`, `$2`, …
    pub fn pool(&self) -> &AnyPool {
        &self.0.pool
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        self.0.engine
    }

    /// Begins a transaction that writes. Of those with one name, one runs at a time, at all instances; with
    /// SQLite, of all.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn begin(&self, name: &str) -> sqlx::Result<Transaction<'static, Any>> {
        let begun = self.bounded(self.0.engine.begin(&self.0.pool, name)).await;
        begun.unwrap_or_else(|| Err(timed_out()))
    }

    /// Closes the connections. What is asked afterwards is an error.
    pub async fn close(&self) {
        self.0.probe.close().await;
        self.0.pool.close().await;
    }

    /// The present second.
    fn now(&self) -> i64 {
        unix_seconds(self.0.clock.now())
    }
}

#[cfg(any(feature = "basic", feature = "user-token"))]
/// A stored second. One before 1970 counts as the first of 1970: it has passed.
fn time(second: i64) -> SystemTime {
    let since = Duration::from_secs(u64::try_from(second).unwrap_or_default());
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

fn timed_out() -> sqlx::Error {
    let text = "the database has not answered within the time limit";
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
}

/// The URL may hold a password.
impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sql").field("engine", &self.0.engine).finish_non_exhaustive()
    }
}
