//! Whether an instance is ready: it says which store is down, and comes back by itself.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use servers::{PATIENCE, Postgres, Redis};

/// What an instance says of itself.
#[derive(Debug, PartialEq)]
struct Health {
    ready: (u16, String),
    /// The same in SMSGate's form.
    sms: (u16, Value),
    live: u16,
}

impl Health {
    async fn of(server: &Server) -> Self {
        let ready = server.get("/health/ready", &[]).await;
        if ready.status == 503 {
            assert_eq!(ready.header("retry-after"), "1");
        }
        let sms = server.get(&format!("{SMS}/health/ready"), &[]).await;
        let state = |name: &str| sms.json()["checks"][name]["status"].clone();
        let live = server.get("/health/live", &[]).await.status.as_u16();
        Self {
            ready: (ready.status.as_u16(), ready.body),
            sms: (sms.status.as_u16(), json!([state("db:ping"), state("redis:ping")])),
            live,
        }
    }

    fn good() -> Self {
        Self { ready: (204, String::new()), sms: (200, json!(["pass", "pass"])), live: 204 }
    }

    fn down(stores: &str, states: [&str; 2]) -> Self {
        Self { ready: (503, format!("not ready: {stores}\n")), sms: (503, json!(states)), live: 204 }
    }

    /// Asks until it is so: that a store is ready holds for a while.
    async fn is(self, server: &Server) {
        let asking = async { while Self::of(server).await != self {} };
        let asked = timeout(PATIENCE, asking).await;
        assert!(asked.is_ok(), "it is never {self:?}: {}", server.log_so_far());
    }
}

/// Something that is done to a server.
type Act = fn(&servers::Server);

#[tokio::test]
async fn without_redis_it_lives_and_is_not_ready_and_recovers() {
    let redis = Redis::start();
    let cluster = Cluster {
        redis_timeout: Some("5"),
        ..Cluster::with_redis(Postgres::shared().database(), redis.url())
    };
    let (servers, accounts) = cluster.start_two();
    join_all(servers.iter().map(|server| Health::good().is(server))).await;
    let seen = accounts.key.ping();
    // One that was late may have been noted all the same.
    until("it is seen", async || send_ping(&servers[0], &seen).await != 503).await;
    let faults: [(&str, Act, Act); 2] = [
        ("killed", servers::Server::kill, servers::Server::restart),
        ("stopped where it stands", servers::Server::pause, servers::Server::resume),
    ];
    for (how, begin, end) in faults {
        begin(&redis);
        let calls = servers.iter().map(async |server| {
            Health::down("redis", ["pass", "fail"]).is(server).await;
            let reply = server.get("/s3p/v2/ping", &[&accounts.key.ping()]).await;
            assert_eq!(reply.status, 503, "{how}");
            assert_eq!(reply.header("retry-after"), "1");
            // What needs no nonce goes on.
            assert_eq!(messages(server, &accounts.alice).await, 200, "{how}");
        });
        join_all(calls).await;
        end(&redis);
        join_all(servers.iter().map(|server| Health::good().is(server))).await;
        let ping = async || send_ping(&servers[1], &accounts.key.ping()).await;
        until("it serves", async || ping().await == 200).await;
        until("it has not forgotten", async || match send_ping(&servers[1], &seen).await {
            503 => false,
            status => status == 401 || panic!("{how}: {status}"),
        })
        .await;
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
    let cluster = Cluster::with_redis(postgres.database(), redis.url());
    let server = cluster.start();
    postgres.pause();
    Health::down("database", ["fail", "pass"]).is(&server).await;
    redis.kill();
    Health::down("database, redis", ["fail", "fail"]).is(&server).await;
    postgres.resume();
    redis.restart();
    Health::good().is(&server).await;
}
