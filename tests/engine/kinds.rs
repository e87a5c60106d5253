//! The kinds of refusal against the status table, and what every refusal of a kind has in common.

use std::time::Duration;

use http::header;
use portcullis::{
    AuthenticateLayer, Authenticator, AuthorizeLayer, Challenge, Head, NowOrLater, Permit, Policy,
    Principal, Rejection, RejectionKind, Scheme,
};

use crate::{
    fixtures::{BASIC, BEARER, EITHER, Spoken, When, principal},
    support::{Answer, get, get_with, send},
};

/// Kind, HTTP status, gRPC code, RFC 6750 error, whether it is to be tried again, text.
type Row = (RejectionKind, u16, u8, Option<&'static str>, bool, &'static str);

/// The status table, by hand.
pub(crate) const TABLE: [Row; 15] = {
    use RejectionKind as K;
    [
        (K::MissingCredentials, 401, 16, None, false, "credentials required"),
        (K::InvalidRequest, 400, 16, Some("invalid_request"), false, "credentials malformed"),
        (K::MalformedCredentials, 401, 16, Some("invalid_token"), false, "credentials malformed"),
        (K::RefusedCredentials, 401, 16, Some("invalid_token"), false, "credentials refused"),
        (K::InsufficientScope, 403, 7, Some("insufficient_scope"), false, "scope missing"),
        (K::Forbidden, 403, 7, None, false, "forbidden"),
        (K::HttpsRequired, 403, 7, None, false, "https required"),
        (K::NotFound, 404, 5, None, false, "not found"),
        (K::BadRequest, 400, 3, None, false, "bad request"),
        (K::RequestTimeout, 408, 3, None, false, "request timed out"),
        (K::PayloadTooLarge, 413, 3, None, false, "body too large"),
        (K::UnsupportedMediaType, 415, 3, None, false, "body type not supported"),
        (K::Throttled, 429, 8, None, true, "too many requests"),
        (K::Misconfigured, 500, 13, None, false, "internal server error"),
        (K::Unavailable, 503, 14, None, true, "try again later"),
    ]
};

/// Refuses everybody, in a chosen way.
#[derive(Clone)]
pub(crate) struct Refuses(pub(crate) Rejection, pub(crate) When);

impl Refuses {
    pub(crate) fn layer(kind: RejectionKind, when: When) -> AuthenticateLayer {
        AuthenticateLayer::new(Self(Rejection::new(kind, "x.reason"), when))
    }
}

impl Authenticator for Refuses {
    fn scheme(&self) -> Scheme {
        Scheme::BEARER
    }

    fn authenticate(&self, _: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        Some(self.1.answer(Err(self.0.clone())))
    }

    fn challenge(&self, _: Option<RejectionKind>) -> Challenge {
        Challenge::builder("Bearer").build().unwrap()
    }
}

impl Policy for Refuses {
    fn authorize(&self, _: &Principal, _: &Head<'_>) -> NowOrLater<Result<Permit, Rejection>> {
        self.1.answer(Err(self.0.clone()))
    }
}

#[tokio::test]
async fn each_kind_is_answered_as_the_status_table_says() {
    for when in EITHER {
        for (kind, status, grpc, oauth, again, text) in TABLE {
            assert_eq!((kind.grpc_code(), kind.oauth_error(), kind.text()), (grpc, oauth, text));
            let answer = send(&Refuses::layer(kind, when), get("/")).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (status, text), "{kind:?}");
            assert_eq!(answer.headers.contains_key(header::RETRY_AFTER), again, "{kind:?}");
            let challenged =
                matches!(oauth, Some("invalid_request" | "invalid_token")) || status == 401;
            assert_eq!(!answer.challenges().is_empty(), challenged, "{kind:?}");
            assert_eq!((answer.kind(), answer.reason()), (kind, "x.reason"), "rides along");
        }
    }
}

