//! S3P: the GET of the scheme's page, and a POST of 1 KiB.
//!
//! What a GET costs at the least, of a bare HMAC of 268 ns (six blocks of SHA-1, 40 ns each): 100 for a layer that
//! says yes and leaves a principal, 30 for the key, 27 for the time, 40 for a nonce in a table without a lock. What
//! is left of 1.5 times oauth1-request, which signs in 3.2 bare HMACs here, is 110 for reading 280 bytes of header
//! and writing 270 of base string. They take 390: the signature's base64 50, the rest of the header 100, the
//! query 55, the text 155.

use std::{collections::BTreeMap, num::NonZeroU64, time::UNIX_EPOCH};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Method, Request, header};
use oauth1_request::{Builder, Credentials, HmacSha1, ParameterList};
use portcullis::{
    Identity, NowOrLater, S3pSignatureLayer, StoreError,
    s3p::{
        AccessKey, MemoryAccessKeyStore, MemoryNonceStore, Nonce, NonceStore, PublicUrl, Recorded,
        S3pAuth, SignatureMethod, Signer, SigningInput, Stamp,
    },
};
use sha1::Sha1;
use tower::Layer;

use crate::{
    paired::{Bare, Body, Turns, Work, function, service},
    requests::{
        alike::{BASE_STRING, SECRET, TARGET, TOKEN, template},
        unique,
    },
    results::{Goal, Results, short},
};

pub fn rows(results: &mut Results) {
    let get = template(TARGET);
    let mut turns = Turns::default();
    let bare = turns.whole(service(Bare::<Body>::new(), signing(get.clone(), b""), 200));
    let verifying = |layer: S3pSignatureLayer| {
        service(layer.layer(Bare::<Body>::new()), signing(get.clone(), b""), 200)
    };
    let ours = turns.over(bare, verifying(layer()));
    let without_nonces = turns.over(bare, verifying(layer_with(KeepsNothing)));
    let oauth1 = turns.whole(function(|| unique().to_string(), |nonce| oauth1(&nonce)));
    let keyed = keyed();
    let hmac = turns.whole(function(
        || (),
        move |()| keyed.clone().chain_update(BASE_STRING).finalize().into_bytes(),
    ));
    let times = turns.take(601);
    let nonces = short(times.ns(ours) - times.ns(without_nonces));
    let figures = format!(
        "{} against {}, {nonces} of it the nonce store",
        short(times.ns(oauth1)),
        short(times.ns(ours))
    );
    let goal = Goal::AtLeast { must: 1.5, stretch: 2.0 };
    results.add(
        "S3P GET: oauth1-request signs ÷ ours verifies",
        goal,
        times.ratio(oauth1, ours),
        figures,
    );
    let figures = format!(
        "{} against {}; without the nonce store {:.2}",
        short(times.ns(ours)),
        short(times.ns(hmac)),
        times.ratio(without_nonces, hmac)
    );
    let goal = Goal::AtMost { must: 3.2, stretch: 2.5 };
    results.add("S3P GET: ours ÷ the bare HMAC-SHA1", goal, times.ratio(ours, hmac), figures);
    post(results);
}

/// What a POST costs at the least: its body has to be read, and a base string of its length to be hashed.
fn post(results: &mut Results) {
    let body = Bytes::from(json_of_1_kib());
    let mut post = template("/v2/collectstd");
    *post.method_mut() = Method::POST;
    post.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *post.body_mut() = Body::new(body.clone());
    let body: &'static [u8] = Vec::leak(body.to_vec());
    let base_string = base_string(&post, body);
    let floor = keyed();

    let mut turns = Turns::default();
    let bare = turns.whole(service(Bare::<Body>::new(), signing(post.clone(), body), 200));
    let verifying = |layer: S3pSignatureLayer| {
        service(layer.layer(Bare::<Body>::new()), signing(post.clone(), body), 200)
    };
    let ours = turns.over(bare, verifying(layer()));
    let without_nonces = turns.over(bare, verifying(layer_with(KeepsNothing)));
    let floor = turns.whole(function(
        || (),
        move |()| {
            let members: BTreeMap<&str, &str> = serde_json::from_slice(body).expect("it is JSON");
            (members.len(), floor.clone().chain_update(&base_string).finalize().into_bytes())
        },
    ));
    let times = turns.take(301);
    let figures = format!(
        "{} against {}; without the nonce store {:.2}",
        short(times.ns(ours)),
        short(times.ns(floor)),
        times.ratio(without_nonces, floor),
    );
    let row = "S3P POST of 1 KiB JSON: ours ÷ serde_json reads it, and the bare HMAC-SHA1";
    let goal = Goal::AtMost { must: 2.5, stretch: 2.0 };
    results.add(row, goal, times.ratio(ours, floor), figures);
}

