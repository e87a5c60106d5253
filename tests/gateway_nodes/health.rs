//! Whether an instance is ready: it says which store is down, and comes back by itself.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::*;
use servers::{Postgres, Redis};

/// The answer of `/health/ready`, the checks in SMSGate's form, and whether it lives.
async fn health(server: &Server) -> (u16, String, Value, u16) {
    let ready = server.get("/health/ready", &[]).await;
    let sms = server.get(&format!("{SMS}/health/ready"), &[]).await;
    let (status, body) = (ready.status.as_u16(), ready.body.clone());
    assert_eq!(sms.status.as_u16(), if status == 204 { 200 } else { 503 });
    if status == 503 {
        assert_eq!(ready.header("retry-after"), "1");
    }
    let state = |name: &str| sms.json()["checks"][name]["status"].clone();
    let states = json!([state("db:ping"), state("redis:ping")]);
    (status, body, states, server.get("/health/live", &[]).await.status.as_u16())
}

fn ready() -> (u16, String, Value, u16) {
    (204, String::new(), json!(["pass", "pass"]), 204)
}

async fn recovers(server: &Server) {
    gateway_support::until("it is ready", async || health(server).await == ready()).await;
}

/// Something that is done to a server.
type Act = fn(&servers::Server);

#[tokio::test]
async fn without_redis_it_lives_and_is_not_ready_and_recovers() {
    let redis = Redis::start();
    let cluster = Cluster::with_redis(Postgres::shared().database(), &redis);
    let (servers, accounts) = cluster.start_two();
    for server in &servers {
        assert_eq!(health(server).await, ready());
    }
    let seen = accounts.key.ping();
    assert_eq!(send_ping(&servers[0], &seen).await, 200);
    let faults: [(&str, Act, Act); 2] = [
        ("killed", servers::Server::kill, servers::Server::restart),
        ("stopped where it stands", servers::Server::pause, servers::Server::resume),
    ];
    for (how, begin, end) in faults {
        begin(&redis);
        for server in &servers {
            let down = (503, "not ready: redis\n".to_owned(), json!(["pass", "fail"]), 204);
            assert_eq!(health(server).await, down, "{how}");
            let reply = server.get("/s3p/v2/ping", &[&accounts.key.ping()]).await;
            assert_eq!(reply.status, 503, "{how}");
            assert_eq!(reply.header("retry-after"), "1");
            // What needs no nonce goes on.
            assert_eq!(messages(server, &accounts.alice).await, 200, "{how}");
        }
        end(&redis);
        join_all(servers.iter().map(recovers)).await;
        assert_eq!(send_ping(&servers[1], &accounts.key.ping()).await, 200, "{how}");
        assert_eq!(send_ping(&servers[1], &seen).await, 401, "{how}");
    }
    for server in &servers {
        let log = server.log().await;
        assert!(log.contains(" WARN not ready store=\"redis\" error="), "{log}");
        assert!(!log.contains(&redis.url()), "{log}");
    }
}

#[tokio::test]
async fn without_any_store_it_names_both() {
    let (redis, postgres) = (Redis::start(), Postgres::start());
    let cluster = Cluster::with_redis(postgres.database(), &redis);
    let server = cluster.start();
    postgres.pause();
    let down = (503, "not ready: database\n".to_owned(), json!(["fail", "pass"]), 204);
    assert_eq!(health(&server).await, down);
    redis.kill();
    let down = (503, "not ready: database, redis\n".to_owned(), json!(["fail", "fail"]), 204);
    assert_eq!(health(&server).await, down);
    postgres.resume();
    redis.restart();
    recovers(&server).await;
}
