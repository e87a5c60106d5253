//! The stores in memory.

use std::time::UNIX_EPOCH;

use portcullis::{
    basic::{MemoryAttemptStore, MemoryUserStore, User},
    jwt::{MemoryRevocationStore, refresh::MemoryRefreshStore},
    ownership::MemoryOwnershipStore,
    s3p::{AccessKey, MemoryAccessKeyStore, MemoryNonceStore},
    store::contract::{self, AccessKeySeed, Revocation, UserSeed, UserTokenSeed},
    user_token::{MemoryUserTokenStore, UserTokenRecord},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nonces_in_memory_keep_the_contract() {
    contract::nonces(async || MemoryNonceStore::new(UNIX_EPOCH)).await;
    contract::bounded_nonces(async |each| MemoryNonceStore::with_limits(UNIX_EPOCH, 1000, each)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn revocations_in_memory_keep_the_contract() {
    for for_good in [true, false] {
        contract::revocations(async |revoked: Vec<Revocation>| {
            let store = MemoryRevocationStore::new();
            for revocation in revoked {
                revoke(&store, revocation, for_good);
            }
            store
        })
        .await;
        let revoke = async |store: &_, revocation| revoke(store, revocation, for_good);
        contract::versioned_revocations(async || MemoryRevocationStore::new(), revoke).await;
    }
}

fn revoke(store: &MemoryRevocationStore, revocation: Revocation, for_good: bool) {
    match revocation {
        Revocation::Token { issuer, id, .. } if for_good => store.revoke(issuer, id),
        Revocation::Token { issuer, id, expires } => store.revoke_until(issuer, id, expires),
        Revocation::Subject { identity, up_to, .. } => store.revoke_all(&identity, up_to),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn users_in_memory_keep_the_contract() {
    contract::users(users).await;
    contract::rehashed_users(users).await;
    let put = async |store: &_, seed| put(store, seed);
    contract::versioned_users(async || MemoryUserStore::new(), put).await;
}

async fn users(seeds: Vec<UserSeed>) -> MemoryUserStore {
    let store = MemoryUserStore::new();
    for seed in seeds {
        put(&store, seed);
    }
    store
}

fn put(store: &MemoryUserStore, seed: UserSeed) {
    let UserSeed { name, password, identity, scopes, disabled, locked, expires } = seed;
    let user = User::new(name, password).unwrap().identity(identity).scopes(scopes);
    let user = user.disabled(disabled).locked(locked);
    store.insert(expires.into_iter().fold(user, User::expires));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attempts_in_memory_keep_the_contract() {
    contract::attempts(async || MemoryAttemptStore::new()).await;
    contract::bounded_attempts(async |records| MemoryAttemptStore::with_capacity(records)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refresh_tokens_in_memory_keep_the_contract() {
    contract::refreshes(async || MemoryRefreshStore::new()).await;
    // A family and its token are counted as two.
    let all = async |families| MemoryRefreshStore::with_limits(2 * families, usize::MAX);
    contract::bounded_refreshes(all).await;
    let each = async |families| MemoryRefreshStore::with_limits(usize::MAX, families);
    contract::bounded_refreshes(each).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn user_tokens_in_memory_keep_the_contract() {
    contract::user_tokens(async |seeds: Vec<UserTokenSeed>| {
        let store = MemoryUserTokenStore::new();
        for UserTokenSeed { digest, id, identity, scopes, expires } in seeds {
            let record = UserTokenRecord::new(id, identity).scopes(scopes);
            store.insert(digest, expires.into_iter().fold(record, UserTokenRecord::expires));
        }
        store
    })
    .await;
    contract::user_token_admin(async || MemoryUserTokenStore::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ownership_in_memory_keeps_the_contract() {
    contract::ownership(async || MemoryOwnershipStore::new()).await;
    contract::ownership_admin(async || MemoryOwnershipStore::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn access_keys_in_memory_keep_the_contract() {
    contract::access_keys(async |seeds: Vec<AccessKeySeed>| {
        let store = MemoryAccessKeyStore::new();
        for AccessKeySeed { token, identity, secret, dialects, method, scopes } in seeds {
            let key = AccessKey::new(identity, secret).unwrap().scopes(scopes);
            store.insert(token, key.dialects(dialects).unwrap().method(method));
        }
        store
    })
    .await;
}
