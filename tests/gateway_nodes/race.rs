//! Many callers at both instances, at once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::join_all;
use tokio::task::spawn_blocking;

use super::*;
use servers::{Postgres, Redis};

const CALLERS: usize = 64;

#[tokio::test]
async fn of_many_who_send_one_signed_request_to_both_one_is_served() {
    let cluster = Cluster::with_redis(Postgres::shared().database(), Redis::shared().database());
    let (servers, accounts) = cluster.start_two();
    for _ in 0..8 {
        let signed = accounts.key.ping();
        let pings = (0..CALLERS).map(|n| send_ping(&servers[n % 2], &signed));
        let mut statuses = join_all(pings).await;
        statuses.sort_unstable();
        assert_eq!((statuses[0], statuses[1], statuses[CALLERS - 1]), (200, 401, 401), "{statuses:?}");
    }
}

#[tokio::test]
async fn a_nonce_used_at_one_is_refused_at_the_other_while_many_sign() {
    let cluster = Cluster::with_redis(Postgres::shared().database(), Redis::shared().database());
    let (servers, accounts) = cluster.start_two();
    let calls = (0..CALLERS).map(async |n: usize| {
        let (here, there) = (&servers[n % 2], &servers[(n + 1) % 2]);
        for _ in 0..4 {
            let signed = accounts.key.ping();
            assert_eq!(send_ping(here, &signed).await, 200);
            assert_eq!([send_ping(there, &signed).await, send_ping(here, &signed).await], [401, 401]);
        }
    });
    join_all(calls).await;
}

#[tokio::test]
async fn a_jwt_revoked_at_one_is_refused_at_the_other_while_many_are() {
    let cluster = Cluster::with_redis(Postgres::shared().database(), Redis::shared().database());
    let (servers, accounts) = cluster.start_two();
    let kept = Pair::issue(&servers[0], &accounts.bob).await;
    let mut pairs = Vec::new();
    for n in 0..CALLERS {
        pairs.push(Pair::issue(&servers[n % 2], &accounts.alice).await);
    }
    let calls = pairs.iter().enumerate().map(async |(n, pair)| {
        let (here, there) = (&servers[n % 2], &servers[(n + 1) % 2]);
        assert_eq!([messages(there, &pair.access).await, pair.revoke(here).await], [200, 204]);
        assert_eq!(messages(there, &pair.access).await, 401);
        assert_eq!(refresh(there, &pair.refresh).await, 401);
        assert_eq!(messages(here, &pair.access).await, 401);
        assert_eq!(messages(there, &kept.access).await, 200);
    });
    join_all(calls).await;
}

#[tokio::test]
async fn a_user_token_revoked_at_one_is_refused_at_both_while_many_use_it() {
    let postgres = Postgres::shared();
    let cluster = Arc::new(Cluster::with_redis(postgres.database(), Redis::shared().database()));
    let (servers, accounts) = cluster.start_two();
    let name = cluster.database.rsplit('/').next().unwrap();
    for round in 0..4 {
        let token = cluster.printed(&["token", "create", ALICE, "race"], "token (shown once): ");
        let token = format!("Bearer {token}");
        let select = "SELECT id FROM portcullis_user_tokens WHERE name = 'race' AND revoked IS NULL";
        let id = postgres.psql(name, select).trim().to_owned();
        let put = async |n: usize, token| put_group(&servers[n % 2], &format!("race{n}"), token).await;
        assert_eq!([put(0, &token).await, put(1, &token).await], [200, 200]);

        let is_revoked = AtomicBool::new(false);
        let revoke = async {
            let cluster = cluster.clone();
            let revoke = move || cluster.run(&["token", "revoke", &id]);
            assert!(spawn_blocking(revoke).await.unwrap().status.success());
            is_revoked.store(true, Ordering::Relaxed);
        };
        let calls = (0..CALLERS / 4).map(async |n| {
            loop {
                let was_revoked = is_revoked.load(Ordering::Relaxed);
                match put(n, &token).await {
                    200 if !was_revoked => {}
                    401 => break,
                    status => panic!("{status} in round {round}, acknowledged before: {was_revoked}"),
                }
            }
            assert_eq!([put(n, &token).await, put(n + 1, &token).await], [401, 401]);
            assert_eq!(put(n, &accounts.token).await, 200);
        });
        tokio::join!(revoke, join_all(calls));
    }
}

