//! Redis is killed, and started again on what it has on disk.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use portcullis::{
    Identity,
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{Addition, RefreshFacts, RefreshStore, Rotation},
    },
};

use tokio::sync::Semaphore;

use crate::{
    bounded, builder, connect, draft, impatient, is_unavailable, jwt,
    jwt_support::{ISSUER, NOW},
    present, recovers, s3p, servers, session, sign_and_send,
};

#[tokio::test]
async fn killed_between_requests_it_is_a_503_and_then_nothing_is_forgotten() {
    let redis = servers::Redis::start();
    let (patient, store) = (connect(&redis).await, impatient(builder(&redis)).await);
    let seen = recovers(&s3p(&patient)).await;
    let expires = UNIX_EPOCH + Duration::from_secs(NOW + 600);
    patient.revoke(ISSUER, "revoked", expires).await.unwrap();
    assert_eq!(present(&jwt(&patient), "good").await.status, 200);

    redis.kill();
    let (s3p, jwt) = (s3p(&store), jwt(&store));
    for _ in 0..3 {
        is_unavailable(&sign_and_send(&s3p, &seen).await, "s3p.nonce_store");
        is_unavailable(&sign_and_send(&s3p, &draft()).await, "s3p.nonce_store");
        for id in ["good", "revoked"] {
            is_unavailable(&present(&jwt, id).await, "jwt.revocation_store");
        }
    }
    assert!(store.revoke(ISSUER, "later", UNIX_EPOCH).await.is_err());

    redis.restart();
    recovers(&s3p).await;
    let (s3p, jwt) = (crate::s3p(&patient), crate::jwt(&patient));
    assert_eq!(sign_and_send(&s3p, &seen).await.reason(), "s3p.replayed");
    assert_eq!(present(&jwt, "revoked").await.reason(), "jwt.revoked");
    assert_eq!(present(&jwt, "good").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_under_load_it_accepts_nothing_twice() {
    let redis = servers::Redis::start();
    let store = impatient(builder(&redis)).await;
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (layer, done) = (s3p(&store), done.clone());
            tokio::spawn(async move {
                let mut accepted = Vec::new();
                let mut refused = 0;
                while !done.load(Ordering::Relaxed) {
                    let draft = draft();
                    let answer = sign_and_send(&layer, &draft).await;
                    if answer.status == 200 {
                        accepted.push(draft);
                    } else {
                        is_unavailable(&answer, "s3p.nonce_store");
                        refused += 1;
                    }
                }
                (accepted, refused)
            })
        })
        .collect();
    let layer = s3p(&store);
    for _ in 0..3 {
        for _ in 0..20 {
            recovers(&layer).await;
        }
        tokio::task::block_in_place(|| redis.kill());
        // Somebody is told of it.
        bounded(async { while sign_and_send(&layer, &draft()).await.status != 503 {} }).await;
        tokio::task::block_in_place(|| redis.restart());
        recovers(&layer).await;
    }
    done.store(true, Ordering::Relaxed);
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for client in clients {
        let (of_client, refused_to_client) = client.await.unwrap();
        accepted.extend(of_client);
        refused += refused_to_client;
    }
    assert!(accepted.len() > 20 && refused > 0, "{} accepted, {refused} refused", accepted.len());
    let layer = s3p(&connect(&redis).await);
    for draft in accepted {
        assert_eq!(sign_and_send(&layer, &draft).await.reason(), "s3p.replayed", "{}", draft.nonce);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_under_load_it_keeps_every_revocation_that_it_has_acknowledged() {
    let redis = servers::Redis::start();
    let store = impatient(builder(&redis)).await;
    let expires = UNIX_EPOCH + Duration::from_secs(NOW + 600);
    let (progress, killed) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let (made, is_over) = (progress.clone(), killed.clone());
    let writer = tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        for number in 0.. {
            let id = number.to_string();
            if bounded(store.revoke(ISSUER, &id, expires)).await.is_ok() {
                acknowledged.push(id);
                made.add_permits(1);
            } else if is_over.load(Ordering::Relaxed) {
                break;
            }
        }
        acknowledged
    });
    bounded(progress.acquire_many(100)).await.unwrap().forget();
    tokio::task::block_in_place(|| redis.kill());
    killed.store(true, Ordering::Relaxed);
    let acknowledged = writer.await.unwrap();
    tokio::task::block_in_place(|| redis.restart());
    let jwt = jwt(&connect(&redis).await);
    for id in acknowledged {
        assert_eq!(present(&jwt, &id).await.reason(), "jwt.revoked", "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_under_load_no_refresh_token_is_good_twice_and_what_was_revoked_stays_so() {
    let redis = servers::Redis::start();
    let store = impatient(builder(&redis)).await;
    let (progress, killed) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let (store, progress, killed) = (store.clone(), progress.clone(), killed.clone());
            tokio::spawn(async move {
                let owner = Identity::local(client.to_string()).unwrap();
                let (mut used, mut revoked) = (Vec::new(), Vec::new());
                for family in 0.. {
                    if killed.load(Ordering::Relaxed) {
                        break;
                    }
                    let ids = [0, 1].map(|token| format!("{client}-fam-{family:06}token-no{token}"));
                    let facts = |token: usize| RefreshFacts { id: &ids[token], ..session(&owner, 0) };
                    let end = ids[0][..12].to_owned();
                    let Ok(Addition::Added) = bounded(store.add(facts(0), None)).await else {
                        continue;
                    };
                    let Ok(_) = bounded(store.rotate(&ids[0], facts(1))).await else { continue };
                    used.push(ids[0].clone());
                    let Ok(true) = bounded(RefreshStore::revoke(&store, &owner, &end)).await else {
                        continue;
                    };
                    revoked.push(ids[1].clone());
                    progress.add_permits(1);
                }
                (owner, used, revoked)
            })
        })
        .collect();
    bounded(progress.acquire_many(100)).await.unwrap().forget();
    tokio::task::block_in_place(|| redis.kill());
    killed.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for client in clients {
        acknowledged.push(client.await.unwrap());
    }
    tokio::task::block_in_place(|| redis.restart());
    let store = connect(&redis).await;
    for (owner, used, revoked) in acknowledged {
        for id in used {
            let next = format!("{}token-no2", &id[..12]);
            let again = store.rotate(&id, RefreshFacts { id: &next, ..session(&owner, 0) }).await;
            assert_ne!(again.unwrap(), Rotation::Rotated, "{id}");
        }
        for id in revoked {
            let (issuer, subject) = (owner.issuer(), owner.subject());
            let facts = TokenFacts { issuer, subject, id: &id, issued: None };
            assert!(store.is_revoked(facts).await.unwrap(), "{id}");
        }
    }
}

#[tokio::test]
async fn restarted_while_nobody_asks_the_next_request_is_served() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    let layer = s3p(&store);
    assert_eq!(sign_and_send(&layer, &draft()).await.status, 200);
    redis.restart();
    // The other task, which connects, has its turn.
    bounded(async {
        while redis.cli(&["client", "list"]).lines().count() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(sign_and_send(&layer, &draft()).await.status, 200);
}
