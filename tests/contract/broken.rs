//! Stores that break the contract are told which rule it was.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Mutex,
    time::SystemTime,
};

use portcullis::{
    Identity, NowOrLater, StoreError,
    basic::{
        Admission, AttemptKey, AttemptLimit, AttemptStore, MemoryAttemptStore, MemoryUserStore,
        PasswordHash, User, UserStore,
    },
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{Addition, MemoryRefreshStore, RefreshFacts, RefreshStore, Rotation},
    },
    ownership::{Claim, MemoryOwnershipStore, Owner, OwnershipAdmin, OwnershipStore, Resource},
    s3p::{AccessKey, MemoryAccessKeyStore, Nonce, NonceStore, Recorded},
    store::contract::{self, AccessKeySeed, Revocation, UserSeed, UserTokenSeed},
    user_token::{MemoryUserTokenStore, UserTokenRecord},
};

/// Nonces in a list, of which the last are kept, by a key that a mistake makes.
struct Nonces {
    seen: Mutex<VecDeque<String>>,
    most: usize,
    key: fn(&Nonce<'_>) -> String,
}

impl Nonces {
    fn new(key: fn(&Nonce<'_>) -> String) -> Self {
        Self { seen: Mutex::default(), most: usize::MAX, key }
    }
}

impl NonceStore for Nonces {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let mut seen = self.seen.lock().unwrap();
        let key = (self.key)(&nonce);
        if seen.contains(&key) {
            return NowOrLater::now(Ok(Recorded::Replayed));
        }
        seen.push_back(key);
        if seen.len() > self.most {
            seen.pop_front();
        }
        NowOrLater::now(Ok(Recorded::Fresh))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "known by its token and its bytes")]
async fn a_store_that_runs_token_and_nonce_together() {
    contract::nonces(async || Nonces::new(|nonce| format!("{}:{}", nonce.token, nonce.nonce))).await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "known by its token and its bytes")]
async fn a_store_that_folds_case() {
    contract::nonces(async || {
        Nonces::new(|nonce| format!("{:?}", (nonce.token, nonce.nonce)).to_lowercase())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "by whatever expiry")]
async fn a_store_that_knows_a_nonce_by_its_expiry() {
    contract::nonces(async || Nonces::new(|nonce| format!("{nonce:?}"))).await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "gets no more")]
async fn a_store_that_drops_the_oldest() {
    contract::bounded_nonces(async |each| Nonces {
        most: each,
        ..Nonces::new(|nonce| format!("{:?}", (nonce.token, nonce.nonce)))
    })
    .await;
}

/// Looks up, and then inserts.
#[derive(Default)]
struct InTwoSteps(std::sync::Arc<Mutex<HashSet<(String, String)>>>);

impl NonceStore for InTwoSteps {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let (seen, key) = (self.0.clone(), (nonce.token.to_owned(), nonce.nonce.to_owned()));
        NowOrLater::later(async move {
            if seen.lock().unwrap().contains(&key) {
                return Ok(Recorded::Replayed);
            }
            tokio::task::yield_now().await;
            seen.lock().unwrap().insert(key);
            Ok(Recorded::Fresh)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "one is first")]
async fn a_store_that_looks_up_and_inserts_in_two_steps() {
    contract::nonces(async || InTwoSteps::default()).await;
}

#[tokio::test]
#[should_panic(expected = "multi_thread")]
async fn a_test_on_one_thread() {
    contract::nonces(async || InTwoSteps::default()).await;
}

/// Owners by kind and id, run together; who claims last has it.
#[derive(Default)]
struct LastClaim(Mutex<HashMap<String, Owner>>);

impl OwnershipStore for LastClaim {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        let key = format!("{}{}", resource.kind(), resource.id());
        NowOrLater::now(Ok(self.0.lock().unwrap().get(&key).cloned()))
    }

    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        let key = format!("{}{}", resource.kind(), resource.id());
        let owner = Owner::new(claimant.clone(), 1);
        NowOrLater::now(Ok(match self.0.lock().unwrap().insert(key, owner.clone()) {
            None => Claim::Claimed(owner),
            Some(owner) => Claim::Owned(owner),
        }))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "is not claimed again")]
async fn a_store_in_which_the_last_claim_counts() {
    contract::ownership(async || LastClaim::default()).await;
}

/// Answers without looking.
struct Always(bool);

