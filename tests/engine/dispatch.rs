//! Which scheme decides, and what is offered when none has.

use http::{HeaderValue, header};
use portcullis::{AuthenticateLayer, RejectionKind};

use crate::{
    fixtures::{BASIC, BEARER, EITHER, Spelling, Spoken, WATCHWORD, When},
    support::{get, get_with, send},
};

fn three(when: When) -> [Spoken; 3] {
    [BASIC, BEARER, WATCHWORD].map(|scheme| Spoken::new(scheme, when))
}

fn layer([basic, bearer, watchword]: &[Spoken; 3]) -> AuthenticateLayer {
    AuthenticateLayer::new(basic.clone()).or(bearer.clone()).or(watchword.clone())
}

#[tokio::test]
async fn the_scheme_that_was_used_decides_alone() {
    for when in EITHER {
        for (authorization, subject, asked) in [
            ("Basic alice", Some("alice"), [1, 0, 0]),
            ("Bearer bob", Some("bob"), [0, 1, 0]),
            ("Watchword carol", Some("carol"), [0, 0, 1]),
            // A refusal does not fall through to a scheme that would have believed the word.
            ("Basic mallory", None, [1, 0, 0]),
            ("Bearer mallory", None, [0, 1, 0]),
            ("Watchword mallory", None, [0, 0, 1]),
            ("Bearer Basic alice", None, [0, 1, 0]),
            ("Bearer alice, Basic alice", None, [0, 1, 0]),
        ] {
            let schemes = three(when);
            let answer = send(&layer(&schemes), get_with("/", authorization)).await;
            match subject {
                Some(subject) => assert_eq!(answer.body, subject),
                None => assert_eq!((answer.status.as_u16(), answer.reason()), (401, "spoken.refused")),
            }
            assert_eq!(schemes.map(|scheme| scheme.asked()), asked, "{authorization} {when:?}");
        }
    }
}

#[tokio::test]
async fn the_case_of_a_schemes_name_does_not_count() {
    for when in EITHER {
        for authorization in ["bearer alice", "BEARER alice", "bEaReR alice", "BASIC alice"] {
            let answer = send(&layer(&three(when)), get_with("/", authorization)).await;
            assert_eq!(answer.body, "alice", "{authorization}");
        }
    }
}

#[tokio::test]
async fn a_header_that_no_scheme_takes_is_refused_with_every_challenge_in_either_mode() {
    let offers = [r#"Bearer realm="test""#, r#"Watchword realm="test""#, r#"Basic realm="test""#];
    for when in EITHER {
        for layer in [layer(&three(when)), layer(&three(when)).optional()] {
            for authorization in [
                "Digest alice",
                "Bearers alice",
                "Beare alice",
                "Bearer_alice",
                "Bearer-alice",
                "alice",
                "",
                "=",
                "\"Bearer\" alice",
                ",Bearer alice",
                "\tBearer alice",
                " Bearer alice",
                "[]",
            ] {
                let answer = send(&layer, get_with("/", authorization)).await;
                assert_eq!(answer.status, 401, "{authorization:?}");
                assert_eq!(answer.reason(), "authorization.unknown_scheme", "{authorization:?}");
                assert_eq!(answer.kind(), RejectionKind::RefusedCredentials);
                assert_eq!(answer.challenges(), offers, "{authorization:?}");
            }
        }
    }
}

#[tokio::test]
async fn basic_is_offered_last_in_whatever_order_the_schemes_are_given() {
    let spoken = |scheme| Spoken::new(scheme, When::Now);
    for (order, offers) in [
        ([BASIC, BEARER, WATCHWORD], ["Bearer", "Watchword", "Basic"]),
        ([BEARER, BASIC, WATCHWORD], ["Bearer", "Watchword", "Basic"]),
        ([WATCHWORD, BEARER, BASIC], ["Watchword", "Bearer", "Basic"]),
        ([Spelling("basic"), WATCHWORD, BEARER], ["Watchword", "Bearer", "basic"]),
    ] {
        let [first, second, third] = order.map(spoken);
        let layer = AuthenticateLayer::new(first).or(second).or(third);
        let answer = send(&layer, get("/")).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.challenges(), offers.map(|scheme| format!("{scheme} realm=\"test\"")));
    }
}

#[tokio::test]
async fn the_scheme_that_has_refused_says_why_and_the_others_are_merely_offered() {
    for when in EITHER {
        for (authorization, status, bearer) in [
            ("Bearer mallory", 401, r#"Bearer realm="test", error="invalid_token""#),
            ("Bearer twice", 400, r#"Bearer realm="test", error="invalid_request""#),
            ("Basic mallory", 401, r#"Bearer realm="test""#),
        ] {
            let answer = send(&layer(&three(when)), get_with("/", authorization)).await;
            assert_eq!(answer.status, status);
            let others = [r#"Watchword realm="test""#, r#"Basic realm="test""#];
            assert_eq!(answer.challenges(), [bearer, others[0], others[1]], "{authorization}");
        }
        let answer = send(&layer(&three(when)), get("/")).await;
        assert!(!answer.challenges().join("").contains("error"), "RFC 6750 section 3: {answer:?}");
        assert_eq!(answer.kind(), RejectionKind::MissingCredentials);
    }
}

#[tokio::test]
async fn a_scheme_that_cannot_decide_asks_for_patience_and_not_for_other_credentials() {
    for when in EITHER {
        for (word, status, wait) in [("busy", 429, "3"), ("down", 503, "1")] {
            let request = get_with("/", format!("Bearer {word}"));
            let answer = send(&layer(&three(when)).optional(), request).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.headers[header::RETRY_AFTER], wait);
            assert!(answer.challenges().is_empty());
        }
    }
}

#[tokio::test]
async fn no_byte_in_the_header_panics_or_lets_anybody_through() {
    for when in EITHER {
        let layer = layer(&three(when)).optional();
        let good = b"Bearer alice";
        for byte in 0x01..=0xFF_u8 {
            for at in [0, 3, 6, 7, 9, good.len()] {
                let mut sent = good.to_vec();
                sent.insert(at, byte);
                // What the http crate takes is what a server hands on.
                if HeaderValue::from_bytes(&sent).is_ok() {
                    let answer = send(&layer, get_with("/", &sent)).await;
                    assert_eq!(answer.status, 401, "{:?}", String::from_utf8_lossy(&sent));
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "two authenticators of the scheme bearer")]
fn two_authenticators_of_one_scheme_do_not_fit_one_layer() {
    let other = Spoken::new(Spelling("bearer"), When::Now);
    let _ = AuthenticateLayer::new(Spoken::new(BEARER, When::Now)).or(other);
}
