use crate::{Identity, NowOrLater, Principal, StoreError};

/// Says who belongs to an owner that is a group: an [`Identity`] like any other, of an issuer of its own.
///
/// It is asked about owners that are not the principal themselves. A function will do:
///
/// ```
/// use portcullis::{
///     Identity, NowOrLater, Principal,
///     ownership::{MemoryOwnershipStore, Ownership, ResourcePath},
/// };
///
/// // The groups are in the scopes: `team:blue` is a member of the team "blue".
/// let in_team = |principal: &Principal, owner: &Identity| {
///     let teams = principal.scopes().iter().filter_map(|scope| scope.strip_prefix("team:"));
///     NowOrLater::now(Ok(owner.issuer() == "teams" && teams.into_iter().any(|team| team == owner.subject())))
/// };
/// let path = ResourcePath::new("note", "/notes/{id}", "id")?;
/// let own = Ownership::new(MemoryOwnershipStore::new(), [path])?.members(in_team);
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
///
/// # Implementer notes
///
/// * Compare the issuer, too: a person may have a group's name.
/// * A store that cannot answer is an error: the caller gets a 503.
pub trait Membership: Send + Sync + 'static {
    /// Whether this principal is a member of this owner.
    ///
    /// # Errors
    ///
    /// When it cannot be told now.
    fn is_member(
        &self,
        principal: &Principal,
        owner: &Identity,
    ) -> NowOrLater<Result<bool, StoreError>>;
}

impl<F> Membership for F
where
    F: Fn(&Principal, &Identity) -> NowOrLater<Result<bool, StoreError>> + Send + Sync + 'static,
{
    fn is_member(
        &self,
        principal: &Principal,
        owner: &Identity,
    ) -> NowOrLater<Result<bool, StoreError>> {
        self(principal, owner)
    }
}
