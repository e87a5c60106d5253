use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
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
pub struct MemoryRevocationStore(Arc<Mutex<Revoked>>);

#[derive(Default)]
struct Revoked {
    /// By (issuer, id).
    tokens: HashSet<(String, String)>,
    /// All that was issued to somebody up to a time.
    subjects: HashMap<(String, String), SystemTime>,
}

impl MemoryRevocationStore {
    /// A store in which nothing is revoked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Revokes the token of this `jti`. The issuer is that of its principals: `iss`, unless
    /// [`identities_of`](crate::jwt::JwtAuthBuilder::identities_of) says otherwise.
    pub fn revoke(&self, issuer: impl Into<String>, id: impl Into<String>) {
        self.lock().tokens.insert((issuer.into(), id.into()));
    }

    /// Revokes every token that was issued to somebody up to this time, and those that do not say when.
    pub fn revoke_all(&self, identity: &Identity, up_to: SystemTime) {
        let key = (identity.issuer().to_owned(), identity.subject().to_owned());
        let mut revoked = self.lock();
        let latest = revoked.subjects.entry(key).or_insert(up_to);
        *latest = up_to.max(*latest);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Revoked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RevocationStore for MemoryRevocationStore {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let revoked = self.lock();
        let by_subject = (token.issuer.to_owned(), token.subject.to_owned());
        let by_id = (token.issuer.to_owned(), token.id.to_owned());
        let up_to = revoked.subjects.get(&by_subject);
        let with_others = up_to.is_some_and(|up_to| token.issued.is_none_or(|at| at <= *up_to));
        NowOrLater::now(Ok(with_others || revoked.tokens.contains(&by_id)))
    }
}

impl fmt::Debug for MemoryRevocationStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRevocationStore").finish_non_exhaustive()
    }
}
