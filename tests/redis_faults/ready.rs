//! Redis is ready if it takes writes.

use futures_util::future::join_all;
use portcullis::store::Redis;

use crate::{bounded, builder, connect, impatient, servers};

async fn is_ready(store: &Redis) -> bool {
    bounded(store.check_ready()).await.is_ok()
}

/// Until it is told: that it is ready holds for a while.
async fn is_told(store: &Redis, ready: bool) {
    bounded(async { while is_ready(store).await != ready {} }).await;
}

#[tokio::test]
async fn a_redis_is_ready_while_it_takes_writes() {
    let redis = servers::Redis::start();
    let store = impatient(builder(&redis)).await;
    is_told(&store, true).await;
    redis.cli(&["config", "set", "maxmemory", "1"]);
    is_told(&store, false).await;
    redis.cli(&["config", "set", "maxmemory", "0"]);
    is_told(&store, true).await;
    redis.pause();
    is_told(&store, false).await;
    redis.resume();
    is_told(&store, true).await;
}

#[tokio::test]
async fn a_replica_is_not_ready() {
    let redis = servers::Redis::start();
    let replica = redis.start_replica();
    let store = connect(&replica).await;
    assert!(!is_ready(&store).await);
    replica.cli(&["replicaof", "no", "one"]);
    is_told(&store, true).await;
}

#[tokio::test]
async fn however_many_ask_whether_it_is_ready_few_of_them_ask_redis() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    assert!(bounded(join_all((0..1000).map(|_| is_ready(&store)))).await.iter().all(|ready| *ready));
    let stats = redis.cli(&["info", "commandstats"]);
    let written = stats.lines().find_map(|line| line.strip_prefix("cmdstat_set:calls=")).unwrap();
    let written: usize = written.split(',').next().unwrap().parse().unwrap();
    assert!((1..100).contains(&written), "{written}");
}
