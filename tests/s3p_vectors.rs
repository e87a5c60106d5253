//! Requests as public clients signed them, and the worked examples of the scheme's page.
//!
//! The data is `vectors/s3p-clients.json`; its README says what each field is.
#![cfg(feature = "s3p")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "s3p_vectors/changes.rs"]
mod changes;
#[path = "../examples/s3p/dialects.rs"]
mod dialects;
#[path = "../examples/s3p/difference.rs"]
mod difference;
#[path = "../examples/s3p/explain.rs"]
mod explain;
#[path = "s3p_vectors/explained.rs"]
mod explained;
#[path = "../examples/s3p/fields.rs"]
mod fields;
#[path = "../examples/s3p/request.rs"]
mod request;
mod support;
#[path = "../examples/s3p/verdict.rs"]
mod verdict;
#[path = "s3p_vectors/verdicts.rs"]
mod verdicts;

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use portcullis::{
    Identity, ManualClock, S3pSignatureLayer, Secret,
    s3p::{
        AccessKey, Dialect, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth,
        SignatureMethod, SigningInput, Stamp,
    },
};
use serde::Deserialize;
use serde_json::{Map, Value};
use support::{Answer, send};

const TOKEN: &str = "xvz1evFS4wEEPTGEFPHBog";
const SECRET: &str = "MySecretKey";

/// One request, as a client signed it.
#[derive(Clone, Debug, Deserialize)]
struct Vector {
    id: String,
    method: String,
    url: String,
    authorization: String,
    content_type: Option<String>,
    body: Option<String>,
    timestamp: String,
    signature: String,
    base_string: String,
    canonical_match: bool,
    deviations: Vec<String>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/s3p-clients.json")).unwrap()
}

impl Vector {
    /// Scheme, host and port; and the rest.
    fn split_url(&self) -> (&str, &str) {
        let authority = self.url.find("://").unwrap() + 3;
        let path = self.url[authority..].find('/').unwrap() + authority;
        self.url.split_at(path)
    }

