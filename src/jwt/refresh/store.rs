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
    /// When the last token that can come of it expires; of one that is [added](RefreshStore::add) below a parent, also
    /// the token that it was made with.
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

/// What came of adding a family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Addition {
    /// It has begun, with its first token.
    Added,
    /// Its parent has ended, is another's, or is itself; or there is a family of this id already, which none joins.
    Revoked,
    /// There would be more than [`MOST_ANCESTORS`](super::Refresher::MOST_ANCESTORS) above it.
    TooDeep,
}

/// What came of using a refresh token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rotation {
    /// It was not used before, and the next one is in its place.
    Rotated,
    /// It was used before. Its family was good until now, and is revoked.
    Reused,
    /// Its family has ended, or is not known.
    Revoked,
}

/// Where it is kept which refresh tokens are unused, and which families are revoked.
///
/// A family may have a parent: that of the token it was made with. It has *ended* when it is revoked itself, or
/// its parent has ended. So what is revoked ends all below it, and nothing above or beside it.
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
/// * Whether a family has ended is best looked up along its line of ancestors, which is
///   [short](super::Refresher::MOST_ANCESTORS): to revoke is then one write whatever is below, and no child that
///   is made at that moment can be missed.
/// * A family is known by its id and its identity together: where the identity is another, the family is not
///   known. A parent and its children are of one identity.
/// * Keep a family until its [`family_expires`](RefreshFacts::family_expires) and the latest of its children's,
///   and for five minutes more: that is the greatest leeway of a verifier. Keep an unused token until it
///   expires. Where there is no room, refuse to [`add`](Self::add); never forget.
/// * Implement [`RevocationStore`](crate::jwt::RevocationStore), too: a token is revoked if its
///   [`family`](crate::jwt::TokenFacts::family) has ended. Otherwise the access tokens of such a family are good
///   until they expire.
/// * A store that cannot answer is an error, and never one of the answers.
pub trait RefreshStore: Send + Sync + 'static {
    /// Adds the family of this token, which is its first and unused; below its parent, if it has one. A parent
    /// that is not known, since its token came without a refresh token, is added as well.
    ///
    /// # Errors
    ///
    /// When the store cannot answer, or is full.
    fn add(
        &self,
        token: RefreshFacts<'_>,
        parent: Option<&str>,
    ) -> NowOrLater<Result<Addition, StoreError>>;

    /// Puts the next token in the place of the one with this id, which is of the same family; if that one is
    /// not among the unused, revokes the family. `next` may be that one itself: then nothing changes if it is
    /// unused.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>>;

    /// Revokes a family of this identity's: whether there was one, and it had not ended until now.
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
