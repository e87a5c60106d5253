use super::{Error, Sql};
use crate::{
    Identity, NowOrLater, StoreError,
    ownership::{Claim, OwnershipStore, Resource},
};

impl OwnershipStore for Sql {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Identity>, StoreError>> {
        let (store, resource) = (self.clone(), resource.clone());
        NowOrLater::later(async move { store.find_owner(&resource).await.map_err(StoreError::new) })
    }

    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        let (store, resource, claimant) = (self.clone(), resource.clone(), claimant.clone());
        NowOrLater::later(async move {
            store.claim_for(&resource, &claimant).await.map_err(StoreError::new)
        })
    }
}

impl Sql {
    async fn find_owner(&self, resource: &Resource) -> Result<Option<Identity>, Error> {
        let select = sqlx::query_as::<_, (String, String)>(
            "SELECT issuer, subject FROM portcullis_owners WHERE kind = $1 AND id = $2",
        );
        let select = select.bind(resource.kind().to_owned()).bind(resource.id().to_owned());
        let row = self.fetch_optional(select).await?;
        Ok(row.map(|(issuer, subject)| Identity::new(issuer, subject)).transpose()?)
    }

    async fn claim_for(&self, resource: &Resource, claimant: &Identity) -> Result<Claim, Error> {
        loop {
            let insert = sqlx::query(
                "INSERT INTO portcullis_owners (kind, id, issuer, subject) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(resource.kind().to_owned())
            .bind(resource.id().to_owned())
            .bind(claimant.issuer().to_owned())
            .bind(claimant.subject().to_owned());
            if self.execute(insert).await? == 1 {
                return Ok(Claim::Claimed);
            }
            if let Some(owner) = self.find_owner(resource).await? {
                return Ok(Claim::Owned(owner));
            }
            // Given back in between: try again.
        }
    }
}
