//! Hashes of other kinds than argon2id: those that a database may have from before.

use portcullis::basic::{
    Argon2id, MemoryUserStore, PasswordHash, PasswordVerifier, StoredHashes, User,
};

use super::{Witness, basic, get_with, hash_of_cost, seen, send, watched};
use crate::support::Log;

/// By other implementations of bcrypt and of PBKDF2: kind, password, hash. Those of passlib 1.7.4 and of Django 5.2 are
/// as these have written them.
pub(super) const VECTORS: [(&str, &str, &str); 20] = [
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
    (
        "pbkdf2",
        "open sesame",
        "$pbkdf2-sha256$1$c2FsdHNhbHRzYWx0$wWz2/68xW1ABmATcSTrJeKtQ7qdNvOAswe0616MNpBI",
    ),
    (
        "pbkdf2",
        "open sesame",
        "$pbkdf2-sha256$1000$./..AHNhbHT/////AQIDBA$zwTm3Wr2V9TejvO/4zlhVp3mmnzPrkmMG8sfZzNLvXg",
    ),
    ("pbkdf2", "123\u{a3}", "$pbkdf2-sha256$1000$$.07KNW3Ktu7chrHmaeb/HcnbtKhzfNJRO14olhI6Vjs"),
    (
        "pbkdf2",
        "open sesame",
        "$pbkdf2-sha512$1$c2FsdHNhbHRzYWx0$34lFtr/uTyagogUMa5t4N1a1Ghvld/g1hy7amCX1mQGemiTAt1VNkpSUJxCp1qjrDJboXikHUUd/LPU7iVYayg",
    ),
    (
        "pbkdf2",
        "open sesame",
        "$pbkdf2-sha512$1000$./..AHNhbHT/////AQIDBA$YBQpOMMzy.KhrdT5WRgQtmlwErjwO8R7jRCex9D5G4vaC4ui2tPkUMvAAJu2YEHz5y/JVKa72YhqTfFsAYmOnQ",
    ),
    (
        "pbkdf2",
        "open sesame",
        "pbkdf2_sha256$1$saltsaltsalt$wWz2/68xW1ABmATcSTrJeKtQ7qdNvOAswe0616MNpBI=",
    ),
    (
        "pbkdf2",
        "open sesame",
        "pbkdf2_sha256$1000$aZ09aZ09aZ09aZ09aZ09aZ$Y09JsmpQqWdHZZ7K3xbsedxZFET3G3lWM2UGKcwhXvI=",
    ),
    ("pbkdf2", "123\u{a3}", "pbkdf2_sha256$1000$x$lfITCDAzNGkI5Z8wZHODaX2qn8wKq0cnurfCsE2HQi0="),
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
    let enabled = kind.is_empty() || features.contains(&(kind, true));
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
fn the_name_of_springs_encoder_may_stand_before_a_hash_that_says_all_itself() {
    let argon2 = super::cheap("open sesame");
    let bcrypt = VECTORS[0].2;
    for (id, text) in [
        ("{argon2}", argon2.as_str()),
        ("{argon2@SpringSecurity_v5_8}", argon2.as_str()),
        ("{bcrypt}", bcrypt),
        // The hash says what it is.
        ("{bcrypt}", argon2.as_str()),
    ] {
        let text = format!("{id}{text}");
        let Some(hash) = supported(if text.contains("$2b$") { "bcrypt" } else { "" }, &text) else {
            continue;
        };
        assert_eq!(hash.as_str(), text, "it is replaced as it is stored");
        let verifier = StoredHashes::default();
        assert!(
            verifier.verify(b"open sesame", &hash) && !verifier.verify(b"open barley", &hash),
            "{text}"
        );
    }
    let plain = argon2.as_str();
    for text in [
        format!("{{noop}}{plain}"),
        format!("{{bcrypt}}{{bcrypt}}{plain}"),
        format!("{{bcrypt@5}}{plain}"),
        format!("{{BCRYPT}}{plain}"),
        format!(" {{bcrypt}}{plain}"),
        "{bcrypt}".to_owned(),
        "{bcrypt}open sesame".to_owned(),
        "{noop}open sesame".to_owned(),
        // These do not say how they were made.
        "{pbkdf2}5d923b44a6d129f3ddf3e3c8d29412723dcbde72445e8ef6bf3b508fbf17fa4ed4d6b99ca763d8dc"
            .to_owned(),
        format!("{{pbkdf2@SpringSecurity_v5_8}}{}", "ab".repeat(48)),
        format!("{{pbkdf2}}{}", VECTORS[12].2),
    ] {
        assert!(PasswordHash::parse(&text).is_err(), "{text}");
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
        // As much work in less memory.
        (19_455, 3, true),
        (9_728, 4, true),
        (1_216, 32, true),
        (19_456, 3, false),
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
