//! Passwords are guessed at two nodes, while Redis is there and while it is not.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Request;
use portcullis::{
    BasicAuthLayer, ManualClock,
    basic::{AttemptLimit, BasicAuth, MemoryUserStore, PasswordHash, Throttle, User},
    store::Redis,
};

use crate::{bounded, builder, connect, impatient, jwt_support::NOW, servers, support::send};

/// A node whose accounts have two attempts.
fn node(store: Redis, hash: &PasswordHash) -> BasicAuthLayer {
    let users = MemoryUserStore::new();
    for name in ["alice", "bob", "carol"] {
        users.insert(User::new(name, hash.clone()).unwrap());
    }
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
    let limit = AttemptLimit::new(2, minute, minute, hour).unwrap();
    let throttle = Throttle::new(store).account_limit(limit);
    let auth = BasicAuth::new("cave", users).unwrap().throttle(throttle);
    BasicAuthLayer::new(auth.clock(ManualClock::at_unix(NOW)))
}

async fn ask(node: &BasicAuthLayer, user: &str, password: &str) -> u16 {
    let credentials = STANDARD.encode(format!("{user}:{password}"));
    let request = Request::get("/").header("authorization", format!("Basic {credentials}"));
    let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
    bounded(send(node, request)).await.status.as_u16()
}

#[tokio::test]
async fn guesses_are_counted_by_all_nodes_together_and_by_each_alone_while_redis_is_down() {
    let redis = servers::Redis::start();
    let hash = PasswordHash::of("open sesame").unwrap();
    let nodes = [connect(&redis).await, connect(&redis).await].map(|store| node(store, &hash));
    for node in &nodes {
        assert_eq!(ask(node, "alice", "wrong").await, 401);
    }
    for node in &nodes {
        assert_eq!(ask(node, "alice", "open sesame").await, 429);
    }

    let alone = [impatient(builder(&redis)).await, impatient(builder(&redis)).await]
        .map(|store| node(store, &hash));
    redis.kill();
    for node in &alone {
        assert_eq!(ask(node, "bob", "wrong").await, 401, "never a 503");
        assert_eq!(ask(node, "bob", "wrong").await, 401);
        assert_eq!(ask(node, "bob", "open sesame").await, 429, "never without a limit");
    }
    assert_eq!(ask(&alone[0], "carol", "open sesame").await, 200);

    redis.restart();
    for node in &nodes {
        assert_eq!(ask(node, "alice", "open sesame").await, 429, "what was counted is not forgotten");
    }
}
