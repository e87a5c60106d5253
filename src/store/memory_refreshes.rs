use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::{
    Identity, NowOrLater, StoreError,
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{Addition, RefreshFacts, RefreshStore, Refresher, Rotation},
    },
};

/// The greatest leeway of a verifier: so long is a token good after it has expired.
const LEEWAY: Duration = Duration::from_secs(300);

/// Refresh tokens and their families in memory, of one process. A clone is the same store.
///
/// A family is kept until the last of its tokens and of its children has expired, and an unused token until it
/// expires. A full store refuses new ones, and forgets nothing; so does one that has as many families of an identity
/// as it may, to that identity.
///
/// # Caveats
///
/// A restart forgets: every refresh token is refused then, and access tokens of revoked families are good
/// until they expire. What was dropped by a clock that jumped ahead is not there when it jumps back.
#[derive(Clone)]
pub struct MemoryRefreshStore(Arc<Shared<Mutex<Live>>>);

/// What is behind the lock. The lock is a parameter, so that a model checker can put in its own.
struct Shared<L> {
    max: usize,
    max_per_identity: usize,
    live: L,
}

#[derive(Default)]
struct Live {
    families: HashMap<Arc<str>, Family>,
    /// How many of them are whose.
    count: HashMap<Identity, usize>,
    /// The tokens that were not used, and when they expire.
    unused: HashMap<Arc<str>, SystemTime>,
    /// When families and tokens are dropped. Their ids differ in length.
    expiring: BTreeSet<(SystemTime, Arc<str>)>,
}

struct Family {
    identity: Identity,
    began: SystemTime,
    /// When it is dropped.
    dropped: SystemTime,
    /// By itself.
    is_revoked: bool,
    parent: Option<Arc<str>>,
    /// How many stand above it.
    ancestors: usize,
}

impl MemoryRefreshStore {
    /// A store for 1,000,000 families and unused tokens, with 10,000 families of one identity.
    pub fn new() -> Self {
        Self::with_limits(1_000_000, 10_000)
    }

    /// A store for so many families and unused tokens, counted together: a family that is in use is two; and for
    /// so many families of one identity: so often it may sign in until one of them expires, ended or not.
    pub fn with_limits(max: usize, max_per_identity: usize) -> Self {
        Self(Arc::new(Shared { max, max_per_identity, live: Mutex::default() }))
    }
}

impl Default for MemoryRefreshStore {
    fn default() -> Self {
        Self::new()
    }
}

impl RefreshStore for MemoryRefreshStore {
    fn add(
        &self,
        token: RefreshFacts<'_>,
        parent: Option<&str>,
    ) -> NowOrLater<Result<Addition, StoreError>> {
        NowOrLater::now(self.0.add(token, parent))
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        NowOrLater::now(Ok(self.0.live.with(|live| live.rotate(used, next))))
    }

    fn revoke(&self, identity: &Identity, family: &str) -> NowOrLater<Result<bool, StoreError>> {
        let revoked = self.0.live.with(|live| live.revoke(identity, family));
        NowOrLater::now(Ok(revoked))
    }

    fn revoke_all(&self, identity: &Identity, up_to: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        self.0.live.with(|live| {
            for family in live.families.values_mut() {
                family.is_revoked |= family.identity == *identity && family.began <= up_to;
            }
        });
        NowOrLater::now(Ok(()))
    }
}

impl RevocationStore for MemoryRefreshStore {
    /// Tokens that belong to no family are not known here.
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let revoked = self.0.live.with(|live| {
            let family = token.family().and_then(|family| live.families.get(family));
            family.is_some_and(|family| live.has_ended(family))
        });
        NowOrLater::now(Ok(revoked))
    }
}

impl Family {
    /// That begins with this token, without a parent.
    fn of(token: RefreshFacts<'_>) -> Self {
        Self {
            identity: token.identity.clone(),
            began: token.now,
            dropped: after_leeway(token.family_expires),
            is_revoked: false,
            parent: None,
            ancestors: 0,
        }
    }
}

