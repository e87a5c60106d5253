//! bcrypt and PBKDF2: truncation, limits, decoys.

use portcullis::basic::{
    MemoryUserStore, PasswordHash, PasswordVerifier, StoredHashes, User, UserStore,
};

use super::{Witness, basic, cheap, get_with, hash_kinds::VECTORS, send, watched};

/// 71 and 72 times `p`.
const P71: &str = "$2b$04$abcdefghijklmnopqrstuuTYDowBoYf34KLYBHbWu7CBwc/8jbH1q";
const P72: &str = "$2b$04$abcdefghijklmnopqrstuuNt.0ah97gHY3F7JC1Z6EXmQc0bQBhIO";

#[tokio::test]
async fn bcrypt_never_lets_a_password_in_by_its_first_72_bytes() {
    let (p71, p72) = ("p".repeat(71), "p".repeat(72));
    for (hash, right) in [(P71, &p71), (P72, &p72)] {
        let users = MemoryUserStore::new();
        users.insert(User::new("aladdin", PasswordHash::parse(hash).unwrap()).unwrap());
        let witness = Witness::default();
        let layer = watched(users, witness.clone());
        for length in [70, 71, 72, 73, 74, 100, 144, 1000, 1024, 1025] {
            let sent = "p".repeat(length);
            let answer = send(&layer, get_with("/", basic("aladdin", &sent))).await;
            assert_eq!(answer.status, if sent == **right { 200 } else { 401 }, "{length}");
            assert_eq!(witness.take().len(), 1, "{length}");
        }
    }
    let known = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    let hash = PasswordHash::parse(hash).unwrap();
    let verifies = |password: &str| StoredHashes::default().verify(password.as_bytes(), &hash);
    assert!(verifies(known));
    assert!(!verifies(&format!("{known}chars after 72 are ignored")));
}

