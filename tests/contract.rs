//! `store::contract`, on the stores that come ready-made, and on some that break it.
#![cfg(all(feature = "full", unix))]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "contract/broken.rs"]
mod broken;
#[path = "contract/memory.rs"]
mod memory;
#[path = "../examples/own_store.rs"]
mod own_store;
#[path = "contract/redis.rs"]
mod redis;
mod servers;

#[test]
fn the_store_of_the_example_keeps_the_contract() {
    own_store::main();
}

#[test]
fn every_row_of_the_table_of_faults_names_a_test() {
    let tests = [
        include_str!("sql/faults_network.rs"),
        include_str!("sql/faults_postgres.rs"),
        include_str!("sql/faults_sqlite.rs"),
        include_str!("redis_faults/crash.rs"),
        include_str!("redis_faults/cut.rs"),
        include_str!("redis_faults/refused.rs"),
        include_str!("redis_faults/replica.rs"),
        include_str!("redis_faults/sign_in.rs"),
    ]
    .concat();
    let table = include_str!("../src/store/faults.rs");
    let rows = table.lines().filter(|line| line.starts_with("//! |") && line.ends_with("` |"));
    let named: Vec<_> = rows.map(|row| row.rsplit('`').nth(1).unwrap()).collect();
    assert!(named.len() > 30, "{named:?}");
    for name in named {
        assert!(tests.contains(&format!("async fn {name}()")), "{name}");
    }
}