    fn headers(&self) -> HeaderMap {
        let content_type = self.content_type.iter();
        let lines = content_type.map(|text| (header::CONTENT_TYPE, text.parse().unwrap()));
        lines.collect()
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::from(self.body.clone().unwrap_or_default()));
        *request.method_mut() = self.method.parse().unwrap();
        *request.uri_mut() = self.split_url().1.parse().unwrap();
        *request.headers_mut() = self.headers();
        let value = HeaderValue::from_str(&self.authorization).unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        request
    }

    /// A layer of the service that the client spoke to, at the time of the request.
    fn layer(&self) -> S3pSignatureLayer {
        self.layer_at(self.split_url().0)
    }

    fn layer_at(&self, url: &str) -> S3pSignatureLayer {
        self.layer_of(url, &[Dialect::STRICT])
    }

    fn layer_of(&self, url: &str, dialects: &[Dialect]) -> S3pSignatureLayer {
        let keys = MemoryAccessKeyStore::new();
        for (token, who) in [(TOKEN, "alice"), ("another-token", "bob")] {
            let key = AccessKey::dangerous_short_secret(Identity::local(who).unwrap(), SECRET);
            keys.insert(token, key.dialects(dialects).unwrap());
        }
        let url = PublicUrl::parse(url).unwrap();
        S3pSignatureLayer::new(
            S3pAuth::new(url, keys, MemoryNonceStore::new(UNIX_EPOCH)).clock(self.clock()),
        )
    }

    /// Standing at the timestamp, whose unit its length tells.
    fn clock(&self) -> ManualClock {
        let time: u64 = self.timestamp.parse().unwrap();
        let since = match self.timestamp.len() {
            13 => Duration::from_millis(time),
            _ => Duration::from_secs(time),
        };
        ManualClock::new(UNIX_EPOCH + since)
    }

    async fn verdict(&self) -> Answer {
        send(&self.layer(), self.request()).await
    }

    /// The answer for a key with these dialects.
    async fn verdict_in(&self, dialects: &[Dialect]) -> Answer {
        send(&self.layer_of(self.split_url().0, dialects), self.request()).await
    }

    /// What a dialect signs, or the code of the refusal.
    fn input_in(&self, dialect: Dialect) -> Result<SigningInput, &'static str> {
        let (origin, target) = self.split_url();
        let field = |name: &str| {
            let (_, rest) = self.authorization.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0
        };
        let stamp = Stamp {
            method: SignatureMethod::HmacSha1,
            nonce: field("s3pAuth_nonce"),
            timestamp: &self.timestamp,
            token: field("s3pAuth_token"),
        };
        SigningInput::in_dialect(
            dialect,
            &self.method.parse().unwrap(),
            &PublicUrl::parse(origin).unwrap(),
            &target.parse().unwrap(),
            &self.headers(),
            self.body.as_deref().unwrap_or_default().as_bytes(),
            stamp,
        )
        .map_err(|rejection| rejection.reason())
    }

    fn nonce(&self) -> String {
        let (_, rest) = self.authorization.split_once("s3pAuth_nonce=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// The parameters of a flat JSON object, if the body is any.
    fn members(&self) -> Option<Map<String, Value>> {
        serde_json::from_str(self.body.as_deref()?).ok()
    }

    /// Whether the scheme's page alone says how this is signed: nothing in it is ambiguous, or of a
    /// kind that the page does not know.
    fn is_plain(&self) -> bool {
        let (query, body) = (self.url.split_once('?'), self.body.as_deref().unwrap_or_default());
        let flat = |value: &Value| value.is_string() || value.is_number();
        self.canonical_match
            && self.timestamp.len() == 10
            && !body.contains("s3pAuth_")
            && !query.is_some_and(|(_, query)| query.contains("s3pAuth_"))
            && !(self.method == "POST" && query.is_some())
            && self.members().is_none_or(|members| members.values().all(flat))
            && !self.url.contains("%26")
            && !body.contains('&')
    }
}

/// The two columns of the page's table: what goes in, and the text of each step.
struct Example {
    method: Method,
    target: &'static str,
    body: &'static str,
    nonce: &'static str,
    parameter_string: &'static str,
    base_string: &'static str,
    signature: &'static str,
    authorization: &'static str,
}

const EXAMPLES: [Example; 2] = [
    Example {
        method: Method::POST,
        target: "/v2/quotestd",
        body: r#"{"payItemId":"SPAY-DEV-958-AES-100013333-10010","amount":"1000"}"#,
        nonce: "634968823463411609",
        parameter_string: "amount=1000&payItemId=SPAY-DEV-958-AES-100013333-10010&s3pAuth_nonce=634968823463411609&s3pAuth_signature_method=HMAC-SHA1&s3pAuth_timestamp=1361281946&s3pAuth_token=xvz1evFS4wEEPTGEFPHBog",
        base_string: "POST&https%3A%2F%2Fdev.smobilpay.com%2Fs3p%2Fv2%2Fquotestd&amount%3D1000%26payItemId%3DSPAY-DEV-958-AES-100013333-10010%26s3pAuth_nonce%3D634968823463411609%26s3pAuth_signature_method%3DHMAC-SHA1%26s3pAuth_timestamp%3D1361281946%26s3pAuth_token%3Dxvz1evFS4wEEPTGEFPHBog",
        signature: "1CLm+TQLwelkE+5Za+Vi+7G5M8U=",
        authorization: r#"s3pAuth,s3pAuth_nonce="634968823463411609", s3pAuth_signature="1CLm+TQLwelkE+5Za+Vi+7G5M8U=", s3pAuth_signature_method="HMAC-SHA1", s3pAuth_timestamp="1361281946",s3pAuth_token="xvz1evFS4wEEPTGEFPHBog""#,
    },
    Example {
        method: Method::GET,
        target: "/v2/bill?serviceNumber=TestId&merchant=TESTMERC&serviceid=99999",
        body: "",
        nonce: "634968823463411611",
        parameter_string: "merchant=TESTMERC&s3pAuth_nonce=634968823463411611&s3pAuth_signature_method=HMAC-SHA1&s3pAuth_timestamp=1361281946&s3pAuth_token=xvz1evFS4wEEPTGEFPHBog&serviceNumber=TestId&serviceid=99999",
        base_string: "GET&https%3A%2F%2Fdev.smobilpay.com%2Fs3p%2Fv2%2Fbill&merchant%3DTESTMERC%26s3pAuth_nonce%3D634968823463411611%26s3pAuth_signature_method%3DHMAC-SHA1%26s3pAuth_timestamp%3D1361281946%26s3pAuth_token%3Dxvz1evFS4wEEPTGEFPHBog%26serviceNumber%3DTestId%26serviceid%3D99999",
        signature: "wff4LW5sueJe0K4Uzk7fHrjElGk=",
        authorization: r#"s3pAuth, s3pAuth_nonce="634968823463411611", s3pAuth_signature="wff4LW5sueJe0K4Uzk7fHrjElGk=", s3pAuth_signature_method="HMAC-SHA1", s3pAuth_timestamp="1361281946",s3pAuth_token="xvz1evFS4wEEPTGEFPHBog""#,
    },
];

#[test]
fn each_step_of_the_worked_examples_is_the_text_of_the_page() {
    for example in EXAMPLES {
        let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let input = SigningInput::of(
            &example.method,
            &PublicUrl::parse("https://dev.smobilpay.com/s3p").unwrap(),
            &example.target.parse().unwrap(),
            &json.into_iter().collect(),
            example.body.as_bytes(),
            Stamp {
                method: SignatureMethod::HmacSha1,
                nonce: example.nonce,
                timestamp: "1361281946",
                token: TOKEN,
            },
        )
        .unwrap();
        assert_eq!(input.parameter_string(), example.parameter_string);
        assert_eq!(input.base_string(), example.base_string);
        assert_eq!(input.signature(&Secret::new(SECRET)), example.signature);
    }
}

#[tokio::test]
async fn the_worked_examples_are_let_through() {
    for example in EXAMPLES {
        let vector = Vector {
            id: String::new(),
            method: example.method.to_string(),
            url: format!("https://dev.smobilpay.com{}", example.target),
            authorization: example.authorization.to_owned(),
            content_type: Some("application/json".to_owned()),
            body: Some(example.body.to_owned()),
            timestamp: "1361281946".to_owned(),
            signature: example.signature.to_owned(),
            base_string: example.base_string.to_owned(),
            canonical_match: true,
            deviations: Vec::new(),
        };
        let layer = vector.layer_at("https://dev.smobilpay.com/s3p");
        let answer = send(&layer, vector.request()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"));
    }
}

#[tokio::test]
async fn what_clients_sign_by_the_page_is_let_through() {
    let plain: Vec<_> = vectors().into_iter().filter(Vector::is_plain).collect();
    assert_eq!(plain.len(), 129);
    for vector in plain {
        let input = vector.input_in(Dialect::STRICT).unwrap();
        assert_eq!(input.base_string(), vector.base_string, "{}", vector.id);
        assert_eq!(input.signature(&Secret::new(SECRET)), vector.signature, "{}", vector.id);

        let answer = vector.verdict().await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"), "{}", vector.id);
    }
}