#[tokio::test]
async fn what_is_made_with_a_jwt_at_one_while_it_is_revoked_at_the_other_is_good_nowhere() {
    let cluster = Cluster::with_redis(Postgres::shared().database(), Redis::shared().database());
    let (servers, accounts) = cluster.start_two();
    let kept = Pair::issue(&servers[0], &accounts.alice).await;
    for round in 0..4 {
        let manager = Pair::issue(&servers[0], &accounts.alice).await;
        let child = Pair::issue(&servers[1], &manager.access).await;
        let calls = (0..CALLERS).map(async |n: usize| {
            if n == CALLERS / 2 {
                assert_eq!(manager.revoke(&servers[round % 2]).await, 204);
                return None;
            }
            let with = if n % 4 < 2 { &manager } else { &child };
            Pair::ask(&servers[n % 2], &with.access).await.ok()
        });
        let made: Vec<_> = join_all(calls).await.into_iter().flatten().collect();
        for pair in made.iter().chain([&manager, &child]) {
            for server in &servers {
                assert_eq!(messages(server, &pair.access).await, 401);
                assert_eq!(refresh(server, &pair.refresh).await, 401);
            }
        }
        for server in &servers {
            assert_eq!(messages(server, &kept.access).await, 200);
        }
    }
}

#[tokio::test]
async fn guesses_at_both_are_counted_together() {
    let cluster = Cluster::with_redis(Postgres::shared().database(), Redis::shared().database());
    let (servers, accounts) = cluster.start_two();
    let [one, two] = &servers;
    let wrong = gateway_support::basic(BOB, "a guess");
    let guesses = async |server| {
        let mut guesses = 0;
        while messages(server, &wrong).await != 429 {
            guesses += 1;
            assert!(guesses < 100, "a guess is slowed down at some time");
        }
        guesses
    };
    let free = guesses(one).await;
    assert!(free > 4, "a few are not");
    // The other one has none of its own: but for those that come when a wait has passed meanwhile. Each wait is twice
    // as long as the last.
    let mut later = 0;
    while messages(two, &wrong).await != 429 {
        later += 1;
        assert!(later < free, "{later} after {free}");
        guesses(one).await;
    }
    assert_eq!(messages(two, &accounts.alice).await, 200);
}

#[tokio::test]
async fn of_two_users_who_claim_a_group_at_both_one_owns_it() {
    let cluster = Cluster::with_redis(Postgres::shared().database(), Redis::shared().database());
    let (servers, accounts) = cluster.start_two();
    let of_bob = cluster.printed(&["token", "create", BOB, "race"], "token (shown once): ");
    let tokens = [accounts.token, format!("Bearer {of_bob}")];
    for round in 0..6 {
        let name = format!("race{round}");
        // Each user at each instance.
        let calls = (0..CALLERS).map(async |n: usize| {
            let who = (n / 2 + round) % 2;
            (who, put_group(&servers[n % 2], &name, &tokens[who]).await)
        });
        let claims = join_all(calls).await;
        let winner = claims.iter().find(|(_, status)| *status == 200).unwrap().0;
        for (who, status) in &claims {
            let expected = if *who == winner { 200 } else { 403 };
            assert_eq!(*status, expected, "{winner} has won: {claims:?}");
        }
        for server in &servers {
            assert_eq!(put_group(server, &name, &tokens[winner]).await, 200);
            assert_eq!(put_group(server, &name, &tokens[1 - winner]).await, 403);
        }
    }
}
