use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    Identity, NowOrLater, StoreError,
    ownership::{Claim, OwnershipStore, Resource},
};

/// Who owns what, in memory. A clone is the same store; what is changed takes effect on the next
/// request.
#[derive(Clone, Default)]
pub struct MemoryOwnershipStore(Arc<RwLock<HashMap<Resource, Identity>>>);

impl MemoryOwnershipStore {
    /// A store in which nobody owns anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a resource somebody's, whoever owned it before.
    pub fn insert(&self, resource: Resource, owner: Identity) {
        self.write().insert(resource, owner);
    }

    /// Makes a resource nobody's; whether it was somebody's.
    pub fn remove(&self, resource: &Resource) -> bool {
        self.write().remove(resource).is_some()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Resource, Identity>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Resource, Identity>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnershipStore for MemoryOwnershipStore {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Identity>, StoreError>> {
        NowOrLater::now(Ok(self.read().get(resource).cloned()))
    }

    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        NowOrLater::now(Ok(match self.write().entry(resource.clone()) {
            Entry::Occupied(entry) => Claim::Owned(entry.get().clone()),
            Entry::Vacant(entry) => {
                entry.insert(claimant.clone());
                Claim::Claimed
            }
        }))
    }
}

impl fmt::Debug for MemoryOwnershipStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryOwnershipStore").field("resources", &self.read().len()).finish()
    }
}
