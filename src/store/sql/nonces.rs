use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Error, Sql, text::text, timed_out};
use crate::{
    NowOrLater, StoreError,
    s3p::{Nonce, NonceStore, Recorded},
};

impl NonceStore for Sql {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let store = self.clone();
        let new = New {
            token: text(nonce.token),
            nonce: text(nonce.nonce),
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
        let mut place = match self.reserve(&new).await? {
            Ok(place) => place,
            Err(full) => return Ok(if self.is_known(new).await? { Recorded::Replayed } else { full }),
        };
        // Unless it is known that nothing was written, it counts: who hangs up does not know.
        let recorded = self.insert_nonce(new).await;
        place.is_taken = !matches!(
            recorded,
            Ok(Recorded::Replayed)
                | Err(sqlx::Error::Database(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
        );
        Ok(recorded?)
    }

    /// Takes a place, in all and of this token, if there is one.
    async fn reserve(&self, new: &New) -> Result<Result<Place<'_>, Recorded>, Error> {
        let counts = &self.0.nonces;
        for of in [Of::All, Of::Token(new.token.clone())] {
            if !counts.is_stale(&of, new.now) {
                continue;
            }
            let _one_at_a_time = self.bounded(counts.counting.lock()).await.ok_or_else(timed_out)?;
            if counts.is_stale(&of, new.now) {
                counts.begin(of.clone());
                let live = self.count(of.clone(), new.now).await?;
                counts.set(of, live, new.now);
            }
        }
        Ok(counts.reserve(&new.token))
    }

    async fn count(&self, of: Of, now: i64) -> Result<u64, Error> {
        let in_all = "SELECT count(*) FROM portcullis_nonces WHERE expires >= $1";
        let of_token = "SELECT count(*) FROM portcullis_nonces WHERE expires >= $1 AND token = $2";
        let select = match of {
            Of::All => sqlx::query_as(in_all).bind(now),
            Of::Token(token) => sqlx::query_as(of_token).bind(now).bind(token),
        };
        let live: Option<(i64,)> = self.fetch_optional(select).await?;
        Ok(live.map_or(Ok(0), |(live,)| u64::try_from(live))?)
    }

    /// One statement: of any number of callers, at any number of instances, one writes the row. A replay has
    /// the same `expires`; an expired row is taken over by a later request alone.
    async fn insert_nonce(&self, new: New) -> sqlx::Result<Recorded> {
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

/// How many live nonces there are, in all and by token, at the most. They are counted in the database when the
/// number is needed first, after each purge, and, when there is no room, once in a second; in between, what
/// this process records is added. What is recorded while they are counted may count twice, until the next time.
pub(super) struct Counts {
    most: (u64, u64),
    /// Held by the one who counts.
    counting: tokio::sync::Mutex<()>,
    live: Mutex<HashMap<Of, Count>>,
}

/// Which nonces are counted.
#[derive(Clone, Eq, Hash, PartialEq)]
enum Of {
    All,
    Token(String),
}

#[derive(Default)]
struct Count {
    live: u64,
    /// Places that are taken for requests under way.
    reserved: u64,
    /// How many were taken for good since it was last begun to count.
    since: u64,
    /// The second in which `live` was counted.
    counted: Option<i64>,
}

impl Count {
    fn is_full(&self, most: u64) -> bool {
        self.live.saturating_add(self.reserved) >= most
    }
}

impl Counts {
    pub(super) fn new(most: (u64, u64)) -> Self {
        Self { most, counting: tokio::sync::Mutex::default(), live: Mutex::default() }
    }

    /// Lets all be counted anew, but for what is being counted now.
    pub(super) async fn forget(&self) {
        let _one_at_a_time = self.counting.lock().await;
        self.lock().retain(|_, count| {
            count.counted = None;
            count.reserved > 0
        });
    }

    fn is_stale(&self, of: &Of, now: i64) -> bool {
        let most = if *of == Of::All { self.most.0 } else { self.most.1 };
        self.lock().get(of).is_none_or(|count| match count.counted {
            None => true,
            Some(second) => count.is_full(most) && second != now,
        })
    }

    fn begin(&self, of: Of) {
        self.lock().entry(of).or_default().since = 0;
    }

    /// So many were there at some time since it was begun.
    fn set(&self, of: Of, live: u64, now: i64) {
        let mut counts = self.lock();
        let count = counts.entry(of).or_default();
        count.live = live + count.since;
        count.counted = Some(now);
    }

    fn reserve(&self, token: &str) -> Result<Place<'_>, Recorded> {
        let mut counts = self.lock();
        let token = Of::Token(token.to_owned());
        if counts.get(&token).is_some_and(|count| count.is_full(self.most.1)) {
            return Err(Recorded::TokenFull);
        }
        if counts.get(&Of::All).is_some_and(|count| count.is_full(self.most.0)) {
            return Err(Recorded::StoreFull);
        }
        for of in [&token, &Of::All] {
            counts.entry(of.clone()).or_default().reserved += 1;
        }
        Ok(Place { counts: self, token, is_taken: true })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Of, Count>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is reserved: taken for good when it is dropped, unless it is not.
struct Place<'c> {
    counts: &'c Counts,
    token: Of,
    is_taken: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        for of in [self.token.clone(), Of::All] {
            let count = counts.entry(of).or_default();
            count.reserved = count.reserved.saturating_sub(1);
            count.live += u64::from(self.is_taken);
            count.since += u64::from(self.is_taken);
        }
    }
}
