//! A nonce is recorded once, whoever asks, and for as long as it counts.

use std::time::Duration;

use futures_util::future::join_all;
use portcullis::{
    ManualClock,
    s3p::{Nonce, NonceStore, Recorded},
    store::Sql,
};

use sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};

use crate::{
    Database, NOW, PATIENCE,
    servers::{Postgres, Proxy},
    support::Log,
};

const START: i64 = NOW.cast_signed();

async fn record(store: &Sql, token: &str, nonce: &str, expires: i64, now: i64) -> Recorded {
    store.record(Nonce { token, nonce, expires, now }).await.unwrap()
}

#[tokio::test]
async fn a_nonce_is_fresh_once_for_its_token_and_again_when_it_has_expired() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        let expires = START + 300;
        for (token, nonce, now, expected) in [
            ("a", "n", START, Recorded::Fresh),
            ("a", "n", START, Recorded::Replayed),
            ("b", "n", START, Recorded::Fresh),
            ("a", "N", START, Recorded::Fresh),
            ("a", "n", expires, Recorded::Replayed),
            ("a", "n", expires + 1, Recorded::Replayed),
        ] {
            assert_eq!(record(&store, token, nonce, expires, now).await, expected, "{token} {nonce}");
        }
        let later = expires + 1;
        assert_eq!(record(&store, "a", "n", later + 300, later).await, Recorded::Fresh);
        assert_eq!(record(&store, "a", "n", later + 300, later).await, Recorded::Replayed);
    }
}

#[tokio::test]
async fn of_many_requests_at_two_instances_one_is_fresh() {
    for database in Database::of_every_lasting_kind() {
        let instances = [database.connect().await, database.connect().await];
        for round in 0..10 {
            let nonce = round.to_string();
            let requests =
                (0..20).map(|n: usize| record(&instances[n % 2], "a", &nonce, START + 300, START));
            let fresh = join_all(requests).await.into_iter().filter(|got| *got == Recorded::Fresh);
            assert_eq!(fresh.count(), 1);
        }
    }
}

#[tokio::test]
async fn a_token_and_the_store_take_as_many_as_they_hold() {
    for database in Database::of_every_kind() {
        let store = database.options().max_nonces(5, 3).connect().await.unwrap();
        let expires = START + 300;
        let requests: Vec<_> = (0..10).map(|n: usize| n.to_string()).collect();
        let recorded = requests.iter().map(|nonce| record(&store, "a", nonce, expires, START));
        let recorded = join_all(recorded).await;
        let fresh = recorded.iter().filter(|got| **got == Recorded::Fresh).count();
        assert_eq!(fresh, 3, "{recorded:?}");
        assert!(recorded.iter().all(|got| matches!(got, Recorded::Fresh | Recorded::TokenFull)));
        assert_eq!(record(&store, "b", "0", expires, START).await, Recorded::Fresh);
        assert_eq!(record(&store, "b", "0", expires, START).await, Recorded::Replayed);
        assert_eq!(record(&store, "b", "1", expires, START).await, Recorded::Fresh);
        assert_eq!(record(&store, "b", "2", expires, START).await, Recorded::StoreFull);
        assert_eq!(record(&store, "b", "1", expires, START).await, Recorded::Replayed, "full or not");

        // Another instance counts what is there.
        if database.url != "sqlite::memory:" {
            let other = database.options().max_nonces(5, 3).connect().await.unwrap();
            assert_eq!(record(&other, "a", "x", expires, START).await, Recorded::TokenFull);
            assert_eq!(record(&other, "c", "x", expires, START).await, Recorded::StoreFull);
        }
        // What has expired makes room, purged or not.
        let later = expires + 1;
        assert_eq!(record(&store, "a", "x", later + 300, later).await, Recorded::Fresh);
    }
}

/// A store for one live nonce of each token, and a network that sees every statement. The table is locked, so that
/// nothing is written before the connection ends.
async fn one_place() -> (Proxy, Sql, PgConnection) {
    let server = Postgres::shared();
    let url = server.database();
    let proxy = Proxy::to(server.address()).await;
    let through = format!("{}?statement-cache-capacity=0", proxy.url(&url));
    let options = Database::new(through, None).options().max_nonces(100, 1);
    let store = options.query_timeout(PATIENCE).connect().await.unwrap();
    let mut lock = PgConnection::connect(&url).await.unwrap();
    let locked = raw_sql("BEGIN; LOCK TABLE portcullis_nonces IN EXCLUSIVE MODE");
    locked.execute(&mut lock).await.unwrap();
    (proxy, store, lock)
}

#[tokio::test]
async fn who_hangs_up_before_the_answer_has_used_up_a_place() {
    let (proxy, store, lock) = one_place().await;
    proxy.note("INTO portcullis_nonces");
    tokio::select! {
        recorded = record(&store, "a", "n", START + 300, START) => panic!("{recorded:?}"),
        () = proxy.has_met(1) => {}
    }
    lock.close().await.unwrap();
    assert_eq!(record(&store, "a", "m", START + 300, START).await, Recorded::TokenFull);
    assert_eq!(record(&store, "b", "m", START + 300, START).await, Recorded::Fresh);
}

