//! The tables, version by version. A version that was released is never changed: a new one follows.

use sqlx::{AnyPool, raw_sql};

use super::{Engine, Error};

/// From each version to the next.
const SQLITE: &[&str] = &[
    include_str!("migrations/sqlite/0001.sql"),
    include_str!("migrations/sqlite/0002.sql"),
    include_str!("migrations/sqlite/0003.sql"),
    include_str!("migrations/sqlite/0005.sql"),
];
const POSTGRES: &[&str] = &[
    include_str!("migrations/postgres/0001.sql"),
    include_str!("migrations/postgres/0002.sql"),
    include_str!("migrations/postgres/0003.sql"),
    include_str!("migrations/postgres/0005.sql"),
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
        raw_sql(*step).execute(&mut *change).await?;
    }
    sqlx::query("UPDATE portcullis_schema SET version = $1")
        .bind(i64::try_from(steps.len())?)
        .execute(&mut *change)
        .await?;
    Ok(change.commit().await?)
}

async fn version(engine: Engine, pool: &AnyPool) -> Result<usize, Error> {
    applied(engine, &mut *pool.acquire().await?).await
}

/// How many steps were taken: none if there is no such table.
async fn applied(engine: Engine, connection: &mut sqlx::AnyConnection) -> Result<usize, Error> {
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
