//! What every store must do, `store::Sql` does on every engine.

use std::time::Duration;

use portcullis::{
    basic::User,
    store::{
        Sql,
        contract::{self, AccessKeySeed, Revocation, UserSeed, UserTokenSeed},
        sql::SqlOptions,
    },
    user_token::{UserTokenAdmin, UserTokenRecord},
};

use crate::{Database, servers::Postgres, until};

/// A new database for each store: those of SQLite are kept until the end of the test.
#[derive(Clone, Copy)]
enum Kind {
    Memory,
    File,
    Postgres,
}

const KINDS: [Kind; 3] = [Kind::Memory, Kind::File, Kind::Postgres];

impl Kind {
    async fn store(self, kept: &std::sync::Mutex<Vec<Database>>) -> Sql {
        self.options(kept).connect().await.unwrap()
    }

    fn options(self, kept: &std::sync::Mutex<Vec<Database>>) -> SqlOptions {
        let database = match self {
            Self::Memory => Database::memory(),
            Self::File => Database::file(),
            Self::Postgres => Database::postgres(),
        };
        let options = database.options().max_connections(4);
        kept.lock().unwrap().push(database);
        options
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nonces_keep_the_contract() {
    let kept = &std::sync::Mutex::default();
    for kind in KINDS {
        contract::nonces(async || kind.store(kept).await).await;
        contract::bounded_nonces(async |each| {
            let store = kind.options(kept).max_nonces(1_000, each.try_into().unwrap());
            store.connect().await.unwrap()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn revocations_keep_the_contract() {
    let kept = &std::sync::Mutex::default();
    for kind in KINDS {
        contract::revocations(async |revoked: Vec<Revocation>| {
            let store = kind.store(kept).await;
            for revocation in revoked {
                match revocation {
                    Revocation::Token { issuer, id, expires } => {
                        store.revoke_jwt(&issuer, &id, expires).await.unwrap();
                    }
                    Revocation::Subject { identity, up_to, .. } => {
                        store.revoke_all_jwts(&identity, up_to).await.unwrap();
                    }
                }
            }
            store
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn users_keep_the_contract() {
    let kept = &std::sync::Mutex::default();
    for kind in KINDS {
        let users = async |seeds: Vec<UserSeed>| {
            let store = kind.store(kept).await;
            for UserSeed { name, password, identity, scopes, disabled, locked, expires } in seeds {
                let user = User::new(name, password).unwrap().identity(identity).scopes(scopes);
                let user = user.disabled(disabled).locked(locked);
                let user = expires.into_iter().fold(user, User::expires);
                assert!(store.insert_user(&user).await.unwrap());
            }
            store
        };
        contract::users(users).await;
        contract::rehashed_users(users).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refresh_tokens_keep_the_contract() {
    let kept = &std::sync::Mutex::default();
    for kind in KINDS {
        contract::refreshes(async || kind.store(kept).await).await;
        contract::bounded_refreshes(async |each| {
            let store = kind.options(kept).max_refresh_families(each.try_into().unwrap());
            store.connect().await.unwrap()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn user_tokens_keep_the_contract() {
    let kept = &std::sync::Mutex::default();
    for kind in KINDS {
        contract::user_tokens(async |seeds: Vec<UserTokenSeed>| {
            let store = kind.store(kept).await;
            for UserTokenSeed { digest, id, identity, scopes, expires } in seeds {
                let record = UserTokenRecord::new(id, identity).scopes(scopes);
                let record = expires.into_iter().fold(record, UserTokenRecord::expires);
                store.create(&digest, &record).await.unwrap();
            }
            store
        })
        .await;
        contract::user_token_admin(async || kind.store(kept).await).await;
        contract::user_tokens_of_users(async |held, seeds: Vec<UserTokenSeed>| {
            let store = kind.store(kept).await;
            let owner = seeds[0].identity.clone();
            let user = User::new("alice", crate::hash("one")).unwrap().identity(owner).scopes(held);
            assert!(store.insert_user(&user).await.unwrap());
            for UserTokenSeed { digest, id, identity, scopes, .. } in seeds {
                let record = UserTokenRecord::new(id, identity).scopes(scopes);
                store.create(&digest, &record).await.unwrap();
            }
            store
        })
        .await;
        contract::bounded_user_token_admin(async |each| {
            let store = kind.options(kept).max_user_tokens(each.try_into().unwrap());
            store.connect().await.unwrap()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ownership_keeps_the_contract() {
    let kept = &std::sync::Mutex::default();
    for kind in KINDS {
        contract::ownership(async || kind.store(kept).await).await;
        contract::ownership_admin(async || kind.store(kept).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn access_keys_keep_the_contract() {
    let kept = &std::sync::Mutex::default();
    for kind in KINDS {
        contract::access_keys(async |seeds: Vec<AccessKeySeed>| {
            let store = kind.store(kept).await;
            for AccessKeySeed { token, identity, secret, dialects, method, scopes } in seeds {
                let added = store.insert_access_key(&token, &identity, &secret, &scopes).await;
                assert!(added.unwrap());
                assert!(store.set_access_key_dialects(&token, &dialects).await.unwrap());
                assert!(store.set_access_key_method(&token, method).await.unwrap());
            }
            store
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_is_down_keeps_the_contract() {
    let server = Postgres::start();
    let database = Database::new(server.database(), None);
    database.connect().await.close().await;
    let second = Duration::from_secs(1);
    let limits = |options: SqlOptions| options.acquire_timeout(second).query_timeout(second);
    let store = database.impatient(limits).await;
    server.kill();
    is_down(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_is_closed_keeps_the_contract() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        store.close().await;
        is_down(&store).await;
    }
}

/// All is asked at once, as each may wait for its time limit.
async fn is_down(store: &Sql) {
    tokio::join!(
        contract::broken_nonces(store),
        contract::broken_revocations(store),
        contract::broken_refreshes(store),
        contract::broken_users(store),
        contract::broken_user_tokens(store),
        contract::broken_user_token_admin(store),
        contract::broken_ownership(store),
        contract::broken_ownership_admin(store),
        contract::broken_access_keys(store),
    );
    until(async || store.check_ready().await.is_err()).await;
}
