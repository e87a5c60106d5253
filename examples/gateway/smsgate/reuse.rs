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
        self.0.is_revoked(token).then(|revoked| match revoked {
            Ok(true) => NowOrLater::later(async move {
                revoke_family_of(&database, &id).await.map_err(StoreError::new)?;
                Ok(true)
            }),
            other => NowOrLater::now(other),
        })
    }
}

/// Revokes all that came of a refresh token that is used or revoked.
pub async fn revoke_family_of(database: &Database, refresh: &str) -> sqlx::Result<()> {
    // Looked for first: a read does not wait for writers.
    let family: Option<(String,)> = sqlx::query_as(
        "SELECT used.family FROM jwts used JOIN jwts live ON live.family = used.family \
         WHERE used.id = ? AND used.parent IS NOT NULL AND used.revoked IS NOT NULL \
         AND live.revoked IS NULL LIMIT 1",
    )
    .bind(refresh)
    .fetch_optional(database.pool())
    .await?;
    if let Some((family,)) = family {
        sqlx::query("UPDATE jwts SET revoked = ? WHERE family = ? AND revoked IS NULL")
            .bind(now())
            .bind(&family)
            .execute(database.pool())
            .await?;
        tracing::warn!(family, "a refresh token came twice: all tokens of its family are revoked");
    }
    Ok(())
}
