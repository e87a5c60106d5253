//! Writes of every kind, each of which can be looked for when it was acknowledged.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::{
    Identity, StoreError,
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{Addition, RefreshFacts, RefreshStore, Rotation},
    },
    ownership::{Claim, OwnershipStore, Resource},
    s3p::{Nonce, NonceStore, Recorded},
    store::Sql,
    user_token::{TokenDigest, UserTokenAdmin, UserTokenRecord, UserTokenStore},
};

use crate::{NOW, alice};

/// One of those that a writer makes, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub(super) writer: usize,
    pub(super) number: usize,
}

impl Write {
    /// Makes it. An error may have written it all the same.
    pub(super) async fn make(self, store: &Sql) -> Result<(), StoreError> {
        let name = self.name();
        match self.number % 5 {
            0 => assert_eq!(self.record(store).await?, Recorded::Fresh),
            1 => {
                let token = UserTokenRecord::new(name, self.owner());
                store.create(&self.digest(), &token).await?;
            }
            2 => store.revoke_jwt("local", &name, UNIX_EPOCH + Duration::from_secs(NOW)).await?,
            3 => {
                let claim = store.claim(&Resource::new("note", name), &alice()).await?;
                assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
            }
            _ => {
                assert!(self.begin(store).await?);
                assert_eq!(self.rotate(store).await?, Rotation::Rotated);
            }
        }
        Ok(())
    }

    /// Whether it is there.
    pub(super) async fn is_kept(self, store: &Sql) -> bool {
        let name = self.name();
        match self.number % 5 {
            0 => self.record(store).await.unwrap() == Recorded::Replayed,
            1 => {
                store.user_token(&self.digest()).await.unwrap().is_some_and(|found| *found.id == *name)
            }
            2 => {
                let token = TokenFacts { issuer: "local", subject: "alice", id: &name, issued: None };
                store.is_revoked(token).await.unwrap()
            }
            3 => {
                let owner = store.owner(&Resource::new("note", name)).await.unwrap();
                owner.is_some_and(|owner| *owner.identity() == alice())
            }
            _ => self.rotate(store).await.unwrap() == Rotation::Reused,
        }
    }

    /// Of twelve characters, as a family's.
    fn name(self) -> String {
        format!("{:04}-{:07}", self.writer, self.number)
    }

    /// None has more tokens than there may be.
    fn owner(self) -> Identity {
        Identity::local(self.name()).unwrap()
    }

    fn digest(self) -> TokenDigest {
        let name = self.name();
        TokenDigest::from_bytes(std::array::from_fn(|at| name.as_bytes()[at % name.len()]))
    }

    async fn record(self, store: &Sql) -> Result<Recorded, StoreError> {
        let (name, now) = (self.name(), NOW.cast_signed());
        store.record(Nonce { token: "key", nonce: &name, expires: now + 300, now }).await
    }

    async fn begin(self, store: &Sql) -> Result<bool, StoreError> {
        let (owner, first) = (self.owner(), self.name() + "token-no1");
        Ok(store.add(facts(&owner, &first), None).await? == Addition::Added)
    }

    async fn rotate(self, store: &Sql) -> Result<Rotation, StoreError> {
        let (owner, first, next) = (self.owner(), self.name() + "token-no1", self.name() + "token-no2");
        store.rotate(&first, facts(&owner, &next)).await
    }
}

fn facts<'t>(identity: &'t Identity, id: &'t str) -> RefreshFacts<'t> {
    let [now, expires] = [NOW, NOW + 600].map(|second| UNIX_EPOCH + Duration::from_secs(second));
    RefreshFacts { identity, id, expires, family_expires: expires, now }
}
