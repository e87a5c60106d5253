use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::{
    Identity, NowOrLater, StoreError,
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{RefreshFacts, RefreshStore, Rotation},
    },
};

/// The greatest leeway of a verifier: so long is a token good after it has expired.
const LEEWAY: Duration = Duration::from_secs(300);

/// Refresh tokens and their families in memory, of one process. A clone is the same store.
///
/// A family is kept until the last of its tokens has expired, and an unused token until it expires. A full
/// store refuses new ones, and forgets nothing.
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
    live: L,
}

#[derive(Default)]
struct Live {
    families: HashMap<Arc<str>, Family>,
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
    is_revoked: bool,
}

impl MemoryRefreshStore {
    /// A store for 1,000,000 families and unused tokens.
    pub fn new() -> Self {
        Self::with_limit(1_000_000)
    }

    /// A store for so many families and unused tokens, counted together: a family that is in use is two.
    pub fn with_limit(max: usize) -> Self {
        Self(Arc::new(Shared { max, live: Mutex::default() }))
    }
}

impl Default for MemoryRefreshStore {
    fn default() -> Self {
        Self::new()
    }
}

impl RefreshStore for MemoryRefreshStore {
    fn add(&self, token: RefreshFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        NowOrLater::now(self.0.add(token))
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
            family.is_some_and(|family| family.is_revoked)
        });
        NowOrLater::now(Ok(revoked))
    }
}

impl<L: Lock> Shared<L> {
    fn add(&self, token: RefreshFacts<'_>) -> Result<bool, StoreError> {
        self.live.with(|live| {
            live.drop_expired(token.now);
            // A token, and perhaps its family.
            if live.expiring.len() + 2 > self.max {
                return Err(StoreError::new("there is no room for another refresh token"));
            }
            Ok(live.add(token))
        })
    }
}

impl Live {
    fn add(&mut self, token: RefreshFacts<'_>) -> bool {
        let (id, dropped) = (Arc::from(token.family()), after_leeway(token.family_expires));
        let family = self.families.entry(Arc::clone(&id)).or_insert_with(|| Family {
            identity: token.identity.clone(),
            began: token.now,
            dropped,
            is_revoked: false,
        });
        if family.is_revoked || family.identity != *token.identity {
            return false;
        }
        self.expiring.remove(&(family.dropped, Arc::clone(&id)));
        family.dropped = family.dropped.max(dropped);
        self.expiring.insert((family.dropped, id));
        self.insert(token);
        true
    }

    fn rotate(&mut self, used: &str, next: RefreshFacts<'_>) -> Rotation {
        self.drop_expired(next.now);
        let good = self
            .families
            .get_mut(next.family())
            .filter(|family| !family.is_revoked && family.identity == *next.identity);
        let Some(family) = good else {
            return Rotation::Revoked;
        };
        let Some((used, expires)) = self.unused.remove_entry(used) else {
            family.is_revoked = true;
            return Rotation::Reused;
        };
        self.expiring.remove(&(expires, used));
        self.insert(next);
        Rotation::Rotated
    }

    fn revoke(&mut self, identity: &Identity, family: &str) -> bool {
        let family = self.families.get_mut(family).filter(|family| family.identity == *identity);
        family.is_some_and(|family| !std::mem::replace(&mut family.is_revoked, true))
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
                self.families.remove(&id);
                self.unused.remove(&id);
            }
        }
    }
}

fn after_leeway(expires: SystemTime) -> SystemTime {
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

    use super::{Live, Lock, RefreshFacts, Rotation, Shared};
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
        let store = Arc::new(Shared { max: 9, live: Mutex::new(Live::default()) });
        assert!(store.add(facts(alice, FIRST)).unwrap());
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
                let again = facts(&alice, "family-of-12token-no3");
                assert!(!store.add(again).unwrap(), "nobody joins it");
            },
            None,
        );
    }
}
