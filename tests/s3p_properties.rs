//! What holds for every request, not only for those that somebody has thought of.
#![cfg(feature = "s3p")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "s3p_properties/injectivity.rs"]
mod injectivity;
#[path = "s3p_properties/mutations.rs"]
mod mutations;
#[path = "s3p_properties/strangers.rs"]
mod strangers;
#[path = "s3p_properties/wire.rs"]
mod wire;

mod s3p_support;
mod support;

use std::{collections::BTreeMap, sync::LazyLock, time::UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis::{
    S3pSignatureLayer,
    s3p::{MemoryNonceStore, PublicUrl, S3pAuth, Signer},
};
use proptest::prelude::*;
use s3p_support::*;
use support::{Answer, send};
use tokio::runtime::{self, Runtime};

/// For requests within a property, which is a plain function.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| runtime::Builder::new_current_thread().enable_all().build().unwrap());

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A request of a client: all but its host.
#[derive(Clone, Debug)]
struct Sent {
    method: Method,
    path: String,
    query: Option<String>,
    content_type: Option<&'static str>,
    body: Bytes,
}

impl Sent {
    fn target(&self) -> String {
        self.query.as_ref().map_or(self.path.clone(), |query| format!("{}?{query}", self.path))
    }

    fn headers(&self) -> HeaderMap {
        let lines =
            self.content_type.map(|text| (header::CONTENT_TYPE, HeaderValue::from_static(text)));
        lines.into_iter().collect()
    }

    fn to(&self, uri: &str) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri.parse().unwrap();
        *request.headers_mut() = self.headers();
        request
    }
}

/// Any text: mostly what parameters look like, and then all that might trip somebody.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z0-9_.-]{0,12}",
        2 => "[ -~]{0,12}",
        2 => "[&=%+ s3pAuth_noce]{0,12}",
        1 => any::<String>(),
        1 => ".{0,4}é日😀.{0,4}",
    ]
}

/// A name that the scheme has nothing against.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[A-Za-z][A-Za-z0-9_.-]{0,8}", 1 => "s3pAu[s-v]", 1 => "[é日ß€]{1,3}", 1 => text()]
}

fn parameters() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map(name(), text(), 0..6)
}

fn form(parameters: &BTreeMap<String, String>) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// JSON of these; what looks like a number stands as a number.
fn json(parameters: &BTreeMap<String, String>) -> String {
    let is_number = |text: &str| serde_json::from_str::<serde_json::Number>(text).is_ok();
    let members = parameters.iter().map(|(name, value)| {
        let name = serde_json::to_string(name).unwrap();
        if is_number(value.trim()) {
            format!("{name}:{value}")
        } else {
            format!("{name} : {}", serde_json::to_string(value).unwrap())
        }
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(" ,"))
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        3 => "[A-Za-z0-9_~.-]{0,8}",
        1 => "[!$&'()*+,;=:@]{0,4}",
        1 => "(%[0-9A-Fa-f]{2}){0,4}",
        1 => Just("..".to_owned()),
    ];
    proptest::collection::vec(segment, 1..4).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn sent() -> impl Strategy<Value = Sent> {
    let with_query =
        (prop::sample::select(&["GET", "HEAD", "DELETE", "OPTIONS"][..]), path(), parameters())
            .prop_map(|(method, path, parameters)| Sent {
                method: method.parse().unwrap(),
                path,
                query: (!parameters.is_empty()).then(|| form(&parameters)),
                content_type: None,
                body: Bytes::new(),
            });
    let methods = || prop::sample::select(&["POST", "PUT", "PATCH"][..]);
    let with_form = (methods(), path(), parameters()).prop_map(|(method, path, parameters)| Sent {
        method: method.parse().unwrap(),
        path,
        query: None,
        content_type: Some(FORM),
        body: form(&parameters).into(),
    });
    let with_json = (methods(), path(), parameters()).prop_map(|(method, path, parameters)| Sent {
        method: method.parse().unwrap(),
        path,
        query: None,
        content_type: Some(JSON),
        body: json(&parameters).into(),
    });
    prop_oneof![with_query, with_form, with_json]
}

fn answer(layer: &S3pSignatureLayer, request: Request<Full<Bytes>>) -> Answer {
    RUNTIME.block_on(send(layer, request))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn what_the_signer_accepts_the_layer_accepts_and_nothing_else(sent in sent(), prefix in "(/[a-z]{1,4}){0,2}") {
        let url = format!("https://pay.example.org{prefix}");
        let signer = Signer::new(TOKEN, SECRET).unwrap().clock(clock());
        let public = PublicUrl::parse(&url).unwrap();
        let auth = S3pAuth::new(public, keys(), MemoryNonceStore::new(UNIX_EPOCH)).clock(clock());
        let layer = S3pSignatureLayer::new(auth);

        let whole = format!("{url}{}", sent.target()).parse().unwrap();
        let mut request = sent.to(&sent.target());
        match signer.sign(&sent.method, &whole, &sent.headers(), &sent.body) {
            Ok(authorization) => {
                request.headers_mut().insert(header::AUTHORIZATION, authorization);
                let first = answer(&layer, request.clone());
                prop_assert_eq!(first.status.as_u16(), 200, "{:?}", first.rejection);
                let again = answer(&layer, request);
                prop_assert_eq!(again.reason(), "s3p.replayed");
            }
            Err(error) => {
                // The layer would have refused it, and for the reason that the client is told.
                let value = HeaderValue::try_from(Draft::get("/").authorization()).unwrap();
                request.headers_mut().insert(header::AUTHORIZATION, value);
                let refused = answer(&layer, request);
                prop_assert_eq!(refused.status.as_u16(), 400);
                let told = std::error::Error::source(&error).unwrap().to_string();
                prop_assert!(told.contains(refused.reason()), "{told} {}", refused.reason());
            }
        }
    }
}

/// The generator would be worth nothing if the signer refused most of what it makes, or nothing.
#[test]
fn most_requests_can_be_signed_and_some_cannot() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let signer = Signer::new(TOKEN, SECRET).unwrap().clock(clock());
    let signed = (0..1000)
        .filter(|_| {
            let sent = sent().new_tree(&mut runner).unwrap().current();
            let url = format!("{URL}{}", sent.target()).parse().unwrap();
            signer.sign(&sent.method, &url, &sent.headers(), &sent.body).is_ok()
        })
        .count();
    assert!((600..1000).contains(&signed), "{signed}");
}
