//! Which password a caller has come with: it may be replaced while the body of the request is on its way.

use portcullis::{
    Identity, NowOrLater, ScopeSet, StoreError,
    basic::{PasswordHash, User, UserStore},
};

use crate::{Error, database::Database};

/// The users. The id of the credential is the mark of the password that was verified.
pub struct Passwords(pub Database);

impl UserStore for Passwords {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        let (database, name) = (self.0.clone(), name.to_owned());
        NowOrLater::later(async move { find(&database, &name).await.map_err(StoreError::new) })
    }
}

async fn find(database: &Database, name: &str) -> Result<Option<User>, Error> {
    let row: Option<(String, String, String, i64)> = sqlx::query_as(
        "SELECT subject, password, scopes, disabled FROM portcullis_users \
         WHERE issuer = 'local' AND name = $1",
    )
    .bind(name)
    .fetch_optional(database.pool())
    .await?;
    let Some((id, password, scopes, disabled)) = row else {
        return Ok(None);
    };
    let user = User::new(mark(&password), PasswordHash::parse_or_unusable(&password))?
        .identity(Identity::local(id)?)
        .scopes(ScopeSet::parse(&scopes)?)
        .disabled(disabled != 0);
    Ok(Some(user))
}

/// The hash without its last part: the salt, which is no secret and which no two passwords share.
pub fn mark(hash: &str) -> &str {
    hash.rsplit_once('$').map_or(hash, |(mark, _)| mark)
}
