//! A password is nowhere to be seen.

use std::fmt::Debug;

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis::{
    BasicAuthLayer, ProblemJson,
    basic::{Argon2id, BasicAuth, HashingPool, MemoryUserStore, PasswordHash, PasswordVerifier, User},
};

use super::{Down, basic, cheap, get_with, layer, send};
use crate::support::{Log, get};

const RIGHT: &str = "c4nary-in-the-c0al-mine";
const WRONG: &str = "w4xwing-in-the-b1rch";

/// Fails if the text holds one of the passwords, in clear or as it was sent.
#[track_caller]
fn assert_clean(text: &str) {
    for password in [RIGHT, WRONG] {
        // Base64 of each alignment: what stands before it shifts it by up to two bytes.
        let forms = (0..3).map(|at| STANDARD.encode(&password[at..at + 18]));
        for form in forms.chain([password.to_owned()]) {
            assert!(!text.contains(&form), "{form} in {text}");
        }
        let bytes = format!("{:?}", password.as_bytes());
        assert!(!text.contains(bytes.trim_matches(['[', ']'])), "the bytes of {password} in {text}");
    }
}

#[tokio::test]
async fn passwords_are_in_no_log_and_no_answer() {
    let log = Log::capture();
    let users = MemoryUserStore::new();
    users.insert(User::new("alice", cheap(RIGHT)).unwrap());
    users.insert(User::new("bob", cheap(RIGHT)).unwrap().disabled(true));
    let busy = HashingPool::new(1).queue(0);
    let auth = || BasicAuth::new("cave", users.clone()).unwrap();
    let layers = [
        layer(users.clone()),
        layer(users.clone()).optional().respond_with(ProblemJson),
        layer(Down::Now),
        layer(Down::Later),
        BasicAuthLayer::new(auth().hashing_pool(busy)),
    ];
    let long = format!("{RIGHT}{}", "x".repeat(1024));
    let encode = |bytes: &[u8]| format!("Basic {}", STANDARD.encode(bytes));
    let mut statuses = Vec::new();
    for layer in &layers {
        for sent in [
            basic("alice", RIGHT),
            basic("alice", WRONG),
            basic("alice", &long),
            basic("bob", RIGHT),
            basic("nobody", RIGHT),
            encode(RIGHT.as_bytes()),
            encode(format!("alice:{RIGHT}\n").as_bytes()),
            encode(&[format!("alice:{RIGHT}").as_bytes(), b"\xff"].concat()),
            format!("Basic alice:{RIGHT}"),
            format!("{}x", basic("alice", RIGHT)),
            RIGHT.to_owned(),
            format!("Bearer {RIGHT}"),
        ] {
            let answer = send(layer, get_with("/", sent)).await;
            statuses.push(answer.status.as_u16());
            assert_clean(&format!("{answer:?} {:?}", answer.rejection));
            if let Some(rejection) = &answer.rejection {
                assert_clean(&rejection.to_string());
            }
        }
    }
    assert_clean(&log.text());
    for status in [200, 401, 503] {
        assert!(statuses.contains(&status), "{status} was among the answers");
    }
    assert!(log.text().contains("authenticated") && log.text().contains("request refused"));
}

#[tokio::test]
async fn the_log_names_the_reason_and_nothing_that_a_stranger_has_sent() {
    let log = Log::capture();
    let layer = layer(MemoryUserStore::new());
    send(&layer, get_with("/?query=3f0c", basic("who-is-this", WRONG))).await;
    send(&layer, get_with("/path-4711", "Scheme-5ad1 x")).await;
    send(&layer, get("/")).await;
    let text = log.text();
    for reason in ["basic.unknown_user", "authorization.unknown_scheme", "authorization.missing"] {
        assert!(text.contains(reason), "{text}");
    }
    for sent in ["who-is-this", "query", "path-4711", "Scheme-5ad1"] {
        assert!(!text.contains(sent), "{sent} in {text}");
    }
}

#[test]
fn debug_prints_neither_passwords_nor_hashes() {
    let hash = PasswordHash::of(RIGHT).unwrap();
    let user = User::new("alice", hash.clone()).unwrap();
    let users = MemoryUserStore::new();
    users.insert(user.clone());
    let auth = BasicAuth::new("cave", users.clone()).unwrap();
    let layer = BasicAuthLayer::new(auth.clone());
    let service = tower::Layer::layer(&layer, ());
    let things: [&dyn Debug; 6] = [&hash, &user, &users, &auth, &layer, &service];
    let mut parts = hash.as_str().rsplit('$');
    let (output, salt) = (parts.next().unwrap(), parts.next().unwrap());
    for thing in things {
        for text in [format!("{thing:?}"), format!("{thing:#?}")] {
            assert_clean(&text);
            assert!(!text.contains(output) && !text.contains(salt), "{text}");
        }
    }
    assert!(Argon2id::default().verify(RIGHT.as_bytes(), &hash));
}
