//! Stores that break the contract are told which rule it was.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Mutex,
};

use portcullis::{
    Identity, NowOrLater, StoreError,
    basic::{MemoryUserStore, User, UserStore},
    jwt::{RevocationStore, TokenFacts},
    ownership::{Claim, Owner, OwnershipStore, Resource},
    s3p::{Nonce, NonceStore, Recorded},
    store::contract::{self, Revocation, UserSeed},
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
