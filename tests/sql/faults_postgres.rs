//! A PostgreSQL that is killed, stopped where it stands, read-only or slow: bounded waiting, 503 with
//! `Retry-After`, and recovery without a restart of the program. Nothing that was acknowledged is lost.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use portcullis::{
    basic::UserStore,
    ownership::{Claim, OwnershipStore, Resource},
    s3p::Recorded,
    store::{Sql, sql::SqlOptions},
};

use crate::{
    Database, alice, bounded,
    requests::{add_alice, sign, signs_in},
    servers::Postgres,
    until,
    writes::Write,
};

const SHORT: Duration = Duration::from_secs(1);

/// A store whose limits are short, on tables that are there.
async fn short(database: &Database) -> Sql {
    let limits = |options: SqlOptions| options.acquire_timeout(SHORT).query_timeout(SHORT);
    database.impatient(|options| limits(options).max_connections(4)).await
}

/// A patient store, which knows Alice, and one whose limits are short: the first for what must succeed, the other for
/// what must not.
async fn with_alice(server: &Postgres) -> (Sql, Sql) {
    let database = Database::new(server.database(), None);
    let patient = database.connect().await;
    add_alice(&patient).await;
    let store = short(&database).await;
    (patient, store)
}

/// Until the server is found again.
async fn recovered(store: &Sql) {
    until(async || store.check_ready().await.is_ok() && signs_in(store).await).await;
}

