//! A PostgreSQL that is killed, stopped where it stands, read-only or slow: bounded waiting, 503 with
//! `Retry-After`, and recovery without a restart of the program. Nothing that was acknowledged is lost.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use http::{Response, StatusCode, header};
use http_body_util::Full;
use portcullis::{
    BasicAuthLayer,
    basic::{BasicAuth, PasswordHash, User, UserStore},
    ownership::{Claim, OwnershipStore, Resource},
    s3p::{Nonce, NonceStore, Recorded},
    store::Sql,
};
use tokio::time::timeout;
use tower::{Layer, ServiceExt, service_fn};

use crate::{Database, NOW, alice, servers::Postgres, until, user};

const SHORT: Duration = Duration::from_secs(1);

/// Longer than the limits of a store with short ones, and no test waits for it.
const LONG: Duration = Duration::from_secs(30);

async fn short(database: &Database) -> Sql {
    let options = database.options().acquire_timeout(SHORT).query_timeout(SHORT);
    timeout(LONG, options.max_connections(4).connect()).await.unwrap().unwrap()
}

async fn record(store: &Sql, nonce: &str) -> Option<Recorded> {
    let now = NOW.cast_signed();
    let recorded = store.record(Nonce { token: "key", nonce, expires: now + 300, now });
    timeout(LONG, recorded.into_future()).await.expect("waiting is bounded").ok()
}

/// How a request by password is answered.
async fn ask(store: &Sql) -> Response<()> {
    let auth = BasicAuth::new("test", store.clone()).unwrap();
    let service = BasicAuthLayer::new(auth).layer(service_fn(async |_: http::Request<()>| {
        Ok::<_, Infallible>(Response::new(Full::<bytes::Bytes>::default()))
    }));
    let request = http::Request::get("/").header("authorization", "Basic YWxpY2U6b25l");
    let answer = timeout(LONG, service.oneshot(request.body(()).unwrap())).await;
    answer.expect("waiting is bounded").unwrap().map(drop)
}

fn assert_unavailable(answer: &Response<()>) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(header::RETRY_AFTER));
}

