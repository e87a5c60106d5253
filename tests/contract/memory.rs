//! The stores in memory.

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
    contract::nonces(async || MemoryNonceStore::new()).await;
    contract::bounded_nonces(async |each| MemoryNonceStore::with_limits(1000, each)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn revocations_in_memory_keep_the_contract() {
    contract::revocations(async |revoked: Vec<Revocation>| {
        let store = MemoryRevocationStore::new();
        for revocation in revoked {
            match revocation {
                Revocation::Token { issuer, id, .. } => store.revoke(issuer, id),
                Revocation::Subject { identity, up_to, .. } => store.revoke_all(&identity, up_to),
            }
        }
        store
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn users_in_memory_keep_the_contract() {
    contract::users(users).await;
    contract::rehashed_users(users).await;
}

async fn users(seeds: Vec<UserSeed>) -> MemoryUserStore {
    let store = MemoryUserStore::new();
    for UserSeed { name, password, identity, scopes, disabled, locked, expires } in seeds {
        let user = User::new(name, password).unwrap().identity(identity).scopes(scopes);
        let user = user.disabled(disabled).locked(locked);
        store.insert(expires.into_iter().fold(user, User::expires));
    }
    store
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
    contract::bounded_refreshes(async |families| MemoryRefreshStore::with_limit(2 * families)).await;
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
