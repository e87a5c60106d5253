//! Instances on one database have the same keys, and their nonces in one place: another one does not start.

use std::fs;

use super::*;
use servers::{Postgres, Redis};

/// What the program has told the operator when it refused to start.
fn refusal(output: &Output) -> String {
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]), "{told}");
    told
}

#[tokio::test]
async fn an_instance_with_another_key_file_does_not_start() {
    let cluster = Cluster::new(Postgres::shared().database());
    let server = cluster.start();
    let other = Cluster::new(cluster.database.clone());
    let file = other.folder.path("gateway.keys");
    for arguments in [&[][..], &["s3p-key", "list"]] {
        let told = refusal(&other.run(arguments));
        assert!(told.contains(&format!("there is no key file {}", file.display())), "{told}");
        assert!(told.contains("copy the file of the other instances"), "{told}");
        assert!(!file.exists(), "the right one belongs there");
    }
    let stranger = Cluster::new(Postgres::shared().database());
    stranger.start();
    fs::copy(stranger.folder.path("gateway.keys"), &file).unwrap();
    let told = refusal(&other.run(&[]));
    let wrong =
        format!("the key file {} is not the one that this database was made with", file.display());
    assert!(told.contains(&wrong), "{told}");
    assert!(file.exists(), "it may be of use to somebody");

    let pair = Pair::issue(&server, &server.alice()).await;
    fs::copy(cluster.folder.path("gateway.keys"), &file).unwrap();
    assert_eq!(messages(&other.start(), &pair.access).await, 200);
}

#[tokio::test]
async fn an_instance_that_keeps_nonces_elsewhere_does_not_start_until_all_do() {
    let redis = Redis::shared().database();
    let mut cluster = Cluster::with_redis(Postgres::shared().database(), redis.clone());
    let server = cluster.start();
    let key = Accounts::of(&server).key;
    cluster.redis = None;
    let told = refusal(&cluster.run(&[]));
    assert!(told.contains("in Redis: start with the --redis of the other instances"), "{told}");
    assert!(cluster.run(&["s3p-key", "list"]).status.success(), "accounts need no nonces");
    server.stop();
    assert!(cluster.run(&["adopt"]).status.success());
    let server = cluster.start();
    let signed = key.ping();
    assert_eq!([send_ping(&server, &signed).await, send_ping(&server, &signed).await], [200, 401]);
    cluster.redis = Some(redis);
    let told = refusal(&cluster.run(&[]));
    assert!(told.contains("in the database: start without --redis"), "{told}");
    assert!(cluster.run(&["adopt"]).status.success());
    assert_eq!(send_ping(&cluster.start(), &key.ping()).await, 200);
}

#[tokio::test]
async fn an_instance_that_keeps_nonces_in_another_redis_does_not_start_until_all_do() {
    let [redis, other] = [Redis::start(), Redis::start()];
    let mut cluster = Cluster::new(Postgres::shared().database());
    // One that cannot be reached is no place for nonces, and nothing is agreed by whoever names it.
    cluster.redis = Some("redis://127.0.0.1:1".to_owned());
    assert!(refusal(&cluster.run(&[])).contains("Redis cannot be reached"));
    cluster.redis = None;
    cluster.start().stop();
    cluster.redis = Some(redis.url());
    assert!(refusal(&cluster.run(&[])).contains("in the database"));
    assert!(cluster.run(&["adopt"]).status.success());
    let server = cluster.start();
    let [another_number, another_server] = [format!("{}1", redis.url()), other.url()];
    for elsewhere in [another_number, another_server] {
        cluster.redis = Some(elsewhere);
        let told = refusal(&cluster.run(&[]));
        assert!(told.contains("in another Redis") && told.contains("gateway adopt"), "{told}");
        assert!(!told.contains("redis://"), "{told}");
    }
    server.stop();
    cluster.redis = Some(other.url());
    assert!(cluster.run(&["adopt"]).status.success());
    cluster.start().stop();
    // What was lost is another one, too.
    other.cli(&["flushall"]);
    assert!(refusal(&cluster.run(&[])).contains("has lost what it had"));
}

