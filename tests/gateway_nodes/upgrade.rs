//! A rolling upgrade: one instance after the other is stopped and started anew, while the other one serves.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::join_all;
use sqlx::{Connection, PgConnection, query_scalar, raw_sql};
use tokio::task::spawn_blocking;

use super::*;
use servers::{Postgres, Redis};

#[tokio::test]
async fn all_credentials_outlive_a_rolling_upgrade_and_no_request_fails_meanwhile() {
    let postgres = Postgres::shared();
    let cluster = Arc::new(Cluster::with_redis(postgres.database(), Redis::shared().database()));
    let ([one, two], accounts) = cluster.start_two();
    let (kept, refreshed) =
        (Pair::issue(&one, &accounts.alice).await, Pair::issue(&one, &accounts.alice).await);
    let revoked = Pair::issue(&one, &accounts.alice).await;
    assert_eq!(revoked.revoke(&one).await, 204);
    let seen = accounts.key.ping();
    assert_eq!(send_ping(&one, &seen).await, 200);

    let password = one.demo("bob@example.org    password");
    let load = Load { accounts: &accounts, jwt: &kept, password };
    let one = load.on(&two, "first", restarted(&cluster, one)).await;
    let two = load.on(&one, "second", restarted(&cluster, two)).await;

    for server in [&one, &two] {
        assert_eq!(messages(server, &accounts.alice).await, 200);
        assert_eq!(messages(server, &kept.access).await, 200);
        assert_eq!(put_group(server, "demo", &accounts.token).await, 200);
        assert_eq!(send_ping(server, &accounts.key.ping()).await, 200);
        assert_eq!(send_ping(server, &seen).await, 401);
        assert_eq!(messages(server, &revoked.access).await, 401);
        assert_eq!(refresh(server, &revoked.refresh).await, 401);
    }
    assert_eq!(
        [refresh(&two, &refreshed.refresh).await, refresh(&one, &refreshed.refresh).await],
        [201, 401]
    );
    // A start takes back claims that led to no group, and no others.
    let name = cluster.database.rsplit('/').next().unwrap();
    let ownerless =
        "SELECT count(*) FROM smp_groups WHERE id NOT IN (SELECT id FROM portcullis_owners)";
    assert_eq!(postgres.psql(name, ownerless).trim(), "0");
}

#[tokio::test]
async fn a_start_on_tables_that_are_up_to_date_waits_for_no_writer_and_keeps_none_waiting() {
    let postgres = Postgres::shared();
    let cluster = Cluster::new(postgres.database());
    cluster.start().stop();
    let mut writer = PgConnection::connect(&cluster.database).await.unwrap();
    let write = "BEGIN; \
        LOCK TABLE smp_groups, sms_messages, sms_logs, s3p_collections, page_sessions IN ROW EXCLUSIVE MODE";
    raw_sql(write).execute(&mut writer).await.unwrap();
    cluster.start().stop();
    raw_sql("COMMIT").execute(&mut writer).await.unwrap();

    // Those of before the version was written down are brought up to date, and those of a newer one left alone.
    let name = cluster.database.rsplit('/').next().unwrap();
    postgres.psql(name, "INSERT INTO smp_groups VALUES ('kept', ''); DROP TABLE gateway_schema");
    cluster.start().stop();
    assert_eq!(postgres.psql(name, "SELECT version FROM gateway_schema").trim(), "1");
    assert_eq!(postgres.psql(name, "SELECT id FROM smp_groups").trim(), "kept");
    postgres.psql(name, "UPDATE gateway_schema SET version = 99");
    let refused = cluster.run(&[]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("of version 99") && told.contains("start a newer one"), "{told}");
}

