//! [`store::Sql`](portcullis::store::sql) on SQLite, in memory and in a file, and on a PostgreSQL of its own.
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "sql/access_keys.rs"]
mod access_keys;
#[path = "sql/contract.rs"]
mod contract;
#[path = "sql/faults_network.rs"]
mod faults_network;
#[path = "sql/faults_postgres.rs"]
mod faults_postgres;
#[path = "sql/faults_sqlite.rs"]
mod faults_sqlite;
#[path = "sql/migrations.rs"]
mod migrations;
#[path = "sql/nonces.rs"]
mod nonces;
#[path = "sql/options.rs"]
mod options;
#[path = "sql/previous.rs"]
mod previous;
#[path = "sql/purge.rs"]
mod purge;
#[path = "sql/ready.rs"]
mod ready;
#[path = "sql/refreshes.rs"]
mod refreshes;
#[path = "sql/requests.rs"]
mod requests;
mod s3p_support;
mod servers;
#[path = "sql/stores.rs"]
mod stores;
mod support;
#[path = "sql/users.rs"]
mod users;
#[path = "sql/writes.rs"]
mod writes;

use std::{env, fs, path::PathBuf, sync::Arc};

use portcullis::{
    Identity, ManualClock,
    basic::{PasswordHash, User},
    store::{
        Sql,
        sql::{SealingKey, SqlOptions},
    },
};
use servers::{PATIENCE, Postgres};
use tokio::time::timeout;

/// When the tests take place, in seconds since 1970-01-01T00:00:00Z.
const NOW: u64 = 1_800_000_000;

/// A database that is empty at first, and gone at the end.
struct Database {
    url: String,
    clock: Arc<ManualClock>,
    folder: Option<PathBuf>,
}

impl Database {
    fn memory() -> Self {
        Self::new("sqlite::memory:".into(), None)
    }

    fn file() -> Self {
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("portcullis-sql-{:016x}", u64::from_be_bytes(random));
        // In memory where there is such a place, so that no limit passes while a slow disk is waited for.
        let mut folders =
            [PathBuf::from("/dev/shm"), env::temp_dir()].map(|place| place.join(&name)).into_iter();
        let folder = folders.find(|folder| fs::create_dir(folder).is_ok()).unwrap();
        Self::new(format!("sqlite:{}/test.db", folder.display()), Some(folder))
    }

    fn postgres() -> Self {
        Self::new(Postgres::shared().database(), None)
    }

    fn of_every_kind() -> [Self; 3] {
        [Self::memory(), Self::file(), Self::postgres()]
    }

    /// Those that outlive a connection.
    fn of_every_lasting_kind() -> [Self; 2] {
        [Self::file(), Self::postgres()]
    }

    fn new(url: String, folder: Option<PathBuf>) -> Self {
        Self { url, clock: Arc::new(ManualClock::at_unix(NOW)), folder }
    }

    fn options(&self) -> SqlOptions {
        let sealing = SealingKey::new(&[7; 32]).unwrap();
        patient_options(&self.url).clock(self.clock.clone()).sealing_key(sealing)
    }

    /// A store that does not wait for long; it is connected however often that takes too long.
    async fn impatient(&self, change: impl Fn(SqlOptions) -> SqlOptions) -> Sql {
        let connecting = async {
            loop {
                if let Ok(store) = change(self.options()).connect().await {
                    return store;
                }
            }
        };
        bounded(connecting).await
    }

    async fn connect(&self) -> Sql {
        self.options().connect().await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// A machine that is busy is not a database that is down.
fn patient_options(url: &str) -> SqlOptions {
    Sql::options(url).unwrap().acquire_timeout(PATIENCE).query_timeout(PATIENCE)
}

/// Fails the test if this takes too long: whatever is wrong, nobody waits for ever.
async fn bounded<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("waiting is bounded")
}

/// Asks until it is so.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    bounded(async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn alice() -> Identity {
    Identity::local("alice").unwrap()
}

fn bob() -> Identity {
    Identity::local("bob").unwrap()
}

/// A user whose hash costs next to nothing.
fn user(name: &'static str) -> User {
    User::new(name, hash("one")).unwrap()
}

fn hash(salt: &str) -> PasswordHash {
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
    let salt = STANDARD_NO_PAD.encode(format!("{salt:_<12}"));
    PasswordHash::parse(&format!("$argon2id$v=19$m=8,t=1,p=1${salt}$AAAAAAAAAAAAAAAAAAAAAA")).unwrap()
}
