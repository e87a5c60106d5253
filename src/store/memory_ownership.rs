use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use foldhash::quality::RandomState;

use crate::{
    Identity, NowOrLater, StoreError,
    ownership::{Claim, Owner, OwnershipAdmin, OwnershipStore, Resource},
};

/// Who owns what, in memory. A clone is the same store; what is changed takes effect on the next
/// request.
#[derive(Clone, Default)]
pub struct MemoryOwnershipStore(Arc<RwLock<Owners>>);

#[derive(Default)]
struct Owners {
    by_resource: HashMap<Resource, Owner, RandomState>,
    /// The latest version that was drawn, for whatever resource.
    version: u64,
}

impl Owners {
    fn draw(&mut self, identity: &Identity) -> Owner {
        self.version += 1;
        Owner::new(identity.clone(), self.version)
    }
}

impl MemoryOwnershipStore {
    /// A store in which nobody owns anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a resource somebody's, whoever owned it before.
    #[expect(clippy::needless_pass_by_value, reason = "as a map takes it")]
    pub fn insert(&self, resource: Resource, owner: Identity) {
        let mut owners = self.write();
        let owner = owners.draw(&owner);
        owners.by_resource.insert(resource, owner);
    }

    /// Makes a resource nobody's; whether it was somebody's.
    pub fn remove(&self, resource: &Resource) -> bool {
        self.write().by_resource.remove(resource).is_some()
    }

    fn read(&self) -> RwLockReadGuard<'_, Owners> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Owners> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnershipStore for MemoryOwnershipStore {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        NowOrLater::now(Ok(self.read().by_resource.get(resource).cloned()))
    }

    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        let mut owners = self.write();
        if let Some(owner) = owners.by_resource.get(resource) {
            return NowOrLater::now(Ok(Claim::Owned(owner.clone())));
        }
        let owner = owners.draw(claimant);
        owners.by_resource.insert(resource.to_kept(), owner.clone());
        NowOrLater::now(Ok(Claim::Claimed(owner)))
    }
}

impl OwnershipAdmin for MemoryOwnershipStore {
    fn transfer(
        &self,
        resource: &Resource,
        from: &Owner,
        to: &Identity,
    ) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        let mut owners = self.write();
        if owners.by_resource.get(resource) != Some(from) {
            return NowOrLater::now(Ok(None));
        }
        let owner = owners.draw(to);
        owners.by_resource.insert(resource.to_kept(), owner.clone());
        NowOrLater::now(Ok(Some(owner)))
    }

    fn release(&self, resource: &Resource, owner: &Owner) -> NowOrLater<Result<bool, StoreError>> {
        let mut owners = self.write();
        let is_theirs = owners.by_resource.get(resource) == Some(owner);
        if is_theirs {
            owners.by_resource.remove(resource);
        }
        NowOrLater::now(Ok(is_theirs))
    }
}

impl fmt::Debug for MemoryOwnershipStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources = self.read().by_resource.len();
        f.debug_struct("MemoryOwnershipStore").field("resources", &resources).finish()
    }
}