#[test]
fn stored_parameters_that_ask_for_too_much_or_for_nothing_are_refused() {
    let bcrypt = |head: &str| format!("{head}abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy");
    let pbkdf2 = |head: &str| {
        format!("{head}$c2FsdHNhbHRzYWx0c2FsdA$KZFTzIznaRX922YTLtoVDNDuIabKoY8qtg8GN6CDHNU")
    };
    for text in [bcrypt("$2b$16$"), pbkdf2("$pbkdf2-sha256$i=5000000")] {
        PasswordHash::parse(&text).unwrap();
    }
    for (text, why) in [
        (bcrypt("$2b$17$"), "16"),
        (bcrypt("$2b$31$"), "16"),
        (bcrypt("$2b$99$"), "16"),
        (bcrypt("$2b$03$"), "between 4"),
        (bcrypt("$2b$00$"), "between 4"),
        (bcrypt("$2b$4$"), "malformed"),
        (bcrypt("$2b$+5$"), "malformed"),
        (bcrypt("$2b$004$"), "malformed"),
        (bcrypt("$2b$-1$"), "malformed"),
        (bcrypt("$2x$04$"), "form"),
        (bcrypt("$2$04$"), "form"),
        (bcrypt("$2c$04$"), "form"),
        (bcrypt("$2b$04$")[..59].to_owned(), "malformed"),
        (bcrypt("$2b$04$") + ".", "malformed"),
        ("$2b$04$".to_owned(), "malformed"),
        (
            "$2b$04$\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}x".to_owned(),
            "malformed",
        ),
        ("$2".to_owned(), "malformed"),
        ("$2b$".to_owned(), "malformed"),
        (pbkdf2("$pbkdf2-sha256$i=0"), "between 1"),
        (pbkdf2("$pbkdf2-sha256$l=32"), "between 1"),
        (pbkdf2("$pbkdf2-sha256"), ""),
        (pbkdf2("$pbkdf2-sha256$i=5000001"), "5000000"),
        (pbkdf2("$pbkdf2-sha512$i=4294967295"), "5000000"),
        (pbkdf2("$pbkdf2-sha256$i=4294967296"), "between"),
        (pbkdf2("$pbkdf2-sha256$i=1000,l=64"), "`l`"),
        (pbkdf2("$pbkdf2-sha256$i=1000,x=1"), "`i` and `l`"),
        (pbkdf2("$pbkdf2-sha256$v=1$i=1000"), "version"),
        (pbkdf2("$pbkdf2-sha1$i=1000"), "argon2id"),
        (pbkdf2("$pbkdf2$i=1000"), "argon2id"),
        ("$pbkdf2-sha256$i=1000$c2FsdHNhbHRzYWx0c2FsdA".to_owned(), "lacks"),
    ] {
        let error = PasswordHash::parse(&text).expect_err(&text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn what_passlib_and_django_would_not_have_written_is_refused() {
    let django = |iterations: &str, salt: &str| {
        format!("pbkdf2_sha256${iterations}${salt}$wWz2/68xW1ABmATcSTrJeKtQ7qdNvOAswe0616MNpBI=")
    };
    let passlib = |iterations: &str, salt: &str| {
        format!("$pbkdf2-sha256${iterations}${salt}$wWz2/68xW1ABmATcSTrJeKtQ7qdNvOAswe0616MNpBI")
    };
    let salt = "c2FsdHNhbHRzYWx0";
    for text in [
        django("5000000", salt),
        passlib("5000000", salt),
        django("1", ""),
        django("1", &"x".repeat(1024)),
        django("1", "caf\u{e9}"),
    ] {
        PasswordHash::parse(&text).unwrap();
    }
    let half = "wWz2/68xW1ABmATcSTrJeA";
    for (text, why) in [
        (django("5000001", salt), "5000000"),
        (passlib("5000001", salt), "5000000"),
        (django("4294967297", salt), "5000000"),
        (passlib("18446744073709551615", salt), "5000000"),
        (django("18446744073709551617", salt), ""),
        (django("0", salt), ""),
        (passlib("0", salt), ""),
        (passlib("01000", salt), ""),
        (django("+1000", salt), ""),
        (django("-1", salt), ""),
        (django("", salt), ""),
        (django("1", &"x".repeat(1025)), "malformed"),
        (passlib("1", "c2FsdHNhbHRzYW+0"), "malformed"),
        (passlib("1", "c2FsdHNhbHRzYW="), "malformed"),
        (passlib("1", "c2FsdHNhbHR"), "malformed"),
        (passlib("1", salt) + "=", "malformed"),
        (passlib("1", salt) + "$", ""),
        (django("1", salt) + "$", ""),
        (django("1", "a$b"), ""),
        (django("1", salt).trim_end_matches('=').to_owned(), "malformed"),
        (format!("$pbkdf2-sha256$1${salt}${half}"), "malformed"),
        (format!("pbkdf2_sha256$1${salt}${half}=="), "malformed"),
        (format!("$pbkdf2-sha256$1${salt}$"), ""),
        (format!("$pbkdf2-sha256$1${salt}"), ""),
        (format!("pbkdf2_sha256$1${salt}"), ""),
        // With SHA-1.
        ("$pbkdf2$10$c2FsdHNhbHQ$s7YRlMT9jZcX.SHTsh.2eE5ry7s".to_owned(), ""),
        ("pbkdf2_sha1$10$salt$CrqvOIbktp6rbU4uLgdo2HOWQ7E=".to_owned(), ""),
        (django("1", salt).replace("sha256", "sha512"), ""),
        (django("1", salt).replace("pbkdf2", "PBKDF2"), ""),
    ] {
        let error = PasswordHash::parse(&text).expect_err(&text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn the_decoy_is_of_the_majoritys_kind_and_cost_and_no_password_is_its() {
    for (_, password, text) in VECTORS {
        let users = MemoryUserStore::new();
        users.insert(User::new("one", PasswordHash::parse(text).unwrap()).unwrap());
        users.insert(User::new("two", PasswordHash::parse(text).unwrap()).unwrap());
        users.insert(User::new("new", cheap("x")).unwrap());
        let decoy = users.decoy().unwrap();
        let parameters = |hash: &str| hash.rsplit_once('$').unwrap().0.to_owned();
        assert_eq!(parameters(decoy.as_str()), parameters(text));
        assert_eq!(decoy.as_str().len(), text.len());
        assert!(decoy.as_str() != text && !format!("{decoy:?}").contains(text));
        assert!(!StoredHashes::default().verify(password.as_bytes(), &decoy));
    }
}
