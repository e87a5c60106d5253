//! No secret, signature or parameter is printed: not to the log, not by `Debug`, not to the caller.

use std::time::UNIX_EPOCH;

use portcullis::{
    BasicAuthLayer, Identity, S3pSignatureLayer, Secret,
    basic::{BasicAuth, MemoryUserStore},
    s3p::{AccessKey, MemoryNonceStore, SignLayer, Signer},
};
use tower::Layer;

use crate::{
    s3p_support::*,
    support::{Echo, Log, send},
};

/// What stands in requests and in the configuration, and must not stand anywhere else.
const CANARY: &str = "canary-4711";

fn draft(nonce: u8) -> Draft {
    Draft::json(format!(r#"{{"customerName":"{CANARY}"}}"#)).nonce(format!("{CANARY}-{nonce}"))
}

#[tokio::test]
async fn the_log_and_the_answers_tell_who_and_why_and_nothing_more() {
    let log = Log::capture();
    let layer = layer();
    let good = draft(1);
    let mut printed = Vec::new();
    for request in [
        good.request(),
        good.request(),
        good.request_with(good.authorization().replace(&good.signature(), CANARY)),
        Draft { secret: "canary-4711-secret", ..draft(2) }.request(),
        Draft { token: "canary-4711-token", ..draft(3) }.request(),
        draft(4).timestamp(NOW - 1000).request(),
        draft(5).timestamp(CANARY).request(),
        draft(6).request_with(format!("s3pAuth {CANARY}=\"{CANARY}\"")),
        draft(7).request_with(format!("{CANARY} {CANARY}")),
        Draft::json(format!(r#"{{"{CANARY}":null}}"#)).request(),
        Draft::json(format!(r#"{{"{CANARY}""#)).request(),
        Draft::get(&format!("/{CANARY}?{CANARY}=%zz")).request(),
        Draft::get(&format!("/{CANARY}?{CANARY}=1")).nonce(8).request(),
    ] {
        let answer = send(&layer, request).await;
        printed.push(format!("{answer:?}"));
        if let Some(rejection) = answer.rejection {
            printed.push(format!("{rejection} {rejection:?}"));
        }
    }
    printed.push(log.text());
    let printed = printed.join("\n");
    for expected in ["authenticated", "alice", "s3p.replayed", "s3p.signature", "s3p.unknown_token"] {
        assert!(log.text().contains(expected), "{expected} is not in the log:\n{}", log.text());
    }
    let signature = good.signature();
    for hidden in [CANARY, SECRET, &signature] {
        assert!(!printed.contains(hidden), "{hidden} is printed:\n{printed}");
    }
}

#[tokio::test]
async fn debug_prints_no_secret_and_no_parameter() {
    let alice = Identity::local("alice").unwrap();
    let key = AccessKey::new(alice, "canary-4711-secret").unwrap();
    let keys = keys();
    keys.insert("canary-4711-token", key.clone());
    let signer = Signer::new("a-token", "canary-4711-secret").unwrap().clock(clock());
    let secret = Secret::new("canary-4711-secret");
    let input = draft(1).input().unwrap();
    let header =
        signer.sign(&http::Method::GET, &URL.parse().unwrap(), &http::HeaderMap::new(), b"").unwrap();
    let layer = layer();
    let basic = BasicAuth::new("vault", MemoryUserStore::new()).unwrap();
    for printed in [
        format!("{key:?} {secret:?} {input:?} {header:?}"),
        format!("{keys:?} {:?}", MemoryNonceStore::new(UNIX_EPOCH)),
        format!("{:?} {layer:?} {:?}", auth(), layer.layer(Echo::default())),
        format!("{signer:?} {:?}", SignLayer::new(signer.clone())),
        format!("{:?}", SignLayer::new(signer).layer(Echo::default())),
        format!(
            "{:?} {:?}",
            S3pSignatureLayer::new(auth()).or(basic.clone()),
            BasicAuthLayer::new(basic)
        ),
    ] {
        let signature = input.signature(&secret);
        let inner_bytes = format!("{:?}", b"canary-4711-secret");
        for hidden in [CANARY, SECRET, &signature, &inner_bytes[1..20]] {
            assert!(!printed.contains(hidden), "{hidden} is printed: {printed}");
        }
        assert!(!printed.is_empty());
    }
    assert!(header.is_sensitive());
}
