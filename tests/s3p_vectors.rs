//! Requests as public clients signed them, and the worked examples of the scheme's page.
//!
//! The data is `vectors/s3p-clients.json`; its README says what each field is.

mod s3p_vectors_changes;
mod support;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use portcullis::{
    Identity, ManualClock, S3pSignatureLayer, Secret,
    s3p::{AccessKey, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth, SigningInput},
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
        let keys = MemoryAccessKeyStore::new();
        for (token, who) in [(TOKEN, "alice"), ("another-token", "bob")] {
            let key = AccessKey::dangerous_short_secret(Identity::local(who).unwrap(), SECRET);
            keys.insert(token, key);
        }
        let clock = ManualClock::at_unix(self.timestamp.parse().unwrap());
        let url = PublicUrl::parse(url).unwrap();
        S3pSignatureLayer::new(S3pAuth::new(url, keys, MemoryNonceStore::new()).clock(clock))
    }

    async fn verdict(&self) -> Answer {
        send(&self.layer(), self.request()).await
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
            example.nonce,
            "1361281946",
            TOKEN,
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
        let (origin, target) = vector.split_url();
        let field = |name: &str| {
            let (_, rest) = vector.authorization.split_once(&format!("{name}=\"")).unwrap();
            rest.split_once('"').unwrap().0
        };
        let input = SigningInput::of(
            &vector.method.parse().unwrap(),
            &PublicUrl::parse(origin).unwrap(),
            &target.parse().unwrap(),
            &vector.headers(),
            vector.body.as_deref().unwrap_or_default().as_bytes(),
            field("s3pAuth_nonce"),
            &vector.timestamp,
            field("s3pAuth_token"),
        )
        .unwrap();
        assert_eq!(input.base_string(), vector.base_string, "{}", vector.id);
        assert_eq!(input.signature(&Secret::new(SECRET)), vector.signature, "{}", vector.id);

        let answer = vector.verdict().await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"), "{}", vector.id);
    }
}

/// Vectors that are not plain, and are accepted.
const ALSO_ACCEPTED: &[&str] = &[
    // An `&` in a value, after which nothing reads as a parameter: `a=b&c%d,"e"`.
    "maviance-java/g08_reserved_in_value",
    "maviance-nodejs(lib)/g08_reserved_in_value",
    "maviance-nodejs(lib)/p12_reserved_in_value",
    "maviance-php(HMACSignature)/g08_reserved_in_value",
    "maviance-php(HMACSignature)/p12_reserved_in_value",
    "maviance-php(send)/p12_reserved_in_value",
    "ndole-go/g08_reserved_in_value",
    "ndole-go/p12_reserved_in_value",
    // Sent to `https://DEV.Smobilpay.com:443`; the public URL has the form that was signed.
    "maviance-php(send)/x01_default_port_upper_host",
];

