use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Error, Sql};
use crate::{
    NowOrLater, StoreError,
    s3p::{Nonce, NonceStore, Recorded},
};

impl NonceStore for Sql {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let store = self.clone();
        let new = New {
            token: nonce.token.to_owned(),
            nonce: nonce.nonce.to_owned(),
            expires: nonce.expires,
            now: nonce.now,
        };
        NowOrLater::later(async move { store.record_new(new).await.map_err(StoreError::new) })
    }
}

struct New {
    token: String,
    nonce: String,
    expires: i64,
    now: i64,
}

impl Sql {
    async fn record_new(&self, new: New) -> Result<Recorded, Error> {
        if let Some(full) = self.reserve(&new).await? {
            return Ok(if self.is_known(new).await? { Recorded::Replayed } else { full });
        }
        let token = new.token.clone();
        let recorded = self.insert_nonce(new).await;
        if !matches!(recorded, Ok(Recorded::Fresh)) {
            self.0.nonces.give_back(&token);
        }
        recorded
    }

    /// Takes a place, in all and of this token, if there is one.
    async fn reserve(&self, new: &New) -> Result<Option<Recorded>, Error> {
        let counts = &self.0.nonces;
        if counts.is_stale(None, new.now) {
            let live = "SELECT count(*) FROM portcullis_nonces WHERE expires >= $1";
            let live = self.fetch_optional(sqlx::query_as(live).bind(new.now)).await?;
            counts.set(None, live, new.now);
        }
        if counts.is_stale(Some(&new.token), new.now) {
            let live = "SELECT count(*) FROM portcullis_nonces WHERE token = $1 AND expires >= $2";
            let live = sqlx::query_as(live).bind(new.token.clone()).bind(new.now);
            let live = self.fetch_optional(live).await?;
            counts.set(Some(&new.token), live, new.now);
        }
        Ok(counts.reserve(&new.token))
    }

    /// One statement: of any number of callers, at any number of instances, one writes the row. A replay has
    /// the same `expires`; an expired row is taken over by a later request alone.
    async fn insert_nonce(&self, new: New) -> Result<Recorded, Error> {
        let written = sqlx::query(
            "INSERT INTO portcullis_nonces (token, nonce, expires) \
             SELECT $1, $2, $3 WHERE $3 > (SELECT through FROM portcullis_nonces_purged) \
             ON CONFLICT (token, nonce) DO UPDATE SET expires = excluded.expires \
             WHERE portcullis_nonces.expires < $4 AND portcullis_nonces.expires < excluded.expires",
        );
        let written = written.bind(new.token).bind(new.nonce).bind(new.expires).bind(new.now);
        let is_fresh = self.execute(written).await? == 1;
        Ok(if is_fresh { Recorded::Fresh } else { Recorded::Replayed })
    }

    async fn is_known(&self, new: New) -> Result<bool, Error> {
        let known = sqlx::query_as::<_, (i64,)>(
            "SELECT expires FROM portcullis_nonces WHERE token = $1 AND nonce = $2",
        );
        Ok(self.fetch_optional(known.bind(new.token).bind(new.nonce)).await?.is_some())
    }
}

/// How many live nonces there are, in all (`None`) and by token. A count is taken from the database when it
/// is needed first, and, when there is no room, once in a second; in between, what this process records is
/// added.
pub(super) struct Counts {
    most: (u64, u64),
    counts: Mutex<HashMap<Option<String>, Count>>,
}

struct Count {
    live: u64,
    /// The second in which it was taken.
    taken: i64,
}

impl Counts {
    pub(super) fn new(most: (u64, u64)) -> Self {
        Self { most, counts: Mutex::default() }
    }

    /// Lets all be counted anew.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn is_stale(&self, token: Option<&str>, now: i64) -> bool {
        let most = if token.is_some() { self.most.1 } else { self.most.0 };
        let counts = self.lock();
        let count = counts.get(&token.map(str::to_owned));
        count.is_none_or(|count| count.live >= most && count.taken != now)
    }

    fn set(&self, token: Option<&str>, live: Option<(i64,)>, now: i64) {
        let live = live.and_then(|(live,)| u64::try_from(live).ok()).unwrap_or(u64::MAX);
        self.lock().insert(token.map(str::to_owned), Count { live, taken: now });
    }

    fn reserve(&self, token: &str) -> Option<Recorded> {
        let mut counts = self.lock();
        // Forgotten a moment ago: the next request counts.
        let live = |count: Option<&Count>| count.map_or(0, |count| count.live);
        let token = Some(token.to_owned());
        if live(counts.get(&token)) >= self.most.1 {
            return Some(Recorded::TokenFull);
        }
        if live(counts.get(&None)) >= self.most.0 {
            return Some(Recorded::StoreFull);
        }
        for key in [token, None] {
            if let Some(count) = counts.get_mut(&key) {
                count.live += 1;
            }
        }
        None
    }

    fn give_back(&self, token: &str) {
        let mut counts = self.lock();
        for key in [Some(token.to_owned()), None] {
            if let Some(count) = counts.get_mut(&key) {
                count.live = count.live.saturating_sub(1);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<String>, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