#[tokio::test]
async fn a_start_leaves_the_group_that_another_instance_is_just_storing_its_owner() {
    let cluster = Arc::new(Cluster::new(Postgres::shared().database()));
    let other = cluster.start();
    // As a request does: a claim, and then the group in one transaction, in its turn.
    let mut request = PgConnection::connect(&cluster.database).await.unwrap();
    let claim = "INSERT INTO portcullis_owners (kind, id, issuer, subject, version) \
                 VALUES ('group', 'new', 'local', 'alice', 1), ('group', 'never', 'local', 'alice', 2)";
    let store = "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('new', 0)); \
                 INSERT INTO smp_groups VALUES ('new', '')";
    raw_sql(claim).execute(&mut request).await.unwrap();
    raw_sql(store).execute(&mut request).await.unwrap();
    let starting = cluster.clone();
    let start = spawn_blocking(move || starting.start());
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while !start.is_finished()
        && query_scalar::<_, i64>(waiting).fetch_one(&mut request).await.unwrap() == 0
    {}
    raw_sql("COMMIT").execute(&mut request).await.unwrap();
    start.await.unwrap().stop();
    other.stop();
    let owned: Vec<String> =
        query_scalar("SELECT id FROM portcullis_owners").fetch_all(&mut request).await.unwrap();
    assert_eq!(owned, ["new"]);
}

/// Stops a server as an operator does, and starts it at the same address.
async fn restarted(cluster: &Arc<Cluster>, server: Server) -> Server {
    let cluster = cluster.clone();
    let restart = move || {
        let port = server.port();
        server.stop();
        cluster.start_on(port)
    };
    spawn_blocking(restart).await.unwrap()
}

/// Requests of all kinds, each of which is served.
struct Load<'l> {
    accounts: &'l Accounts,
    jwt: &'l Pair,
    /// Of Bob's.
    password: String,
}

impl Load<'_> {
    /// Goes on until the work is done.
    async fn on<T>(&self, server: &Server, name: &str, work: impl Future<Output = T>) -> T {
        let is_done = AtomicBool::new(false);
        let callers = join_all((0..8).map(async |caller| {
            let mut rounds = 0;
            while !is_done.load(Ordering::Relaxed) {
                self.one_of_each(server, &format!("{name}{caller}x{rounds}")).await;
                // Of many passwords at once, some would have to wait.
                if caller == 0 {
                    self.sign_in(server).await;
                }
                rounds += 1;
            }
            rounds
        }));
        let work = async {
            let done = work.await;
            is_done.store(true, Ordering::Relaxed);
            done
        };
        let (done, rounds) = tokio::join!(work, callers);
        assert!(rounds.iter().all(|rounds| *rounds > 0), "{rounds:?}");
        done
    }

    async fn one_of_each(&self, server: &Server, group: &str) {
        let Accounts { token, key, .. } = self.accounts;
        assert_eq!(put_group(server, group, token).await, 200);
        assert_eq!(messages(server, &self.jwt.access).await, 200);
        assert_eq!(send_ping(server, &key.ping()).await, 200);

        let message = json!({"phoneNumbers": ["+1234567890"], "textMessage": {"text": group}});
        let (status, sent) =
            ask(server, "POST", &format!("{SMS}/messages"), &self.jwt.access, &message).await;
        assert_eq!(status, 202, "{sent}");
        let wish = json!({"payItemId": "SPAY-DEV-20051-DEMOTEL-CUSTOM", "amount": 100});
        let (status, quote) = key.post(server, "/quotestd", &wish).await;
        assert_eq!(status, 200, "{quote}");
        let order = json!({
            "quoteId": quote["quoteId"],
            "customerPhonenumber": "237699999999",
            "customerEmailaddress": "customer@example.org",
            "serviceNumber": "699999999",
        });
        let (status, paid) = key.post(server, "/collectstd", &order).await;
        assert_eq!((status, &paid["status"]), (200, &json!("SUCCESS")), "{paid}");
    }

    /// The page writes a session.
    async fn sign_in(&self, server: &Server) {
        let form = ["content-type: application/x-www-form-urlencoded"];
        let body = format!("name=bob%40example.org&password={}", self.password);
        assert_eq!(server.send("POST", "/secure/sign-in", &form, body).await.status, 303);
    }
}
