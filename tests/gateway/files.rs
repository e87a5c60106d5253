//! The database, and the key file beside it.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{
    Key, add_carol,
    gateway_support::{Folder, Server, run},
    printed, refusal, s3p, said, smp, smsgate,
};

#[test]
fn only_their_owner_may_read_the_database_and_the_key_file() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for name in ["gateway.db", "gateway.db-wal", "gateway.db-shm", "gateway.keys"] {
        let mode = fs::metadata(folder.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}: {mode:o}");
    }
    server.stop();
    assert!(!folder.path("gateway.db-wal").exists(), "all is in the one file, which can be copied");
}

#[tokio::test]
async fn with_adopted_keys_s3p_is_unavailable_until_its_secrets_are_new_and_the_log_says_why() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (key, alice, token) = (Key::of_demo(&server), server.alice(), server.user_token());
    assert_eq!(s3p(&server, &key).await, 200);
    server.stop();
    let other = Folder::new();
    add_carol(&other);
    fs::copy(other.path("gateway.keys"), folder.path("gateway.keys")).unwrap();
    let told = refusal(&run(&folder, &[]));
    assert!(told.contains("is not the one that this database was made with"), "{told}");
    assert_eq!(said(&run(&folder, &["adopt"])), "");

    let server = Server::start(&folder, &[]);
    assert_eq!(s3p(&server, &key).await, 503);
    // What does not need the keys works.
    assert_eq!((smsgate(&server, &alice).await, smp(&server, &token).await), (200, 200));
    // The way back, if the right file is lost.
    let rotated = run(&folder, &["s3p-key", "rotate", &key.token]);
    let rotated = Key { secret: printed(&rotated, "secret (shown once): "), ..key };
    assert_eq!(s3p(&server, &rotated).await, 200);
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(log.contains("is this the sealing key of this database?"), "{log}");
    assert!(!log.contains(&rotated.secret), "{log}");
}

#[tokio::test]
async fn jwts_outlive_a_restart_and_not_the_key_file() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let pair = crate::ask_for_jwt(&server, &server.alice(), "messages:list").await.json();
    let jwt = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    server.stop();
    let server = Server::start(&folder, &[]);
    assert_eq!(smsgate(&server, &jwt).await, 200);
    server.stop();
    fs::remove_file(folder.path("gateway.keys")).unwrap();
    let told = refusal(&run(&folder, &[]));
    assert!(told.contains("there is no key file") && told.contains("`gateway adopt --help`"), "{told}");
    assert!(!folder.path("gateway.keys").exists());
    assert_eq!(said(&run(&folder, &["adopt"])), "");
    let server = Server::start(&folder, &[]);
    assert_eq!(smsgate(&server, &jwt).await, 401);
}

#[test]
fn a_damaged_key_file_is_named_and_left_alone() {
    let folder = Folder::new();
    add_carol(&folder);
    let file = folder.path("gateway.keys");
    for damaged in ["", "not base64!", "c2hvcnQ="] {
        fs::write(&file, damaged).unwrap();
        for arguments in [&[][..], &["s3p-key", "list"]] {
            let told = refusal(&run(&folder, arguments));
            let reason = format!(
                "cannot use the key file {}: it does not hold 64 bytes in base64",
                file.display()
            );
            assert!(told.contains(&reason), "{told}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), damaged);
    }
}
