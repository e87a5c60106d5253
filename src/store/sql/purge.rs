use super::{Error, Sql};
use crate::StoreError;

/// How long what has expired is kept on top, in seconds: the clocks of several instances differ.
const MARGIN: i64 = 60;

/// The greatest leeway of a verifier, in seconds: so long is a token good after it has expired.
const LEEWAY: i64 = 300;

/// # Upkeep
impl Sql {
    /// Deletes what has expired: nonces, revocations of JWTs, refresh tokens and their families, previous
    /// secrets of access keys. How many rows were deleted. It also counts anew what most password hashes cost, by a
    /// look at all users: for [`UserStore::decoy`](crate::basic::UserStore::decoy).
    ///
    /// Nothing is deleted on the way of a request: call this every minute or so, from a task of its own. Any
    /// number of instances may.
    ///
    /// # Errors
    ///
    /// When the database cannot answer. What was deleted stays so.
    pub async fn purge(&self) -> Result<u64, StoreError> {
        self.purge_before(self.now().saturating_sub(MARGIN)).await.map_err(StoreError::new)
    }

    async fn purge_before(&self, second: i64) -> Result<u64, Error> {
        // Said first: from now on, nothing is taken whose nonce may be gone.
        let said = sqlx::query("UPDATE portcullis_nonces_purged SET through = $1 WHERE through < $1");
        self.execute(said.bind(second - 1)).await?;
        let nonces = "DELETE FROM portcullis_nonces WHERE (token, nonce) IN \
                      (SELECT token, nonce FROM portcullis_nonces WHERE expires < $1 LIMIT 1000)";
        let jwts = "DELETE FROM portcullis_revoked_tokens WHERE (issuer, id) IN \
                    (SELECT issuer, id FROM portcullis_revoked_tokens WHERE expires < $1 LIMIT 1000)";
        let tokens = "DELETE FROM portcullis_refresh_tokens WHERE id IN \
                      (SELECT id FROM portcullis_refresh_tokens WHERE expires < $1 LIMIT 1000)";
        let families = "DELETE FROM portcullis_refresh_families WHERE id IN \
                        (SELECT id FROM portcullis_refresh_families WHERE expires < $1 LIMIT 1000)";
        let mut deleted = 0;
        let long_ago = second.saturating_sub(LEEWAY);
        for (statement, second) in
            [(nonces, second), (jwts, second), (tokens, second), (families, long_ago)]
        {
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
        self.0.nonces.forget();
        #[cfg(feature = "basic")]
        self.count_costs().await;
        Ok(deleted)
    }
}
