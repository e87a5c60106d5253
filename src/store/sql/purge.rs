use super::{Error, Sql};
use crate::StoreError;

/// How long what has expired is kept on top, in seconds: the clocks of several instances differ.
const MARGIN: i64 = 60;

/// The greatest leeway of a verifier, in seconds: so long is a token good after it has expired.
const LEEWAY: i64 = 300;

/// How long a user token is kept for its owner to see that it is good no more, in seconds.
const SHOWN: i64 = 90 * 24 * 60 * 60;

/// Deletes a part of the rows that expired before a second. It is compared twice: the rows that are found may have
/// been written anew by the time that PostgreSQL deletes them, and then it judges them by what stands outside.
macro_rules! delete_expired {
    ($table:literal, $key:literal) => {
        delete_expired!($table, $key, "expires < $1")
    };
    ($table:literal, $key:literal, $condition:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ",
            $condition,
            " AND (",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $condition,
            " LIMIT 1000)"
        )
    };
}

/// # Upkeep
impl Sql {
    /// Deletes what has expired: nonces, revocations of JWTs, refresh tokens and their families, previous
    /// secrets of access keys; and user tokens that were revoked or have expired 90 days ago. How many rows were
    /// deleted. It also counts anew what most password hashes cost, by a look at all users: for
    /// [`UserStore::decoy`](crate::basic::UserStore::decoy).
    ///
    /// Nothing is deleted on the way of a request: call this every minute or so, from a task of its own. Any
    /// number of instances may.
    ///
    /// Requests whose nonces may have been deleted are refused from then on, whatever the clock says. If an instance
    /// whose clock is ahead has deleted nonces that still counted, so are new requests, until the last of those has
    /// expired: an error in the trace says so. Of JWTs there is no such mark: what such an instance has deleted of their
    /// revocations, and of families that were revoked, is forgotten, and access tokens are good again until they expire.
    ///
    /// # Errors
    ///
    /// When the database cannot answer. What was deleted stays so.
    pub async fn purge(&self) -> Result<u64, StoreError> {
        self.purge_before(self.now().saturating_sub(MARGIN)).await.map_err(StoreError::new)
    }

    async fn purge_before(&self, second: i64) -> Result<u64, Error> {
        self.say_what_is_purged(second).await?;
        let nonces = delete_expired!(
            "portcullis_nonces",
            "token, nonce",
            "expires < $1 AND expires <= (SELECT through FROM portcullis_nonces_purged)"
        );
        let jwts = delete_expired!("portcullis_revoked_tokens", "issuer, id");
        let tokens = delete_expired!("portcullis_refresh_tokens", "id");
        let families = delete_expired!("portcullis_refresh_families", "id");
        let user_tokens =
            delete_expired!("portcullis_user_tokens", "digest", "(revoked < $1 OR expires < $1)");
        let mut deleted = 0;
        for (statement, second) in [
            (nonces, second),
            (jwts, second),
            (tokens, second),
            (families, second.saturating_sub(LEEWAY)),
            (user_tokens, second.saturating_sub(SHOWN)),
        ] {
            // In parts, so that nobody waits long for the one writer that SQLite has.
            loop {
                let part = self.execute(sqlx::query(statement).bind(second)).await?;
                deleted += part;
                if part == 0 {
                    break;
                }
            }
        }
        let secrets = "UPDATE portcullis_access_keys SET previous = NULL, previous_until = NULL \
                       WHERE previous_until < $1";
        self.execute(sqlx::query(secrets).bind(second)).await?;
        #[cfg(feature = "s3p")]
        self.0.nonces.forget().await;
        #[cfg(feature = "basic")]
        self.count_costs().await;
        Ok(deleted)
    }

    /// Before it is so: from now on, no nonce is taken that may have been one of those. It goes no further than what
    /// there is, so that a clock that is ahead refuses no more than it deletes.
    async fn say_what_is_purged(&self, second: i64) -> Result<(), Error> {
        let said = sqlx::query(
            "UPDATE portcullis_nonces_purged SET through = purged.last \
             FROM (SELECT max(expires) AS last FROM portcullis_nonces WHERE expires < $1) AS purged \
             WHERE through < purged.last",
        );
        self.execute(said.bind(second)).await?;
        let through = sqlx::query_as("SELECT through FROM portcullis_nonces_purged");
        let through: Option<(i64,)> = self.fetch_optional(through).await?;
        if let Some((through,)) = through.filter(|(through,)| *through >= self.now()) {
            tracing::error!(
                through,
                "an instance whose clock is ahead has deleted nonces that still count: no request is taken that \
                 expires by this second"
            );
        }
        Ok(())
    }
}