#[tokio::test]
async fn a_redis_that_forgets_is_refused_unless_a_flag_says_otherwise() {
    let redis = Redis::start_with(&["--appendonly", "no"]);
    let cluster = Cluster::with_redis(Postgres::shared().database(), redis.url());
    for arguments in [&[][..], &["adopt"]] {
        let told = refusal(&cluster.run(arguments));
        assert!(told.contains("--redis: ") && told.contains("set appendonly to yes"), "{told}");
    }
    assert!(cluster.run(&["--insecure-volatile-redis", "adopt"]).status.success());
}

#[tokio::test]
async fn variables_name_the_stores_and_no_password_is_told() {
    let redis = Redis::start_with(&["--requirepass", "canary"]);
    let url = redis.url().replace("redis://", "redis://:canary@");
    let database = Postgres::shared().database().replace("portcullis@", "portcullis:canary@");
    let folder = Folder::new();
    let command = |arguments: &[&str]| {
        let mut command = command();
        command.env("GATEWAY_DATABASE", &database).env("GATEWAY_REDIS", &url);
        command.env("GATEWAY_KEYS", folder.path("gateway.keys"));
        command.env("GATEWAY_PUBLIC_URL", PUBLIC_URL).args(arguments);
        command
    };
    let port = free_port();
    let mut serve = command(&["--listen", &format!("127.0.0.1:{port}"), "--redis-timeout", "5"]);
    let server = Server::launch(&folder, port, &mut serve);
    let accounts = Accounts::of(&server);
    until("it is served", async || send_ping(&server, &accounts.key.ping()).await == 200).await;
    assert!(redis.cli(&["-a", "canary", "--no-auth-warning", "dbsize"]).trim() != "0");
    redis.kill();
    assert_eq!(send_ping(&server, &accounts.key.ping()).await, 503);
    until("it says so", async || server.get("/health/ready", &[]).await.status == 503).await;

    let help = command(&["--help"]).output().unwrap();
    let down = command(&["--listen", "127.0.0.1:1"]).output().unwrap();
    assert!(refusal(&down).contains("--redis: Redis cannot be reached"), "{down:?}");
    server.signal("TERM");
    let told = [format!("{help:?}"), format!("{down:?}"), server.greeting(), server.wait().1];
    assert!(told.iter().all(|told| !told.contains("canary")), "{told:#?}");
}

#[test]
fn a_redis_that_cannot_be_used_is_refused_without_telling_its_password() {
    let redis = Redis::start_with(&["--requirepass", "right"]);
    let mut cluster = Cluster::new(Postgres::shared().database());
    for (url, reason) in [
        (
            redis.url().replace("redis://", "redis://:canary@"),
            "look at the address and the credentials",
        ),
        ("http://:canary@example.org".to_owned(), "is not like `redis://user:password@host:6379/0`"),
        ("canary".to_owned(), "is not like `redis://user:password@host:6379/0`"),
        ("redis://:canary@127.0.0.1:1".to_owned(), "Redis cannot be reached"),
    ] {
        cluster.redis = Some(url);
        let told = refusal(&cluster.run(&[]));
        assert!(told.contains("--redis: ") && told.contains(reason), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }
}

#[tokio::test]
async fn redis_is_spoken_to_over_tls() {
    let (_redis, url, certificate) = Redis::start_with_tls();
    let cluster = Cluster { redis: Some(url), ..Cluster::new(Postgres::shared().database()) };
    let told = refusal(&cluster.run(&[]));
    assert!(told.to_lowercase().contains("certificate"), "nobody vouches for it: {told}");
    let port = free_port();
    let mut command = cluster.command();
    command.args(["--listen", &format!("127.0.0.1:{port}"), "--public-url", PUBLIC_URL]);
    let server = Server::launch(&cluster.folder, port, command.env("SSL_CERT_FILE", certificate));
    let signed = Accounts::of(&server).key.ping();
    assert_eq!([send_ping(&server, &signed).await, send_ping(&server, &signed).await], [200, 401]);
}
