//! What has expired, or stays behind, is deleted by a task of its own, and not on the way of a request.

use std::{collections::HashSet, mem, time::Duration};

use sqlx::AssertSqlSafe;
use tokio::time::{self, MissedTickBehavior};

use crate::{
    Error,
    admin::now,
    database::{Claim, Database},
};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long messages and logs are kept, in seconds.
const KEPT: i64 = 90 * 24 * 60 * 60;

/// Until the program ends. Any number of instances may.
pub async fn run(database: Database, interval: Duration) {
    let mut ticks = time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unfinished = HashSet::new();
    loop {
        ticks.tick().await;
        let clean = async {
            delete_expired(&database).await?;
            forget_claims(&database, &mut unfinished).await
        };
        // A statement that the network swallows has no end of its own.
        let cleaned = time::timeout(PATIENCE, clean).await;
        if let Err(error) = cleaned.unwrap_or_else(|late| Err(late.into())) {
            tracing::warn!(%error, "what has expired, or stays behind, could not be deleted");
        }
    }
}

async fn delete_expired(database: &Database) -> Result<(), Error> {
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

/// Forgets the claims that were unfinished the last time, and are so still: hardly one of a request under way.
async fn forget_claims(database: &Database, unfinished: &mut HashSet<Claim>) -> Result<(), Error> {
    let earlier = mem::replace(unfinished, database.unfinished_claims().await?);
    for claim in earlier.intersection(unfinished) {
        database.forget_claim(claim).await?;
    }
    Ok(())
}