#[tokio::test]
async fn what_the_database_refuses_uses_up_no_place() {
    for database in Database::of_every_lasting_kind() {
        let options = database.options().max_nonces(100, 1).max_connections(1);
        let store = options.connect().await.unwrap();
        let rename = |from: &str, to: &str| {
            raw_sql(AssertSqlSafe(format!(
                "ALTER TABLE portcullis_nonces_{from} RENAME TO portcullis_nonces_{to}"
            )))
        };
        rename("purged", "gone").execute(store.pool()).await.unwrap();
        let nonce = Nonce { token: "a", nonce: "n", expires: START + 300, now: START };
        for _ in 0..3 {
            assert!(store.record(nonce).await.is_err());
        }
        rename("gone", "purged").execute(store.pool()).await.unwrap();
        assert_eq!(store.record(nonce).await.unwrap(), Recorded::Fresh);
    }
}

#[tokio::test]
async fn what_is_recorded_while_nonces_are_counted_uses_up_a_place() {
    let (proxy, store, lock) = one_place().await;
    let mut first = Box::pin(record(&store, "a", "n", START + 300, START));
    // In the next second, as there is no room, they are counted anew: the first is not written yet.
    let mut second = Box::pin(record(&store, "a", "m", START + 301, START + 1));
    proxy.note("INTO portcullis_nonces");
    tokio::select! {
        recorded = &mut first => panic!("{recorded:?}"),
        () = proxy.has_met(1) => {}
    }
    proxy.note("AND token = $2");
    tokio::select! {
        recorded = &mut second => panic!("{recorded:?}"),
        () = proxy.has_met(2) => {}
    }
    drop(first);
    let unlocked = async {
        proxy.note("INTO portcullis_nonces");
        lock.close().await.unwrap();
    };
    assert_eq!(tokio::join!(second, unlocked).0, Recorded::TokenFull);
}

#[tokio::test]
async fn a_replay_does_not_use_up_room() {
    for database in Database::of_every_kind() {
        let store = database.options().max_nonces(9, 2).connect().await.unwrap();
        for _ in 0..5 {
            record(&store, "a", "n", START + 300, START).await;
        }
        assert_eq!(record(&store, "a", "m", START + 300, START).await, Recorded::Fresh);
    }
}

#[tokio::test]
async fn what_was_purged_is_not_taken_again_when_a_clock_goes_back() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        let expires = START + 300;
        assert_eq!(record(&store, "a", "n", expires, START).await, Recorded::Fresh);
        database.clock.advance(Duration::from_secs(360));
        assert_eq!(store.purge().await.unwrap(), 0, "a minute on top, for clocks that differ");
        database.clock.advance(Duration::from_secs(1));
        assert_eq!(store.purge().await.unwrap(), 1);
        assert_eq!(record(&store, "a", "n", expires, START).await, Recorded::Replayed);
        assert_eq!(record(&store, "a", "n", expires + 1, START + 1).await, Recorded::Fresh);
    }
}

const YEAR: u64 = 365 * 24 * 60 * 60;

#[tokio::test]
async fn a_purge_by_a_clock_that_is_a_year_ahead_refuses_what_it_has_dropped_and_no_more() {
    for database in Database::of_every_lasting_kind() {
        let store = database.connect().await;
        let ahead = database.options().clock(ManualClock::at_unix(NOW + YEAR)).connect().await.unwrap();
        let expires = START + 300;
        assert_eq!(ahead.purge().await.unwrap(), 0);
        assert_eq!(record(&store, "a", "seen", expires, START).await, Recorded::Fresh);
        assert_eq!([ahead.purge().await.unwrap(), ahead.purge().await.unwrap()], [1, 0]);
        for nonce in ["seen", "new"] {
            assert_eq!(record(&store, "a", nonce, expires, START).await, Recorded::Replayed);
        }
        assert_eq!(record(&store, "a", "new", expires + 1, START + 1).await, Recorded::Fresh);
        let log = Log::capture();
        store.purge().await.unwrap();
        assert!(log.text().contains("an instance whose clock is ahead"), "{}", log.text());
        database.clock.advance(Duration::from_secs(301));
        let log = Log::capture();
        store.purge().await.unwrap();
        assert!(!log.text().contains("ERROR"), "{}", log.text());
    }
}

#[tokio::test]
async fn a_nonce_is_refused_after_a_restart() {
    for database in Database::of_every_lasting_kind() {
        let store = database.connect().await;
        assert_eq!(record(&store, "a", "n", START + 300, START).await, Recorded::Fresh);
        store.close().await;
        let store = database.connect().await;
        assert_eq!(record(&store, "a", "n", START + 300, START).await, Recorded::Replayed);
    }
}

#[tokio::test]
async fn a_purge_of_many_goes_through() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        let many = "INSERT INTO portcullis_nonces (token, nonce, expires) \
                    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
                    SELECT 'a', CAST(i AS TEXT), 7 FROM n";
        sqlx::query(many).execute(store.pool()).await.unwrap();
        assert_eq!(store.purge().await.unwrap(), 2500);
        assert_eq!(store.purge().await.unwrap(), 0);
    }
}
