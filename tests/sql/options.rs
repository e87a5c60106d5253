//! What is refused before anything is connected, and what is not told.

use portcullis::{basic::UserStore, store::Sql};

use sqlx::{AssertSqlSafe, query_scalar};

use crate::{
    Database, patient_options,
    servers::{Postgres, Proxy},
    support::Log,
    until,
};

#[test]
fn what_is_no_url_of_a_database_is_refused_and_not_repeated() {
    for url in ["", "gateway.db", "mysql://root:word@host/d", "redis://:word@host", "postgres:word"] {
        if let Err(error) = Sql::options(url) {
            assert!(!format!("{error:?}").contains("word"), "{error:?}");
            assert!(error.to_string().contains("sqlite:"), "{error}");
        } else {
            assert_eq!(url, "postgres:word");
        }
    }
}

#[tokio::test]
async fn a_password_in_the_url_is_in_no_debug_form_and_in_no_error() {
    let url = Postgres::shared().database().replace("portcullis@", "portcullis:s3cret@");
    let options = patient_options(&url);
    assert!(!format!("{options:?}").contains("s3cret"));
    let store = options.connect().await.unwrap();
    assert!(!format!("{store:?}").contains("s3cret"));
    let nowhere = "postgres://portcullis:s3cret@127.0.0.1:1/test";
    let error = Sql::options(nowhere).unwrap().connect().await.unwrap_err();
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_path_with_odd_characters_is_one_file() {
    let database = Database::file();
    let folder = database.folder.as_ref().unwrap();
    let url = format!("sqlite:{}/a%20b%3Fc%25.db", folder.display());
    patient_options(&url).connect().await.unwrap().close().await;
    assert!(folder.join("a b?c%.db").exists());
}

#[tokio::test]
async fn tables_of_an_application_lie_beside_its_own() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        let mut change = store.begin("mine").await.unwrap();
        sqlx::query("CREATE TABLE users (id TEXT)").execute(&mut *change).await.unwrap();
        sqlx::query("INSERT INTO users VALUES ($1)").bind("x").execute(&mut *change).await.unwrap();
        change.commit().await.unwrap();
        assert!(store.user("x").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn transactions_of_one_name_run_one_after_another_whatever_the_servers_isolation_is() {
    let strict = "?options=-c%20default_transaction_isolation%3Dserializable";
    let strict = Database::new(Postgres::shared().database() + strict, None);
    for database in Database::of_every_lasting_kind().into_iter().chain([strict]) {
        let store = database.connect().await;
        sqlx::query("CREATE TABLE counter (n BIGINT)").execute(store.pool()).await.unwrap();
        sqlx::query("INSERT INTO counter VALUES (0)").execute(store.pool()).await.unwrap();
        let add = async || {
            let mut change = store.begin("counter").await.unwrap();
            let (n,): (i64,) =
                sqlx::query_as("SELECT n FROM counter").fetch_one(&mut *change).await.unwrap();
            let update = sqlx::query("UPDATE counter SET n = $1").bind(n + 1);
            update.execute(&mut *change).await.unwrap();
            change.commit().await.unwrap();
        };
        futures_util::future::join_all((0..8).map(|_| add())).await;
        let (n,): (i64,) =
            sqlx::query_as("SELECT n FROM counter").fetch_one(store.pool()).await.unwrap();
        assert_eq!(n, 8);
    }
}

#[tokio::test]
async fn what_is_acknowledged_by_any_connection_to_sqlite_is_on_the_disk() {
    let database = Database::file();
    let store = database.options().max_connections(3).connect().await.unwrap();
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(store.pool().acquire().await.unwrap());
    }
    for connection in &mut connections {
        for (setting, expected) in
            [("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1")]
        {
            // 2 is FULL.
            let asked = format!("SELECT CAST({setting} AS TEXT) FROM pragma_{setting}");
            let found: String =
                query_scalar(AssertSqlSafe(asked)).fetch_one(&mut **connection).await.unwrap();
            assert_eq!(found, expected, "{setting}");
        }
    }
}

#[tokio::test]
async fn a_postgresql_that_loses_what_it_has_acknowledged_is_taken_with_a_warning() {
    let url = Postgres::shared().database();
    for (setting, warns) in [("on", false), ("off", true)] {
        let url = format!("{url}?options=-c%20synchronous_commit%3D{setting}");
        let log = Log::capture();
        Database::new(url, None).connect().await.close().await;
        assert_eq!(log.text().contains("synchronous_commit of PostgreSQL is off"), warns);
    }
}

#[tokio::test]
async fn a_health_check_takes_no_connection_from_a_request() {
    for database in Database::of_every_lasting_kind() {
        let store = database.options().max_connections(2).connect().await.unwrap();
        let requests = [store.pool().acquire().await.unwrap(), store.pool().acquire().await.unwrap()];
        until(async || store.check_ready().await.is_ok()).await;
        drop(requests);
    }
}

#[tokio::test]
async fn a_postgresql_is_spoken_to_over_tls_if_its_authority_is_the_one_that_was_named() {
    let (server, certificate) = Postgres::start_with_tls();
    let (_other, of_another) = Postgres::start_with_tls();
    let url = server.database();
    let connect = async |query: &str| patient_options(&format!("{url}?{query}")).connect().await;
    let store = connect(&format!("sslmode=verify-full&sslrootcert={certificate}")).await.unwrap();
    let is_encrypted: i64 =
        query_scalar("SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()")
            .fetch_one(store.pool())
            .await
            .unwrap();
    assert_eq!(is_encrypted, 1);
    for refused in ["sslmode=verify-full", &format!("sslmode=verify-full&sslrootcert={of_another}")] {
        let error = connect(refused).await.unwrap_err();
        assert!(format!("{error:?}").to_lowercase().contains("certificate"), "{error:?}");
    }
    // By another address it is another server.
    let proxy = Proxy::to(server.address()).await;
    let elsewhere = format!("{}?sslmode=verify-full&sslrootcert={certificate}", proxy.url(&url));
    let error = patient_options(&elsewhere).connect().await.unwrap_err();
    assert!(format!("{error:?}").to_lowercase().contains("certificate"), "{error:?}");
}
