//! What S3P costs: the request of the scheme's page and a body of 1 KiB, each signed anew. Over a service that answers at
//! once; and beside the bare HMAC-SHA1, which neither signing nor verifying can do without.
//!
//! `cargo bench --features full --bench s3p` runs criterion, for the absolute numbers, and then prints a table of
//! *paired* measurements.

mod paired;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::UNIX_EPOCH,
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use paired::{
    Bare, Body, Cases,
    alike::{BASE_STRING, SECRET, TARGET, TOKEN, template},
};
use portcullis::{
    Identity, S3pSignatureLayer,
    s3p::{AccessKey, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth, Signer},
};
use sha1::Sha1;
use tower::Layer;

static NONCE: AtomicU64 = AtomicU64::new(634_968_823_463_411_611);

fn main() {
    paired::measure(cases);
}

fn cases(cases: &mut Cases<'_>) {
    let signer = Signer::dangerous_short_secret(TOKEN, SECRET).expect("a signer");
    let signer = signer.nonces(|| NONCE.fetch_add(1, Ordering::Relaxed).to_string());
    let signed = |request: Request<Body>, body: &[u8]| {
        let url = format!("https://dev.smobilpay.com/s3p{}", request.uri()).parse().expect("a URL");
        let value = signer.sign(request.method(), &url, request.headers(), body).expect("a signature");
        let mut request = request;
        request.headers_mut().insert(header::AUTHORIZATION, value);
        request
    };
    let service = || {
        let keys = MemoryAccessKeyStore::new();
        let identity = Identity::local("TESTMERC").expect("a subject");
        keys.insert(TOKEN, AccessKey::dangerous_short_secret(identity, SECRET));
        let url = PublicUrl::parse("https://dev.smobilpay.com/s3p").expect("a URL");
        // As many nonces as the measurement needs.
        let nonces = MemoryNonceStore::with_limits(UNIX_EPOCH, usize::MAX, usize::MAX);
        S3pSignatureLayer::new(S3pAuth::new(url, keys, nonces)).layer(Bare)
    };
    let get = template(TARGET);
    let body: Bytes = json_of_1_kib().into();
    let mut post = template(TARGET);
    *post.method_mut() = Method::POST;
    *post.uri_mut() = "/v2/collectstd".parse().expect("a target");
    let json = HeaderValue::from_static("application/json");
    post.headers_mut().insert(header::CONTENT_TYPE, json);
    *post.body_mut() = Full::new(body.clone());
    cases.add("GET, accepted", service(), || signed(get.clone(), b""), 200);
    cases.add("POST of 1 KiB JSON, accepted", service(), || signed(post.clone(), &body), 200);
    cases.add("no credentials", service(), || get.clone(), 401);

    let url = format!("https://dev.smobilpay.com/s3p{TARGET}").parse().expect("a URL");
    let signs = |()| signer.sign(&Method::GET, &url, &HeaderMap::new(), b"").expect("a signature");
    let keyed = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).expect("a key of any length");
    let bare = |()| keyed.clone().chain_update(BASE_STRING).finalize().into_bytes();
    cases.pair("signing a GET, over HMAC-SHA1", || (), bare, signs);
}

fn json_of_1_kib() -> String {
    let members: Vec<_> = (10..26).map(|at| format!(r#""field{at}":"{}""#, "v".repeat(50))).collect();
    let json = format!("{{{}}}", members.join(","));
    let missing = 1024 - json.len();
    let json = json.replacen('v', &"v".repeat(1 + missing), 1);
    assert_eq!(json.len(), 1024);
    json
}
