//! A backup is restored on an empty disk: tokens and keys work, and what was revoked stays revoked.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;
use servers::{Postgres, output_of};

/// What is to be so after the backup was restored.
struct Before {
    accounts: Accounts,
    good: Pair,
    revoked: Pair,
    /// A user token of Bob's, which was revoked.
    of_bob: String,
    /// A signed request that was served.
    seen: String,
}

impl Before {
    async fn make(cluster: &Cluster, server: &Server) -> Self {
        let accounts = Accounts::of(server);
        let good = Pair::issue(server, &accounts.alice).await;
        let revoked = Pair::issue(server, &accounts.alice).await;
        let of_bob = cluster.printed(&["token", "create", BOB, "old"], "token (shown once): ");
        let of_bob = format!("Bearer {of_bob}");
        let seen = accounts.key.ping();
        assert_eq!(put_group(server, "alices", &accounts.token).await, 200);
        assert_eq!(put_group(server, "bobs", &of_bob).await, 200);
        assert_eq!(revoked.revoke(server).await, 204);
        assert_eq!(send_ping(server, &seen).await, 200);
        let id = cluster.printed(&["token", "list", BOB], "").split(' ').next().unwrap().to_owned();
        assert!(cluster.run(&["token", "revoke", &id]).status.success());
        Self { accounts, good, revoked, of_bob, seen }
    }

    async fn holds(&self, server: &Server) {
        let Self { accounts, good, revoked, of_bob, seen } = self;
        assert_eq!(messages(server, &accounts.alice).await, 200);
        assert_eq!(messages(server, &good.access).await, 200);
        assert_eq!(refresh(server, &good.refresh).await, 201);
        assert_eq!(send_ping(server, &accounts.key.ping()).await, 200);
        assert_eq!(put_group(server, "alices", &accounts.token).await, 200);
        assert_eq!(put_group(server, "bobs", &accounts.bob).await, 200);
        assert_eq!(server.get(&group("bobs"), &[]).await.body, group_xml("bobs"));

        assert_eq!(put_group(server, "bobs", &accounts.token).await, 403, "it has its owner");
        assert_eq!(put_group(server, "bobs", of_bob).await, 401);
        assert_eq!(messages(server, &revoked.access).await, 401);
        assert_eq!(refresh(server, &revoked.refresh).await, 401);
        assert_eq!(send_ping(server, seen).await, 401);
    }
}

fn sqlite(folder: &Folder) -> String {
    format!("sqlite:{}", folder.path("gateway.db").display())
}

fn empty(folder: &Folder) {
    for entry in fs::read_dir(folder.path("")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

#[tokio::test]
async fn an_embedded_database_is_backed_up_while_it_serves_and_restored() {
    let (folder, safe) = (Folder::new(), Folder::new());
    let database = sqlite(&folder);
    let cluster = Cluster { folder, ..Cluster::new(database) };
    let server = cluster.start();
    let before = Before::make(&cluster, &server).await;
    let (backup, keys) = (safe.path("gateway.db"), safe.path("gateway.keys"));
    let arguments = ["backup", backup.to_str().unwrap()];
    assert!(cluster.run(&arguments).status.success());
    fs::copy(cluster.folder.path("gateway.keys"), &keys).unwrap();
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    let again = cluster.run(&arguments);
    assert_eq!(again.status.code(), Some(1), "a backup is never written over: {again:?}");
    let later = Pair::issue(&server, &before.accounts.alice).await;
    server.kill();
    empty(&cluster.folder);

    fs::copy(&backup, cluster.folder.path("gateway.db")).unwrap();
    let output = cluster.run(&["s3p-key", "list"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("there is no key file") && told.contains("of your backup"), "{told}");
    fs::copy(&keys, cluster.folder.path("gateway.keys")).unwrap();
    let server = cluster.start();
    before.holds(&server).await;
    assert_eq!(refresh(&server, &later.refresh).await, 401, "the backup does not know it");
}

#[tokio::test]
async fn a_database_of_postgresql_is_backed_up_while_it_serves_and_restored() {
    let postgres = Postgres::start();
    let mut cluster = Cluster::new(postgres.database());
    let server = cluster.start();
    let before = Before::make(&cluster, &server).await;
    let told = cluster.run(&["backup", cluster.folder.path("backup").to_str().unwrap()]);
    assert!(String::from_utf8(told.stderr).unwrap().contains("by pg_dump"));
    let backup = cluster.folder.path("gateway.dump");
    let mut dump = Postgres::client("pg_dump");
    output_of(dump.args(["--format=custom", "--file"]).arg(&backup).arg(&cluster.database));
    server.kill();
    drop(postgres);

    cluster.database = Postgres::shared().database();
    let mut restore = Postgres::client("pg_restore");
    restore.args(["--exit-on-error", "--single-transaction", "--no-owner"]);
    output_of(restore.arg("--dbname").arg(&cluster.database).arg(&backup));
    before.holds(&cluster.start()).await;
}
