//! What the operator takes away is gone at every instance on the next request.

use super::*;
use servers::{Postgres, Redis};

#[tokio::test]
async fn a_new_password_holds_at_both_at_once_and_ends_the_users_jwts() {
    let cluster = Cluster::with_redis(Postgres::shared().database(), Redis::shared().database());
    let (servers, accounts) = cluster.start_two();
    let pair = Pair::issue(&servers[0], &accounts.alice).await;
    for server in &servers {
        for _ in 0..2 {
            assert_eq!(messages(server, &accounts.alice).await, 200);
        }
        assert_eq!(put_group(server, "demo", &accounts.alice).await, 200);
        assert_eq!(messages(server, &pair.access).await, 200);
    }
    let password = cluster.printed(&["user", "passwd", ALICE], "password (shown once): ");
    let new = gateway_support::basic(ALICE, &password);
    for server in &servers {
        assert_eq!(messages(server, &accounts.alice).await, 401);
        assert_eq!(put_group(server, "demo", &accounts.alice).await, 401);
        assert_eq!([messages(server, &new).await, put_group(server, "demo", &new).await], [200, 200]);
        assert_eq!(messages(server, &pair.access).await, 401);
        assert_eq!(refresh(server, &pair.refresh).await, 401);
        assert_eq!(messages(server, &accounts.bob).await, 200);
    }
}

#[tokio::test]
async fn a_revoked_user_token_and_a_rotated_secret_are_refused_at_both() {
    let cluster = Cluster::with_redis(Postgres::shared().database(), Redis::shared().database());
    let (servers, accounts) = cluster.start_two();
    for server in &servers {
        assert_eq!(put_group(server, "demo", &accounts.token).await, 200);
        assert_eq!(send_ping(server, &accounts.key.ping()).await, 200);
    }
    let id = cluster.printed(&["token", "list", ALICE], "").split(' ').next().unwrap().to_owned();
    assert!(cluster.run(&["token", "revoke", &id]).status.success());
    let Key { token, .. } = &accounts.key;
    let secret = cluster.printed(&["s3p-key", "rotate", token], "secret (shown once): ");
    let new = Key { token: token.clone(), secret };
    for server in &servers {
        assert_eq!(put_group(server, "demo", &accounts.token).await, 401);
        assert_eq!(send_ping(server, &accounts.key.ping()).await, 401);
        assert_eq!(send_ping(server, &new.ping()).await, 200);
    }
}

#[tokio::test]
async fn a_disabled_user_is_refused_at_both_by_every_credential() {
    let cluster = Cluster::with_redis(Postgres::shared().database(), Redis::shared().database());
    let (servers, accounts) = cluster.start_two();
    let pair = Pair::issue(&servers[1], &accounts.alice).await;
    let all = async |server| {
        [
            messages(server, &accounts.alice).await,
            messages(server, &pair.access).await,
            put_group(server, "demo", &accounts.token).await,
            send_ping(server, &accounts.key.ping()).await,
        ]
    };
    assert_eq!([all(&servers[0]).await, all(&servers[1]).await], [[200; 4]; 2]);
    assert!(cluster.run(&["user", "disable", ALICE]).status.success());
    assert_eq!([all(&servers[0]).await, all(&servers[1]).await], [[401; 4]; 2]);
    assert_eq!(refresh(&servers[0], &pair.refresh).await, 401);
}
