//! Runs the example server as a person would, and talks to it over a socket.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test binary uses a part of it"
)]

mod program;
mod server;

use std::{env, fs, path::PathBuf, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

pub use self::{
    program::{command, free_port, paste, run, run_with_input},
    server::{Reply, Server},
};

/// How long is waited for what has to come: until then, a machine may be as busy as it likes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a caller may send who would like to be answered by gRPC.
pub const GRPC: [&str; 3] =
    ["application/grpc", "application/grpc-web", "application/grpc-web-text+proto"];

/// Asks again and again until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let asked = tokio::time::timeout(PATIENCE, asking).await;
    assert!(asked.is_ok(), "after {} s, it is not yet so: {what}", PATIENCE.as_secs());
}

/// A folder of its own, removed at the end; in memory where there is such a place, so that no database is kept
/// waiting by a slow disk.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("portcullis-test-{:016x}", u64::from_be_bytes(random));
        let folders = [PathBuf::from("/dev/shm"), env::temp_dir()].map(|place| place.join(&name));
        Self(folders.into_iter().find(|folder| fs::create_dir(folder).is_ok()).unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The database of the server that runs on this folder, which writes now and then.
    pub async fn database(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path("gateway.db"));
        options.busy_timeout(PATIENCE).connect().await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The `Authorization` value of HTTP Basic.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
