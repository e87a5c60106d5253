//! More than one `Authorization` line: none of them is read.

use http::{HeaderValue, Request, header};
use portcullis::{AuthenticateLayer, RejectionKind};

use crate::{
    fixtures::{BASIC, BEARER, EITHER, Spoken, WATCHWORD},
    support::{Answer, get, send},
};

const PAIRS: [[&str; 2]; 6] = [
    ["{scheme} alice", "{scheme} mallory"],
    ["{scheme} mallory", "{scheme} alice"],
    ["{scheme} alice", "{scheme} alice"],
    ["{scheme} alice", "Digest x"],
    ["Digest x", "{scheme} alice"],
    ["", "{scheme} alice"],
];

fn twice(pair: [&str; 2], scheme: &str) -> Request<http_body_util::Full<bytes::Bytes>> {
    let mut request = get("/");
    for line in pair {
        let value = HeaderValue::from_str(&line.replace("{scheme}", scheme)).unwrap();
        request.headers_mut().append(header::AUTHORIZATION, value);
    }
    request
}

#[tokio::test]
async fn two_lines_are_an_invalid_request_where_bearer_is_offered() {
    for when in EITHER {
        let [basic, bearer] = [BASIC, BEARER].map(|scheme| Spoken::new(scheme, when));
        let layer = AuthenticateLayer::new(basic.clone()).or(bearer.clone());
        for layer in [layer.clone(), layer.optional()] {
            for (pair, scheme) in PAIRS.iter().flat_map(|pair| [(pair, "Bearer"), (pair, "Basic")]) {
                let answer: Answer = send(&layer, twice(*pair, scheme)).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.kind()),
                    (400, RejectionKind::InvalidRequest)
                );
                assert_eq!(
                    answer.challenges(),
                    [r#"Bearer realm="test", error="invalid_request""#, r#"Basic realm="test""#]
                );
            }
        }
        assert_eq!((basic.asked(), bearer.asked()), (0, 0), "a line was read");
    }
}

#[tokio::test]
async fn two_lines_are_malformed_credentials_elsewhere() {
    for when in EITHER {
        let [basic, watchword] = [BASIC, WATCHWORD].map(|scheme| Spoken::new(scheme, when));
        let layer = AuthenticateLayer::new(basic.clone()).or(watchword.clone());
        for layer in [layer.clone(), layer.optional()] {
            for pair in PAIRS {
                let answer: Answer = send(&layer, twice(pair, "Basic")).await;
                let kind = RejectionKind::MalformedCredentials;
                assert_eq!((answer.status.as_u16(), answer.kind()), (401, kind));
                assert_eq!(answer.challenges(), [r#"Watchword realm="test""#, r#"Basic realm="test""#]);
            }
        }
        assert_eq!((basic.asked(), watchword.asked()), (0, 0), "a line was read");
    }
}
