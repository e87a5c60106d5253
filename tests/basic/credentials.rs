//! What is sent: its grammar, and what a caller learns from a refusal.

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis::{RejectionKind, basic::MemoryUserStore};

use super::{Witness, aladdin, basic, cheap, get_with, layer, seen, send, user};
use crate::support::Answer;

/// `Basic` and these bytes in base64.
fn encoded(user_pass: impl AsRef<[u8]>) -> Vec<u8> {
    format!("Basic {}", STANDARD.encode(user_pass)).into_bytes()
}

async fn ask(users: &MemoryUserStore, authorization: impl AsRef<[u8]>) -> Answer {
    send(&layer(users.clone()), get_with("/", authorization)).await
}

async fn passes(users: &MemoryUserStore, authorization: impl AsRef<[u8]>) -> bool {
    ask(users, authorization).await.status == 200
}

#[tokio::test]
async fn what_breaks_the_grammar_is_malformed_and_all_of_it_looks_the_same() {
    let users = aladdin();
    let model = seen(&ask(&users, "Basic !").await);
    assert_eq!((model.0, &*model.2), (401, "credentials malformed"));
    for (sent, reason) in [
        (b"Basic".to_vec(), "basic.separator"),
        (b"basic".to_vec(), "basic.separator"),
        (b"Basic\tYTpi".to_vec(), "basic.separator"),
        (b"Basic,YTpi".to_vec(), "basic.separator"),
        (b"Basic=YTpi".to_vec(), "basic.separator"),
        (b"Basic:YTpi".to_vec(), "basic.separator"),
        (b"Basic\xa0YTpi".to_vec(), "basic.separator"),
        (b"Basic \tYTpi".to_vec(), "basic.base64"),
        (b"Basic YTpi\t".to_vec(), "basic.base64"),
        (b"Basic YTpi ".to_vec(), "basic.base64"),
        (b"Basic YTpi Yw==".to_vec(), "basic.base64"),
        (b"Basic YTpi,".to_vec(), "basic.base64"),
        (b"Basic YTpi, Basic YTpi".to_vec(), "basic.base64"),
        (b"Basic YTpi,realm=x".to_vec(), "basic.base64"),
        (b"Basic \"YTpi\"".to_vec(), "basic.base64"),
        (b"Basic a:b".to_vec(), "basic.base64"),
        // No padding, too little, too much, in the middle.
        (b"Basic YTpiYw".to_vec(), "basic.base64"),
        (b"Basic YTpiYw=".to_vec(), "basic.base64"),
        (b"Basic YTpiYw===".to_vec(), "basic.base64"),
        (b"Basic YTpi=".to_vec(), "basic.base64"),
        (b"Basic YT=i".to_vec(), "basic.base64"),
        (b"Basic ====".to_vec(), "basic.base64"),
        // `a:bc` is `YTpiYw==`; `x`, `z` and `/` have the same leading bits.
        (b"Basic YTpiYx==".to_vec(), "basic.base64"),
        (b"Basic YTpiYz==".to_vec(), "basic.base64"),
        (b"Basic YTpiY/==".to_vec(), "basic.base64"),
        // The alphabet of URLs; and other bytes.
        (b"Basic YTr_".to_vec(), "basic.base64"),
        (b"Basic YTr-".to_vec(), "basic.base64"),
        (b"Basic YT\xffpi".to_vec(), "basic.base64"),
        (b"Basic ".to_vec(), "basic.no_colon"),
        (encoded("nocolon"), "basic.no_colon"),
        (encoded("aladdin\u{ff1a}open sesame"), "basic.no_colon"),
        // ISO-8859-1, overlong, a surrogate, UTF-16.
        (encoded(b"test:123\xa3"), "basic.utf8"),
        (encoded(b"a\xc0\xbab"), "basic.utf8"),
        (encoded(b"a:\xed\xa0\x80"), "basic.utf8"),
        (encoded(b"\xff\xfea\0:\0b\0"), "basic.utf8"),
        (encoded("aladdin:open sesame\0"), "basic.control_character"),
        (encoded("aladdin:open sesame\n"), "basic.control_character"),
    ] {
        let answer = ask(&users, &sent).await;
        let sent = String::from_utf8_lossy(&sent);
        assert_eq!(seen(&answer), model, "{sent}");
        assert_eq!(answer.kind(), RejectionKind::MalformedCredentials, "{sent}");
        assert_eq!(answer.reason(), reason, "{sent}");
    }
}