/// The key of the bare HMAC, with its schedule.
fn keyed() -> Hmac<Sha1> {
    Hmac::new_from_slice(SECRET.as_bytes()).expect("any key will do")
}

/// What is signed of a request.
fn base_string(request: &Request<Body>, body: &[u8]) -> String {
    let stamp = Stamp {
        nonce: "634968823463411611",
        timestamp: "1361281946",
        token: TOKEN,
        method: SignatureMethod::HmacSha1,
    };
    let (method, target, headers) = (request.method(), request.uri(), request.headers());
    let input = SigningInput::of(method, &public_url(), target, headers, body, stamp);
    input.expect("nothing in it is ambiguous").base_string().to_owned()
}

/// For the counter of instructions: the request, and what verifies it.
pub fn again() -> Work {
    service(layer().layer(Bare::<Body>::new()), signing(template(TARGET), b""), 200)
}

pub fn bare_again() -> Work {
    service(Bare::<Body>::new(), signing(template(TARGET), b""), 200)
}

fn layer() -> S3pSignatureLayer {
    // As many nonces as the measurement needs.
    layer_with(MemoryNonceStore::with_limits(UNIX_EPOCH, 10_000_000, 10_000_000))
}

fn layer_with(nonces: impl NonceStore) -> S3pSignatureLayer {
    let keys = MemoryAccessKeyStore::new();
    let identity = Identity::local("TESTMERC").expect("a subject");
    keys.insert(TOKEN, AccessKey::dangerous_short_secret(identity, SECRET));
    S3pSignatureLayer::new(S3pAuth::new(public_url(), keys, nonces))
}

fn public_url() -> PublicUrl {
    PublicUrl::parse("https://dev.smobilpay.com/s3p").expect("a URL")
}

/// To see what all but the nonces costs.
struct KeepsNothing;

impl NonceStore for KeepsNothing {
    fn record(&self, _: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        NowOrLater::now(Ok(Recorded::Fresh))
    }
}

/// Such a request, each signed anew.
fn signing(request: Request<Body>, body: &'static [u8]) -> impl FnMut() -> Request<Body> {
    let signer = Signer::dangerous_short_secret(TOKEN, SECRET).expect("a signer");
    let signer = signer.nonces(|| unique().to_string());
    let url = format!("https://dev.smobilpay.com/s3p{}", request.uri()).parse().expect("a URL");
    move || {
        let mut request = request.clone();
        let value = signer.sign(request.method(), &url, request.headers(), body).expect("a signature");
        request.headers_mut().insert(header::AUTHORIZATION, value);
        request
    }
}

/// The same parameters, signed by OAuth 1.
fn oauth1(nonce: &str) -> String {
    let parameters = [("serviceNumber", "TestId"), ("merchant", "TESTMERC"), ("serviceid", "99999")];
    let parameters = ParameterList::new(parameters);
    let mut builder = Builder::<_, _>::new(Credentials::new(TOKEN, SECRET), HmacSha1::new());
    builder.nonce(nonce).timestamp(NonZeroU64::new(1_361_281_946));
    builder.get("https://dev.smobilpay.com/s3p/v2/bill", &parameters)
}

fn json_of_1_kib() -> String {
    let members: Vec<_> = (10..26).map(|at| format!(r#""field{at}":"{}""#, "v".repeat(50))).collect();
    let json = format!("{{{}}}", members.join(","));
    let missing = 1024 - json.len();
    let json = json.replacen('v', &"v".repeat(1 + missing), 1);
    assert_eq!(json.len(), 1024);
    json
}
