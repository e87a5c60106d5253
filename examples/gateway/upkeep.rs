//! What has expired is deleted by a task of its own, and not on the way of a request.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use tokio::time::{self, MissedTickBehavior};

use crate::{Error, admin::now, database::Database};

const INTERVAL: Duration = Duration::from_secs(60);

/// How long messages and logs are kept, in seconds.
const KEPT: i64 = 90 * 24 * 60 * 60;

/// Until the program ends. Any number of instances may.
pub async fn run(database: Database) {
    let mut ticks = time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // A statement that the network swallows has no end of its own.
        let cleaned = time::timeout(INTERVAL, clean(&database)).await;
        if let Err(error) = cleaned.unwrap_or_else(|late| Err(late.into())) {
            tracing::warn!(%error, "what has expired could not be deleted");
        }
    }
}

async fn clean(database: &Database) -> Result<(), Error> {
    database.store().purge().await?;
    for (table, column, before) in [
        ("page_sessions", "expires", now()),
        ("page_forms", "expires", now()),
        ("s3p_quotes", "expires", now()),
        ("sms_logs", "created", now() - KEPT),
        ("sms_messages", "created", now() - KEPT),
    ] {
        let delete = format!("DELETE FROM {table} WHERE {column} < $1");
        sqlx::query(AssertSqlSafe(delete)).bind(before).execute(database.pool()).await?;
    }
    Ok(())
}