/// Vectors with a timestamp in seconds that are refused: status, reason, and which.
const REFUSED: &[(u16, &str, &[&str])] = &[
    // `trid=1&zeta=2` as one value has the signature of two parameters.
    (
        400,
        "s3p.ambiguous_value",
        &["maviance-php(send)/x07a_split_collision", "ndole-go/x07a_split_collision"],
    ),
    // Which nonce would count?
    (
        400,
        "s3p.own_parameter",
        &[
            "maviance-php(HMACSignature)/p20_authkey_in_body",
            "maviance-php(send)/p20_authkey_in_body",
            "ndole-go-e521064/p20_authkey_in_body",
            "ndole-go/p20_authkey_in_body",
        ],
    ),
    // The page takes the parameters of a POST from its body.
    (
        400,
        "s3p.query_on_post",
        &[
            "maviance-php(send)/x04_post_query_and_body",
            "maviance-php(send)/x08b_move_collision",
            "ndole-go/x04_post_query_and_body",
            "ndole-go/x08b_move_collision",
        ],
    ),
    // One client signs the first, the other the last.
    (
        400,
        "s3p.repeated_parameter",
        &["maviance-php(send)/x03_repeated_query_key", "ndole-go/x03_repeated_query_key"],
    ),
    // Every language has a text of its own for these, and some leave the content out.
    (
        400,
        "s3p.value_type",
        &[
            "maviance-nodejs(lib)/p05_bool",
            "maviance-nodejs(lib)/p06_null",
            "maviance-nodejs(lib)/p08_nested_object",
            "maviance-nodejs(lib)/p09_array",
            "maviance-php(HMACSignature)/p05_bool",
            "maviance-php(HMACSignature)/p06_null",
            "maviance-php(HMACSignature)/p08_nested_object",
            "maviance-php(HMACSignature)/p09_array",
            "maviance-php(send)/p05_bool",
            "maviance-php(send)/p06_null",
            "maviance-php(send)/p08_nested_object",
            "maviance-php(send)/p09_array",
        ],
    ),
    // Signed in another way than the page says: what the way is, `deviations` tells.
    (
        401,
        "s3p.signature",
        &[
            // Blanks are not trimmed, or those of the last value alone.
            "maviance-java/g09_trim",
            "maviance-nodejs(lib)/g09_trim",
            "maviance-nodejs(lib)/p13_trim",
            // Encoded by other rules than RFC 3986's.
            "maviance-java/g10_sub_delims",
            "maviance-nodejs(lib)/g10_sub_delims",
            "maviance-nodejs(lib)/p17_sub_delims",
            "ndole-go/g04_space",
            "ndole-go/p11_space",
            // Sorted by the whole `k=v`.
            "maviance-java/g11_prefix_keys",
            // Numbers as the language prints them, not as they are sent.
            "maviance-nodejs(lib)/p04_float_integral",
            "maviance-nodejs(lib)/p22_big_numbers",
            "maviance-php(HMACSignature)/p04_float_integral",
            "maviance-php(HMACSignature)/p22_big_numbers",
            "maviance-php(send)/p04_float_integral",
            "maviance-php(send)/p22_big_numbers",
            // A value cut at its `=`.
            "maviance-php(api)/g08_reserved_in_value",
            "maviance-php(send)/g08_reserved_in_value",
            // A body that was sent and not signed; a query likewise.
            "maviance-php(send)/u01_put",
            "ndole-go-e521064/d01_delete",
            // Encoded twice.
            "ndole-go-e521064/g03_unicode",
            "ndole-go-e521064/g04_space",
            "ndole-go-e521064/g05_plus",
            "ndole-go-e521064/g08_reserved_in_value",
            "ndole-go-e521064/g09_trim",
            "ndole-go-e521064/g10_sub_delims",
            "ndole-go-e521064/p10_unicode",
            "ndole-go-e521064/p11_space",
            "ndole-go-e521064/p12_reserved_in_value",
            "ndole-go-e521064/p13_trim",
            "ndole-go-e521064/p15_json_string",
            "ndole-go-e521064/p17_sub_delims",
        ],
    ),
];

#[tokio::test]
async fn every_other_vector_has_its_verdict() {
    let mut counted = [0; 3];
    let mut named = BTreeSet::new();
    for vector in vectors().iter().filter(|vector| !vector.is_plain()) {
        let answer = vector.verdict().await;
        let row = REFUSED.iter().find(|(_, _, ids)| ids.contains(&&*vector.id));
        if ALSO_ACCEPTED.contains(&&*vector.id) {
            assert_eq!(answer.status, 200, "{}", vector.id);
            counted[0] += 1;
        } else if let Some((status, reason, _)) = row {
            assert_eq!((answer.status.as_u16(), answer.reason()), (*status, *reason), "{}", vector.id);
            counted[1] += 1;
        } else {
            // A timestamp in milliseconds: the page has seconds, and a unit is not guessed.
            assert_eq!(vector.timestamp.len(), 13, "{} has no verdict", vector.id);
            assert_eq!((answer.status.as_u16(), answer.reason()), (401, "s3p.timestamp"), "{}", vector.id);
            counted[2] += 1;
        }
        named.insert(vector.id.clone());
    }
    assert_eq!(counted, [9, 55, 64]);
    let table = REFUSED.iter().flat_map(|(_, _, ids)| *ids).chain(ALSO_ACCEPTED);
    assert_eq!(table.filter(|id| !named.contains(**id)).count(), 0, "a verdict without a vector");
}

#[test]
fn a_wrong_signature_is_one_that_deviates_from_the_page() {
    let (_, _, ids) = REFUSED.iter().find(|(_, reason, _)| *reason == "s3p.signature").unwrap();
    for vector in vectors().iter().filter(|vector| ids.contains(&&*vector.id)) {
        assert!(!vector.canonical_match && !vector.deviations.is_empty(), "{}", vector.id);
    }
}

#[tokio::test]
async fn of_two_requests_with_one_signature_one_is_let_through() {
    for client in ["maviance-php(send)", "ndole-go"] {
        for (refused, accepted) in [
            ("x07a_split_collision", "x07b_split_collision"),
            ("x08b_move_collision", "x08a_move_collision"),
        ] {
            let named = |case: &str| {
                let id = format!("{client}/{case}");
                vectors().into_iter().find(|vector| vector.id == id).unwrap()
            };
            let (refused, accepted) = (named(refused), named(accepted));
            assert_eq!(refused.signature, accepted.signature, "{client}");
            assert_ne!((&refused.url, &refused.body), (&accepted.url, &accepted.body));
            assert_eq!(refused.verdict().await.status, 400, "{}", refused.id);
            assert_eq!(accepted.verdict().await.status, 200, "{}", accepted.id);
        }
    }
}
