//! A network to PostgreSQL that swallows what is sent, and tells neither side: waiting is bounded, and no
//! connection is held for what will never be answered.

use std::time::Duration;

use futures_util::future::join_all;
use portcullis::store::Sql;
use sqlx::{AssertSqlSafe, Connection, PgConnection, query_scalar};

use crate::{
    Database, PATIENCE,
    requests::{add_alice, signs_in},
    servers::{Postgres, Proxy},
    until,
};

const CONNECTIONS: usize = 4;

/// How long a store waits for what a test wants it to give up.
const SHORT: Duration = Duration::from_secs(1);

/// A store behind a network, which knows Alice.
struct Network {
    proxy: Proxy,
    store: Sql,
}

impl Network {
    /// A statement and a connection have so much time.
    async fn new(query_timeout: Duration, acquire_timeout: Duration) -> Self {
        let server = Postgres::shared();
        let url = server.database();
        add_alice(&Database::new(url.clone(), None).connect().await).await;
        let proxy = Proxy::to(server.address()).await;
        let database = Database::new(proxy.url(&url), None);
        let store = database.impatient(|options| {
            let options = options.max_connections(CONNECTIONS.try_into().unwrap());
            options.query_timeout(query_timeout).acquire_timeout(acquire_timeout)
        });
        Self { store: store.await, proxy }
    }

    async fn answers(&self) -> bool {
        signs_in(&self.store).await
    }

    fn carry_on(&self) {
        self.proxy.lead_to(Postgres::shared().address());
        self.proxy.carry_on();
    }
}

#[tokio::test]
async fn connections_that_fall_silent_while_nobody_asks_are_replaced_before_the_next_request() {
    let network = Network::new(PATIENCE, PATIENCE).await;
    for _ in 0..2 {
        let all = join_all((0..CONNECTIONS).map(|_| network.store.pool().acquire())).await;
        assert!(all.iter().all(Result::is_ok));
        drop(all);
        network.proxy.silence();
        assert!(network.answers().await);
        until(async || network.store.check_ready().await.is_ok()).await;
    }
}

#[tokio::test]
async fn a_statement_that_the_network_swallows_fails_in_time_and_the_next_is_answered() {
    let network = Network::new(SHORT, PATIENCE).await;
    network.proxy.swallow("FROM portcullis_users");
    let answers = join_all((0..2 * CONNECTIONS).map(|_| network.answers())).await;
    assert_eq!(answers, [false; 2 * CONNECTIONS]);
    network.carry_on();
    until(async || network.answers().await).await;
}

#[tokio::test]
async fn callers_who_hang_up_on_a_silent_network_hold_no_connection() {
    let network = Network::new(PATIENCE, PATIENCE).await;
    network.proxy.swallow("FROM portcullis_users");
    tokio::select! {
        _ = join_all((0..CONNECTIONS).map(|_| network.answers())) => panic!("nobody answers them"),
        () = network.proxy.has_met(CONNECTIONS) => {}
    }
    network.carry_on();
    assert!(network.answers().await);
}

#[tokio::test]
async fn transactions_that_are_dropped_on_a_silent_network_hold_no_connection() {
    let network = Network::new(PATIENCE, PATIENCE).await;
    let mut begun = Vec::new();
    for name in 0..CONNECTIONS {
        begun.push(network.store.begin(&name.to_string()).await.unwrap());
    }
    network.proxy.silence();
    drop(begun);
    assert!(network.answers().await);
}

#[tokio::test]
async fn while_the_network_is_silent_nothing_is_ready_and_it_is_found_again() {
    let network = Network::new(SHORT, SHORT).await;
    until(async || network.store.check_ready().await.is_ok()).await;
    network.proxy.lead_nowhere();
    assert!(!network.answers().await);
    until(async || network.store.check_ready().await.is_err()).await;
    network.carry_on();
    until(async || network.store.check_ready().await.is_ok() && network.answers().await).await;
}

/// Until so many connections of the server's do this.
async fn are_doing(connections: i64, database: &Database, this: &str) {
    let mut looking = PgConnection::connect(&database.url).await.unwrap();
    let count = format!(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND {this}"
    );
    until(async || {
        let found = query_scalar::<_, i64>(AssertSqlSafe(&*count)).fetch_one(&mut looking).await;
        found.unwrap() == connections
    })
    .await;
}

#[tokio::test]
async fn the_server_ends_a_statement_whose_caller_has_gone() {
    let database = Database::postgres();
    let store = database.impatient(|options| options.query_timeout(SHORT)).await;
    let sleep = sqlx::query("SELECT 1 FROM pg_sleep(1000)").execute(store.pool());
    let is_asleep = "state = 'active' AND query LIKE '%pg_sleep(1000)'";
    tokio::select! {
        slept = sleep => assert!(slept.is_err(), "it was ended before its caller could go"),
        () = are_doing(1, &database, is_asleep) => {}
    }
    are_doing(0, &database, is_asleep).await;
}

#[tokio::test]
async fn the_server_ends_a_transaction_in_which_nothing_is_done() {
    let database = Database::postgres();
    let store = database.impatient(|options| options.query_timeout(SHORT)).await;
    let mut forgotten = None;
    until(async || {
        forgotten = store.begin("forgotten").await.ok();
        forgotten.is_some()
    })
    .await;
    // It is there still, and so nobody but the server can have ended it.
    until(async || store.begin("forgotten").await.is_ok()).await;
    drop(forgotten);
}
