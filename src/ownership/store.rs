use std::sync::Arc;

use super::Resource;
use crate::{Identity, NowOrLater, StoreError};

/// Who owns a resource, and since which change of owner. A clone copies a pointer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owner(Arc<(Identity, u64)>);

impl Owner {
    /// An owner, as a store knows it.
    pub fn new(identity: Identity, version: u64) -> Self {
        Self(Arc::new((identity, version)))
    }

    /// Who it is: a person, or a [group](super::Membership).
    pub fn identity(&self) -> &Identity {
        &self.0.0
    }

    /// Another number after each claim and each transfer. It says nothing else: not how many there were.
    pub fn version(&self) -> u64 {
        self.0.1
    }
}

/// What came of a claim.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Claim {
    /// It was nobody's, and is the claimant's now.
    Claimed(Owner),
    /// It is this one's already.
    Owned(Owner),
}

/// Where it is kept who owns what: what the layer asks.
///
/// # Implementer notes
///
/// * `Ok(None)` is "nobody owns it"; a store that is down is an error. The caller gets a 503 for the
///   one, and may claim after the other.
/// * `claim` looks up and inserts in one atomic step: of any number of claimants of one resource, one
///   gets [`Claim::Claimed`].
/// * Each claim and each transfer draws a version that the resource never had before, also not before it
///   was released: from a sequence of the whole store, or 63 random bits. It fits an `i64`.
/// * Texts are compared byte for byte.
pub trait OwnershipStore: Send + Sync + 'static {
    /// Who owns this resource.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>>;

    /// Makes this resource somebody's, if it is nobody's.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>>;
}

/// Changes of owner: what applications ask of a store. Who may ask for them is theirs to decide.
///
/// # Implementer notes
///
/// * Both compare and change in one atomic step. The owner that is given is the one that was seen: if the
///   present one has another identity or another version, nothing is changed.
pub trait OwnershipAdmin: OwnershipStore {
    /// Makes this resource another one's; the new owner, or `None` if it is no longer `from`'s.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn transfer(
        &self,
        resource: &Resource,
        from: &Owner,
        to: &Identity,
    ) -> NowOrLater<Result<Option<Owner>, StoreError>>;

    /// Makes this resource nobody's; `false` if it is no longer `owner`'s.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn release(&self, resource: &Resource, owner: &Owner) -> NowOrLater<Result<bool, StoreError>>;
}
