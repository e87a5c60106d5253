use std::time::SystemTime;

use super::refresh::family;
use crate::{NowOrLater, StoreError};

/// What identifies a verified token to those who may have revoked it.
#[derive(Clone, Copy, Debug)]
pub struct TokenFacts<'t> {
    /// Whose the subject is: `iss`, unless
    /// [`identities_of`](super::JwtAuthBuilder::identities_of) says otherwise.
    pub issuer: &'t str,
    /// `sub`.
    pub subject: &'t str,
    /// `jti`: unique for its issuer.
    pub id: &'t str,
    /// `iat`.
    pub issued: Option<SystemTime>,
}

impl<'t> TokenFacts<'t> {
    /// The id of its family, if it may have one: see [`refresh`](super::refresh).
    pub fn family(&self) -> Option<&'t str> {
        family::of(self.id)
    }
}

/// Where it is kept which tokens were revoked before they expired.
///
/// A token is known by its issuer and `jti`, never by its text: an ECDSA signature has a twin, and so one
/// token has two texts.
///
/// # Implementer notes
///
/// * Keep an entry until the token would have expired, with the verifier's leeway.
/// * A store that is down is an error: the caller gets a 503, and never a yes.
pub trait RevocationStore: Send + Sync + 'static {
    /// Whether this token was revoked.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>>;

    /// Another number whenever anything has been revoked, wherever that was: as long as it stays the same, no token that
    /// was not revoked is asked for again. `None`, unless a store can tell without waiting.
    ///
    /// # Implementer notes
    ///
    /// By the time that a revocation is acknowledged, this is another number than before, for every thread; and it was
    /// not before [`is_revoked`](Self::is_revoked) could see the revocation. A number never comes back.
    fn version(&self) -> Option<u64> {
        None
    }
}