impl RevocationStore for Always {
    fn is_revoked(&self, _: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        NowOrLater::now(Ok(self.0))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "a token is known by its issuer and `jti`")]
async fn a_store_in_which_nothing_is_revoked() {
    contract::revocations(async |_: Vec<Revocation>| Always(false)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "what nobody has revoked is good")]
async fn a_store_in_which_all_is_revoked() {
    contract::revocations(async |_: Vec<Revocation>| Always(true)).await;
}

#[tokio::test]
#[should_panic(expected = "a store that is down must not answer")]
async fn a_store_that_answers_while_it_is_down() {
    contract::broken_revocations(&Always(false)).await;
}

/// Never answers.
struct Silent;

impl UserStore for Silent {
    fn user(&self, _: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        NowOrLater::later(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "must say so within")]
async fn a_store_that_waits_for_ever_while_it_is_down() {
    contract::broken_users(&Silent).await;
}

#[tokio::test]
#[should_panic(expected = "whether")]
async fn a_store_that_forgets_who_is_disabled() {
    contract::users(async |seeds: Vec<UserSeed>| {
        let store = MemoryUserStore::new();
        for UserSeed { name, password, identity, scopes, .. } in seeds {
            store.insert(User::new(name, password).unwrap().identity(identity).scopes(scopes));
        }
        store
    })
    .await;
}

/// Counts, and lets everybody in.
struct Unlimited(MemoryAttemptStore);

impl AttemptStore for Unlimited {
    fn count(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<Admission, StoreError>> {
        let admitted = self.0.count(key, limit, now);
        admitted.map(|admitted| admitted.map(|_| Admission::Admitted { known: false }))
    }

    fn take_back(&self, key: AttemptKey) -> NowOrLater<Result<(), StoreError>> {
        self.0.take_back(key)
    }

    fn succeed(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<(), StoreError>> {
        self.0.succeed(key, limit, now)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "what has to wait is not counted")]
async fn a_store_in_which_nobody_waits() {
    contract::attempts(async || Unlimited(MemoryAttemptStore::new())).await;
}

/// Remembers what was used, and nothing of families.
#[derive(Default)]
struct Used(Mutex<HashSet<String>>);

impl RefreshStore for Used {
    fn add(&self, _: RefreshFacts<'_>, _: Option<&str>) -> NowOrLater<Result<Addition, StoreError>> {
        NowOrLater::now(Ok(Addition::Added))
    }

    fn rotate(&self, used: &str, _: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        let is_first = self.0.lock().unwrap().insert(used.to_owned());
        NowOrLater::now(Ok(if is_first { Rotation::Rotated } else { Rotation::Reused }))
    }

    fn revoke(&self, _: &Identity, _: &str) -> NowOrLater<Result<bool, StoreError>> {
        NowOrLater::now(Ok(false))
    }

    fn revoke_all(&self, _: &Identity, _: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        NowOrLater::now(Ok(()))
    }
}

impl RevocationStore for Used {
    fn is_revoked(&self, _: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        NowOrLater::now(Ok(false))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "a token of it was used twice: its tokens are refused")]
async fn a_store_in_which_a_family_outlives_the_second_use_of_a_token() {
    contract::refreshes(async || Used::default()).await;
}

/// Knows of no family what it was made with.
struct Orphans(MemoryRefreshStore);

impl RefreshStore for Orphans {
    fn add(
        &self,
        token: RefreshFacts<'_>,
        _: Option<&str>,
    ) -> NowOrLater<Result<Addition, StoreError>> {
        self.0.add(token, None)
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        self.0.rotate(used, next)
    }

    fn revoke(&self, identity: &Identity, family: &str) -> NowOrLater<Result<bool, StoreError>> {
        self.0.revoke(identity, family)
    }

    fn revoke_all(&self, identity: &Identity, up_to: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        self.0.revoke_all(identity, up_to)
    }
}

impl RevocationStore for Orphans {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        self.0.is_revoked(token)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "nothing is made with its tokens")]
async fn a_store_in_which_a_child_outlives_its_parent() {
    contract::refreshes(async || Orphans(MemoryRefreshStore::new())).await;
}

/// Ends what a family was made with, too.
struct Upwards {
    store: MemoryRefreshStore,
    parents: Mutex<HashMap<String, String>>,
}

impl RefreshStore for Upwards {
    fn add(
        &self,
        token: RefreshFacts<'_>,
        parent: Option<&str>,
    ) -> NowOrLater<Result<Addition, StoreError>> {
        if let Some(parent) = parent {
            self.parents.lock().unwrap().insert(token.family().to_owned(), parent.to_owned());
        }
        self.store.add(token, parent)
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        self.store.rotate(used, next)
    }

