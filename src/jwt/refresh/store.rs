use std::time::SystemTime;

use super::family;
use crate::{Identity, NowOrLater, StoreError};

/// What a store is told of a refresh token.
#[derive(Clone, Copy, Debug)]
pub struct RefreshFacts<'t> {
    /// Whose token it is.
    pub identity: &'t Identity,
    /// Its `jti`. Not a secret.
    pub id: &'t str,
    /// When it expires, unused.
    pub expires: SystemTime,
    /// When the last token that can come of it expires.
    pub family_expires: SystemTime,
    /// The present time, by the issuer's clock.
    pub now: SystemTime,
}

impl<'t> RefreshFacts<'t> {
    /// The id of its family: the beginning of its own.
    pub fn family(&self) -> &'t str {
        family::of(self.id).unwrap_or(self.id)
    }
}

/// What came of using a refresh token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rotation {
    /// It was not used before, and the next one is in its place.
    Rotated,
    /// It was used before. Its family was good until now, and is revoked.
    Reused,
    /// Its family is revoked, or not known.
    Revoked,
}

/// Where it is kept which refresh tokens are unused, and which families are revoked.
///
/// Only the issuer makes refresh tokens, and a store is asked about none whose signature is not good. So a
/// token that is not among the unused ones was used, and used ones need not be kept.
///
/// # Implementer notes
///
/// * Each operation is one atomic step: a transaction, or a script. Of any number of callers that rotate one
///   token, one gets [`Rotation::Rotated`]; of those after it, one gets [`Rotation::Reused`].
/// * Answer when the step will survive a crash, and not before. A rotation that was answered and is forgotten
///   makes a used token good again.
/// * A family is known by its id and its identity together: where the identity is another, the family is not
///   known.
/// * Keep a family until the latest [`family_expires`](RefreshFacts::family_expires) of its tokens, and for
///   five minutes more: that is the greatest leeway of a verifier. Keep an unused token until it expires. Where
///   there is no room, refuse to [`add`](Self::add); never forget.
/// * Implement [`RevocationStore`](crate::jwt::RevocationStore), too: a token is revoked if its
///   [`family`](crate::jwt::TokenFacts::family) is. Otherwise the access tokens of a revoked family are good until
///   they expire.
/// * A store that cannot answer is an error, and never one of the answers.
pub trait RefreshStore: Send + Sync + 'static {
    /// Adds an unused token to its family, which it begins if it is the first. `false` when the family is
    /// revoked, or another's.
    ///
    /// # Errors
    ///
    /// When the store cannot answer, or is full.
    fn add(&self, token: RefreshFacts<'_>) -> NowOrLater<Result<bool, StoreError>>;

    /// Puts the next token in the place of the one with this id, which is of the same family; if that one is
    /// not among the unused, revokes the family. `next` may be that one itself: then nothing changes if it is
    /// unused.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>>;

    /// Revokes a family of this identity's: whether there was one, and it was good until now.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn revoke(&self, identity: &Identity, family: &str) -> NowOrLater<Result<bool, StoreError>>;

    /// Revokes the families of this identity that began up to this time.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn revoke_all(&self, identity: &Identity, up_to: SystemTime) -> NowOrLater<Result<(), StoreError>>;
}
