//! Whether a database is ready: it is written to, and those who ask share the answer.

use futures_util::future::join_all;
use sqlx::{query_scalar, raw_sql};

use crate::{Database, bounded, until};

#[tokio::test]
async fn however_many_ask_whether_it_is_ready_few_of_them_ask_the_database() {
    let database = Database::file();
    let store = database.connect().await;
    let count = "CREATE TABLE counted (n INTEGER); INSERT INTO counted VALUES (0); \
                 CREATE TRIGGER count_up AFTER UPDATE ON portcullis_ready \
                 BEGIN UPDATE counted SET n = n + 1; END";
    raw_sql(count).execute(store.pool()).await.unwrap();
    let answers = bounded(join_all((0..1000).map(|_| store.check_ready()))).await;
    assert!(answers.iter().all(Result::is_ok) || answers.iter().all(Result::is_err));
    until(async || store.check_ready().await.is_ok()).await;
    for _ in 0..100 {
        let _ = store.check_ready().await;
    }
    let counted: i64 = query_scalar("SELECT n FROM counted").fetch_one(store.pool()).await.unwrap();
    assert!((1..100).contains(&counted), "{counted}");
}

#[tokio::test]
async fn those_who_ask_at_once_share_a_no_and_then_a_yes() {
    let database = Database::file();
    let store = database.connect().await;
    let mut other = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("UPDATE portcullis_ready SET asked = 1").execute(&mut *other).await.unwrap();
    // One after the other, they would wait for ten minutes.
    let answers = bounded(join_all((0..1000).map(|_| store.check_ready()))).await;
    assert!(answers.iter().all(Result::is_err));
    other.rollback().await.unwrap();
    until(async || store.check_ready().await.is_ok()).await;
}
