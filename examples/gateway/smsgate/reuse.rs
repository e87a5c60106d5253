//! A refresh token that comes a second time was copied: who came second is not known, so neither the
//! thief nor the owner keeps what grew out of it (RFC 9700 section 4.14.2).

use portcullis::{
    NowOrLater, StoreError,
    jwt::{RevocationStore, TokenFacts},
};

use crate::{admin::now, database::Database};

/// The database's answer; and if the token was a used refresh token, its family is revoked.
pub struct Revocations(pub Database);

impl RevocationStore for Revocations {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let (database, id) = (self.0.clone(), token.id.to_owned());
        NowOrLater::later(async move {
            let is_good = is_good(&database, &id).await.map_err(StoreError::new)?;
            if !is_good {
                revoke_family_of(&database, &id).await.map_err(StoreError::new)?;
            }
            Ok(!is_good)
        })
    }
}

/// A token is good only if it was issued here, is not revoked, and its user is not disabled.
async fn is_good(database: &Database, id: &str) -> sqlx::Result<bool> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT 1 FROM jwts j JOIN portcullis_users u ON u.issuer = 'local' AND u.subject = j.user_id \
         WHERE j.id = $1 AND j.revoked IS NULL AND u.disabled = 0",
    )
    .bind(id)
    .fetch_optional(database.pool())
    .await?;
    Ok(row.is_some())
}

/// Revokes all that came of a refresh token that is used or revoked.
pub async fn revoke_family_of(database: &Database, refresh: &str) -> sqlx::Result<()> {
    // Looked for first: a read does not wait for writers.
    let family: Option<(String,)> = sqlx::query_as(
        "SELECT used.family FROM jwts used JOIN jwts live ON live.family = used.family \
         WHERE used.id = $1 AND used.parent IS NOT NULL AND used.revoked IS NOT NULL \
         AND live.revoked IS NULL LIMIT 1",
    )
    .bind(refresh)
    .fetch_optional(database.pool())
    .await?;
    if let Some((family,)) = family {
        sqlx::query("UPDATE jwts SET revoked = $1 WHERE family = $2 AND revoked IS NULL")
            .bind(now())
            .bind(&family)
            .execute(database.pool())
            .await?;
        tracing::warn!(family, "a refresh token came twice: all tokens of its family are revoked");
    }
    Ok(())
}