#[tokio::test]
async fn a_server_that_is_killed_is_a_503_until_it_is_back_and_has_what_it_acknowledged() {
    let server = Postgres::start();
    let (patient, store) = with_alice(&server).await;
    assert!(signs_in(&patient).await);
    let mut acknowledged = Vec::new();
    for round in 0..2 {
        for n in 0..20 {
            let nonce = format!("{round}-{n}");
            assert_eq!(sign(&patient, &nonce).await, Some(Recorded::Fresh));
            acknowledged.push(nonce);
        }
        let note = Resource::new("note", round.to_string());
        let Claim::Claimed(owner) = patient.claim(&note, &alice()).await.unwrap() else { panic!() };
        server.kill();
        assert_eq!(tokio::join!(signs_in(&store), sign(&store, "down")), (false, None));
        until(async || store.check_ready().await.is_err()).await;
        server.restart();
        recovered(&store).await;
        for nonce in &acknowledged {
            assert_eq!(sign(&patient, nonce).await, Some(Recorded::Replayed));
        }
        assert_eq!(patient.owner(&note).await.unwrap(), Some(owner));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_while_the_server_is_killed_is_there_afterwards() {
    let server = Postgres::start();
    let (patient, store) = with_alice(&server).await;
    // In the midst of the requests, on a thread of its own.
    let (some, killed) = (tokio::sync::Semaphore::new(0), AtomicBool::new(false));
    let write = async |writer| {
        let mut acknowledged = Vec::new();
        for number in 0.. {
            let write = Write { writer, number };
            match bounded(write.make(&store)).await {
                Ok(()) => {
                    acknowledged.push(write);
                    some.add_permits(1);
                }
                Err(_) if killed.load(Ordering::SeqCst) => break,
                Err(_) => {}
            }
        }
        acknowledged
    };
    let (acknowledged, ()) = tokio::join!(join_all((0..4).map(write)), async {
        bounded(some.acquire_many(100)).await.unwrap().forget();
        tokio::task::block_in_place(|| server.kill());
        killed.store(true, Ordering::SeqCst);
    });
    tokio::task::block_in_place(|| server.restart());
    recovered(&store).await;
    for write in acknowledged.concat() {
        assert!(write.is_kept(&patient).await, "{write:?}");
    }
}

#[tokio::test]
async fn a_server_that_stands_still_is_a_503_in_time_and_is_found_again() {
    let server = Postgres::start();
    let (patient, store) = with_alice(&server).await;
    assert!(signs_in(&patient).await);
    server.pause();
    let (answers, recorded, ()) = tokio::join!(
        join_all((0..12).map(|_| signs_in(&store))),
        sign(&store, "n"),
        until(async || store.check_ready().await.is_err())
    );
    assert_eq!((answers, recorded), (vec![false; 12], None));
    server.resume();
    recovered(&store).await;
    // It may have been written all the same; it is never fresh twice.
    assert!(matches!(sign(&patient, "n").await, Some(Recorded::Fresh | Recorded::Replayed)));
    assert_eq!(sign(&patient, "n").await, Some(Recorded::Replayed));
}

#[tokio::test]
async fn connections_that_the_server_cuts_are_replaced() {
    let database = Database::postgres();
    let store = database.connect().await;
    add_alice(&store).await;
    let held = join_all((0..4).map(|_| store.user("alice"))).await;
    assert!(held.iter().all(Result::is_ok));
    let name = database.url.rsplit('/').next().unwrap();
    let cut = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
    );
    Postgres::shared().psql("postgres", &cut);
    assert!(signs_in(&store).await);
}

#[tokio::test]
async fn a_replica_that_takes_no_writes_is_read_and_nothing_is_accepted_that_needs_one() {
    let database = Database::postgres();
    let store = database.connect().await;
    add_alice(&store).await;
    let url = format!("{}?options=-c%20default_transaction_read_only%3Don", database.url);
    let replica = Database::new(url, None).connect().await;
    assert!(signs_in(&replica).await);
    assert_eq!(sign(&replica, "n").await, None);
    assert!(replica.claim(&Resource::new("note", "1"), &alice()).await.is_err());
    assert!(replica.check_ready().await.is_err());
    assert_eq!(sign(&store, "n").await, Some(Recorded::Fresh));
}

#[tokio::test]
async fn a_server_without_the_standby_that_it_waits_for_acknowledges_nothing_and_is_not_ready() {
    let server = Postgres::start();
    let (patient, store) = with_alice(&server).await;
    let wait_for = |standby: &str| {
        server.psql("postgres", &format!("ALTER SYSTEM SET synchronous_standby_names = '{standby}'"));
        server.psql("postgres", "SELECT pg_reload_conf()");
        while server.psql("postgres", "SHOW synchronous_standby_names").trim() != standby {}
    };
    let waits = |statement: &str| {
        let count = format!(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE wait_event = 'SyncRep' AND query LIKE '{statement} %'"
        );
        server.psql("postgres", &count).trim() != "0"
    };
    wait_for("none");
    until(async || store.check_ready().await.is_err() && waits("UPDATE portcullis_ready")).await;
    // Until one has come so far, in the time of a store whose limits are short.
    let mut nonces = Vec::new();
    until(async || {
        let nonce = nonces.len().to_string();
        assert_eq!(sign(&store, &nonce).await, None);
        nonces.push(nonce);
        waits("INSERT INTO portcullis_nonces")
    })
    .await;
    assert!(signs_in(&patient).await, "reading goes on");
    wait_for("");
    recovered(&store).await;
    let again = join_all(nonces.iter().map(|nonce| sign(&patient, nonce))).await;
    assert!(again.contains(&Some(Recorded::Replayed)), "it was written all the same: {again:?}");
}

#[tokio::test]
async fn a_statement_that_waits_for_a_lock_ends_in_time() {
    let database = Database::postgres();
    let patient = database.connect().await;
    add_alice(&patient).await;
    let store = short(&database).await;
    let mut other = patient.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE portcullis_users").execute(&mut *other).await.unwrap();
    assert!(!signs_in(&store).await);
    other.rollback().await.unwrap();
    until(async || signs_in(&store).await).await;
}

#[tokio::test]
async fn a_server_without_a_free_place_is_a_503() {
    let server = Postgres::start_with(&["max_connections=4", "superuser_reserved_connections=0"]);
    let database = Database::new(server.database(), None);
    let patient = database.options().max_connections(1).connect().await.unwrap();
    add_alice(&patient).await;
    patient.close().await;
    let store = short(&database).await;
    let named = Database::new(format!("{}?application_name=others", database.url), None);
    let others = named.impatient(|options| options.max_connections(4).acquire_timeout(SHORT)).await;
    let mut held = Vec::new();
    until(async || {
        held.extend(others.pool().acquire().await);
        !held.is_empty()
    })
    .await;
    // They take what the store had, too.
    until(async || {
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name <> 'others'";
        sqlx::query(end).execute(&mut *held[0]).await.unwrap();
        held.extend(others.pool().acquire().await);
        held.len() == 4
    })
    .await;
    assert_eq!(bounded(join_all((0..8).map(|_| signs_in(&store)))).await, [false; 8]);
    drop(held);
    others.close().await;
    until(async || signs_in(&store).await).await;
}

#[tokio::test]
async fn a_standby_is_read_and_takes_nothing_and_knows_all_when_it_is_promoted() {
    let primary = Postgres::start();
    let database = Database::new(primary.database(), None);
    let store = database.connect().await;
    add_alice(&store).await;
    assert_eq!(sign(&store, "n").await, Some(Recorded::Fresh));
    let standby = primary.start_standby();
    let url = database.url.replace(&primary.address().to_string(), &standby.address().to_string());
    let store = Database::new(url, None).connect().await;
    assert!(signs_in(&store).await);
    assert_eq!(sign(&store, "n").await, None, "neither fresh nor replayed");
    assert_eq!(sign(&store, "new").await, None);
    assert!(store.claim(&Resource::new("note", "1"), &alice()).await.is_err());
    assert!(store.check_ready().await.is_err());
    primary.kill();
    standby.psql("postgres", "SELECT pg_promote()");
    recovered(&store).await;
    assert_eq!(sign(&store, "n").await, Some(Recorded::Replayed));
    assert_eq!(sign(&store, "new").await, Some(Recorded::Fresh));
}
