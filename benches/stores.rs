//! What a store costs beside the bare operation: in memory a map behind a lock, on SQLite the statement alone.
//!
//! `cargo bench --features full --bench stores` runs criterion, for the absolute numbers, and then prints a table of
//! *paired* measurements.

mod paired;

use std::{
    collections::HashMap,
    env, fs,
    sync::{Mutex, RwLock},
    time::UNIX_EPOCH,
};

use paired::{Cases, answer};
use portcullis::{
    Identity,
    basic::{MemoryUserStore, PasswordHash, User, UserStore},
    s3p::{MemoryNonceStore, Nonce, NonceStore, Recorded},
    store::Sql,
    user_token::{MemoryUserTokenStore, UserToken, UserTokenRecord, UserTokenStore},
};

/// How many users, tokens and live nonces there are.
const MANY: u64 = 10_000;

fn main() {
    paired::measure(|cases| {
        memory_nonces(cases);
        memory_users(cases);
        memory_user_tokens(cases);
        sqlite_nonces(cases);
    });
}

/// The map has neither a share for each token nor an end.
fn memory_nonces(cases: &mut Cases<'_>) {
    let map = Mutex::new(HashMap::new());
    let store = MemoryNonceStore::with_limits(UNIX_EPOCH, usize::MAX, usize::MAX);
    let mut numbers = 0_u64..;
    let mut next = || numbers.next().expect("it never ends").to_string();
    for nonce in (0..MANY).map(|_| next()) {
        record(cases, &store, &nonce);
        map.lock().expect("nobody has panicked").insert(nonce, 900_i64);
    }
    let runtime = cases.runtime;
    let bare = |nonce| map.lock().expect("nobody has panicked").insert(nonce, 900);
    let ours = |nonce: String| answer(runtime, store.record(new(&nonce))).expect("memory answers");
    cases.pair("nonces in memory, over a HashMap", next, bare, ours);
}

fn memory_users(cases: &mut Cases<'_>) {
    let hash = PasswordHash::of("open sesame").expect("a hash");
    let (map, store) = (RwLock::new(HashMap::new()), MemoryUserStore::new());
    for number in 0..MANY {
        let user = User::new(number.to_string(), hash.clone()).expect("a user");
        store.insert(user.clone());
        map.write().expect("nobody has panicked").insert(number.to_string(), user);
    }
    let mut numbers = (0..MANY).cycle();
    let next = || numbers.next().expect("it never ends").to_string();
    let runtime = cases.runtime;
    let bare = |name: String| map.read().expect("nobody has panicked").get(&name).cloned();
    let ours = |name: String| answer(runtime, store.user(&name)).expect("memory answers");
    cases.pair("users in memory, over a HashMap", next, bare, ours);
}

fn memory_user_tokens(cases: &mut Cases<'_>) {
    let alice = Identity::local("alice").expect("a subject");
    let (map, store) = (RwLock::new(HashMap::new()), MemoryUserTokenStore::new());
    let mut digests = Vec::new();
    for number in 0..MANY {
        let digest = UserToken::generate().digest();
        let record = UserTokenRecord::new(number.to_string(), alice.clone());
        store.insert(digest, record.clone());
        map.write().expect("nobody has panicked").insert(digest, record);
        digests.push(digest);
    }
    let mut digests = digests.iter().cycle();
    let next = || digests.next().expect("it never ends");
    let runtime = cases.runtime;
    let bare = |digest| map.read().expect("nobody has panicked").get(digest).cloned();
    let ours = |digest| answer(runtime, store.user_token(digest)).expect("memory answers");
    cases.pair("user tokens in memory, over a HashMap", next, bare, ours);
}

/// Both wait for the disk; the bare statement knows no token, no end and no bound.
fn sqlite_nonces(cases: &mut Cases<'_>) {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("random numbers");
    let folder = env::temp_dir().join(format!("stores-{:016x}", u64::from_be_bytes(random)));
    fs::create_dir(&folder).expect("a folder");
    let runtime = cases.runtime;
    let url = format!("sqlite:{}/bench.db", folder.display());
    // As many nonces as the measurement needs.
    let options = Sql::options(&url).expect("a URL").max_nonces(u64::MAX, u64::MAX);
    let store = runtime.block_on(options.connect()).expect("a database");
    let create =
        sqlx::query("CREATE TABLE bare (nonce TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID");
    answer(runtime, create.execute(store.pool())).expect("a table");
    let mut numbers = 0_u64..;
    let next = || numbers.next().expect("it never ends").to_string();
    let bare = |nonce: String| {
        let insert = sqlx::query("INSERT INTO bare VALUES ($1)").bind(nonce);
        answer(runtime, insert.execute(store.pool())).expect("SQLite answers")
    };
    let ours = |nonce: String| answer(runtime, store.record(new(&nonce))).expect("SQLite answers");
    cases.pair("nonces on SQLite, over an INSERT", next, bare, ours);
    runtime.block_on(store.close());
    fs::remove_dir_all(folder).expect("it is there");
}

fn record(cases: &Cases<'_>, store: &impl NonceStore, nonce: &str) {
    let recorded = answer(cases.runtime, store.record(new(nonce))).expect("the store answers");
    assert_eq!(recorded, Recorded::Fresh);
}

fn new(nonce: &str) -> Nonce<'_> {
    Nonce { token: "xvz1evFS4wEEPTGEFPHBog", nonce, expires: 900, now: 0 }
}
