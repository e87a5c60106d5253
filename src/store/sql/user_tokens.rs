use std::{sync::Arc, time::SystemTime};

use super::{
    Error, Sql,
    refused::refused_user,
    text::{identity, plain, text},
    time,
};
use crate::{
    Identity, NowOrLater, Scope, ScopeSet, StoreError,
    clock::unix_seconds,
    user_token::{TokenDigest, UserTokenAdmin, UserTokenRecord, UserTokenStore},
};

impl UserTokenStore for Sql {
    fn user_token(
        &self,
        digest: &TokenDigest,
    ) -> NowOrLater<Result<Option<UserTokenRecord>, StoreError>> {
        let (store, digest) = (self.clone(), digest.as_bytes().to_vec());
        NowOrLater::later(async move { store.find_user_token(digest).await.map_err(StoreError::new) })
    }
}

impl UserTokenAdmin for Sql {
    fn create(
        &self,
        digest: &TokenDigest,
        record: &UserTokenRecord,
    ) -> NowOrLater<Result<(), StoreError>> {
        let store = self.clone();
        let insert = sqlx::query(
            "INSERT INTO portcullis_user_tokens (digest, id, issuer, subject, name, scopes, \
             created, expires, last_used, revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(digest.as_bytes().to_vec())
        .bind(text(&record.id))
        .bind(text(record.owner.issuer()))
        .bind(text(record.owner.subject()))
        .bind(text(&record.name))
        .bind(text(record.scopes.as_str()))
        .bind(record.created.map_or_else(|| self.now(), unix_seconds))
        .bind(record.expires.map(unix_seconds))
        .bind(record.last_used.map(unix_seconds))
        .bind(record.revoked.map(unix_seconds));
        NowOrLater::later(async move { store.change(insert).await.map(drop) })
    }

    fn list(&self, owner: &Identity) -> NowOrLater<Result<Vec<UserTokenRecord>, StoreError>> {
        let store = self.clone();
        let select = sqlx::query_as::<_, Row>(
            "SELECT id, issuer, subject, name, scopes, created, expires, last_used, revoked \
             FROM portcullis_user_tokens WHERE issuer = $1 AND subject = $2 ORDER BY created, id",
        );
        let select = select.bind(text(owner.issuer())).bind(text(owner.subject()));
        NowOrLater::later(async move {
            let rows = store.fetch_all(select).await.map_err(StoreError::new)?;
            rows.into_iter().map(record).collect::<Result<_, _>>().map_err(StoreError::new)
        })
    }

    fn revoke(
        &self,
        owner: &Identity,
        id: &str,
        now: SystemTime,
    ) -> NowOrLater<Result<bool, StoreError>> {
        let store = self.clone();
        let update = sqlx::query(
            "UPDATE portcullis_user_tokens SET revoked = $1 \
             WHERE id = $2 AND issuer = $3 AND subject = $4 AND revoked IS NULL",
        )
        .bind(unix_seconds(now))
        .bind(text(id))
        .bind(text(owner.issuer()))
        .bind(text(owner.subject()));
        NowOrLater::later(async move { store.change(update).await })
    }

    fn used(&self, digest: &TokenDigest, now: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        let store = self.clone();
        let update = sqlx::query("UPDATE portcullis_user_tokens SET last_used = $1 WHERE digest = $2");
        let update = update.bind(unix_seconds(now)).bind(digest.as_bytes().to_vec());
        NowOrLater::later(async move { store.change(update).await.map(drop) })
    }
}

impl Sql {
    async fn find_user_token(&self, digest: Vec<u8>) -> Result<Option<UserTokenRecord>, Error> {
        type RowAndHeld = (
            String,
            String,
            String,
            String,
            String,
            i64,
            Option<i64>,
            Option<i64>,
            Option<i64>,
            Option<String>,
        );
        let select = sqlx::query_as::<_, RowAndHeld>(concat!(
            "SELECT t.id, t.issuer, t.subject, t.name, t.scopes, \
                 t.created, t.expires, t.last_used, t.revoked, u.scopes FROM portcullis_user_tokens t \
                 LEFT JOIN portcullis_users u ON u.issuer = t.issuer AND u.subject = t.subject \
                 WHERE t.digest = $1 AND NOT ",
            refused_user!("t.issuer", "t.subject", "$2")
        ));
        let row = self.fetch_optional(select.bind(digest).bind(self.now())).await?;
        let Some((id, issuer, subject, name, scopes, created, expires, last_used, revoked, held)) = row
        else {
            return Ok(None);
        };
        let row = (id, issuer, subject, name, scopes, created, expires, last_used, revoked);
        let mut record = record(row)?;
        // Whoever is no user here holds what the token says.
        if let Some(held) = held {
            record.scopes = self.0.held.limit(record.scopes, &ScopeSet::parse(&held)?);
        }
        Ok(Some(record))
    }
}

/// What users hold beside the scopes that are theirs by name.
#[derive(Clone, Default)]
pub(super) struct Held(Option<(Scope, Arc<StandsFor>)>);

type StandsFor = dyn Fn(&str) -> bool + Send + Sync;

impl Held {
    pub(super) fn global(scope: Scope, stands_for: Arc<StandsFor>) -> Self {
        Self(Some((scope, stands_for)))
    }

    /// Of a token's scopes, those that its user holds, who holds these.
    fn limit(&self, scopes: ScopeSet, held: &ScopeSet) -> ScopeSet {
        let global = self.0.as_ref().filter(|(global, _)| held.contains(global));
        scopes.held_by(held, |scope| global.is_some_and(|(_, stands_for)| stands_for(scope)))
    }
}

type Row = (String, String, String, String, String, i64, Option<i64>, Option<i64>, Option<i64>);

fn record(row: Row) -> Result<UserTokenRecord, Error> {
    let (id, issuer, subject, name, scopes, created, expires, last_used, revoked) = row;
    let mut record = UserTokenRecord::new(plain(id), identity(issuer, subject)?)
        .name(plain(name))
        .scopes(ScopeSet::parse(&scopes)?);
    record.created = Some(time(created));
    record.expires = expires.map(time);
    record.last_used = last_used.map(time);
    record.revoked = revoked.map(time);
    Ok(record)
}
