//! The tables, version by version. A version that was released is never changed: a new one follows.

use Step::{LongTexts, Statements};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, raw_sql};

use super::{
    Engine, Error,
    text::{MOST, by_digest_if_long},
};

/// From a version to the next.
enum Step {
    Statements(&'static str),
    /// Texts by which rows are found are stored by their digests, if they are long.
    LongTexts,
}

const SQLITE: &[Step] = &[
    Statements(include_str!("migrations/sqlite/0001.sql")),
    Statements(include_str!("migrations/sqlite/0002.sql")),
    Statements(include_str!("migrations/sqlite/0003.sql")),
    Statements(include_str!("migrations/sqlite/0004.sql")),
    Statements(include_str!("migrations/sqlite/0005.sql")),
    LongTexts,
];
const POSTGRES: &[Step] = &[
    Statements(include_str!("migrations/postgres/0001.sql")),
    Statements(include_str!("migrations/postgres/0002.sql")),
    Statements(include_str!("migrations/postgres/0003.sql")),
    Statements(include_str!("migrations/postgres/0004.sql")),
    Statements(include_str!("migrations/postgres/0005.sql")),
    LongTexts,
];

/// By which rows are found, and which are not read back.
const TEXTS: [(&str, &str); 15] = [
    ("portcullis_users", "name"),
    ("portcullis_revoked_tokens", "issuer"),
    ("portcullis_revoked_tokens", "id"),
    ("portcullis_revoked_subjects", "issuer"),
    ("portcullis_revoked_subjects", "subject"),
    ("portcullis_refresh_families", "id"),
    ("portcullis_refresh_families", "issuer"),
    ("portcullis_refresh_families", "subject"),
    ("portcullis_refresh_families", "parent"),
    ("portcullis_refresh_tokens", "id"),
    ("portcullis_owners", "kind"),
    ("portcullis_owners", "id"),
    ("portcullis_access_keys", "token"),
    ("portcullis_nonces", "token"),
    ("portcullis_nonces", "nonce"),
];

/// Brings the tables to the newest version, all or nothing. Of several processes at once, one does it, and
/// the others wait for it.
pub(super) async fn run(engine: Engine, pool: &AnyPool) -> Result<(), Error> {
    let steps = match engine {
        Engine::Sqlite => SQLITE,
        Engine::Postgres => POSTGRES,
    };
    // A replica that takes no writes can be read, if its tables are the newest.
    if version(engine, pool).await? == steps.len() {
        return Ok(());
    }
    let mut change = engine.begin(pool, "portcullis: migrations").await?;
    let done = applied(engine, &mut change).await?;
    let Some(missing) = steps.get(done..) else {
        return Err(format!(
            "the tables are of version {done}, and this program knows {} versions: start a newer one",
            steps.len()
        )
        .into());
    };
    if done == 0 {
        let table = "CREATE TABLE portcullis_schema (version BIGINT NOT NULL)";
        raw_sql(table).execute(&mut *change).await?;
        raw_sql("INSERT INTO portcullis_schema VALUES (0)").execute(&mut *change).await?;
    }
    for step in missing {
        match step {
            Statements(statements) => {
                raw_sql(*statements).execute(&mut *change).await?;
            }
            LongTexts => shorten(&mut change).await?,
        }
    }
    sqlx::query("UPDATE portcullis_schema SET version = $1")
        .bind(i64::try_from(steps.len())?)
        .execute(&mut *change)
        .await?;
    Ok(change.commit().await?)
}

/// What was stored whole until now.
async fn shorten(change: &mut AnyConnection) -> Result<(), Error> {
    for (table, column) in TEXTS {
        // By characters, of which a text has four times fewer than bytes, at the least.
        let long =
            format!("SELECT DISTINCT {column} FROM {table} WHERE length({column}) > {}", MOST / 4);
        let found: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(long)).fetch_all(&mut *change).await?;
        for (whole,) in found {
            let update = format!("UPDATE {table} SET {column} = $1 WHERE {column} = $2");
            let update = sqlx::query(AssertSqlSafe(update)).bind(by_digest_if_long(whole.clone()));
            update.bind(whole).execute(&mut *change).await?;
        }
    }
    Ok(())
}

async fn version(engine: Engine, pool: &AnyPool) -> Result<usize, Error> {
    applied(engine, &mut *pool.acquire().await?).await
}

/// How many steps were taken: none if there is no such table.
async fn applied(engine: Engine, connection: &mut AnyConnection) -> Result<usize, Error> {
    let table = match engine {
        Engine::Sqlite => {
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'portcullis_schema'"
        }
        // `to_regclass` may answer from a cache what was so before another instance made the table.
        Engine::Postgres => {
            "SELECT 1 FROM pg_catalog.pg_class \
             WHERE relname = 'portcullis_schema' AND pg_catalog.pg_table_is_visible(oid)"
        }
    };
    if raw_sql(table).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(0);
    }
    let (version,): (i64,) =
        sqlx::query_as("SELECT version FROM portcullis_schema").fetch_one(connection).await?;
    Ok(usize::try_from(version)?)
}