impl<L: Lock> Shared<L> {
    fn add(&self, token: RefreshFacts<'_>, parent: Option<&str>) -> Result<Addition, StoreError> {
        self.live.with(|live| {
            live.drop_expired(token.now);
            // The family, and perhaps its parent.
            let is_new = |parent| !live.families.contains_key(parent);
            let families = 1 + usize::from(parent.is_some_and(is_new));
            if live.expiring.len() + families + 1 > self.max {
                return Err(StoreError::new("there is no room for another refresh token"));
            }
            let own = live.count.get(token.identity).copied().unwrap_or_default();
            if own + families > self.max_per_identity {
                return Err(StoreError::new("this identity has as many refresh tokens as it may"));
            }
            Ok(live.add(token, parent))
        })
    }
}

impl Live {
    fn add(&mut self, token: RefreshFacts<'_>, parent: Option<&str>) -> Addition {
        if self.families.contains_key(token.family()) || parent == Some(token.family()) {
            return Addition::Revoked;
        }
        let mut family = Family::of(token);
        if let Some(parent) = parent.map(Arc::<str>::from) {
            if !self.families.contains_key(&parent) {
                self.begin(Arc::clone(&parent), Family::of(token));
            }
            let Some(above) = self.good(&parent, token.identity) else {
                return Addition::Revoked;
            };
            family.ancestors = above.ancestors + 1;
            if family.ancestors > Refresher::MOST_ANCESTORS {
                return Addition::TooDeep;
            }
            self.keep(&parent, family.dropped);
            family.parent = Some(parent);
        }
        self.begin(token.family().into(), family);
        self.insert(token);
        Addition::Added
    }

    fn rotate(&mut self, used: &str, next: RefreshFacts<'_>) -> Rotation {
        self.drop_expired(next.now);
        if self.good(next.family(), next.identity).is_none() {
            return Rotation::Revoked;
        }
        let Some((used, expires)) = self.unused.remove_entry(used) else {
            self.revoke(next.identity, next.family());
            return Rotation::Reused;
        };
        self.expiring.remove(&(expires, used));
        self.insert(next);
        Rotation::Rotated
    }

    fn revoke(&mut self, identity: &Identity, family: &str) -> bool {
        let was_good = self.good(family, identity).is_some();
        if was_good && let Some(family) = self.families.get_mut(family) {
            family.is_revoked = true;
        }
        was_good
    }

    /// A family of this identity's that has not ended.
    fn good(&self, family: &str, identity: &Identity) -> Option<&Family> {
        let family = self.families.get(family)?;
        (family.identity == *identity && !self.has_ended(family)).then_some(family)
    }

    /// By itself, or with one above it.
    fn has_ended(&self, family: &Family) -> bool {
        family.is_revoked
            || family.parent.as_ref().is_some_and(|parent| {
                self.families.get(parent).is_none_or(|parent| self.has_ended(parent))
            })
    }

    fn begin(&mut self, id: Arc<str>, family: Family) {
        *self.count.entry(family.identity.clone()).or_default() += 1;
        self.expiring.insert((family.dropped, Arc::clone(&id)));
        self.families.insert(id, family);
    }

    /// Keeps a family until then, at least.
    fn keep(&mut self, id: &Arc<str>, dropped: SystemTime) {
        if let Some(family) = self.families.get_mut(id).filter(|family| family.dropped < dropped) {
            self.expiring.remove(&(family.dropped, Arc::clone(id)));
            self.expiring.insert((dropped, Arc::clone(id)));
            family.dropped = dropped;
        }
    }

    fn insert(&mut self, token: RefreshFacts<'_>) {
        let id = Arc::<str>::from(token.id);
        self.unused.insert(Arc::clone(&id), token.expires);
        self.expiring.insert((token.expires, id));
    }

    /// Each entry is dropped once: a constant cost for each that was added.
    fn drop_expired(&mut self, now: SystemTime) {
        while self.expiring.first().is_some_and(|(time, _)| *time <= now) {
            if let Some((_, id)) = self.expiring.pop_first() {
                if let Some(family) = self.families.remove(&id) {
                    self.discount(family.identity);
                }
                self.unused.remove(&id);
            }
        }
    }

