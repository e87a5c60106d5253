use std::time::SystemTime;

use sqlx::{Any, any::AnyArguments, query::Query};

use super::{
    Error, Sql,
    line::{ended, line},
    refused::refused_user,
    text::text,
    timed_out,
};
use crate::{
    Identity, NowOrLater, StoreError,
    clock::unix_seconds,
    jwt::refresh::{Addition, RefreshFacts, RefreshStore, Refresher, Rotation},
};

/// A user who is refused here gets no new tokens for one that is used.
impl RefreshStore for Sql {
    fn add(
        &self,
        token: RefreshFacts<'_>,
        parent: Option<&str>,
    ) -> NowOrLater<Result<Addition, StoreError>> {
        let (store, token, parent) = (self.clone(), Token::of(token), parent.map(text));
        NowOrLater::later(async move {
            let room = store.check_families(&token.issuer, &token.subject, &token.family);
            room.await.map_err(StoreError::new)?;
            let added = store.bounded(store.add_family(token, parent)).await;
            added.unwrap_or_else(|| Err(timed_out())).map_err(StoreError::new)
        })
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        let (store, used, next) = (self.clone(), text(used), Token::of(next));
        NowOrLater::later(async move { store.rotate_token(used, next).await.map_err(StoreError::new) })
    }

    fn revoke(&self, identity: &Identity, family: &str) -> NowOrLater<Result<bool, StoreError>> {
        let store = self.clone();
        let [family, issuer, subject] = [family, identity.issuer(), identity.subject()].map(text);
        let update = revoke(&family, &issuer, &subject, self.now());
        NowOrLater::later(async move { store.change(update).await })
    }

    fn revoke_all(&self, identity: &Identity, up_to: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        let store = self.clone();
        let update = sqlx::query(
            "UPDATE portcullis_refresh_families SET revoked = $1 \
             WHERE issuer = $2 AND subject = $3 AND began <= $4 AND revoked IS NULL",
        )
        .bind(self.now())
        .bind(text(identity.issuer()))
        .bind(text(identity.subject()))
        .bind(unix_seconds(up_to));
        NowOrLater::later(async move { store.change(update).await.map(drop) })
    }
}

type Statement = Query<'static, Any, AnyArguments>;

/// What is stored of a refresh token.
struct Token {
    id: String,
    family: String,
    issuer: String,
    subject: String,
    expires: i64,
    family_expires: i64,
    now: i64,
}

impl Token {
    fn of(facts: RefreshFacts<'_>) -> Self {
        Self {
            id: text(facts.id),
            family: text(facts.family()),
            issuer: text(facts.identity.issuer()),
            subject: text(facts.identity.subject()),
            expires: unix_seconds(facts.expires),
            family_expires: unix_seconds(facts.family_expires),
            now: unix_seconds(facts.now),
        }
    }

    /// A family that begins with it: id, issuer, subject, began, expires.
    fn bind_family(&self, insert: Statement, id: String) -> Statement {
        insert
            .bind(id)
            .bind(self.issuer.clone())
            .bind(self.subject.clone())
            .bind(self.now)
            .bind(self.family_expires)
    }
}

impl Sql {
    async fn add_family(&self, token: Token, parent: Option<String>) -> sqlx::Result<Addition> {
        let mut change = self.begin(&token.family).await?;
        if let Some(parent) = &parent {
            // It is there, and for as long as its child.
            let keep = sqlx::query(
                "INSERT INTO portcullis_refresh_families (id, issuer, subject, began, expires) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET expires = excluded.expires \
                 WHERE portcullis_refresh_families.expires < excluded.expires \
                 AND portcullis_refresh_families.issuer = excluded.issuer \
                 AND portcullis_refresh_families.subject = excluded.subject",
            );
            token.bind_family(keep, parent.clone()).execute(&mut *change).await?;
            let line = sqlx::query_as::<_, (i64, i64)>(concat!(
                line!("$1", "$2", "$3"),
                " SELECT count(*), coalesce(sum(revoked), 1) FROM line"
            ));
            let line = line.bind(parent.clone()).bind(token.issuer.clone()).bind(token.subject.clone());
            let (length, revoked) = line.fetch_one(&mut *change).await?;
            if revoked > 0 {
                return Ok(Addition::Revoked);
            }
            if usize::try_from(length).is_ok_and(|ancestors| ancestors > Refresher::MOST_ANCESTORS) {
                return Ok(Addition::TooDeep);
            }
        }
        let begin = sqlx::query(
            "INSERT INTO portcullis_refresh_families (id, issuer, subject, began, expires, parent) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        );
        let begin = token.bind_family(begin, token.family.clone()).bind(parent);
        if begin.execute(&mut *change).await?.rows_affected() == 0 {
            return Ok(Addition::Revoked);
        }
        sqlx::query("INSERT INTO portcullis_refresh_tokens (id, expires) VALUES ($1, $2)")
            .bind(token.id)
            .bind(token.expires)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(Addition::Added)
    }

    async fn rotate_token(&self, used: String, next: Token) -> Result<Rotation, Error> {
        // A read does not wait for writers, and a family that has ended stays so.
        let good = sqlx::query_as::<_, (i64,)>(concat!(
            "SELECT (SELECT count(*) FROM portcullis_refresh_tokens WHERE id = $1) WHERE ",
            ended!("$2", "$3", "$4"),
            " = 0 AND NOT ",
            refused_user!("$3", "$4", "$5")
        ))
        .bind(used.clone())
        .bind(next.family.clone())
        .bind(next.issuer.clone())
        .bind(next.subject.clone())
        .bind(self.now());
        match self.fetch_optional(good).await? {
            None => return Ok(Rotation::Revoked),
            Some((1,)) if used == next.id => return Ok(Rotation::Rotated),
            Some(_) => {}
        }
        // One statement: of any number of callers, one finds the row.
        let rotate = sqlx::query(concat!(
            "UPDATE portcullis_refresh_tokens SET id = $1, expires = $2 WHERE id = $3 AND ",
            ended!("$4", "$5", "$6"),
            " = 0"
        ))
        .bind(next.id)
        .bind(next.expires)
        .bind(used)
        .bind(next.family.clone())
        .bind(next.issuer.clone())
        .bind(next.subject.clone());
        if self.execute(rotate).await? == 1 {
            return Ok(Rotation::Rotated);
        }
        let revoke = revoke(&next.family, &next.issuer, &next.subject, next.now);
        let was_good = self.execute(revoke).await? == 1;
        Ok(if was_good { Rotation::Reused } else { Rotation::Revoked })
    }
}

/// Of texts as they are stored. What another has revoked meanwhile is seen in the row alone.
fn revoke(family: &str, issuer: &str, subject: &str, now: i64) -> Statement {
    let update = sqlx::query(concat!(
        "UPDATE portcullis_refresh_families SET revoked = $1 WHERE id = $2 AND revoked IS NULL AND ",
        ended!("$2", "$3", "$4"),
        " = 0"
    ));
    update.bind(now).bind(family.to_owned()).bind(issuer.to_owned()).bind(subject.to_owned())
}
