//! SQLite that is locked, read-only, full, or killed: bounded waiting, an error, and recovery without a restart.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write as _},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use portcullis::{ScopeSet, s3p::Recorded};
use sqlx::{Connection, SqliteConnection};

use crate::{
    Database, bounded, patient_options,
    requests::{add_alice, alice, sign, signs_in},
    until,
    writes::Write,
};

const SHORT: Duration = Duration::from_secs(1);

/// Where the process that is started here finds the URL, and which writer it is.
const URL: &str = "PORTCULLIS_TEST_SQLITE_URL";
const WRITER: &str = "PORTCULLIS_TEST_SQLITE_WRITER";

#[tokio::test]
async fn while_another_holds_the_write_lock_writes_fail_in_time_and_reads_go_on() {
    let database = Database::file();
    let patient = database.connect().await;
    let store = database.impatient(|options| options.query_timeout(SHORT)).await;
    add_alice(&patient).await;
    let mut other = SqliteConnection::connect(&database.url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    assert_eq!(sign(&store, "n").await, None);
    assert!(bounded(store.check_ready()).await.is_err());
    assert!(signs_in(&patient).await);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    // The other nonce may have been written since, when nobody waited any more.
    assert_eq!(sign(&patient, "another").await, Some(Recorded::Fresh));
    until(async || store.check_ready().await.is_ok()).await;
}

#[tokio::test]
async fn a_pool_that_is_used_up_fails_in_time() {
    for database in Database::of_every_kind() {
        let store =
            database.impatient(|options| options.max_connections(1).acquire_timeout(SHORT)).await;
        until(async || store.insert_user(&alice()).await.is_ok()).await;
        let mut busy = None;
        until(async || {
            busy = store.pool().acquire().await.ok();
            busy.is_some()
        })
        .await;
        assert_eq!((signs_in(&store).await, sign(&store, "n").await), (false, None));
        drop(busy);
        until(async || signs_in(&store).await && sign(&store, "n").await.is_some()).await;
    }
}

#[tokio::test]
async fn a_read_only_database_is_read_and_takes_nothing() {
    let database = Database::file();
    let store = database.connect().await;
    add_alice(&store).await;
    let read_only = Database::new(format!("{}?mode=ro", database.url), None).connect().await;
    assert!(signs_in(&read_only).await);
    assert_eq!(sign(&read_only, "n").await, None);
    assert!(read_only.check_ready().await.is_err());
    assert!(read_only.set_scopes("alice", &ScopeSet::empty()).await.is_err());
    assert_eq!(sign(&store, "n").await, Some(Recorded::Fresh), "nothing was recorded");
}

#[tokio::test]
async fn a_full_disk_takes_nothing_loses_nothing_and_goes_on_when_there_is_room() {
    let database = Database::file();
    // One connection, as the bound on the pages is a connection's.
    let store = database.options().max_connections(1).connect().await.unwrap();
    add_alice(&store).await;
    let (pages,): (i64,) = sqlx::query_as("SELECT page_count FROM pragma_page_count")
        .fetch_one(store.pool())
        .await
        .unwrap();
    let bound = |pages: i64| {
        let bound = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        sqlx::raw_sql(bound).execute(store.pool())
    };
    bound(pages + 2).await.unwrap();
    let nonces: Vec<_> = (0..2000).map(|n: usize| format!("{n:_>64}")).collect();
    let mut acknowledged = Vec::new();
    let mut refused = None;
    for nonce in &nonces {
        match sign(&store, nonce).await {
            Some(Recorded::Fresh) => acknowledged.push(nonce),
            Some(other) => panic!("{other:?}"),
            None => {
                refused = Some(nonce);
                break;
            }
        }
    }
    let refused = refused.expect("the disk is full at some time");
    assert!(!acknowledged.is_empty());
    assert!(signs_in(&store).await, "reading goes on");
    for nonce in &acknowledged {
        assert_eq!(sign(&store, nonce).await, Some(Recorded::Replayed));
    }
    bound(pages + 2000).await.unwrap();
    assert_eq!(sign(&store, refused).await, Some(Recorded::Fresh));
    store.close().await;
    let store = database.connect().await;
    for nonce in acknowledged {
        assert_eq!(sign(&store, nonce).await, Some(Recorded::Replayed));
    }
}

/// A disk of two mebibytes, if this process may make one.
struct Disk(PathBuf);

impl Disk {
    fn new() -> Option<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("portcullis-disk-{:016x}", u64::from_be_bytes(random));
        let disk = Self(env::temp_dir().join(name));
        fs::create_dir(&disk.0).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "portcullis"]).arg(&disk.0);
        let mounted = mount.stderr(Stdio::null()).status();
        mounted.is_ok_and(|mounted| mounted.success()).then_some(disk)
    }

    /// Until nothing more goes onto it.
    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).unwrap();
        for length in [4096, 1] {
            while file.write_all(&vec![0; length]).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).stderr(Stdio::null()).status();
        let _ = fs::remove_dir(&self.0);
    }
}

