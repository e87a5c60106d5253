//! A plain vector, changed anywhere, is refused.
//!
//! What is changed is a value, never its spelling alone: `%2f` for `%2F`, or a blank that is trimmed,
//! is the same request.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

use super::{Vector, send, vectors};

/// Every vector whose meaning is not in doubt, with what was changed in it.
async fn all_are_refused(change: impl Fn(&Vector) -> Vec<Vector>) -> usize {
    let mut changes = 0;
    for vector in vectors().iter().filter(|vector| vector.is_plain()) {
        let layer = vector.layer();
        for changed in change(vector) {
            let answer = send(&layer, changed.request()).await;
            assert!(matches!(answer.status.as_u16(), 400 | 401), "{changed:?} {}", answer.status);
            changes += 1;
        }
        // Not refused for any other reason; and none of those above has used up the nonce.
        assert_eq!(send(&layer, vector.request()).await.status, 200, "{}", vector.id);
    }
    changes
}

/// A text with one character replaced, at each place; with one more at its end; and none at all.
fn other_texts(text: &str) -> Vec<String> {
    let mut others: Vec<String> = text
        .char_indices()
        .map(|(at, old)| {
            let new = if old == 'x' { 'y' } else { 'x' };
            format!("{}{new}{}", &text[..at], &text[at + old.len_utf8()..])
        })
        .collect();
    others.push(format!("{text}0"));
    if !text.trim().is_empty() {
        others.push(String::new());
    }
    others
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn decode(text: &str) -> String {
    let plain = text.replace('+', " ");
    percent_decode_str(&plain).decode_utf8().unwrap().into_owned()
}

/// Each list that comes of changing one name or one value, leaving one pair out, or adding one.
fn other_pairs(pairs: &[(String, String)]) -> Vec<Vec<(String, String)>> {
    let mut all = Vec::new();
    for (at, (name, value)) in pairs.iter().enumerate() {
        let mut put = |name: String, value: String| {
            let mut changed = pairs.to_vec();
            changed[at] = (name, value);
            all.push(changed);
        };
        for other in other_texts(value) {
            put(name.clone(), other);
        }
        for other in other_texts(name) {
            put(other, value.clone());
        }
        let mut fewer = pairs.to_vec();
        fewer.remove(at);
        all.push(fewer);
    }
    let mut more = pairs.to_vec();
    more.push(("added".to_owned(), String::new()));
    all.push(more);
    all
}

fn other_queries(vector: &Vector) -> Vec<Vector> {
    let (path, query) = vector.url.split_once('?').unwrap_or((&vector.url, ""));
    let pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    let queries = other_pairs(&pairs).into_iter().map(|pairs| {
        let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    });
    queries.map(|query| Vector { url: format!("{path}?{query}"), ..vector.clone() }).collect()
}

fn other_bodies(vector: &Vector) -> Vec<Vector> {
    let Some(members) = vector.members() else {
        return Vec::new();
    };
    // A number and its text are signed alike: both are changed as text.
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs: Vec<_> = members.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let bodies = other_pairs(&pairs).into_iter().map(|pairs| {
        let members = pairs.into_iter().map(|(name, value)| (name, Value::String(value)));
        Value::Object(members.collect::<Map<_, _>>()).to_string()
    });
    bodies.map(|body| Vector { body: Some(body), ..vector.clone() }).collect()
}

#[tokio::test]
async fn no_name_and_no_value_of_a_query_can_be_changed() {
    let changes = all_are_refused(|vector| match &*vector.method {
        "GET" | "DELETE" => other_queries(vector),
        _ => Vec::new(),
    });
    assert!(changes.await > 2000);
}

#[tokio::test]
async fn no_name_and_no_value_of_a_body_can_be_changed() {
    assert!(all_are_refused(other_bodies).await > 2000);
}

#[tokio::test]
async fn no_number_of_a_body_can_be_written_in_another_way() {
    let numbers = |vector: &Vector| -> Vec<Vector> {
        let body = vector.body.clone().unwrap_or_default();
        let respelled = [
            ("1000.5}", "1000.50}"),
            ("1000.5}", "1.0005e3}"),
            ("1000}", "1e3}"),
            ("1000}", "1000.0}"),
            ("1000,", "1E3,"),
        ];
        let respelled = respelled.into_iter().filter(|(old, _)| body.contains(old));
        let bodies = respelled.map(|(old, new)| body.replace(old, new));
        bodies.map(|body| Vector { body: Some(body), ..vector.clone() }).collect()
    };
    assert!(all_are_refused(numbers).await >= 10);
}

#[tokio::test]
async fn no_other_method_and_no_other_path_will_do() {
    let changes = all_are_refused(|vector| {
        let methods: &[&str] = match &*vector.method {
            "GET" => &["HEAD", "DELETE", "OPTIONS", "POST", "get"],
            "DELETE" => &["GET", "HEAD"],
            _ => &["PATCH", "GET", "post"],
        };
        let methods =
            methods.iter().map(|method| Vector { method: (*method).to_owned(), ..vector.clone() });
        let (origin, target) = vector.split_url();
        let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
        let paths = [
            format!("{path}/"),
            format!("/{path}"),
            format!("{path}%20"),
            path.replacen("v2", "v3", 1),
            path.replacen("v2", "V2", 1),
            path.replacen("v2", "%762", 1),
            path.replacen("/v2", "/./v2", 1),
            path.trim_end_matches('/').to_owned() + "/../x",
        ];
        let urls = paths.iter().map(|path| format!("{origin}{path}{query}"));
        methods.chain(urls.map(|url| Vector { url, ..vector.clone() })).collect()
    });
    assert!(changes.await > 129 * 9);
}

#[tokio::test]
async fn no_other_field_of_the_header_will_do() {
    let changes = all_are_refused(|vector| {
        let field = |name: &str| {
            let (_, rest) = vector.authorization.split_once(&format!("{name}=\"")).unwrap();
            format!("{name}=\"{}\"", rest.split_once('"').unwrap().0)
        };
        let nonce = field("s3pAuth_nonce");
        let later = vector.timestamp.parse::<u64>().unwrap() + 1;
        let mut fields = vec![
            (field("s3pAuth_timestamp"), format!("s3pAuth_timestamp=\"{later}\"")),
            // Known, with the same secret; and not known.
            (field("s3pAuth_token"), "s3pAuth_token=\"another-token\"".to_owned()),
            (field("s3pAuth_token"), "s3pAuth_token=\"no-token\"".to_owned()),
        ];
        for other in other_texts(&nonce[15..nonce.len() - 1]) {
            fields.push((nonce.clone(), format!("s3pAuth_nonce=\"{other}\"")));
        }
        let mac = STANDARD.decode(&vector.signature).unwrap();
        for bit in 0..160 {
            let mut mac = mac.clone();
            mac[bit / 8] ^= 1 << (bit % 8);
            let other = format!("s3pAuth_signature=\"{}\"", STANDARD.encode(mac));
            fields.push((field("s3pAuth_signature"), other));
        }
        let changed = fields.into_iter().map(|(old, new)| vector.authorization.replace(&old, &new));
        changed.map(|authorization| Vector { authorization, ..vector.clone() }).collect()
    });
    assert!(changes.await > 129 * 170);
}

#[tokio::test]
async fn a_request_to_one_service_is_refused_by_every_other() {
    for vector in vectors().iter().filter(|vector| vector.is_plain()) {
        let (origin, _) = vector.split_url();
        let (scheme, authority) = origin.split_once("://").unwrap();
        let other_scheme = if scheme == "http" { "https" } else { "http" };
        for other in [
            format!("{other_scheme}://{authority}"),
            format!("{scheme}://other.{authority}"),
            format!("{origin}/prefix"),
            format!("{scheme}://{}:4711", authority.split(':').next().unwrap()),
        ] {
            let mut request = vector.request();
            // As whoever sends it to the wrong service would: neither field is believed.
            let host = HeaderValue::from_str(authority).unwrap();
            request.headers_mut().insert("host", host.clone());
            request.headers_mut().insert("x-forwarded-host", host);
            let answer = send(&vector.layer_at(&other), request).await;
            assert_eq!(answer.reason(), "s3p.signature", "{} at {other}", vector.id);
        }
    }
}
