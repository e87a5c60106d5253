//! The stores that portcullis asks, on the embedded database.

use std::sync::Arc;

use portcullis::{
    Identity, NowOrLater, ScopeSet, StoreError,
    basic::{PasswordHash, User, UserStore},
    jwt::{RevocationStore, TokenFacts},
    ownership::{Claim, Owner, OwnershipStore, Resource},
    s3p::{AccessKey, AccessKeyStore, Nonce, NonceStore, Recorded},
    user_token::{TokenDigest, UserTokenRecord, UserTokenStore},
};

use crate::{Error, database::Database, vault::Vault};

/// How many live nonces one access token may have.
const MOST_NONCES: i64 = 100_000;

impl UserStore for Database {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        let (database, name) = (self.clone(), name.to_owned());
        later(async move {
            let row: Option<(String, String, String, bool)> =
                sqlx::query_as("SELECT id, password, scopes, disabled FROM users WHERE name = ?")
                    .bind(&name)
                    .fetch_optional(database.pool())
                    .await?;
            let Some((id, password, scopes, disabled)) = row else {
                return Ok(None);
            };
            let user = User::new(name, PasswordHash::parse(&password)?)?
                .identity(Identity::local(id)?)
                .scopes(ScopeSet::parse(&scopes)?)
                .disabled(disabled);
            Ok(Some(user))
        })
    }
}

impl UserTokenStore for Database {
    fn user_token(
        &self,
        digest: &TokenDigest,
    ) -> NowOrLater<Result<Option<UserTokenRecord>, StoreError>> {
        let (database, digest) = (self.clone(), *digest);
        later(async move {
            let row: Option<(String, String, String)> = sqlx::query_as(
                "SELECT t.id, u.id, u.scopes FROM user_tokens t JOIN users u ON u.id = t.user_id \
                 WHERE t.digest = ? AND t.revoked IS NULL AND NOT u.disabled",
            )
            .bind(digest.as_bytes().as_slice())
            .fetch_optional(database.pool())
            .await?;
            let Some((token, user, scopes)) = row else {
                return Ok(None);
            };
            let record = UserTokenRecord::new(token, Identity::local(user)?);
            Ok(Some(record.scopes(ScopeSet::parse(&scopes)?)))
        })
    }
}

/// S3P keys: the rows are in the database, and open with the vault.
pub struct SealedKeys {
    pub database: Database,
    pub vault: Arc<Vault>,
}

impl AccessKeyStore for SealedKeys {
    fn access_key(&self, token: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        let (database, vault, token) = (self.database.clone(), self.vault.clone(), token.to_owned());
        later(async move {
            let row: Option<(String, Vec<u8>)> = sqlx::query_as(
                "SELECT u.id, k.secret FROM s3p_keys k JOIN users u ON u.id = k.user_id \
                 WHERE k.token = ? AND NOT u.disabled",
            )
            .bind(&token)
            .fetch_optional(database.pool())
            .await?;
            let Some((user, sealed)) = row else {
                return Ok(None);
            };
            let secret = vault.open_sealed(&token, &sealed)?;
            Ok(Some(AccessKey::new(Identity::local(user)?, secret)?))
        })
    }
}

impl NonceStore for Database {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let database = self.clone();
        let (token, text) = (nonce.token.to_owned(), nonce.nonce.to_owned());
        let Nonce { expires, now, .. } = nonce;
        later(async move {
            sqlx::query("DELETE FROM s3p_nonces WHERE expires < ?")
                .bind(now)
                .execute(database.pool())
                .await?;
            let (live,): (i64,) = sqlx::query_as("SELECT count(*) FROM s3p_nonces WHERE token = ?")
                .bind(&token)
                .fetch_one(database.pool())
                .await?;
            if live >= MOST_NONCES {
                return Ok(Recorded::TokenFull);
            }
            // One statement: of any number of callers, one inserts the row.
            let inserted =
                sqlx::query("INSERT INTO s3p_nonces VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
                    .bind(token)
                    .bind(text)
                    .bind(expires)
                    .execute(database.pool())
                    .await?;
            Ok(if inserted.rows_affected() == 1 { Recorded::Fresh } else { Recorded::Replayed })
        })
    }
}

impl RevocationStore for Database {
    /// A token is good only if it was issued here, is not revoked, and its user is not disabled.
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let (database, id) = (self.clone(), token.id.to_owned());
        later(async move {
            let row: Option<(i64,)> = sqlx::query_as(
                "SELECT 1 FROM jwts j JOIN users u ON u.id = j.user_id \
                 WHERE j.id = ? AND j.revoked IS NULL AND NOT u.disabled",
            )
            .bind(id)
            .fetch_optional(database.pool())
            .await?;
            Ok(row.is_none())
        })
    }
}

impl OwnershipStore for Database {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        let (database, resource) = (self.clone(), resource.clone());
        later(async move { owner(&database, &resource).await })
    }

    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        let (database, resource, claimant) = (self.clone(), resource.clone(), claimant.clone());
        later(async move {
            loop {
                let inserted: Option<(i64,)> = sqlx::query_as(
                    "INSERT INTO owners (kind, id, issuer, subject) VALUES (?, ?, ?, ?) \
                     ON CONFLICT DO NOTHING RETURNING version",
                )
                .bind(resource.kind())
                .bind(resource.id())
                .bind(claimant.issuer())
                .bind(claimant.subject())
                .fetch_optional(database.pool())
                .await?;
                if let Some((version,)) = inserted {
                    return Ok(Claim::Claimed(Owner::new(claimant, version.cast_unsigned())));
                }
                if let Some(owner) = owner(&database, &resource).await? {
                    return Ok(Claim::Owned(owner));
                }
                // Given back in between: try again.
            }
        })
    }
}

async fn owner(database: &Database, resource: &Resource) -> Result<Option<Owner>, Error> {
    let row: Option<(String, String, i64)> =
        sqlx::query_as("SELECT issuer, subject, version FROM owners WHERE kind = ? AND id = ?")
            .bind(resource.kind())
            .bind(resource.id())
            .fetch_optional(database.pool())
            .await?;
    let Some((issuer, subject, version)) = row else {
        return Ok(None);
    };
    Ok(Some(Owner::new(Identity::new(issuer, subject)?, version.cast_unsigned())))
}

fn later<T: Send + 'static>(
    answer: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> NowOrLater<Result<T, StoreError>> {
    NowOrLater::later(async { answer.await.map_err(StoreError::new) })
}