#[tokio::test]
async fn no_base64_twin_of_good_credentials_passes() {
    // 16 bytes: the last of 22 characters carries 4 bits too many.
    let users = MemoryUserStore::new();
    users.insert(user("aladdin", "sesame12"));
    let good = STANDARD.encode("aladdin:sesame12");
    assert!(passes(&users, format!("Basic {good}")).await);
    let stem = good.trim_end_matches('=');
    let (head, last) = stem.split_at(stem.len() - 1);
    for other in ('!'..='~').filter(|c| !last.starts_with(*c)) {
        assert!(!passes(&users, format!("Basic {head}{other}==")).await, "{other}");
    }
    for ending in ["", "=", "===", "== ", "==="] {
        assert!(!passes(&users, format!("Basic {stem}{ending}")).await, "{ending:?}");
    }
}

#[tokio::test]
async fn control_characters_are_malformed_in_either_part() {
    let users = aladdin();
    let controls = ('\0'..='\u{9f}').filter(|c| c.is_control());
    for control in controls {
        for sent in [format!("alad{control}din:open sesame"), format!("aladdin:open{control}sesame")] {
            let answer = ask(&users, encoded(&sent)).await;
            assert_eq!(answer.reason(), "basic.control_character", "{sent:?}");
        }
    }
}

#[tokio::test]
async fn the_first_colon_ends_the_name() {
    let users = MemoryUserStore::new();
    users.insert(user("aladdin", "open:sesame:"));
    users.insert(user("aladdin ", ":"));
    for (sent, expected) in [
        ("aladdin:open:sesame:", 200),
        ("aladdin::", 401),
        ("aladdin ::", 200),
        ("aladdin:open:sesame", 401),
        ("aladdin:open", 401),
        (":aladdin:open:sesame:", 401),
        ("aladdin:open:sesame::", 401),
    ] {
        assert_eq!(ask(&users, encoded(sent)).await.status, expected, "{sent}");
    }
}

#[tokio::test]
async fn the_scheme_is_known_in_any_case_and_after_it_come_one_or_more_blanks() {
    let users = aladdin();
    let token = STANDARD.encode("aladdin:open sesame");
    for scheme in ["Basic", "basic", "BASIC", "bAsIc"] {
        for blanks in [" ", "  ", "          "] {
            assert!(passes(&users, format!("{scheme}{blanks}{token}")).await, "{scheme}{blanks}");
        }
    }
    for scheme in ["Basicx", "Basi", "xBasic", "Basic-", "Bearer", "Digest"] {
        let answer = ask(&users, format!("{scheme} {token}")).await;
        assert_eq!(answer.kind(), RejectionKind::RefusedCredentials, "{scheme}");
        assert_eq!(answer.reason(), "authorization.unknown_scheme", "{scheme}");
    }
}

#[tokio::test]
async fn two_authorization_lines_are_refused_even_if_both_are_right() {
    let (good, bad) = (basic("aladdin", "open sesame"), basic("aladdin", "no"));
    for lines in [[&good, &good], [&good, &bad], [&bad, &good]] {
        let mut request = get_with("/", lines[0]);
        request.headers_mut().append("authorization", lines[1].parse().unwrap());
        let answer = send(&layer(aladdin()), request).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, "authorization.repeated"));
    }
}

#[tokio::test]
async fn names_and_passwords_are_utf_8_and_not_normalized() {
    let users = MemoryUserStore::new();
    users.insert(user("test", "123\u{a3}"));
    users.insert(user("Ren\u{e9}e", "caf\u{e9}"));
    // The example of RFC 7617 section 2.1, as it is printed there.
    assert!(passes(&users, "Basic dGVzdDoxMjPCow==").await);
    assert!(!passes(&users, encoded(b"test:123\xa3")).await);
    for (sent, expected) in [
        ("Ren\u{e9}e:caf\u{e9}", 200),
        ("Rene\u{301}e:caf\u{e9}", 401),
        ("Ren\u{e9}e:cafe\u{301}", 401),
        ("ren\u{e9}e:caf\u{e9}", 401),
        ("Ren\u{e9}e:Caf\u{e9}", 401),
        ("Ren\u{e9}e :caf\u{e9}", 401),
        ("Ren\u{e9}e: caf\u{e9}", 401),
        ("\u{feff}Ren\u{e9}e:caf\u{e9}", 401),
        ("test:\u{ff11}\u{ff12}\u{ff13}\u{a3}", 401),
    ] {
        assert_eq!(ask(&users, encoded(sent)).await.status, expected, "{sent:?}");
    }
}

