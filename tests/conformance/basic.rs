//! Which credentials of HTTP Basic are read, and which are not.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use portcullis::{
    BasicAuthLayer,
    basic::{BasicAuth, MemoryUserStore, PasswordHash, User},
};
use serde_json::Value;

use crate::{
    assert_counted, read,
    support::{get_with, send},
    text,
};

/// The reason of the refusal; empty, if there is none.
async fn reason(layer: &BasicAuthLayer, credentials: &str) -> &'static str {
    let answer = send(layer, get_with("/", format!("Basic {credentials}"))).await;
    if answer.status == 200 { "" } else { answer.reason() }
}

fn layer(users: &[(&str, &str)]) -> BasicAuthLayer {
    let store = MemoryUserStore::new();
    for (name, password) in users {
        store.insert(User::new(*name, PasswordHash::of(password).unwrap()).unwrap());
    }
    BasicAuthLayer::new(BasicAuth::new("vectors", store).unwrap())
}

#[tokio::test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
async fn credentials_at_the_edges_of_rfc_7617_are_judged_as_they_should_be() {
    let file = read("rfc-vectors/rfc7617_basic.json");
    let positive = file["positive"].as_array().unwrap();
    for vector in positive {
        let users = [(text(vector, "user"), text(vector, "password"))];
        assert_eq!(reason(&layer(&users), text(vector, "credentials")).await, "", "{vector}");
    }
    // In the order of the file.
    let expected = [
        "basic.no_colon",
        "basic.no_colon",
        "basic.unknown_user",
        "basic.empty_password",
        "basic.unknown_user",
        "basic.base64",
        "basic.base64",
        "basic.base64",
        "basic.base64",
        "basic.base64",
        "basic.base64",
        "basic.base64",
        "basic.utf8",
        "basic.control_character",
        "basic.control_character",
        "basic.control_character",
        "basic.control_character",
        "",
        "",
        "basic.unknown_user",
        "basic.base64",
        "basic.base64",
        "basic.too_long",
    ];
    let edges = file["edge"].as_array().unwrap();
    assert_counted(positive.len() + edges.len(), "credentials of RFC 7617");
    assert_eq!(edges.len(), expected.len());
    let layer = layer(&[("user", "a:b:c"), ("\u{e9}", "x")]);
    for (vector, expected) in edges.iter().zip(expected) {
        let reason = reason(&layer, text(vector, "credentials")).await;
        assert_eq!(reason, expected, "{}", text(vector, "why"));
    }
}

/// The vectors are for a forgiving decoder: it passes over white space, missing padding, and bits of the last
/// character that count for nothing. Each of them would be a second spelling of the same credentials.
#[tokio::test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
async fn of_the_base64_that_browsers_forgive_only_the_canonical_form_is_read() {
    let (layer, vectors) = (layer(&[]), read("url-wpt/base64.json"));
    let (mut read, mut spaced, mut unpadded, mut stray, mut unsendable) = (0, 0, 0, 0, 0);
    let vectors = vectors.as_array().unwrap();
    for vector in vectors {
        let sent = vector[0].as_str().unwrap();
        if HeaderValue::from_bytes(format!("Basic {sent}").as_bytes()).is_err() {
            unsendable += 1;
            continue;
        }
        let is_read = reason(&layer, sent).await != "basic.base64";
        let Some(bytes) = bytes(&vector[1]) else {
            assert!(!is_read, "{sent:?} is not base64 at all");
            continue;
        };
        // Blanks before the credentials belong to the header field.
        let credentials = sent.trim_start_matches(' ');
        let canonical = STANDARD.encode(bytes);
        assert_eq!(is_read, credentials == canonical, "{sent:?}");
        match credentials {
            _ if is_read => read += 1,
            _ if credentials.contains([' ', '\t']) => spaced += 1,
            _ if credentials == canonical.trim_end_matches('=') => unpadded += 1,
            _ => stray += 1,
        }
    }
    // The others are base64 to nobody.
    assert_eq!((read, spaced, unpadded, stray), (6, 3, 4, 5));
    assert_eq!(unsendable, 9);
    assert_counted(vectors.len(), "texts in base64");
}

fn bytes(decoded: &Value) -> Option<Vec<u8>> {
    let bytes = decoded.as_array()?.iter();
    Some(bytes.map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap()).collect())
}
