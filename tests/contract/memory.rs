//! The stores in memory.

use portcullis::{
    basic::{MemoryUserStore, User},
    jwt::MemoryRevocationStore,
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
    contract::users(async |seeds: Vec<UserSeed>| {
        let store = MemoryUserStore::new();
        for UserSeed { name, password, identity, scopes, disabled } in seeds {
            let user = User::new(name, password).unwrap();
            store.insert(user.identity(identity).scopes(scopes).disabled(disabled));
        }
        store
    })
    .await;
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ownership_in_memory_keeps_the_contract() {
    contract::ownership(async || MemoryOwnershipStore::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn access_keys_in_memory_keep_the_contract() {
    contract::access_keys(async |seeds: Vec<AccessKeySeed>| {
        let store = MemoryAccessKeyStore::new();
        for AccessKeySeed { token, identity, secret, scopes } in seeds {
            store.insert(token, AccessKey::new(identity, secret).unwrap().scopes(scopes));
        }
        store
    })
    .await;
}
