use std::time::Duration;

use super::{
    Error, SealingKey, Sql,
    refused::refused_user,
    text::{identity, text, whole},
};
use crate::{
    Identity, NowOrLater, ScopeSet, Secret, StoreError,
    s3p::{AccessKey, AccessKeyStore, Dialect, SignatureMethod},
};

impl AccessKeyStore for Sql {
    fn access_key(&self, token: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        let (store, token) = (self.clone(), token.to_owned());
        NowOrLater::later(async move { store.find_access_key(token).await.map_err(StoreError::new) })
    }
}

/// # Access keys
///
/// Their secrets are needed as they are, to verify signatures: they are stored under a [`SealingKey`].
impl Sql {
    /// Adds an access key, for signatures by HMAC-SHA1 and [as the scheme's page says](Dialect::STRICT), unless told
    /// otherwise afterwards; `false` if there is one of this token already.
    ///
    /// # Errors
    ///
    /// When the database cannot answer, there is no [`SealingKey`], or the secret is shorter than 16 bytes.
    pub async fn insert_access_key(
        &self,
        token: &str,
        owner: &Identity,
        secret: &Secret,
        scopes: &ScopeSet,
    ) -> Result<bool, StoreError> {
        // The same rules as when a request comes.
        AccessKey::new(owner.clone(), secret.clone()).map_err(StoreError::new)?;
        let insert = sqlx::query(
            "INSERT INTO portcullis_access_keys (token, issuer, subject, secret, scopes, created) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(text(token))
        .bind(whole(owner.issuer()))
        .bind(whole(owner.subject()))
        .bind(self.seal(token, secret)?)
        .bind(whole(scopes.as_str()))
        .bind(self.now());
        self.change(insert).await
    }

    /// Gives an access key another secret; `false` if there is no such key. The previous secret is taken for
    /// this long on top: zero, if it may have been stolen.
    ///
    /// # Errors
    ///
    /// When the database cannot answer, there is no [`SealingKey`], or the secret is shorter than 16 bytes.
    pub async fn rotate_access_key(
        &self,
        token: &str,
        secret: &Secret,
        overlap: Duration,
    ) -> Result<bool, StoreError> {
        crate::s3p::check_length(secret, token).map_err(StoreError::new)?;
        let until = i64::try_from(overlap.as_secs())
            .ok()
            .filter(|seconds| *seconds > 0)
            .map(|seconds| self.now().saturating_add(seconds));
        let update = sqlx::query(
            "UPDATE portcullis_access_keys SET secret = $1, previous_until = $2, \
             previous = CASE WHEN $2 IS NULL THEN NULL ELSE secret END WHERE token = $3",
        );
        let update = update.bind(self.seal(token, secret)?).bind(until).bind(text(token));
        self.change(update).await
    }

    /// Says in which dialects the holder of an access key signs; `false` if there is no such key.
    ///
    /// # Errors
    ///
    /// When the database cannot answer, or there is no dialect, or more than four.
    pub async fn set_access_key_dialects(
        &self,
        token: &str,
        dialects: &[Dialect],
    ) -> Result<bool, StoreError> {
        // The same rules as when a request comes.
        let nobody = Identity::local("nobody").map_err(StoreError::new)?;
        let key = AccessKey::dangerous_short_secret(nobody, "");
        key.dialects(dialects).map_err(StoreError::new)?;
        let listed = dialects.iter().map(Dialect::to_string).collect::<Vec<_>>().join(" ");
        let update = sqlx::query("UPDATE portcullis_access_keys SET dialects = $1 WHERE token = $2");
        self.change(update.bind(listed).bind(text(token))).await
    }

    /// Says by which method the holder of an access key signs; `false` if there is no such key.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn set_access_key_method(
        &self,
        token: &str,
        method: SignatureMethod,
    ) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE portcullis_access_keys SET method = $1 WHERE token = $2");
        self.change(update.bind(method.as_str()).bind(text(token))).await
    }

    /// Refuses an access key from now on, or no longer; `false` if there is no such key.
    ///
    /// # Errors
    ///
    /// When the database cannot answer.
    pub async fn set_access_key_disabled(
        &self,
        token: &str,
        disabled: bool,
    ) -> Result<bool, StoreError> {
        let update = sqlx::query("UPDATE portcullis_access_keys SET disabled = $1 WHERE token = $2");
        self.change(update.bind(i64::from(disabled)).bind(text(token))).await
    }

    async fn find_access_key(&self, token: String) -> Result<Option<AccessKey>, Error> {
        type Row = (String, String, Vec<u8>, Option<Vec<u8>>, Option<i64>, String, String, String);
        let select = sqlx::query_as::<_, Row>(concat!(
            "SELECT k.issuer, k.subject, k.secret, k.previous, k.previous_until, k.scopes, k.dialects, \
                 k.method FROM portcullis_access_keys k WHERE k.token = $1 AND k.disabled = 0 AND NOT ",
            refused_user!("k.issuer", "k.subject", "$2")
        ));
        let row = self.fetch_optional(select.bind(text(&token)).bind(self.now())).await?;
        let Some((issuer, subject, secret, previous, until, scopes, dialects, method)) = row else {
            return Ok(None);
        };
        let sealing = self.sealing()?;
        let key = AccessKey::new(identity(issuer, subject)?, sealing.open(&token, &secret)?)?;
        let dialects = dialects.split(' ').map(str::parse).collect::<Result<Vec<Dialect>, _>>()?;
        let key = key.scopes(ScopeSet::parse(&scopes)?).dialects(dialects)?.method(method.parse()?);
        let is_taken = until.is_some_and(|until| self.now() <= until);
        Ok(Some(match previous.filter(|_| is_taken) {
            Some(previous) => key.previous_secret(sealing.open(&token, &previous)?)?,
            None => key,
        }))
    }

    fn seal(&self, token: &str, secret: &Secret) -> Result<Vec<u8>, StoreError> {
        self.sealing().and_then(|sealing| sealing.seal(token, secret)).map_err(StoreError::new)
    }

    fn sealing(&self) -> Result<&SealingKey, Error> {
        let missing = "there is no sealing key: give one by `SqlOptions::sealing_key`";
        self.0.sealing.as_ref().ok_or_else(|| missing.into())
    }
}
