use std::{sync::Arc, time::SystemTime};

use sqlx::{Any, any::AnyArguments, query::Query};

use super::{
    Error, Sql,
    refused::refused_user,
    text::{identity, plain, whole},
    time, timed_out,
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

/// An owner has [as many tokens](super::SqlOptions::max_user_tokens) as there may be; for one more, that which is dead
/// the longest is forgotten, and if all are good, it is not kept.
impl UserTokenAdmin for Sql {
    fn create(
        &self,
        digest: &TokenDigest,
        record: &UserTokenRecord,
    ) -> NowOrLater<Result<(), StoreError>> {
        let store = self.clone();
        let [issuer, subject] = [record.owner.issuer(), record.owner.subject()].map(whole);
        let insert = sqlx::query(
            "INSERT INTO portcullis_user_tokens (digest, id, issuer, subject, name, scopes, \
             created, expires, last_used, revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(digest.as_bytes().to_vec())
        .bind(whole(&record.id))
        .bind(issuer.clone())
        .bind(subject.clone())
        .bind(whole(&record.name))
        .bind(whole(record.scopes.as_str()))
        .bind(record.created.map_or_else(|| self.now(), unix_seconds))
        .bind(record.expires.map(unix_seconds))
        .bind(record.last_used.map(unix_seconds))
        .bind(record.revoked.map(unix_seconds));
        NowOrLater::later(async move {
            let added = store.bounded(store.add_user_token(issuer, subject, insert)).await;
            added.unwrap_or_else(|| Err(timed_out().into())).map_err(StoreError::new)
        })
    }

    fn list(&self, owner: &Identity) -> NowOrLater<Result<Vec<UserTokenRecord>, StoreError>> {
        let store = self.clone();
        let select = sqlx::query_as::<_, Row>(
            "SELECT id, issuer, subject, name, scopes, created, expires, last_used, revoked \
             FROM portcullis_user_tokens WHERE issuer = $1 AND subject = $2 \
             ORDER BY created DESC, id DESC LIMIT $3",
        );
        let select = select.bind(whole(owner.issuer())).bind(whole(owner.subject()));
        let select = select.bind(self.0.max_user_tokens);
        NowOrLater::later(async move {
            let newest_first = store.fetch_all(select).await.map_err(StoreError::new)?;
            let records = newest_first.into_iter().rev().map(record);
            records.collect::<Result<_, _>>().map_err(StoreError::new)
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
        .bind(whole(id))
        .bind(whole(owner.issuer()))
        .bind(whole(owner.subject()));
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

    /// In their owner's turn, so that of several at once no more are kept than there may be.
    async fn add_user_token(
        &self,
        issuer: String,
        subject: String,
        insert: Query<'static, Any, AnyArguments>,
    ) -> Result<(), Error> {
        let mut change =
            self.begin(&format!("portcullis: user tokens of {issuer:?} {subject:?}")).await?;
        let count = "SELECT count(*) FROM portcullis_user_tokens WHERE issuer = $1 AND subject = $2";
        let count = sqlx::query_scalar::<_, i64>(count).bind(issuer.clone()).bind(subject.clone());
        if count.fetch_one(&mut *change).await? >= self.0.max_user_tokens {
            let forget = sqlx::query(
                "DELETE FROM portcullis_user_tokens WHERE digest = \
                 (SELECT digest FROM portcullis_user_tokens WHERE issuer = $1 AND subject = $2 \
                 AND (revoked IS NOT NULL OR expires <= $3) ORDER BY coalesce(revoked, expires) LIMIT 1)",
            );
            let forget = forget.bind(issuer).bind(subject).bind(self.now());
            if forget.execute(&mut *change).await?.rows_affected() == 0 {
                return Err("the owner has as many user tokens as there may be".into());
            }
        }
        insert.execute(&mut *change).await?;
        Ok(change.commit().await?)
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
