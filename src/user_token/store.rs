use std::{sync::Arc, time::SystemTime};

use super::TokenDigest;
use crate::{Identity, NowOrLater, Principal, Scheme, ScopeSet, StoreError};

/// What a store knows of a token. The token itself, and its digest, are not in it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct UserTokenRecord {
    /// Names the token in the log and in a list. Unique in its store, and not secret.
    pub id: Arc<str>,
    /// Who whoever sends the token is.
    pub owner: Identity,
    /// What the owner calls it: "laptop". Empty, unless told otherwise.
    pub name: Arc<str>,
    /// What the token lets its holder do. Nothing, unless told otherwise. In the answer to a look-up, what its
    /// user has lost is not among it.
    pub scopes: ScopeSet,
    /// When it was created, if that is known.
    pub created: Option<SystemTime>,
    /// From when on it is refused, if it ever is.
    pub expires: Option<SystemTime>,
    /// When it was last let in, roughly.
    pub last_used: Option<SystemTime>,
    /// When it was revoked: it is refused whatever this time is.
    pub revoked: Option<SystemTime>,
}

impl UserTokenRecord {
    /// A token by this id, of somebody's.
    pub fn new(id: impl Into<Arc<str>>, owner: Identity) -> Self {
        Self {
            id: id.into(),
            owner,
            name: "".into(),
            scopes: ScopeSet::empty(),
            created: None,
            expires: None,
            last_used: None,
            revoked: None,
        }
    }

    /// What the owner calls it.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// What the token lets its holder do. Nothing, unless told otherwise.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// Refuses the token from this time on.
    pub fn expires(mut self, time: SystemTime) -> Self {
        self.expires = Some(time);
        self
    }

    pub(crate) fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }

    pub(crate) fn into_principal(self) -> Principal {
        let principal = Principal::builder(self.owner, Scheme::BEARER);
        let principal = principal.credential_id(self.id).scopes(self.scopes);
        match self.expires {
            Some(time) => principal.expires(time).build(),
            None => principal.build(),
        }
    }
}

/// Where user tokens are kept: what the layer asks.
///
/// # Implementer notes
///
/// * Keep the digest, never the token. `Ok(None)` is "there is no such token", and also "its user is
///   disabled"; a store that is down is an error. What was revoked may be left out, or given back with
///   its [`revoked`](UserTokenRecord::revoked).
/// * Where you know what users hold, give back of the token's scopes those that its user holds now: a user who is
///   given less must not keep it by a token. Compare them by name; what stands for others is for your users to say.
/// * An index over the digest may be of any kind: who does not have the token cannot choose the digest.
/// * Fill in [`last_used`](UserTokenRecord::last_used): by it the layer sees that it need not be written.
pub trait UserTokenStore: Send + Sync + 'static {
    /// The token of this digest.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn user_token(
        &self,
        digest: &TokenDigest,
    ) -> NowOrLater<Result<Option<UserTokenRecord>, StoreError>>;
}

/// Creating, listing and revoking user tokens: what applications ask of a store.
///
/// # Implementer notes
///
/// * What was revoked stays revoked, with its first time; and in the list, for its owner to see, as long as
///   you like.
pub trait UserTokenAdmin: UserTokenStore {
    /// Keeps a new token.
    ///
    /// # Errors
    ///
    /// When the store cannot answer, or has a token of this digest or this id.
    fn create(
        &self,
        digest: &TokenDigest,
        record: &UserTokenRecord,
    ) -> NowOrLater<Result<(), StoreError>>;

    /// Somebody's tokens, by the time of their creation: the expired and the revoked, too.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn list(&self, owner: &Identity) -> NowOrLater<Result<Vec<UserTokenRecord>, StoreError>>;

    /// Revokes a token if it is this owner's, from the next request on; whether there was one that was not
    /// revoked.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn revoke(
        &self,
        owner: &Identity,
        id: &str,
        now: SystemTime,
    ) -> NowOrLater<Result<bool, StoreError>>;

    /// Writes down that a token was let in. No request waits for it.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn used(&self, digest: &TokenDigest, now: SystemTime) -> NowOrLater<Result<(), StoreError>>;
}
