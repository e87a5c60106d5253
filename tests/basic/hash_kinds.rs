//! Hashes of other kinds than argon2id: those that a database may have from before.

use portcullis::basic::{Argon2id, MemoryUserStore, PasswordHash, PasswordVerifier, User};

use super::{Witness, basic, get_with, hash_of_cost, seen, send, watched};
use crate::support::Log;

/// By another implementation of bcrypt and of PBKDF2: kind, password, hash.
pub(super) const VECTORS: [(&str, &str, &str); 12] = [
    ("bcrypt", "open sesame", "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"),
    ("bcrypt", "open sesame", "$2a$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"),
    ("bcrypt", "open sesame", "$2y$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"),
    ("bcrypt", "123\u{a3}", "$2b$04$abcdefghijklmnopqrstuu2aG2DsX9FsX/hhmOneEyswww7FK9YLq"),
    ("bcrypt", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("bcrypt", "U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("bcrypt", "U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (
        "pbkdf2",
        "open sesame",
        "$pbkdf2-sha256$i=1,l=32$c2FsdHNhbHRzYWx0c2FsdA$KZFTzIznaRX922YTLtoVDNDuIabKoY8qtg8GN6CDHNU",
    ),
    (
        "pbkdf2",
        "open sesame",
        "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$GDAYJJtfElk+xpdigX69OXyhgz3//WebdzIiNpVdWzI",
    ),
    (
        "pbkdf2",
        "open sesame",
        "$pbkdf2-sha256$i=1000$c2FsdHNhbHRzYWx0c2FsdA$GDAYJJtfElk+xpdigX69OXyhgz3//WebdzIiNpVdWzI",
    ),
    (
        "pbkdf2",
        "open sesame",
        "$pbkdf2-sha512$i=1,l=64$c2FsdHNhbHRzYWx0c2FsdA$Il4T4ZYim1jHXvC+mshlDcfr+qfRsnS7GIsBLgV8D/H6gleaIHPPntTFFjGC401QtfRBWwqqtGazUxFTnpxjlQ",
    ),
    (
        "pbkdf2",
        "open sesame",
        "$pbkdf2-sha512$i=1000,l=64$c2FsdHNhbHRzYWx0c2FsdA$rH49+GBQQx+aYjqU0IInq11GDr/1FQfVhpQimzZghULOfU0fmOq15gw/nXRodl5UvFUiO8+Ojg16CfAC1o0KQg",
    ),
];

#[tokio::test]
async fn a_user_signs_in_with_a_hash_of_each_kind_and_one_verification() {
    for (kind, password, text) in VECTORS {
        let Some(hash) = supported(kind, text) else { continue };
        assert_eq!(hash.as_str(), text);
        assert!(hash.is_outdated() && !Argon2id::default().verify(password.as_bytes(), &hash));
        let users = MemoryUserStore::new();
        users.insert(User::new("aladdin", hash).unwrap());
        let witness = Witness::default();
        let layer = watched(users, witness.clone());
        let (longer, mut flipped) = (format!("{password}x"), password.to_owned());
        flipped.pop();
        flipped.push('x');
        for (sent, status) in
            [(password, 200), ("wrong", 401), (&flipped, 401), ("", 401), (&longer, 401)]
        {
            let answer = send(&layer, get_with("/", basic("aladdin", sent))).await;
            assert_eq!(answer.status, status, "{sent} {text}");
            assert_eq!(witness.take().len(), 1, "{sent} {text}");
        }
    }
}

/// The hash, if the feature is on that this kind needs; without it, the error names the feature.
fn supported(kind: &str, text: &str) -> Option<PasswordHash> {
    let features = [("bcrypt", cfg!(feature = "bcrypt")), ("pbkdf2", cfg!(feature = "pbkdf2"))];
    let enabled = features.contains(&(kind, true));
    match PasswordHash::parse(text) {
        Ok(hash) => {
            assert!(enabled);
            Some(hash)
        }
        Err(error) => {
            assert!(!enabled && error.to_string().contains(&format!("`{kind}`")), "{text}: {error}");
            None
        }
    }
}

#[test]
fn a_hash_is_outdated_if_it_is_of_another_kind_or_weaker_than_new_ones() {
    assert!(!PasswordHash::of("x").unwrap().is_outdated());
    for (memory, passes, outdated) in [
        (19_456, 1, true),
        (19_455, 2, true),
        (19_456, 2, false),
        (47_104, 1, false),
        (65_536, 3, false),
        (8, 1, true),
    ] {
        let text = format!(
            "$argon2id$v=19$m={memory},t={passes},p=1$c2FsdHNhbHRzYWx0$DRX/xNErmLZiZ/dUgsK9CGJ2QSlhEtLZSCSZHDuylhM"
        );
        assert_eq!(PasswordHash::parse(&text).unwrap().is_outdated(), outdated, "{text}");
    }
}

#[tokio::test]
async fn a_stored_hash_that_cannot_be_verified_is_refused_like_any_other_and_logged_as_an_error() {
    for text in [
        "",
        "*",
        "hunter2",
        "$argon2id$v=19$m=4294967295,t=2,p=1$c2FsdHNhbHRzYWx0$DRX/xNErmLZiZ/dUgsK9CGJ2QSlhEtLZSCSZHDuylhM",
        "$argon2id$v=19$m=8,t=0,p=1$c2FsdHNhbHRzYWx0$DRX/xNErmLZiZ/dUgsK9CGJ2QSlhEtLZSCSZHDuylhM",
        "$2b$31$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy",
        "$6$saltsalt$xyz",
    ] {
        let log = Log::capture();
        let witness = Witness::default();
        let hash = PasswordHash::parse_or_unusable(text);
        assert_eq!(hash.as_str(), text);
        let users = MemoryUserStore::new();
        users.insert(User::new("jafar", hash).unwrap());
        for name in ["one", "two"] {
            users.insert(User::new(name, hash_of_cost("x", 16, 2)).unwrap());
        }
        let layer = watched(users, witness.clone());
        let model = seen(&send(&layer, get_with("/", basic("nobody", "hunter2"))).await);
        assert!(!log.text().contains("ERROR"));
        let decoy = witness.take();
        for password in ["hunter2", text, "x"] {
            let answer = send(&layer, get_with("/", basic("jafar", password))).await;
            assert_eq!(seen(&answer), model, "{text}");
            let hashes = witness.take();
            assert_eq!(hashes.len(), 1, "{text}");
            assert_eq!(hashes[0].hash.as_str(), decoy[0].hash.as_str());
        }
        assert!(log.text().contains("ERROR") && log.text().contains("jafar"), "{}", log.text());
        assert!(log.text().contains("basic.unusable_hash"));
        assert!(text.is_empty() || text == "*" || !log.text().contains(text), "{}", log.text());
    }
}
