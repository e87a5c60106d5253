//! Keys whose clients depart from the scheme's page: dialects, milliseconds, a former secret, HMAC-SHA256.
#![cfg(feature = "s3p")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "s3p_dialects/injectivity.rs"]
mod injectivity;
#[path = "s3p_dialects/lists.rs"]
mod lists;
#[path = "s3p_dialects/method.rs"]
mod method;
#[path = "s3p_dialects/milliseconds.rs"]
mod milliseconds;
#[path = "s3p_dialects/names.rs"]
mod names;
#[path = "s3p_dialects/oracle.rs"]
mod oracle;
#[path = "s3p_dialects/rotation.rs"]
mod rotation;
#[path = "s3p_dialects/values.rs"]
mod values;

mod s3p_support;
mod support;

use std::{sync::Arc, time::UNIX_EPOCH};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use portcullis::{
    Identity, ManualClock, S3pSignatureLayer, Secret,
    s3p::{
        AccessKey, Dialect, Encoding, MemoryAccessKeyStore, MemoryNonceStore, Order, S3pAuth,
        SignatureMethod, SigningInput, Stamp, Trim, Values,
    },
};
use s3p_support::*;
use support::Answer;

const TRIMS: [Trim; 3] = [Trim::EachValue, Trim::Nothing, Trim::WholeString];
const ENCODINGS: [Encoding; 4] = [
    Encoding::Rfc3986,
    Encoding::EncodeUriComponent,
    Encoding::JavaUrlEncoder,
    Encoding::GoQueryEscape,
];
const ORDERS: [Order; 2] = [Order::ByKey, Order::ByPair];
const VALUES: [Values; 4] = [Values::AsWritten, Values::Php, Values::JavaScript, Values::Python];

const NAMED: [Dialect; 8] = [
    Dialect::STRICT,
    Dialect::MAVIANCE_PHP,
    Dialect::MAVIANCE_NODEJS,
    Dialect::MAVIANCE_JAVA,
    Dialect::NDOLE_GO,
    Dialect::POSTMAN,
    Dialect::POSTMAN_PHP,
    Dialect::PYTHON,
];

/// Alice's key.
fn alice() -> AccessKey {
    AccessKey::new(Identity::local("alice").unwrap(), SECRET).unwrap()
}

fn alice_in(dialects: &[Dialect]) -> AccessKey {
    alice().dialects(dialects).unwrap()
}

/// A layer that knows this key of Alice's alone, and where it is always [`NOW`].
fn layer_of(key: AccessKey) -> S3pSignatureLayer {
    layer_at(key, clock())
}

fn layer_at(key: AccessKey, clock: Arc<ManualClock>) -> S3pSignatureLayer {
    let keys = MemoryAccessKeyStore::new();
    keys.insert(TOKEN, key);
    S3pSignatureLayer::new(S3pAuth::new(url(), keys, MemoryNonceStore::new(UNIX_EPOCH)).clock(clock))
}

/// What a dialect signs of a draft, or the code of the refusal.
fn input(draft: &Draft, dialect: Dialect) -> Result<SigningInput, &'static str> {
    input_by(draft, dialect, SignatureMethod::HmacSha1)
}

fn input_by(
    draft: &Draft,
    dialect: Dialect,
    method: SignatureMethod,
) -> Result<SigningInput, &'static str> {
    let Draft { nonce, timestamp, token, .. } = draft;
    SigningInput::in_dialect(
        dialect,
        &draft.method,
        &url(),
        &draft.target.parse().unwrap(),
        &draft.headers(),
        &draft.body,
        Stamp { method, nonce, timestamp, token },
    )
    .map_err(|rejection| rejection.reason())
}

/// The draft as a client of a dialect sends it.
fn signed(draft: &Draft, dialect: Dialect) -> Request<Full<Bytes>> {
    let signature = input(draft, dialect).unwrap().signature(&Secret::new(draft.secret));
    with_signature(draft, SignatureMethod::HmacSha1, &signature)
}

fn with_signature(draft: &Draft, method: SignatureMethod, signature: &str) -> Request<Full<Bytes>> {
    let Draft { nonce, timestamp, token, .. } = draft;
    draft.request_with(format!(
        "s3pAuth s3pAuth_nonce=\"{nonce}\",s3pAuth_signature=\"{signature}\",\
         s3pAuth_signature_method=\"{}\",s3pAuth_timestamp=\"{timestamp}\",s3pAuth_token=\"{token}\"",
        method.as_str(),
    ))
}

/// `accepted`, or the stable code of the refusal.
fn outcome(answer: &Answer) -> &'static str {
    answer.rejection.as_ref().map_or("accepted", portcullis::Rejection::reason)
}
