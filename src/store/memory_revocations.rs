use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use crate::{
    Identity, NowOrLater, StoreError,
    jwt::{RevocationStore, TokenFacts},
};

/// Revoked JWTs in memory. A clone is the same store; what is revoked is refused on the next request.
///
/// # Caveats
///
/// A restart forgets, and nothing is dropped: for a server that runs long, keep revocations in a
/// database.
#[derive(Clone, Default)]
pub struct MemoryRevocationStore(Arc<Shared>);

#[derive(Default)]
struct Shared {
    revoked: RwLock<Revoked>,
    /// How often something was revoked.
    version: AtomicU64,
}

#[derive(Default)]
struct Revoked {
    /// The ids, by issuer.
    tokens: HashMap<String, HashSet<String>>,
    /// All that was issued to somebody up to a time: by issuer and subject.
    subjects: HashMap<String, HashMap<String, SystemTime>>,
}

impl MemoryRevocationStore {
    /// A store in which nothing is revoked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Revokes the token of this `jti`. The issuer is that of its principals: `iss`, unless
    /// [`identities_of`](crate::jwt::JwtAuthBuilder::identities_of) says otherwise.
    pub fn revoke(&self, issuer: impl Into<String>, id: impl Into<String>) {
        self.change(|revoked| {
            revoked.tokens.entry(issuer.into()).or_default().insert(id.into());
        });
    }

    /// Revokes every token that was issued to somebody up to this time, and those that do not say when.
    pub fn revoke_all(&self, identity: &Identity, up_to: SystemTime) {
        self.change(|revoked| {
            let subjects = revoked.subjects.entry(identity.issuer().to_owned()).or_default();
            let latest = subjects.entry(identity.subject().to_owned()).or_insert(up_to);
            *latest = up_to.max(*latest);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Revoked)) {
        let mut revoked = self.0.revoked.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut revoked);
        // Before the lock is given up: who sees the old number has not been told of the change.
        self.0.version.fetch_add(1, Ordering::Release);
    }
}

impl RevocationStore for MemoryRevocationStore {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let revoked = self.0.revoked.read().unwrap_or_else(PoisonError::into_inner);
        let subjects = revoked.subjects.get(token.issuer);
        let up_to = subjects.and_then(|subjects| subjects.get(token.subject));
        let with_others = up_to.is_some_and(|up_to| token.issued.is_none_or(|at| at <= *up_to));
        let tokens = revoked.tokens.get(token.issuer);
        let is_revoked = with_others || tokens.is_some_and(|tokens| tokens.contains(token.id));
        NowOrLater::now(Ok(is_revoked))
    }

    fn version(&self) -> Option<u64> {
        Some(self.0.version.load(Ordering::Acquire))
    }
}

impl fmt::Debug for MemoryRevocationStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRevocationStore").finish_non_exhaustive()
    }
}