    fn discount(&mut self, identity: Identity) {
        if let Entry::Occupied(mut count) = self.count.entry(identity) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

pub(super) fn after_leeway(expires: SystemTime) -> SystemTime {
    expires.checked_add(LEEWAY).unwrap_or(expires)
}

/// One at a time.
trait Lock {
    fn with<R>(&self, act: impl FnOnce(&mut Live) -> R) -> R;
}

impl Lock for Mutex<Live> {
    fn with<R>(&self, act: impl FnOnce(&mut Live) -> R) -> R {
        act(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Nobody is named.
impl fmt::Debug for MemoryRefreshStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRefreshStore").field("max", &self.0.max).finish_non_exhaustive()
    }
}

/// The store under a model checker, which runs the threads in every order it can think of.
#[cfg(test)]
mod model {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use shuttle::{
        check_dfs,
        sync::{Arc, Mutex},
        thread,
    };

    use super::{Addition, Live, Lock, RefreshFacts, Rotation, Shared};
    use crate::Identity;

    impl Lock for Mutex<Live> {
        fn with<R>(&self, act: impl FnOnce(&mut Live) -> R) -> R {
            act(&mut self.lock().unwrap())
        }
    }

    const NOW: SystemTime = UNIX_EPOCH;
    const FIRST: &str = "family-of-12token-no1";

    fn facts<'t>(identity: &'t Identity, id: &'t str) -> RefreshFacts<'t> {
        let expires = NOW + Duration::from_secs(60);
        RefreshFacts { identity, id, expires, family_expires: expires, now: NOW }
    }

    /// A store with the first token of a family.
    fn store(alice: &Identity) -> Arc<Shared<Mutex<Live>>> {
        let store = Arc::new(Shared { max: 9, max_per_identity: 9, live: Mutex::new(Live::default()) });
        assert_eq!(store.add(facts(alice, FIRST), None).unwrap(), Addition::Added);
        store
    }

    #[test]
    fn in_every_order_one_of_three_with_one_token_gets_the_next_and_the_family_ends() {
        check_dfs(
            || {
                let alice = Identity::local("alice").unwrap();
                let store = store(&alice);
                let threads =
                    ["family-of-12token-no2", "family-of-12token-no3", "family-of-12token-no4"].map(
                        |next| {
                            let (store, alice) = (store.clone(), alice.clone());
                            thread::spawn(move || {
                                store.live.with(|live| live.rotate(FIRST, facts(&alice, next)))
                            })
                        },
                    );
                let mut answers = threads.map(|thread| thread.join().unwrap());
                answers.sort_by_key(|answer| *answer as u8);
                assert_eq!(answers, [Rotation::Rotated, Rotation::Reused, Rotation::Revoked]);
                store.live.with(|live| assert!(live.families["family-of-12"].is_revoked));
            },
            None,
        );
    }

    #[test]
    fn in_every_order_a_family_that_is_revoked_meanwhile_is_revoked_in_the_end() {
        check_dfs(
            || {
                let alice = Identity::local("alice").unwrap();
                let store = store(&alice);
                let next = facts(&alice, "family-of-12token-no2");
                let revoking = thread::spawn({
                    let (store, alice) = (store.clone(), alice.clone());
                    move || store.live.with(|live| live.revoke(&alice, "family-of-12"))
                });
                let rotated = store.live.with(|live| live.rotate(FIRST, next));
                assert!(revoking.join().unwrap());
                assert_ne!(rotated, Rotation::Reused);
                store.live.with(|live| assert!(live.good("family-of-12", &alice).is_none()));
            },
            None,
        );
    }

    #[test]
    fn in_every_order_a_child_ends_whose_parent_is_revoked_while_it_is_made() {
        check_dfs(
            || {
                let alice = Identity::local("alice").unwrap();
                let store = store(&alice);
                let threads = ["child-fam-01token-no1", "child-fam-02token-no1"].map(|child| {
                    let (store, alice) = (store.clone(), alice.clone());
                    thread::spawn(move || store.add(facts(&alice, child), Some("family-of-12")))
                });
                assert!(store.live.with(|live| live.revoke(&alice, "family-of-12")));
                for (thread, child) in threads.into_iter().zip(["child-fam-01", "child-fam-02"]) {
                    assert_ne!(thread.join().unwrap().unwrap(), Addition::TooDeep);
                    store.live.with(|live| assert!(live.good(child, &alice).is_none()));
                }
            },
            None,
        );
    }
}
