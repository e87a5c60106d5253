//! Two instances on one PostgreSQL, without anything else.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::*;
use servers::Postgres;

#[tokio::test]
async fn what_is_done_at_one_holds_at_the_other() {
    let cluster = Cluster::new(Postgres::shared().database());
    let (servers, Accounts { alice, bob, token, key }) = cluster.start_two();
    let [one, two] = &servers;

    // SMP: who has claimed a group owns it.
    let put = async |server, who| put_group(server, "demo", who).await;
    assert_eq!([put(one, &token).await, put(two, &bob).await], [200, 403]);
    assert_eq!(two.get(&group("demo"), &[]).await.body, group_xml("demo"));
    assert_eq!(ask(two, "DELETE", &group("demo"), &alice, &Value::Null).await.0, 200);
    assert_eq!(put(two, &bob).await, 200);

    // SMSGate: messages, and tokens that are revoked, or refreshed twice.
    let message = json!({"phoneNumbers": ["+1234567890"], "textMessage": {"text": "Hello"}});
    assert_eq!(ask(one, "POST", &format!("{SMS}/messages"), &alice, &message).await.0, 202);
    let (status, list) = ask(two, "GET", &format!("{SMS}/messages"), &alice, &Value::Null).await;
    assert_eq!((status, list.as_array().map(Vec::len)), (200, Some(1)));
    let pair = Pair::issue(one, &alice).await;
    assert_eq!(messages(two, &pair.access).await, 200);
    let again = join_all((0..8).map(|n: usize| refresh(&servers[n % 2], &pair.refresh))).await;
    let served = again.into_iter().filter(|status| *status == 201).count();
    assert_eq!(served, 1, "a refresh token is used once");
    let after = [messages(one, &pair.access).await, messages(two, &pair.access).await];
    assert_eq!(after, [401, 401], "and its family has ended");

    // S3P: a signed request is done once, wherever it is sent.
    let signed = key.ping();
    let pings = join_all((0..16).map(|n: usize| send_ping(&servers[n % 2], &signed))).await;
    assert_eq!(pings.iter().filter(|status| **status == 200).count(), 1, "{pings:?}");
    assert_eq!(pings.iter().filter(|status| **status == 401).count(), 15, "{pings:?}");

    // A user who is disabled is refused everywhere.
    assert!(cluster.run(&["user", "disable", BOB]).status.success());
    assert_eq!([put(one, &bob).await, put(two, &bob).await], [401, 401]);
}

#[test]
fn the_password_of_a_server_that_cannot_be_reached_is_not_told() {
    let cluster = Cluster::new("postgres://portcullis:s3cret@127.0.0.1:1/gateway".to_owned());
    let output = cluster.run(&[]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("cannot open the database: ") && !told.contains("s3cret"), "{told}");
}
