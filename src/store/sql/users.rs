use std::time::SystemTime;

use super::{
    Error, Sql,
    text::{self, identity, text, whole},
    time,
};
use crate::{
    NowOrLater, ScopeSet, StoreError,
    basic::{PasswordHash, User, UserStore},
    clock::unix_seconds,
};

impl UserStore for Sql {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        let (store, name) = (self.clone(), name.to_owned());
        NowOrLater::later(async move { store.find_user(name).await.map_err(StoreError::new) })
    }

    fn decoy(&self) -> Option<PasswordHash> {
        self.0.decoy.hash()
    }

    fn rehashed(
        &self,
        name: &str,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> NowOrLater<Result<(), StoreError>> {
        let store = self.clone();
        let update =
            sqlx::query("UPDATE portcullis_users SET password = $1 WHERE name = $2 AND password = $3");
        let update = update.bind(whole(new.as_str())).bind(text(name)).bind(whole(old.as_str()));
        NowOrLater::later(async move { store.change(update).await.map(drop) })
    }
}

/// # Users
///
/// A change takes effect on the next request. Users are disabled, not deleted, so that their names and
/// subjects are not given to somebody else.
impl Sql {
    /// Adds a user; `false` if there is one of this name or identity already.
    ///
    /// # Errors
    ///
    /// When the database cannot answer, or the issuer or the subject has more than 1,024 bytes.
    pub async fn insert_user(&self, user: &User) -> Result<bool, StoreError> {
        let [issuer, subject] = [user.owner().issuer(), user.owner().subject()].map(whole);
        // What others hold of a user is found by both, where a longer one is stored by its digest.
        if issuer.len().max(subject.len()) > text::MOST {
            return Err(StoreError::new(format!("an identity is longer than {} bytes", text::MOST)));
        }
        let insert = sqlx::query(
            "INSERT INTO portcullis_users \
             (name, issuer, subject, password, scopes, disabled, locked, expires) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(text(user.name()))
        .bind(issuer)
        .bind(subject)
        .bind(whole(user.password().as_str()))
        .bind(whole(user.held_scopes().as_str()))
        .bind(i64::from(user.is_disabled()))
        .bind(i64::from(user.is_locked()))
        .bind(user.expiry().map(unix_seconds));
        let is_new = self.change(insert).await?;
        self.0.decoy.note_user();
        Ok(is_new)
    }

    /// Gives a user another password; `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn set_password(&self, name: &str, hash: &PasswordHash) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE portcullis_users SET password = $1 WHERE name = $2");
        self.change(update.bind(whole(hash.as_str())).bind(text(name))).await
    }

    /// Says what a user may do; `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn set_scopes(&self, name: &str, scopes: &ScopeSet) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE portcullis_users SET scopes = $1 WHERE name = $2");
        self.change(update.bind(whole(scopes.as_str())).bind(text(name))).await
    }

    /// Refuses a user, by whichever credential that this store knows: password, user token, access key, and
    /// JWTs of the user's identity. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn set_disabled(&self, name: &str, disabled: bool) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE portcullis_users SET disabled = $1 WHERE name = $2");
        self.change(update.bind(i64::from(disabled)).bind(text(name))).await
    }

    /// Refuses a user until unlocked, like one who is [disabled](Self::set_disabled). `false` if there is no such
    /// user.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn set_locked(&self, name: &str, locked: bool) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE portcullis_users SET locked = $1 WHERE name = $2");
        self.change(update.bind(i64::from(locked)).bind(text(name))).await
    }

    /// Refuses a user from the second of this time on, like one who is [disabled](Self::set_disabled); or never by
    /// time. `false` if there is no such user.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn set_expiry(&self, name: &str, at: Option<SystemTime>) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE portcullis_users SET expires = $1 WHERE name = $2");
        self.change(update.bind(at.map(unix_seconds)).bind(text(name))).await
    }

    async fn find_user(&self, name: String) -> Result<Option<User>, Error> {
        type Row = (String, String, String, String, i64, i64, Option<i64>);
        self.count_costs_if_due().await;
        let select = sqlx::query_as::<_, Row>(
            "SELECT issuer, subject, password, scopes, disabled, locked, expires \
             FROM portcullis_users WHERE name = $1",
        );
        let row = self.fetch_optional(select.bind(text(&name))).await?;
        let Some((issuer, subject, password, scopes, disabled, locked, expires)) = row else {
            return Ok(None);
        };
        let user = User::new(name, PasswordHash::parse_or_unusable(&password))?
            .identity(identity(issuer, subject)?)
            .scopes(ScopeSet::parse(&scopes)?)
            .disabled(disabled != 0)
            .locked(locked != 0);
        Ok(Some(expires.map(time).into_iter().fold(user, User::expires)))
    }
}
