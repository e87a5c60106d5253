use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use super::memory_refreshes::after_leeway;
use crate::{
    Clock, Identity, NowOrLater, StoreError, SystemClock,
    jwt::{RevocationStore, TokenFacts},
};

/// Revoked JWTs in memory. A clone is the same store; what is revoked is refused on the next request.
///
/// # Caveats
///
/// A restart forgets. What is revoked without a time is kept for good, and so is one time for each subject: a server
/// that runs long says [when a token expires](Self::revoke_until), or keeps revocations in a database. What was
/// dropped by a clock that jumped ahead is not there when it jumps back.
#[derive(Clone)]
pub struct MemoryRevocationStore(Arc<Shared>);

struct Shared {
    revoked: RwLock<Revoked>,
    /// How often something was revoked.
    version: AtomicU64,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Revoked {
    /// By issuer and id: when the entry is dropped, if it is.
    tokens: HashMap<Arc<str>, HashMap<Arc<str>, Option<SystemTime>>>,
    /// Those that are, with issuer and id.
    expiring: BTreeSet<(SystemTime, Arc<str>, Arc<str>)>,
    /// All that was issued to somebody up to a time: by issuer and subject.
    subjects: HashMap<String, HashMap<String, SystemTime>>,
}

impl MemoryRevocationStore {
    /// A store in which nothing is revoked.
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// The same, which takes the time from this clock, to see what may be dropped.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self(Arc::new(Shared {
            revoked: RwLock::default(),
            version: AtomicU64::default(),
            clock: Arc::new(clock),
        }))
    }

    /// Revokes the token of this `jti`, for good. The issuer is that of its principals: `iss`, unless
    /// [`identities_of`](crate::jwt::JwtAuthBuilder::identities_of) says otherwise.
    pub fn revoke(&self, issuer: impl Into<String>, id: impl Into<String>) {
        self.change(|revoked| revoked.insert(issuer.into().into(), id.into().into(), None));
    }

    /// The same, until the token expires (`exp`): the entry is dropped five minutes later, the greatest leeway of a
    /// verifier, by whatever is revoked next. It is never shortened.
    pub fn revoke_until(&self, issuer: impl Into<String>, id: impl Into<String>, expires: SystemTime) {
        let dropped = Some(after_leeway(expires));
        self.change(|revoked| revoked.insert(issuer.into().into(), id.into().into(), dropped));
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
        let now = self.0.clock.now();
        let mut revoked = self.0.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.drop_expired(now);
        change(&mut revoked);
        // Before the lock is given up: who sees the old number has not been told of the change.
        self.0.version.fetch_add(1, Ordering::Release);
    }
}

impl Revoked {
    fn insert(&mut self, issuer: Arc<str>, id: Arc<str>, dropped: Option<SystemTime>) {
        let tokens = self.tokens.entry(Arc::clone(&issuer)).or_default();
        let former = tokens.get(&id).copied();
        // `None` is later than any time.
        let is_later = former
            .is_none_or(|former| former.is_some_and(|former| dropped.is_none_or(|it| it > former)));
        if !is_later {
            return;
        }
        tokens.insert(Arc::clone(&id), dropped);
        if let Some(former) = former.flatten() {
            self.expiring.remove(&(former, Arc::clone(&issuer), Arc::clone(&id)));
        }
        if let Some(dropped) = dropped {
            self.expiring.insert((dropped, issuer, id));
        }
    }

    /// Each entry is dropped once: a constant cost for each that was added.
    fn drop_expired(&mut self, now: SystemTime) {
        while self.expiring.first().is_some_and(|(time, ..)| *time <= now) {
            let Some((_, issuer, id)) = self.expiring.pop_first() else { return };
            if let Some(tokens) = self.tokens.get_mut(&issuer) {
                tokens.remove(&id);
                if tokens.is_empty() {
                    self.tokens.remove(&issuer);
                }
            }
        }
    }
}

impl Default for MemoryRevocationStore {
    fn default() -> Self {
        Self::new()
    }
}

impl RevocationStore for MemoryRevocationStore {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let revoked = self.0.revoked.read().unwrap_or_else(PoisonError::into_inner);
        let subjects = revoked.subjects.get(token.issuer);
        let up_to = subjects.and_then(|subjects| subjects.get(token.subject));
        let with_others = up_to.is_some_and(|up_to| token.issued.is_none_or(|at| at <= *up_to));
        let tokens = revoked.tokens.get(token.issuer);
        let is_revoked = with_others || tokens.is_some_and(|tokens| tokens.contains_key(token.id));
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
