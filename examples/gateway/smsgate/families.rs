//! Families of tokens, on the embedded database.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis::{
    Identity, NowOrLater, StoreError,
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{RefreshFacts, RefreshStore, Rotation},
    },
};

use crate::{admin::now, database::Database};

/// After so many seconds, no verifier takes a token that has expired.
const LEEWAY: i64 = 300;

/// All identities are of the own users.
#[derive(Clone)]
pub struct Families(pub Database);

impl RefreshStore for Families {
    fn add(&self, token: RefreshFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let (database, token) = (self.0.clone(), Token::of(token));
        later(async move { add(&database, &token).await })
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        let (database, used, next) = (self.0.clone(), used.to_owned(), Token::of(next));
        later(async move { rotate(&database, &used, &next).await })
    }

    fn revoke(&self, identity: &Identity, family: &str) -> NowOrLater<Result<bool, StoreError>> {
        let (database, user) = (self.0.clone(), identity.subject().to_owned());
        let family = family.to_owned();
        later(async move {
            let revoked = sqlx::query(
                "UPDATE jwt_families SET revoked = ? WHERE id = ? AND user_id = ? AND revoked IS NULL",
            )
            .bind(now())
            .bind(family)
            .bind(user)
            .execute(database.pool())
            .await?;
            Ok(revoked.rows_affected() == 1)
        })
    }

    fn revoke_all(&self, identity: &Identity, up_to: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        let (database, user) = (self.0.clone(), identity.subject().to_owned());
        later(async move {
            sqlx::query(
                "UPDATE jwt_families SET revoked = ? \
                 WHERE user_id = ? AND began <= ? AND revoked IS NULL",
            )
            .bind(now())
            .bind(user)
            .bind(seconds(up_to))
            .execute(database.pool())
            .await?;
            Ok(())
        })
    }
}

impl RevocationStore for Families {
    /// A token is good only if its family was begun here, is not revoked, and its user is not disabled.
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let (database, user) = (self.0.clone(), token.subject.to_owned());
        let family = token.family().map(str::to_owned);
        later(async move {
            let row: Option<(i64,)> = sqlx::query_as(
                "SELECT 1 FROM jwt_families f JOIN users u ON u.id = f.user_id \
                 WHERE f.id = ? AND u.id = ? AND f.revoked IS NULL AND NOT u.disabled",
            )
            .bind(family)
            .bind(user)
            .fetch_optional(database.pool())
            .await?;
            Ok(row.is_none())
        })
    }
}

/// What is stored of a refresh token. Times are in seconds since 1970-01-01T00:00:00Z.
struct Token {
    id: String,
    family: String,
    user: String,
    expires: i64,
    family_expires: i64,
    now: i64,
}

impl Token {
    fn of(facts: RefreshFacts<'_>) -> Self {
        Self {
            id: facts.id.to_owned(),
            family: facts.family().to_owned(),
            user: facts.identity.subject().to_owned(),
            expires: seconds(facts.expires),
            family_expires: seconds(facts.family_expires),
            now: seconds(facts.now),
        }
    }
}

async fn add(database: &Database, token: &Token) -> sqlx::Result<bool> {
    let mut change = database.pool().begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("DELETE FROM refresh_tokens WHERE expires <= ?")
        .bind(token.now)
        .execute(&mut *change)
        .await?;
    sqlx::query("DELETE FROM jwt_families WHERE expires <= ?")
        .bind(token.now.saturating_sub(LEEWAY))
        .execute(&mut *change)
        .await?;
    let family = sqlx::query(
        "INSERT INTO jwt_families (id, user_id, began, expires) VALUES (?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET expires = max(expires, excluded.expires) \
         WHERE user_id = excluded.user_id AND revoked IS NULL",
    )
    .bind(&token.family)
    .bind(&token.user)
    .bind(token.now)
    .bind(token.family_expires)
    .execute(&mut *change)
    .await?;
    if family.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("INSERT INTO refresh_tokens VALUES (?, ?)")
        .bind(&token.id)
        .bind(token.expires)
        .execute(&mut *change)
        .await?;
    change.commit().await?;
    Ok(true)
}

async fn rotate(database: &Database, used: &str, next: &Token) -> sqlx::Result<Rotation> {
    // Looked at first: a read does not wait for writers, and a revoked family stays so.
    let good: Option<(bool,)> = sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM refresh_tokens WHERE id = ?) \
         FROM jwt_families f JOIN users u ON u.id = f.user_id \
         WHERE f.id = ? AND u.id = ? AND f.revoked IS NULL AND NOT u.disabled",
    )
    .bind(used)
    .bind(&next.family)
    .bind(&next.user)
    .fetch_optional(database.pool())
    .await?;
    match good {
        None => return Ok(Rotation::Revoked),
        Some((true,)) if used == next.id => return Ok(Rotation::Rotated),
        Some(_) => {}
    }
    let mut change = database.pool().begin_with("BEGIN IMMEDIATE").await?;
    let rotated = sqlx::query(
        "UPDATE refresh_tokens SET id = ?, expires = ? WHERE id = ? AND EXISTS \
         (SELECT 1 FROM jwt_families WHERE id = ? AND user_id = ? AND revoked IS NULL)",
    )
    .bind(&next.id)
    .bind(next.expires)
    .bind(used)
    .bind(&next.family)
    .bind(&next.user)
    .execute(&mut *change)
    .await?;
    if rotated.rows_affected() == 1 {
        change.commit().await?;
        return Ok(Rotation::Rotated);
    }
    let revoked = sqlx::query(
        "UPDATE jwt_families SET revoked = ? WHERE id = ? AND user_id = ? AND revoked IS NULL",
    )
    .bind(next.now)
    .bind(&next.family)
    .bind(&next.user)
    .execute(&mut *change)
    .await?;
    change.commit().await?;
    Ok(if revoked.rows_affected() == 1 { Rotation::Reused } else { Rotation::Revoked })
}

pub fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn later<T: Send + 'static>(
    answer: impl Future<Output = sqlx::Result<T>> + Send + 'static,
) -> NowOrLater<Result<T, StoreError>> {
    NowOrLater::later(async { answer.await.map_err(StoreError::new) })
}
