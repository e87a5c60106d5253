use std::time::{Duration, UNIX_EPOCH};

use super::{
    super::{Issued, issue::Stamp},
    RefreshFacts, family,
};
use crate::Identity;

/// An access token, and the refresh token for the next pair.
#[derive(Debug)]
pub struct Pair {
    pub(super) access: Issued,
    pub(super) refresh: Issued,
}

impl Pair {
    /// The access token.
    pub fn access(&self) -> &Issued {
        &self.access
    }

    /// The refresh token: good for one new pair.
    pub fn refresh(&self) -> &Issued {
        &self.refresh
    }

    pub(super) fn facts<'p>(&'p self, identity: &'p Identity, span: Span) -> RefreshFacts<'p> {
        RefreshFacts {
            identity,
            id: self.refresh.id(),
            expires: self.refresh.expires(),
            family_expires: UNIX_EPOCH + Duration::from_secs(span.ends.as_secs()),
            now: UNIX_EPOCH + span.now,
        }
    }
}

/// From now to the end of the family: times since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) now: Duration,
    pub(super) ends: Duration,
}

impl Span {
    /// For a new token of this family.
    pub(super) fn stamp(self, family: Option<&str>) -> Stamp {
        Stamp { id: family::new_id(family), now: self.now, latest: self.ends }
    }
}
