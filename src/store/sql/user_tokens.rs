use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Error, Sql};
use crate::{
    Identity, NowOrLater, ScopeSet, StoreError,
    clock::unix_seconds,
    user_token::{TokenDigest, UserTokenRecord, UserTokenStore},
};

impl UserTokenStore for Sql {
    fn user_token(
        &self,
        digest: &TokenDigest,
    ) -> NowOrLater<Result<Option<UserTokenRecord>, StoreError>> {
        let (store, digest) = (self.clone(), *digest);
        NowOrLater::later(async move { store.find_user_token(digest).await.map_err(StoreError::new) })
    }
}

/// A user token, as its owner sees it in a list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UserTokenEntry {
    /// The id, which is not secret.
    pub id: String,
    /// What the owner has called it.
    pub name: String,
    /// When it was made.
    pub created: SystemTime,
    /// When it ends by itself.
    pub expires: Option<SystemTime>,
    /// When it was revoked.
    pub revoked: Option<SystemTime>,
}

/// # User tokens
impl Sql {
    /// Adds a token under a name that its owner knows it by; `false` if the id or the digest is there already.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn insert_user_token(
        &self,
        digest: &TokenDigest,
        record: &UserTokenRecord,
        name: &str,
    ) -> Result<bool, StoreError> {
        let insert = sqlx::query(
            "INSERT INTO portcullis_user_tokens \
             (digest, id, issuer, subject, scopes, name, created, expires) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(digest.as_bytes().to_vec())
        .bind(record.id().to_owned())
        .bind(record.owner().issuer().to_owned())
        .bind(record.owner().subject().to_owned())
        .bind(record.held_scopes().as_str().to_owned())
        .bind(name.to_owned())
        .bind(self.now())
        .bind(record.expiry().map(unix_seconds));
        self.change(insert).await
    }

    /// Somebody's tokens, the oldest first; revoked and expired ones, too.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn user_tokens(&self, owner: &Identity) -> Result<Vec<UserTokenEntry>, StoreError> {
        let select = sqlx::query_as::<_, (String, String, i64, Option<i64>, Option<i64>)>(
            "SELECT id, name, created, expires, revoked FROM portcullis_user_tokens \
             WHERE issuer = $1 AND subject = $2 ORDER BY created, id",
        );
        let select = select.bind(owner.issuer().to_owned()).bind(owner.subject().to_owned());
        let rows = self.fetch_all(select).await.map_err(StoreError::new)?;
        let entry = |(id, name, created, expires, revoked)| UserTokenEntry {
            id,
            name,
            created: time(created),
            expires: Option::map(expires, time),
            revoked: Option::map(revoked, time),
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Revokes the token of this id; `false` if there is none, or it was revoked before.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn revoke_user_token(&self, id: &str) -> Result<bool, StoreError> {
        let update = sqlx::query(
            "UPDATE portcullis_user_tokens SET revoked = $1 WHERE id = $2 AND revoked IS NULL",
        );
        self.change(update.bind(self.now()).bind(id.to_owned())).await
    }

    async fn find_user_token(&self, digest: TokenDigest) -> Result<Option<UserTokenRecord>, Error> {
        let select = sqlx::query_as::<_, (String, String, String, String, Option<i64>)>(
            "SELECT t.id, t.issuer, t.subject, t.scopes, t.expires FROM portcullis_user_tokens t \
             LEFT JOIN portcullis_users u ON u.issuer = t.issuer AND u.subject = t.subject \
             WHERE t.digest = $1 AND t.revoked IS NULL AND coalesce(u.disabled, 0) = 0",
        );
        let row = self.fetch_optional(select.bind(digest.as_bytes().to_vec())).await?;
        let Some((id, issuer, subject, scopes, expires)) = row else {
            return Ok(None);
        };
        let record = UserTokenRecord::new(id, Identity::new(issuer, subject)?);
        let record = record.scopes(ScopeSet::parse(&scopes)?);
        Ok(Some(match expires {
            Some(expires) => record.expires(time(expires)),
            None => record,
        }))
    }
}

/// A stored second. One before 1970 was never stored.
fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}
