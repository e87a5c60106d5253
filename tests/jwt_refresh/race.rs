//! One refresh token, used many times at once.

use tokio::sync::Barrier;

use super::{down::Later, *};

const TASKS: usize = 64;

async fn race(server: Server) {
    let server = Arc::new(server);
    for round in 0..50 {
        let first = Arc::new(server.sign_in(&alice()).await);
        let barrier = Arc::new(Barrier::new(TASKS));
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (server, first, barrier) = (server.clone(), first.clone(), barrier.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    server.refresh(&first).await
                })
            })
            .collect();
        let (mut pairs, mut reasons) = (Vec::new(), Vec::new());
        for task in tasks {
            match task.await.unwrap() {
                Ok(pair) => pairs.push(pair),
                Err(error) => reasons.push(reason(&error)),
            }
        }
        reasons.sort_unstable();
        assert_eq!(pairs.len(), 1, "round {round}");
        assert_eq!(reasons[0], "refresh.reused");
        assert!(reasons[1..].iter().all(|reason| *reason == "refresh.revoked"), "{reasons:?}");
        assert_eq!(server.status(&pairs[0]).await, 401, "the others ended the family");
        assert_eq!(reason(&server.refresh(&pairs[0]).await.unwrap_err()), "refresh.revoked");
    }
}

/// Many make pairs with a token, and with one that was made with it; one revokes it meanwhile.
async fn race_with_revocation(server: Server) {
    let server = Arc::new(server);
    for round in 0..20 {
        let manager = Arc::new(server.sign_in(&alice()).await);
        let child = Arc::new(server.make(&manager).await.unwrap());
        let barrier = Arc::new(Barrier::new(TASKS));
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (server, barrier) = (server.clone(), barrier.clone());
                let (manager, child) = (manager.clone(), child.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    if task == TASKS / 2 {
                        let id = manager.access().id();
                        assert!(server.refresher.revoke(alice().identity(), id).await.unwrap());
                        return None;
                    }
                    let made = server.make(if task % 2 == 0 { &manager } else { &child }).await;
                    Some(made)
                })
            })
            .collect();
        let mut made = Vec::new();
        for task in tasks {
            made.extend(task.await.unwrap());
        }
        for made in made {
            match made {
                Ok(pair) => assert_eq!(server.status(&pair).await, 401, "round {round}"),
                Err(error) => assert_eq!(reason(&error), "refresh.revoked"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_made_with_a_token_while_it_is_revoked_is_good_nowhere() {
    race_with_revocation(Server::new(MemoryRefreshStore::new())).await;
    race_with_revocation(Server::new(Later(MemoryRefreshStore::new()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_one_gets_a_pair() {
    race(Server::new(MemoryRefreshStore::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_one_gets_a_pair_when_the_store_answers_later() {
    race(Server::new(Later(MemoryRefreshStore::new()))).await;
}
