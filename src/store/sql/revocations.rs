use std::time::SystemTime;

use super::{Error, Sql, line::ended, refused::refused_user, text::text};
use crate::{
    Identity, NowOrLater, StoreError,
    clock::{unix_milliseconds, unix_seconds},
    jwt::{RevocationStore, TokenFacts},
};

/// A token is revoked by itself, with its family of refresh tokens or one above it, with all of its subject, and
/// if its subject is a user who is refused here.
impl RevocationStore for Sql {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let store = self.clone();
        // A token that does not say when it was issued counts as the oldest.
        let issued = token.issued.map_or(i64::MIN, unix_milliseconds);
        let select = sqlx::query_as::<_, (i64,)>(concat!(
            "SELECT 1 WHERE EXISTS \
                 (SELECT 1 FROM portcullis_revoked_tokens WHERE issuer = $1 AND id = $2) \
                 OR EXISTS (SELECT 1 FROM portcullis_revoked_subjects \
                 WHERE issuer = $1 AND subject = $3 AND up_to_ms >= $4) \
                 OR ",
            ended!("$5", "$1", "$3"),
            " > 0 OR ",
            refused_user!("$1", "$3", "$6")
        ))
        .bind(text(token.issuer))
        .bind(text(token.id))
        .bind(text(token.subject))
        .bind(issued)
        .bind(token.family().map(text))
        .bind(self.now());
        NowOrLater::later(async move {
            let found: Result<_, Error> = store.fetch_optional(select).await.map_err(Error::from);
            Ok(found.map_err(StoreError::new)?.is_some())
        })
    }
}

/// # Revoked JWTs
impl Sql {
    /// Revokes the token of this `jti`. The issuer is that of its principals: `iss`, unless
    /// [`identities_of`](crate::jwt::JwtAuthBuilder::identities_of) says otherwise.
    ///
    /// The entry is kept until the token expires: give its `exp`, and the verifier's leeway on top.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn revoke_jwt(
        &self,
        issuer: &str,
        id: &str,
        expires: SystemTime,
    ) -> Result<(), StoreError> {
        let insert = sqlx::query(
            "INSERT INTO portcullis_revoked_tokens (issuer, id, expires) VALUES ($1, $2, $3) \
             ON CONFLICT (issuer, id) DO UPDATE SET expires = excluded.expires \
             WHERE excluded.expires > portcullis_revoked_tokens.expires",
        );
        let insert = insert.bind(text(issuer)).bind(text(id)).bind(unix_seconds(expires));
        self.change(insert).await.map(drop)
    }

    /// Revokes every token that was issued to somebody up to this time, and those that do not say when.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn revoke_all_jwts(
        &self,
        identity: &Identity,
        up_to: SystemTime,
    ) -> Result<(), StoreError> {
        let insert = sqlx::query(
            "INSERT INTO portcullis_revoked_subjects (issuer, subject, up_to_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (issuer, subject) DO UPDATE SET up_to_ms = excluded.up_to_ms \
             WHERE excluded.up_to_ms > portcullis_revoked_subjects.up_to_ms",
        )
        .bind(text(identity.issuer()))
        .bind(text(identity.subject()))
        .bind(unix_milliseconds(up_to).saturating_add(1));
        self.change(insert).await.map(drop)
    }
}
