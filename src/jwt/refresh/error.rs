use std::{error::Error, fmt};

use super::super::{IssueError, IssueErrorKind};
use crate::{Rejection, RejectionKind, StoreError};

/// Tokens were not given, or not revoked.
#[derive(Debug)]
pub struct RefreshError {
    kind: RefreshErrorKind,
    reason: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why tokens were not given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RefreshErrorKind {
    /// The grant is more than may be given.
    NotGranted(IssueErrorKind),
    /// The refresh token is none, has expired, was used, or is revoked. At the token endpoint of RFC 6749
    /// section 5.2: 400 `invalid_grant`.
    Refused,
    /// The token that the pair was asked for with has [too many ancestors](super::Refresher::MOST_ANCESTORS).
    TooDeep,
    /// The store could not answer. Whether a refresh token was used up is not known.
    Unavailable,
}

impl RefreshError {
    pub(super) fn refused(reason: &'static str) -> Self {
        Self { kind: RefreshErrorKind::Refused, reason, source: None }
    }

    pub(super) fn not_granted(error: IssueError) -> Self {
        let kind = RefreshErrorKind::NotGranted(error.kind());
        Self { kind, reason: "refresh.grant", source: Some(error.into()) }
    }

    pub(super) fn too_deep() -> Self {
        Self { kind: RefreshErrorKind::TooDeep, reason: "refresh.too_deep", source: None }
    }

    pub(super) fn unavailable(error: StoreError) -> Self {
        let kind = RefreshErrorKind::Unavailable;
        Self { kind, reason: "refresh.store", source: Some(error.into()) }
    }

    /// Why.
    pub fn kind(&self) -> RefreshErrorKind {
        self.kind
    }

    /// What the operator is told: a stable code, such as `refresh.reused`. It is not for the caller.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            RefreshErrorKind::NotGranted(_) => "the tokens may not be given",
            RefreshErrorKind::Refused => "the refresh token is refused",
            RefreshErrorKind::TooDeep => "the token has too many ancestors to have children",
            RefreshErrorKind::Unavailable => "the refresh store could not answer",
        })
    }
}

impl Error for RefreshError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// 401 for what is refused, 503 while the store is down. Scopes that are not held, and too many ancestors: 403. A
/// grant that no refresh token could make good is a mistake of the program: 500.
impl From<RefreshError> for Rejection {
    fn from(error: RefreshError) -> Self {
        let kind = match error.kind {
            RefreshErrorKind::NotGranted(IssueErrorKind::ScopeNotHeld) | RefreshErrorKind::TooDeep => {
                RejectionKind::Forbidden
            }
            RefreshErrorKind::NotGranted(_) => RejectionKind::Misconfigured,
            RefreshErrorKind::Refused => RejectionKind::RefusedCredentials,
            RefreshErrorKind::Unavailable => RejectionKind::Unavailable,
        };
        let rejection = Self::new(kind, error.reason);
        match error.source {
            Some(source) => rejection.caused_by(source),
            None => rejection,
        }
    }
}