#[tokio::test]
async fn a_real_disk_that_is_full_is_not_ready_loses_nothing_and_goes_on_when_there_is_room() {
    let Some(disk) = Disk::new() else {
        // `tests/run` says so at its end, where it is seen.
        eprintln!("NOT RUN: a full disk, since this process may not mount one. Root may.");
        return;
    };
    let database = Database::new(format!("sqlite:{}/test.db", disk.0.display()), None);
    let store = database.connect().await;
    add_alice(&store).await;
    let mut acknowledged = Vec::new();
    for _ in 0..3 {
        until(async || store.check_ready().await.is_ok()).await;
        disk.fill();
        // There may be room left in the files that there are.
        let mut refused = String::new();
        until(async || {
            refused = format!("nonce-{}", acknowledged.len());
            if sign(&store, &refused).await == Some(Recorded::Fresh) {
                acknowledged.push(refused.clone());
                return false;
            }
            store.check_ready().await.is_err()
        })
        .await;
        assert!(signs_in(&store).await, "reading goes on");
        disk.empty();
        assert_eq!(sign(&store, &refused).await, Some(Recorded::Fresh));
        acknowledged.push(refused);
    }
    store.close().await;
    let store = database.connect().await;
    for nonce in acknowledged {
        assert_eq!(sign(&store, &nonce).await, Some(Recorded::Replayed), "{nonce}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_writes_has_stored_what_it_acknowledged() {
    let database = Database::file();
    let mut acknowledged = Vec::new();
    for writer in 0..3 {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--ignored", "--exact", "--nocapture", "faults_sqlite::writes_until_it_is_killed"]);
        child.env(URL, &database.url).env(WRITER, writer.to_string());
        let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // Until the end of its output, and that is where it was killed.
        for line in printed {
            let Some(number) = line.strip_prefix("acknowledged ") else { continue };
            acknowledged.push(Write { writer, number: number.parse().unwrap() });
            if acknowledged.len() >= 30 * (writer + 1) {
                child.kill().unwrap();
            }
        }
        assert_eq!(
            child.wait().unwrap().signal(),
            Some(9),
            "it ends when it is killed, and not before"
        );
    }
    let store = database.connect().await;
    for write in acknowledged {
        assert!(write.is_kept(&store).await, "{write:?}");
    }
    assert_eq!(sign(&store, "new").await, Some(Recorded::Fresh));
    let check = sqlx::query_as::<_, (String,)>("PRAGMA integrity_check").fetch_one(store.pool());
    assert_eq!(check.await.unwrap().0, "ok");
}

#[tokio::test]
#[ignore = "is started by the test above"]
async fn writes_until_it_is_killed() {
    let [url, writer] = [URL, WRITER].map(|name| env::var(name).unwrap());
    let store = patient_options(&url).connect().await.unwrap();
    for number in 0.. {
        let write = Write { writer: writer.parse().unwrap(), number };
        write.make(&store).await.unwrap();
        let mut output = std::io::stdout();
        writeln!(output, "acknowledged {number}").and_then(|()| output.flush()).unwrap();
    }
}
