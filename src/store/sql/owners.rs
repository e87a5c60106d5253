use sqlx::{
    Any,
    any::AnyArguments,
    query::{Query, QueryAs},
};

use super::{
    Error, Sql,
    text::{identity, text, whole},
};
use crate::{
    Identity, NowOrLater, StoreError,
    ownership::{Claim, Owner, OwnershipAdmin, OwnershipStore, Resource},
};

impl OwnershipStore for Sql {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        let (store, select) = (self.clone(), select_owner(resource));
        NowOrLater::later(async move { store.find_owner(select).await.map_err(StoreError::new) })
    }

    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        let (store, resource, claimant) = (self.clone(), resource.clone(), claimant.clone());
        NowOrLater::later(async move {
            store.claim_for(&resource, &claimant).await.map_err(StoreError::new)
        })
    }
}

impl OwnershipAdmin for Sql {
    fn transfer(
        &self,
        resource: &Resource,
        from: &Owner,
        to: &Identity,
    ) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        let (store, new) = (self.clone(), draw(to));
        let update = sqlx::query(
            "UPDATE portcullis_owners SET issuer = $1, subject = $2, version = $3 \
             WHERE kind = $4 AND id = $5 AND issuer = $6 AND subject = $7 AND version = $8",
        )
        .bind(whole(to.issuer()))
        .bind(whole(to.subject()))
        .bind(stored(new.version()));
        let update = bind_owned(update, resource, from);
        NowOrLater::later(async move { Ok(store.change(update).await?.then_some(new)) })
    }

    fn release(&self, resource: &Resource, owner: &Owner) -> NowOrLater<Result<bool, StoreError>> {
        let store = self.clone();
        let delete = sqlx::query(
            "DELETE FROM portcullis_owners \
             WHERE kind = $1 AND id = $2 AND issuer = $3 AND subject = $4 AND version = $5",
        );
        let delete = bind_owned(delete, resource, owner);
        NowOrLater::later(async move { store.change(delete).await })
    }
}

type Row = (String, String, i64);

impl Sql {
    async fn find_owner(
        &self,
        select: QueryAs<'static, Any, Row, AnyArguments>,
    ) -> Result<Option<Owner>, Error> {
        let row = self.fetch_optional(select).await?;
        let Some((issuer, subject, version)) = row else {
            return Ok(None);
        };
        Ok(Some(Owner::new(identity(issuer, subject)?, u64::try_from(version)?)))
    }

    async fn claim_for(&self, resource: &Resource, claimant: &Identity) -> Result<Claim, Error> {
        let owner = draw(claimant);
        loop {
            let insert = sqlx::query(
                "INSERT INTO portcullis_owners (kind, id, issuer, subject, version) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            );
            if self.execute(bind_owned(insert, resource, &owner)).await? == 1 {
                return Ok(Claim::Claimed(owner));
            }
            if let Some(owner) = self.find_owner(select_owner(resource)).await? {
                return Ok(Claim::Owned(owner));
            }
            // Released in between: try again.
        }
    }
}

fn select_owner(resource: &Resource) -> QueryAs<'static, Any, Row, AnyArguments> {
    let select = sqlx::query_as(
        "SELECT issuer, subject, version FROM portcullis_owners WHERE kind = $1 AND id = $2",
    );
    select.bind(text(resource.kind())).bind(text(resource.id()))
}

/// A resource and its owner, in the order of the columns.
fn bind_owned(
    statement: Query<'static, Any, AnyArguments>,
    resource: &Resource,
    owner: &Owner,
) -> Query<'static, Any, AnyArguments> {
    statement
        .bind(text(resource.kind()))
        .bind(text(resource.id()))
        .bind(whole(owner.identity().issuer()))
        .bind(whole(owner.identity().subject()))
        .bind(stored(owner.version()))
}

/// With a version that nobody had before: 63 random bits.
fn draw(identity: &Identity) -> Owner {
    let mut random = [0; 8];
    crate::random::fill(&mut random);
    Owner::new(identity.clone(), u64::from_be_bytes(random) >> 1)
}

/// A version of another store may be greater than any here: -1 is nobody's.
fn stored(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(-1)
}
