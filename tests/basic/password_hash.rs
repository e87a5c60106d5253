//! `PasswordHash`: what is accepted, and that nothing that is stored can harm.

use std::sync::LazyLock;

use portcullis::basic::{Argon2id, MemoryUserStore, PasswordHash, PasswordVerifier, User, UserStore};
use proptest::prelude::*;

use super::cheap;

const SALT: &str = "c2FsdHNhbHRzYWx0";
const OUTPUT: &str = "DRX/xNErmLZiZ/dUgsK9CGJ2QSlhEtLZSCSZHDuylhM";

#[test]
fn hashes_within_the_limits_are_accepted_and_kept_as_they_are() {
    for params in [
        "m=19456,t=2,p=1",
        "m=8,t=1,p=1",
        "m=128,t=32,p=16",
        "m=262144,t=1,p=1",
        "m=262144,t=4,p=1",
        "m=32768,t=32,p=16",
    ] {
        let text = format!("$argon2id$v=19${params}${SALT}${OUTPUT}");
        assert_eq!(PasswordHash::parse(&text).unwrap().as_str(), text);
    }
}

#[test]
fn a_new_password_has_between_1_and_1024_bytes() {
    assert!(PasswordHash::of("x").is_ok());
    assert!(PasswordHash::of(&"x".repeat(1024)).is_ok());
    for password in ["", &"x".repeat(1025), &"\u{a3}".repeat(513)] {
        assert!(PasswordHash::of(password).is_err(), "{}", password.len());
    }
    let hash = PasswordHash::of("open sesame").unwrap();
    assert_eq!(PasswordHash::parse(hash.as_str()).unwrap().as_str(), hash.as_str());
}

#[test]
fn a_name_that_basic_cannot_carry_is_refused() {
    for name in ["", "a:b", ":", "a\0", "a\nb", "\u{7f}", "a\u{85}"] {
        assert!(User::new(name, cheap("x")).is_err(), "{name:?}");
    }
    for name in ["a", " ", "alice@example.org", "Ren\u{e9}e", "\u{1f9de}"] {
        assert!(User::new(name, cheap("x")).is_ok(), "{name:?}");
    }
}

/// Parts of PHC strings, good and bad, one after the other.
fn mosaic() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("$argon2id".to_owned()),
        Just("$argon2i".to_owned()),
        Just("$v=19".to_owned()),
        Just("$m=8,t=1,p=1".to_owned()),
        Just(format!("${SALT}")),
        Just(format!("${OUTPUT}")),
        Just("$pbkdf2-sha256$1000".to_owned()),
        Just("pbkdf2_sha256$1000".to_owned()),
        Just("{bcrypt}".to_owned()),
        Just(",keyid=AAAA".to_owned()),
        Just(",data=AAAA".to_owned()),
        "[$=,a-z0-9+/]{0,6}",
        "[mtpv]=[0-9]{1,12}",
        ".{0,3}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// A whole hash with odd numbers in it.
fn odd_numbers() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        Just(String::new()),
        Just("0".to_owned()),
        Just("1".to_owned()),
        Just("8".to_owned()),
        Just("64".to_owned()),
        Just("01".to_owned()),
        Just("4294967295".to_owned()),
        Just("4294967296".to_owned()),
        Just("-1".to_owned()),
    ];
    let b64 = "[A-Za-z0-9+/]{0,100}";
    (prop::array::uniform4(number), b64, b64).prop_map(|([v, m, t, p], salt, output)| {
        let v = if v == "1" { "19" } else { &v };
        format!("$argon2id$v={v}$m={m},t={t},p={p}${salt}${output}")
    })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![any::<String>(), mosaic(), odd_numbers()]) {
        check(&text);
    }

    #[test]
    fn no_change_to_a_good_hash_makes_the_parser_panic(
        at in any::<prop::sample::Index>(),
        with in prop_oneof![any::<char>().prop_map(String::from), mosaic()],
    ) {
        static GOOD: LazyLock<PasswordHash> = LazyLock::new(|| cheap("open sesame"));
        let good = GOOD.as_str();
        let at = at.index(good.len());
        check(&format!("{}{with}{}", &good[..at], &good[at..]));
        check(&format!("{}{with}{}", &good[..at], &good[at + 1..]));
    }
}

/// What is accepted can be read again, stored, and verified, without a panic; and what is not, is an
/// error that can be printed.
fn check(text: &str) {
    match PasswordHash::parse(text) {
        Err(error) => assert!(!format!("{error} {error:?}").is_empty()),
        Ok(hash) => {
            assert_eq!(PasswordHash::parse(hash.as_str()).unwrap().as_str(), hash.as_str());
            let users = MemoryUserStore::new();
            users.insert(User::new("alice", hash.clone()).unwrap());
            let decoy = users.decoy().expect("there is a user");
            // Only what is cheap: the limits allow for 256 MiB.
            if ["m=8,", "m=64,"].iter().any(|cheap| text.contains(cheap)) {
                assert!(!Argon2id::default().verify(b"not this one", &hash));
                assert!(!Argon2id::default().verify(b"open sesame", &decoy));
            }
        }
    }
}