#[tokio::test]
async fn the_whole_password_counts_from_71_to_1024_bytes() {
    // Hashes that cut at 72 bytes have let any longer password through (CVE-2025-22228).
    let witness = Witness::default();
    let users = MemoryUserStore::new();
    let auth = portcullis::basic::BasicAuth::new("cave", users.clone()).unwrap();
    let layer = portcullis::BasicAuthLayer::new(auth.verifier(witness.clone()));
    for length in (71..=80).chain([127, 128, 129, 255, 256, 257, 511, 512, 513, 1000, 1023, 1024]) {
        let password = "p".repeat(length);
        let flipped = format!("{}q", "p".repeat(length - 1));
        users.insert(user("aladdin", &password));
        let right = send(&layer, get_with("/", basic("aladdin", &password))).await;
        assert_eq!(right.status, 200, "{length}");
        for wrong in [flipped, "p".repeat(length - 1), "p".repeat(length + 1)] {
            let answer = send(&layer, get_with("/", basic("aladdin", &wrong))).await;
            assert_eq!(answer.kind(), RejectionKind::RefusedCredentials, "{length}");
        }
    }
    let longest = witness.take().into_iter().map(|seen| seen.password.len()).max();
    assert_eq!(longest, Some(1024));
}

#[tokio::test]
async fn a_password_longer_than_1024_bytes_is_refused_though_it_be_right() {
    let (longest, longer) = ("\u{a3}".repeat(512), "\u{a3}".repeat(512) + "x");
    let users = MemoryUserStore::new();
    users.insert(portcullis::basic::User::new("longest", cheap(&longest)).unwrap());
    users.insert(portcullis::basic::User::new("longer", cheap(&longer)).unwrap());
    assert!(passes(&users, basic("longest", &longest)).await);
    let answer = ask(&users, basic("longer", &longer)).await;
    assert_eq!(answer.kind(), RejectionKind::RefusedCredentials);
    assert_eq!(answer.reason(), "basic.long_password");
}

#[tokio::test]
async fn credentials_longer_than_4096_bytes_are_malformed_and_not_decoded() {
    let model = seen(&ask(&aladdin(), "Basic !").await);
    // Base64 makes four bytes of three.
    for (length, reason) in [(3072, "basic.long_password"), (3073, "basic.too_long")] {
        let answer = ask(&aladdin(), basic("aladdin", &"x".repeat(length - "aladdin:".len()))).await;
        assert_eq!(answer.reason(), reason, "{length}");
    }
    for sent in [basic("aladdin", &"x".repeat(1_000_000)), format!("Basic {}", "!".repeat(1_000_000))] {
        let answer = ask(&aladdin(), sent).await;
        assert_eq!(seen(&answer), model);
        assert_eq!(answer.kind(), RejectionKind::MalformedCredentials);
        assert_eq!(answer.reason(), "basic.too_long");
    }
}

#[tokio::test]
async fn every_refusal_of_well_formed_credentials_looks_the_same() {
    let users = aladdin();
    users.insert(user("jafar", "serpent").disabled(true));
    users.insert(user("genie", ""));
    let long = "x".repeat(1025);
    let model = seen(&ask(&users, basic("aladdin", "open barley")).await);
    assert_eq!((model.0, &*model.2), (401, "credentials refused"));
    for (name, password, reason) in [
        ("aladdin", "open barley", "basic.wrong_password"),
        ("aladdin", "", "basic.empty_password"),
        ("aladdin", &*long, "basic.long_password"),
        ("jasmine", "open sesame", "basic.unknown_user"),
        ("jasmine", "", "basic.unknown_user"),
        ("jasmine", &*long, "basic.unknown_user"),
        ("", "open sesame", "basic.unknown_user"),
        ("", "", "basic.unknown_user"),
        ("jafar", "serpent", "basic.disabled"),
        ("jafar", "wrong", "basic.wrong_password"),
        // The store holds a hash of the empty password: that is no password.
        ("genie", "", "basic.empty_password"),
    ] {
        let answer = ask(&users, basic(name, password)).await;
        let case = format!("{name:?} {:?}", password.get(..20).unwrap_or(password));
        assert_eq!(seen(&answer), model, "{case}");
        assert_eq!(answer.kind(), RejectionKind::RefusedCredentials, "{case}");
        assert_eq!(answer.reason(), reason, "{case}");
    }
}
