use std::{fmt, sync::Arc};

use super::{
    Claim, Owner, OwnershipStore, Resource, ResourcePath,
    resource::{Found, ResourcePaths, is_safe},
};
use crate::{
    ConfigError, Head, Identity, NowOrLater, Permit, Policy, Principal, Rejection, RejectionKind,
    StoreError,
};

/// The [`Policy`] that only owners write. See the [module docs](crate::ownership) for the rules.
#[derive(Clone)]
pub struct Ownership {
    paths: Arc<ResourcePaths>,
    owners: Arc<dyn OwnershipStore>,
    refusal: Refusal,
}

/// How somebody else's resource is refused.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Reveal,
    Hide,
}

impl Ownership {
    /// Owners from this store, of what these paths name.
    ///
    /// # Errors
    ///
    /// When there is no path, or two of them cannot be told apart.
    pub fn new(
        owners: impl OwnershipStore,
        paths: impl IntoIterator<Item = ResourcePath>,
    ) -> Result<Self, ConfigError> {
        let paths = Arc::new(ResourcePaths::new(paths)?);
        Ok(Self { paths, owners: Arc::new(owners), refusal: Refusal::Reveal })
    }

    /// Answers 404 instead of 403, so that nobody learns what exists (RFC 9110 section 15.5.4).
    pub fn hide(mut self) -> Self {
        self.refusal = Refusal::Hide;
        self
    }
}

impl Policy for Ownership {
    fn is_open(&self, head: &Head<'_>) -> bool {
        is_safe(head.method())
    }

    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        let Found { resource, may_create } = match self.paths.find(head.method(), head.uri().path()) {
            Ok(found) => found,
            Err(rejection) => return NowOrLater::now(Err(rejection)),
        };
        let judgement = Judgement {
            resource,
            may_create,
            identity: principal.identity().clone(),
            refusal: self.refusal,
        };
        let owner = self.owners.owner(&judgement.resource);
        let owners = self.owners.clone();
        owner.then(move |owner| judgement.by_owner(owner, owners))
    }
}

/// A write that is being judged.
struct Judgement {
    resource: Resource,
    may_create: bool,
    identity: Identity,
    refusal: Refusal,
}

impl Judgement {
    fn by_owner(
        self,
        owner: Result<Option<Owner>, StoreError>,
        owners: Arc<dyn OwnershipStore>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        match owner {
            Err(error) => NowOrLater::now(Err(unavailable(error))),
            Ok(Some(owner)) => NowOrLater::now(self.by(owner)),
            // The claim is made when its turn has come: another policy may refuse before.
            Ok(None) if self.may_create => NowOrLater::later(async move {
                match owners.claim(&self.resource, &self.identity).await.map_err(unavailable)? {
                    Claim::Claimed(owner) => Ok(self.grant(owner, true)),
                    Claim::Owned(owner) => self.by(owner),
                }
            }),
            Ok(None) => {
                let missing = Rejection::new(RejectionKind::NotFound, "ownership.unknown");
                NowOrLater::now(Err(missing))
            }
        }
    }

    fn by(self, owner: Owner) -> Result<Permit, Rejection> {
        if *owner.identity() == self.identity {
            return Ok(self.grant(owner, false));
        }
        let kind = match self.refusal {
            Refusal::Reveal => RejectionKind::Forbidden,
            Refusal::Hide => RejectionKind::NotFound,
        };
        Err(Rejection::new(kind, "ownership.not_owner"))
    }

    fn grant(self, owner: Owner, is_new: bool) -> Permit {
        Permit::granted().with(OwnedResource { resource: self.resource, owner, is_new })
    }
}

fn unavailable(error: StoreError) -> Rejection {
    Rejection::unavailable("ownership.store", error)
}

impl fmt::Debug for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ownership").field("refusal", &self.refusal).finish_non_exhaustive()
    }
}

/// Left in the request's extensions: what the principal was found to own.
#[derive(Clone, Debug)]
pub struct OwnedResource {
    resource: Resource,
    owner: Owner,
    is_new: bool,
}

impl OwnedResource {
    /// The resource, by the id that the decision was made over.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Whose it is, as the decision was made.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The owner's [version](Owner::version). A write that is made only if the version is still this one
    /// cannot come after a change of owner.
    pub fn version(&self) -> u64 {
        self.owner.version()
    }

    /// Whether it was nobody's until this request. A handler that then fails gives it back.
    pub fn is_new(&self) -> bool {
        self.is_new
    }
}