/// Until the server is found again: a bounded number of requests.
async fn recovered(store: &Sql) {
    for _ in 0..100 {
        if store.check_ready().await.is_ok() && ask(store).await.status() == 200 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the store has not recovered");
}

async fn with_alice(server: &Postgres) -> Sql {
    let store = short(&Database::new(server.database(), None)).await;
    let hash = PasswordHash::of("one").unwrap();
    store.insert_user(&User::new("alice", hash).unwrap()).await.unwrap();
    store
}

#[tokio::test]
async fn a_server_that_is_killed_is_a_503_until_it_is_back_and_has_what_it_acknowledged() {
    let server = Postgres::start();
    let store = with_alice(&server).await;
    assert_eq!(ask(&store).await.status(), 200);
    let mut acknowledged = Vec::new();
    for round in 0..2 {
        for n in 0..20 {
            let nonce = format!("{round}-{n}");
            assert_eq!(record(&store, &nonce).await, Some(Recorded::Fresh));
            acknowledged.push(nonce);
        }
        let note = Resource::new("note", round.to_string());
        let Claim::Claimed(owner) = store.claim(&note, &alice()).await.unwrap() else { panic!() };
        server.kill();
        let down = tokio::join!(ask(&store), record(&store, "down"));
        assert_unavailable(&down.0);
        assert_eq!(down.1, None);
        until(async || store.check_ready().await.is_err()).await;
        server.restart();
        recovered(&store).await;
        for nonce in &acknowledged {
            assert_eq!(record(&store, nonce).await, Some(Recorded::Replayed));
        }
        assert_eq!(store.owner(&note).await.unwrap(), Some(owner));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_while_the_server_is_killed_is_there_afterwards() {
    let server = Postgres::start();
    let store = with_alice(&server).await;
    // In the midst of the requests, on a thread of its own.
    let (some, killed) = (tokio::sync::Semaphore::new(0), AtomicBool::new(false));
    let write = async |writer: usize| {
        let mut acknowledged = Vec::new();
        for n in 0.. {
            let nonce = format!("{writer}-{n}");
            match record(&store, &nonce).await {
                Some(Recorded::Fresh) => acknowledged.push(nonce),
                Some(other) => panic!("{other:?}"),
                None if killed.load(Ordering::SeqCst) => break,
                None => {}
            }
            some.add_permits(1);
        }
        acknowledged
    };
    let (acknowledged, ()) = tokio::join!(futures_util::future::join_all((0..4).map(write)), async {
        some.acquire_many(40).await.unwrap().forget();
        tokio::task::block_in_place(|| server.kill());
        killed.store(true, Ordering::SeqCst);
    });
    let acknowledged = acknowledged.concat();
    assert!(!acknowledged.is_empty());
    tokio::task::block_in_place(|| server.restart());
    recovered(&store).await;
    for nonce in acknowledged {
        assert_eq!(record(&store, &nonce).await, Some(Recorded::Replayed), "{nonce}");
    }
}

#[tokio::test]
async fn a_server_that_stands_still_is_a_503_in_time_and_is_found_again() {
    let server = Postgres::start();
    let store = with_alice(&server).await;
    assert_eq!(ask(&store).await.status(), 200);
    server.pause();
    let (answers, recorded, ()) = tokio::join!(
        futures_util::future::join_all((0..12).map(|_| ask(&store))),
        record(&store, "n"),
        until(async || store.check_ready().await.is_err())
    );
    answers.iter().for_each(assert_unavailable);
    assert_eq!(recorded, None);
    server.resume();
    recovered(&store).await;
    // It may have been written all the same; it is never fresh twice.
    assert!(matches!(record(&store, "n").await, Some(Recorded::Fresh | Recorded::Replayed)));
    assert_eq!(record(&store, "n").await, Some(Recorded::Replayed));
}

#[tokio::test]
async fn connections_that_the_server_cuts_are_replaced() {
    let database = Database::postgres();
    let store = database.connect().await;
    store.insert_user(&user("alice")).await.unwrap();
    let held = futures_util::future::join_all((0..4).map(|_| store.user("alice"))).await;
    assert!(held.iter().all(Result::is_ok));
    let name = database.url.rsplit('/').next().unwrap();
    let cut = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
    );
    Postgres::shared().psql("postgres", &cut);
    assert!(store.user("alice").await.unwrap().is_some());
}

#[tokio::test]
async fn a_replica_that_takes_no_writes_is_read_and_nothing_is_accepted_that_needs_one() {
    let database = Database::postgres();
    let store = database.connect().await;
    store.insert_user(&user("alice")).await.unwrap();
    let url = format!("{}?options=-c%20default_transaction_read_only%3Don", database.url);
    let replica = Database::new(url, None).connect().await;
    assert!(replica.user("alice").await.unwrap().is_some());
    assert_eq!(record(&replica, "n").await, None);
    assert!(replica.claim(&Resource::new("note", "1"), &alice()).await.is_err());
    assert!(replica.check_ready().await.is_err());
    assert_eq!(record(&store, "n").await, Some(Recorded::Fresh));
}

#[tokio::test]
async fn a_server_without_the_standby_that_it_waits_for_acknowledges_nothing_and_is_not_ready() {
    let server = Postgres::start();
    let store = with_alice(&server).await;
    let wait_for = |standby: &str| {
        server.psql("postgres", &format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'"));
        server.psql("postgres", "SELECT pg_reload_conf()");
        while server.psql("postgres", "SHOW synchronous_standby_names").trim() != standby {}
    };
    wait_for("none");
    until(async || store.check_ready().await.is_err()).await;
    assert_eq!(record(&store, "n").await, None);
    assert_eq!(ask(&store).await.status(), 200, "reading goes on");
    wait_for("");
    recovered(&store).await;
    assert_eq!(record(&store, "n").await, Some(Recorded::Replayed), "it was written all the same");
}

#[tokio::test]
async fn a_statement_that_waits_for_a_lock_ends_in_time() {
    let database = Database::postgres();
    let store = short(&database).await;
    store.insert_user(&user("alice")).await.unwrap();
    let mut other = store.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE portcullis_users").execute(&mut *other).await.unwrap();
    let answer = timeout(LONG, store.user("alice").into_future()).await;
    assert!(answer.expect("waiting is bounded").is_err());
    other.rollback().await.unwrap();
    assert!(store.user("alice").await.unwrap().is_some());
}

#[tokio::test]
async fn a_server_without_a_free_place_is_a_503() {
    let server = Postgres::start_with(&["max_connections=4", "superuser_reserved_connections=0"]);
    let database = Database::new(server.database(), None);
    let store = short(&database).await;
    let others = database.options().max_connections(4).acquire_timeout(SHORT).connect().await.unwrap();
    let mut held = Vec::new();
    while let Ok(connection) = others.pool().acquire().await {
        held.push(connection);
    }
    let answers = futures_util::future::join_all((0..8).map(|_| store.user("alice"))).await;
    assert!(answers.iter().flatten().all(Option::is_none), "an answer or an error, and nothing else");
    drop(held);
    others.close().await;
    for _ in 0..4 {
        assert!(store.user("alice").await.is_ok());
    }
}

#[tokio::test]
async fn a_standby_is_read_and_takes_nothing_and_knows_all_when_it_is_promoted() {
    let primary = Postgres::start();
    let store = with_alice(&primary).await;
    assert_eq!(record(&store, "n").await, Some(Recorded::Fresh));
    let (standby, name) = (primary.start_standby(), store_name(&store).await);
    let store = short(&Database::new(standby.url(&name), None)).await;
    assert!(store.user("alice").await.unwrap().is_some());
    assert_eq!(record(&store, "n").await, None, "neither fresh nor replayed");
    assert_eq!(record(&store, "new").await, None);
    assert!(store.claim(&Resource::new("note", "1"), &alice()).await.is_err());
    assert!(store.check_ready().await.is_err());
    primary.kill();
    standby.psql("postgres", "SELECT pg_promote()");
    recovered(&store).await;
    assert_eq!(record(&store, "n").await, Some(Recorded::Replayed));
    assert_eq!(record(&store, "new").await, Some(Recorded::Fresh));
}

async fn store_name(store: &Sql) -> String {
    let select = sqlx::query_as::<_, (String,)>("SELECT CAST(current_database() AS TEXT)");
    select.fetch_one(store.pool()).await.unwrap().0
}
