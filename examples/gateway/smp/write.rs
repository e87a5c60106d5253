use axum::{extract::FromRequestParts, http::request::Parts};
use portcullis::{Identity, Rejection, RejectionKind, ownership::OwnedResource};
use sqlx::{Any, Transaction, any::AnyArguments, query::Query};

use super::answer::{missing, unavailable};
use crate::{
    Gateway,
    database::{Claim, Database, random},
};

/// A write to what belongs to a group, which the ownership layer has let through. By the time of the write, the
/// group may be somebody else's: so it is made in a transaction in which the owner is still the one who was
/// judged, and cannot change.
pub struct Write {
    database: Database,
    group: String,
    owner: Identity,
    /// Of the owner who was judged.
    version: i64,
    is_override: bool,
    is_new: bool,
}

impl Write {
    /// The id that was judged.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Whether the group was nobody's until this request.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Runs a statement; where it changes nothing, that was missing.
    pub async fn run(
        &self,
        statement: Query<'_, Any, AnyArguments>,
        what: &'static str,
    ) -> Result<(), Rejection> {
        let mut change = self.begin().await?;
        let changed = statement.execute(&mut *change).await.map_err(unavailable)?;
        change.commit().await.map_err(unavailable)?;
        if changed.rows_affected() == 0 { Err(missing(what)) } else { Ok(()) }
    }

    /// Begins the transaction.
    pub async fn begin(&self) -> Result<Transaction<'static, Any>, Rejection> {
        let (change, is_owned) = self.lock().await?;
        if is_owned { Ok(change) } else { Err(missing("smp.missing")) }
    }

    /// The same, but what is nobody's any more is owned again: another request of the same owner may have given
    /// the claim back.
    pub async fn begin_again(&self) -> Result<Transaction<'static, Any>, Rejection> {
        let (mut change, is_owned) = self.lock().await?;
        if is_owned {
            return Ok(change);
        }
        if self.is_override {
            return Err(missing("smp.missing"));
        }
        // Another request may claim it at this very moment: the same owner's is as good.
        let owned = sqlx::query(
            "INSERT INTO portcullis_owners (kind, id, issuer, subject, version) \
             VALUES ('group', $1, $2, $3, $4) \
             ON CONFLICT (kind, id) DO UPDATE SET version = portcullis_owners.version \
             WHERE portcullis_owners.issuer = excluded.issuer \
             AND portcullis_owners.subject = excluded.subject",
        )
        .bind(&self.group)
        .bind(self.owner.issuer())
        .bind(self.owner.subject())
        .bind(new_version())
        .execute(&mut *change)
        .await
        .map_err(unavailable)?;
        if owned.rows_affected() == 0 { Err(no_longer_owner()) } else { Ok(change) }
    }

    /// Makes a group that was never stored nobody's again.
    pub async fn give_back(&self) -> sqlx::Result<()> {
        let claim = Claim { group: self.group.clone(), version: self.version };
        self.database.forget_claim(&claim).await
    }

    /// A transaction in which the owner does not change, and whether there is one.
    async fn lock(&self) -> Result<(Transaction<'static, Any>, bool), Rejection> {
        let mut change = self.database.change(&self.group).await.map_err(unavailable)?;
        // It writes nothing new, and keeps everybody else from doing so.
        let version: Option<(i64,)> = sqlx::query_as(
            "UPDATE portcullis_owners SET version = version WHERE kind = 'group' AND id = $1 \
             RETURNING version",
        )
        .bind(&self.group)
        .fetch_optional(&mut *change)
        .await
        .map_err(unavailable)?;
        match version {
            Some((version,)) if version != self.version => Err(no_longer_owner()),
            version => Ok((change, version.is_some())),
        }
    }
}

/// What was judged by an earlier one is not let in by it: each claim has a version that none had before.
fn new_version() -> i64 {
    i64::from_be_bytes(random()) & i64::MAX
}

fn no_longer_owner() -> Rejection {
    Rejection::new(RejectionKind::Forbidden, "smp.no_longer_owner")
}

impl FromRequestParts<Gateway> for Write {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Rejection> {
        let owned = parts.extensions.get::<OwnedResource>().ok_or_else(|| {
            Rejection::new(RejectionKind::Misconfigured, "smp.not_judged")
                .caused_by("a handler that writes is outside of the ownership layer")
        })?;
        Ok(Self {
            database: gateway.database.clone(),
            group: owned.resource().id().to_owned(),
            owner: owned.owner().identity().clone(),
            version: owned.version().cast_signed(),
            is_override: owned.is_override(),
            is_new: owned.is_new(),
        })
    }
}
