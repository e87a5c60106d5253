//! Redis is ready if it takes writes.

use crate::{bounded, connect, servers};

#[tokio::test]
async fn a_redis_is_ready_while_it_takes_writes() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    let is_ready = async || bounded(store.check_ready()).await.is_ok();
    assert!(is_ready().await);
    redis.cli(&["config", "set", "maxmemory", "1"]);
    assert!(!is_ready().await, "its memory is full");
    redis.cli(&["config", "set", "maxmemory", "0"]);
    assert!(is_ready().await);
    redis.pause();
    assert!(!is_ready().await, "it does not answer");
    redis.resume();
    while !is_ready().await {}

    let replica = connect(&redis.start_replica()).await;
    assert!(bounded(replica.check_ready()).await.is_err(), "a replica");
}
