use super::{Owner, Resource};

/// Left in the request's extensions: the resource that the principal was let through to.
#[derive(Clone, Debug)]
pub struct OwnedResource {
    resource: Resource,
    owner: Owner,
    grounds: Grounds,
}

/// Why the principal was let through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Grounds {
    Owner,
    Member,
    Claim,
    Override,
}

impl OwnedResource {
    pub(super) fn new(resource: Resource, owner: Owner, grounds: Grounds) -> Self {
        Self { resource, owner, grounds }
    }

    /// The resource, by the id that the decision was made over.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Whose it was when the decision was made: the principal's, or its group's, or with
    /// [`is_override`](Self::is_override) somebody else's.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The owner's [version](Owner::version). A write that is made only if the version is still this one
    /// cannot come after a change of owner.
    pub fn version(&self) -> u64 {
        self.owner.version()
    }

    /// Whether it was nobody's until this request. A handler that then fails
    /// [gives it back](super::OwnershipAdmin::release).
    pub fn is_new(&self) -> bool {
        self.grounds == Grounds::Claim
    }

    /// Whether the principal was let through by the
    /// [override scope](super::Ownership::override_scope) alone.
    pub fn is_override(&self) -> bool {
        self.grounds == Grounds::Override
    }
}
