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
