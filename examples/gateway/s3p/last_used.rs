//! When keys were last used is written down as it is of user tokens: coarsely, and no request waits for it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use portcullis::Principal;

use crate::{admin::now, database::Database};

/// How exact the times are, in seconds.
const INTERVAL: i64 = 60;
/// How many keys are written down within one interval.
const MOST: usize = 10_000;

#[derive(Clone)]
pub struct LastUsed {
    database: Database,
    tried: Arc<Mutex<Tried>>,
}

/// What this process has tried to write since a second.
#[derive(Default)]
struct Tried {
    since: i64,
    tokens: HashSet<String>,
}

impl LastUsed {
    pub fn new(database: &Database) -> Self {
        Self { database: database.clone(), tried: Arc::default() }
    }

    /// Whether this is the first try within the interval, and there is room to remember it.
    fn is_first(&self, token: &str, now: i64) -> bool {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if !(tried.since..tried.since + INTERVAL).contains(&now) {
            *tried = Tried { since: now, ..Tried::default() };
        }
        tried.tokens.len() < MOST && tried.tokens.insert(token.to_owned())
    }

    async fn write(self, token: String, now: i64) {
        let written = sqlx::query(
            "INSERT INTO s3p_key_notes (token, name, last_used) VALUES ($1, '', $2) \
             ON CONFLICT (token) DO UPDATE SET last_used = excluded.last_used",
        );
        if let Err(error) = written.bind(token).bind(now).execute(self.database.pool()).await {
            tracing::warn!(%error, "the last use of an access key could not be written down");
        }
    }
}

/// Of a request that was signed.
pub async fn note(State(last_used): State<LastUsed>, request: Request, next: Next) -> Response {
    let token = request.extensions().get::<Principal>().and_then(Principal::credential_id);
    if let Some(token) = token
        && last_used.is_first(token, now())
    {
        tokio::spawn(last_used.write(token.to_owned(), now()));
    }
    next.run(request).await
}
