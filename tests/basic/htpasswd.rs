//! User files.

use std::error::Error;

use portcullis::{
    ConfigError,
    basic::{MemoryUserStore, UserStore},
};

use super::{basic, cheap, get_with, layer, send};

/// An error and all that led to it.
fn chain(error: &ConfigError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn refused(text: &str) -> String {
    chain(&MemoryUserStore::from_htpasswd(text).expect_err("the file has a mistake"))
}

#[tokio::test]
async fn a_file_with_comments_and_empty_lines_is_read_with_either_line_ending() {
    let (alice, bob) = (cheap("wonderland"), cheap("builder"));
    let lines = [
        "# who may",
        "",
        &format!("alice:{}", alice.as_str()),
        "   ",
        "#mallory:$apr1$x$y",
        &format!("bob the builder:{}", bob.as_str()),
    ];
    for ending in ["\n", "\r\n"] {
        for last in ["", ending] {
            let text = lines.join(ending) + last;
            let layer = layer(MemoryUserStore::from_htpasswd(&text).unwrap());
            for (name, password, status) in [
                ("alice", "wonderland", 200),
                ("bob the builder", "builder", 200),
                ("alice", "builder", 401),
                ("#mallory", "x", 401),
                ("", "", 401),
            ] {
                let answer = send(&layer, get_with("/", basic(name, password))).await;
                assert_eq!(answer.status, status, "{name}");
            }
        }
    }
    assert!(MemoryUserStore::from_htpasswd("").is_ok());
}

#[tokio::test]
async fn a_store_read_from_a_file_has_a_decoy_of_the_files_cost() {
    let text = format!("alice:{}\nbob:{}", cheap("a").as_str(), cheap("b").as_str());
    let users = MemoryUserStore::from_htpasswd(&text).unwrap();
    let decoy = users.decoy().expect("there are users");
    assert!(decoy.as_str().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    assert!(!text.contains(decoy.as_str()));
}

#[test]
fn a_mistake_is_reported_with_the_number_of_its_line() {
    let good = cheap("wonderland");
    let good = good.as_str();
    let (salt, output) = ("c2FsdHNhbHRzYWx0", "DRX/xNErmLZiZ/dUgsK9CGJ2QSlhEtLZSCSZHDuylhM");
    let with = |params: &str| format!("bob:$argon2id$v=19${params}${salt}${output}");
    for (line, why) in [
        ("bob".to_owned(), "no colon"),
        (good.to_owned(), "no colon"),
        ("bob:hunter2".to_owned(), "PHC"),
        ("bob:".to_owned(), "PHC"),
        (" bob".to_owned(), "no colon"),
        ("bob:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00".to_owned(), ""),
        ("bob:$2y$31$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC".to_owned(), "bcrypt"),
        ("bob:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=".to_owned(), "PHC"),
        ("bob:rqXexS6ZhobKA".to_owned(), "PHC"),
        (format!("bob: {good}"), "PHC"),
        (format!("alice:{good}"), "occurs twice"),
        (format!(":{good}"), "empty"),
        (format!("b\tob:{good}"), "control character"),
        (format!("bob:bob:{good}"), "PHC"),
        (good.replace("argon2id", "bob:$argon2i").replacen('$', "", 1), "argon2id"),
        (good.replace("argon2id", "bob:$argon2d").replacen('$', "", 1), "argon2id"),
        (with("m=4294967295,t=2,p=1"), "m=262144"),
        (with("m=262145,t=2,p=1"), "m=262144"),
        (with("m=4096,t=100,p=1"), "t=32"),
        (with("m=4096,t=4294967295,p=1"), "t=32"),
        (with("m=4096,t=1,p=255"), "p=16"),
        (with("m=262144,t=5,p=1"), "1310720 KiB in all"),
        (with("m=32769,t=32,p=1"), "1048608 KiB in all"),
        (with("m=262144,t=32,p=16"), "KiB in all"),
        (with("m=0,t=1,p=1"), "parameters"),
        (with("m=8,t=0,p=1"), "parameters"),
        (with("m=8,t=1,p=0"), "parameters"),
        (with("m=4294967296,t=1,p=1"), ""),
        (with("m=-8,t=1,p=1"), ""),
        (format!("bob:$argon2id$v=16$m=8,t=1,p=1${salt}${output}"), "version"),
        (format!("bob:$argon2id$m=8,t=1,p=1${salt}${output}"), "version"),
        (format!("bob:$argon2id$v=19$m=8,t=1,p=1${salt}"), "lacks"),
        ("bob:$argon2id$v=19$m=8,t=1,p=1".to_owned(), "lacks"),
        ("bob:$argon2id".to_owned(), ""),
        ("bob:$argon2id$v=19$m=8,t=1,p=1$c2FsdA$AAAA".to_owned(), ""),
    ] {
        let text = format!("# users\n\nalice:{good}\n{line}\ncarol:{good}\n");
        let error = refused(&text);
        assert!(error.contains("line 4"), "{line}: {error}");
        assert!(error.contains(why), "{line}: {error}");
        let crlf = refused(&text.replace('\n', "\r\n"));
        assert_eq!(crlf, error, "{line}");
    }
}

#[test]
fn a_password_in_clear_where_a_hash_should_be_is_not_repeated_in_the_error() {
    for line in [
        "alice:hunter2",
        "alice:$hunter2",
        "alice:$hunter2$x",
        "alice:hunter2:$argon2id$v=19",
        "alice:$argon2id$hunter2",
        "alice:$argon2id$v=19$m=8,t=1,p=1$hunter2",
    ] {
        let error = MemoryUserStore::from_htpasswd(line).unwrap_err();
        let text = format!("{} {error:?}", chain(&error));
        assert!(!text.contains("hunter2"), "{line}: {text}");
    }
}