    fn revoke(&self, identity: &Identity, family: &str) -> NowOrLater<Result<bool, StoreError>> {
        let revoked = self.store.revoke(identity, family);
        if let Some(parent) = self.parents.lock().unwrap().get(family) {
            let _ = self.store.revoke(identity, parent).into_now();
        }
        revoked
    }

    fn revoke_all(&self, identity: &Identity, up_to: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        self.store.revoke_all(identity, up_to)
    }
}

impl RevocationStore for Upwards {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        self.store.is_revoked(token)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "a child, or a sibling, was revoked")]
async fn a_store_in_which_a_child_ends_its_parent() {
    let parents = Mutex::default;
    contract::refreshes(async || Upwards { store: MemoryRefreshStore::new(), parents: parents() })
        .await;
}

/// Gives away whatever it is asked for.
#[derive(Default)]
struct Generous(MemoryOwnershipStore);

impl OwnershipStore for Generous {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        self.0.owner(resource)
    }

    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        self.0.claim(resource, claimant)
    }
}

impl OwnershipAdmin for Generous {
    fn transfer(
        &self,
        resource: &Resource,
        _: &Owner,
        to: &Identity,
    ) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        self.0.insert(resource.clone(), to.clone());
        self.0.owner(resource)
    }

    fn release(&self, resource: &Resource, _: &Owner) -> NowOrLater<Result<bool, StoreError>> {
        NowOrLater::now(Ok(self.0.remove(resource)))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "what nobody owns is not given away")]
async fn a_store_that_gives_away_whatever_it_is_asked_for() {
    contract::ownership_admin(async || Generous::default()).await;
}

/// Replaces a hash without a look at the old one.
struct Overwriting(MemoryUserStore);

impl UserStore for Overwriting {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        self.0.user(name)
    }

    fn rehashed(
        &self,
        name: &str,
        _: &PasswordHash,
        new: &PasswordHash,
    ) -> NowOrLater<Result<(), StoreError>> {
        self.0.insert(User::new(name, new.clone()).unwrap());
        NowOrLater::now(Ok(()))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "the hash of")]
async fn a_store_that_overwrites_a_password_that_was_changed_meanwhile() {
    contract::rehashed_users(async |seeds: Vec<UserSeed>| {
        let store = MemoryUserStore::new();
        for UserSeed { name, password, .. } in seeds {
            store.insert(User::new(name, password).unwrap());
        }
        Overwriting(store)
    })
    .await;
}

/// Has no decoy, though its hashes cost otherwise than new ones.
struct Telling(MemoryUserStore);

impl UserStore for Telling {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        self.0.user(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "whose hashes cost otherwise")]
async fn a_store_that_tells_by_time_which_names_there_are() {
    contract::users(async |seeds: Vec<UserSeed>| {
        let store = MemoryUserStore::new();
        for UserSeed { name, password, identity, scopes, disabled, locked, expires } in seeds {
            let user = User::new(name, password).unwrap().identity(identity).scopes(scopes);
            let user = user.disabled(disabled).locked(locked);
            store.insert(expires.into_iter().fold(user, User::expires));
        }
        Telling(store)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "does no more than its user")]
async fn a_store_whose_tokens_keep_what_their_users_have_lost() {
    contract::user_tokens_of_users(async |_, seeds: Vec<UserTokenSeed>| {
        let store = MemoryUserTokenStore::new();
        for UserTokenSeed { digest, id, identity, scopes, .. } in seeds {
            store.insert(digest, UserTokenRecord::new(id, identity).scopes(scopes));
        }
        store
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "a key has the dialects and the method that it was given")]
async fn a_store_that_forgets_how_a_client_signs() {
    contract::access_keys(async |seeds: Vec<AccessKeySeed>| {
        let store = MemoryAccessKeyStore::new();
        for AccessKeySeed { token, identity, secret, scopes, .. } in seeds {
            store.insert(token, AccessKey::new(identity, secret).unwrap().scopes(scopes));
        }
        store
    })
    .await;
}
