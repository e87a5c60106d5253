//! A network to PostgreSQL that swallows what is sent, and tells neither side: waiting is bounded, and no
//! connection is held for what will never be answered.

use std::time::Duration;

use futures_util::future::join_all;
use portcullis::{basic::UserStore, store::Sql};
use sqlx::{Connection, PgConnection, query_scalar, raw_sql};

use crate::{
    Database, PATIENCE, bounded,
    servers::{Postgres, Proxy},
    until, user,
};

const CONNECTIONS: usize = 4;

/// A store behind a network, and all of its connections.
struct Network {
    proxy: Proxy,
    store: Sql,
    /// Of the database, past the network.
    url: String,
}

impl Network {
    /// A statement has so much time, and a connection as much as it needs.
    async fn new(query_timeout: Duration) -> Self {
        Self::with_limits(query_timeout, PATIENCE).await
    }

    async fn with_limits(query_timeout: Duration, acquire_timeout: Duration) -> Self {
        let server = Postgres::shared();
        let url = server.database();
        Database::new(url.clone(), None).connect().await.insert_user(&user("alice")).await.unwrap();
        let proxy = Proxy::to(server.address()).await;
        let [there, here] = [server.address(), proxy.address()].map(|address| address.to_string());
        let options = Database::new(url.replace(&there, &here), None).options();
        let options = options.max_connections(CONNECTIONS.try_into().unwrap());
        let options = options.query_timeout(query_timeout).acquire_timeout(acquire_timeout);
        let store = options.connect().await.unwrap();
        let all = join_all((0..CONNECTIONS).map(|_| store.pool().acquire())).await;
        assert!(all.iter().all(Result::is_ok));
        store.check_ready().await.unwrap();
        Self { proxy, store, url }
    }

    /// Lets everybody wait who asks for a user, until the connection is closed.
    async fn lock_users(&self) -> PgConnection {
        let mut lock = PgConnection::connect(&self.url).await.unwrap();
        raw_sql("BEGIN; LOCK TABLE portcullis_users").execute(&mut lock).await.unwrap();
        lock
    }

    /// Until the server has so many statements that wait.
    async fn are_waiting(&self, statements: usize) {
        let mut looking = PgConnection::connect(&self.url).await.unwrap();
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until(async || {
            let found: i64 = query_scalar(waiting).fetch_one(&mut looking).await.unwrap();
            usize::try_from(found) == Ok(statements)
        })
        .await;
    }

    /// Whether a request is answered that needs the database.
    async fn answers(&self) -> bool {
        bounded(self.store.user("alice").into_future()).await.is_ok_and(|alice| alice.is_some())
    }
}

#[tokio::test]
async fn connections_that_fall_silent_while_nobody_asks_are_replaced_before_the_next_request() {
    let network = Network::new(PATIENCE).await;
    for _ in 0..2 {
        network.proxy.silence();
        assert!(network.answers().await);
        bounded(network.store.check_ready()).await.unwrap();
    }
}

#[tokio::test]
async fn a_statement_under_way_when_the_network_falls_silent_fails_in_time_and_the_next_is_answered() {
    let network = Network::new(Duration::from_secs(5)).await;
    let lock = network.lock_users().await;
    let silence = async {
        network.are_waiting(1).await;
        network.proxy.silence();
    };
    let (answered, ()) = tokio::join!(network.answers(), silence);
    assert!(!answered);
    lock.close().await.unwrap();
    assert!(network.answers().await);
}

#[tokio::test]
async fn callers_who_hang_up_on_a_silent_network_hold_no_connection() {
    let network = Network::new(PATIENCE).await;
    let lock = network.lock_users().await;
    {
        let callers = join_all((0..CONNECTIONS).map(|_| network.answers()));
        tokio::select! {
            _ = callers => panic!("they wait for the lock"),
            () = network.are_waiting(CONNECTIONS) => network.proxy.silence(),
        }
    }
    lock.close().await.unwrap();
    assert!(network.answers().await);
}

#[tokio::test]
async fn transactions_that_are_dropped_on_a_silent_network_hold_no_connection() {
    let network = Network::new(PATIENCE).await;
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
    let second = Duration::from_secs(1);
    let network = Network::with_limits(second, second).await;
    network.proxy.lead_nowhere();
    let (ready, answered) = tokio::join!(bounded(network.store.check_ready()), network.answers());
    assert!(ready.is_err() && !answered);
    network.proxy.lead_to(Postgres::shared().address());
    until(async || network.store.check_ready().await.is_ok() && network.answers().await).await;
}