#[test]
fn the_table_has_every_kind() {
    let source = include_str!("../../src/rejection.rs");
    let body = source.split("pub enum RejectionKind {").nth(1).unwrap().split("\n}").next().unwrap();
    let mut kinds: Vec<_> = body.lines().filter_map(|line| line.trim().strip_suffix(',')).collect();
    let mut rows: Vec<_> = TABLE.iter().map(|row| format!("{:?}", row.0)).collect();
    kinds.sort_unstable();
    rows.sort_unstable();
    assert_eq!(rows, kinds, "a kind and its row are added together");
}

/// All of an answer that a caller sees.
fn seen(answer: &Answer) -> String {
    format!("{} {:?} {:?}", answer.status, answer.headers, answer.body)
}

#[tokio::test]
async fn refusals_of_one_kind_cannot_be_told_apart() {
    for when in EITHER {
        for (kind, ..) in TABLE {
            let mut request = get("/");
            request.extensions_mut().insert(principal("alice", Scheme::BEARER, ""));
            let one = Rejection::new(kind, "x.one");
            let other = Rejection::new(kind, "x.quite_another").caused_by("a cause with a secret");
            let authenticated = [&one, &other]
                .map(|rejection| AuthenticateLayer::new(Refuses(rejection.clone(), when)));
            let authorized =
                [&one, &other].map(|rejection| AuthorizeLayer::new(Refuses(rejection.clone(), when)));
            // A policy that answers 401 would have no challenge to send: that is an authenticator's.
            if kind.status() != 401 {
                let first = send(&authorized[0], request.clone()).await;
                assert_eq!(seen(&first), seen(&send(&authorized[1], request.clone()).await));
            }
            let first = send(&authenticated[0], request.clone()).await;
            assert_eq!(seen(&first), seen(&send(&authenticated[1], request).await), "{kind:?}");
        }
        let layer =
            AuthenticateLayer::new(Spoken::new(BEARER, when)).or(Spoken::new(BASIC, when)).optional();
        let refused = send(&layer, get_with("/", "Bearer mallory")).await;
        let expired = send(&layer, get_with("/", "Bearer expired")).await;
        assert_ne!(refused.reason(), expired.reason());
        assert_eq!(seen(&refused), seen(&expired));
    }
}

#[tokio::test]
async fn an_answer_that_comes_later_is_the_one_that_is_there_now() {
    for (kind, ..) in TABLE {
        let now = send(&Refuses::layer(kind, When::Now), get("/")).await;
        let later = send(&Refuses::layer(kind, When::Later), get("/")).await;
        assert_eq!(seen(&now), seen(&later));
    }
}

#[tokio::test]
async fn a_wait_is_sent_in_whole_seconds_rounded_up() {
    for (wait, sent) in [
        (Duration::ZERO, "0"),
        (Duration::from_nanos(1), "1"),
        (Duration::from_secs(1), "1"),
        (Duration::from_millis(1001), "2"),
        (Duration::from_secs(u64::MAX), "18446744073709551615"),
        (Duration::from_secs(86_400), "86400"),
    ] {
        let rejection = Rejection::new(RejectionKind::Throttled, "x").retry_in(wait);
        assert_eq!(rejection.retry_after(), Some(wait));
        let answer = send(&AuthenticateLayer::new(Refuses(rejection, When::Now)), get("/")).await;
        assert_eq!(answer.headers[header::RETRY_AFTER], sent);
    }
}

#[tokio::test]
async fn an_authenticator_cannot_forget_or_forge_the_challenges_of_a_401() {
    let own = Challenge::builder("Forged").build().unwrap();
    let rejection = Rejection::new(RejectionKind::RefusedCredentials, "x").challenge(&own);
    for when in EITHER {
        let layer = AuthenticateLayer::new(Refuses(rejection.clone(), when));
        assert_eq!(send(&layer, get("/")).await.challenges(), ["Bearer"]);
    }
}

#[tokio::test]
async fn a_response_of_the_inner_service_carries_no_rejection_and_nothing_of_a_refusal() {
    for when in EITHER {
        let layer = AuthenticateLayer::new(Spoken::new(BEARER, when));
        let answer = send(&layer, get_with("/", "Bearer alice")).await;
        assert!(answer.rejection.is_none());
        assert!(answer.headers.is_empty(), "{:?}", answer.headers);
    }
}
