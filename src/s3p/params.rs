use std::borrow::Cow;

use http::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode;

use crate::{
    Rejection, RejectionKind,
    head::only,
    json::{self, Object},
};

/// The first of the keys that the scheme adds. Whatever sorts before it stands before all of them.
const FIRST_OWN_KEY: &str = "s3pAuth_nonce";

/// What the keys of the scheme itself begin with.
const OWN_PREFIX: &str = "s3pAuth_";

/// The parameters of a request, sorted by key, values trimmed: such that no other request has the
/// same parameter string.
#[derive(Debug)]
pub(super) struct Params<'r>(Vec<Pair<'r>>);

/// A key and its value.
pub(super) type Pair<'r> = (Cow<'r, str>, Cow<'r, str>);

impl<'r> Params<'r> {
    /// Of a request, by its head and its whole body.
    pub(super) fn of(
        method: &Method,
        uri: &'r Uri,
        headers: &HeaderMap,
        body: &'r [u8],
    ) -> Result<Self, Rejection> {
        let bad = |reason| Rejection::new(RejectionKind::BadRequest, reason);
        let query = uri.query().unwrap_or_default();
        let pairs = match *method {
            Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS if body.is_empty() => {
                form(query.as_bytes()).map_err(bad)?
            }
            Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS => {
                return Err(bad("s3p.body_on_get"));
            }
            Method::POST | Method::PUT | Method::PATCH if query.is_empty() => of_body(headers, body)?,
            Method::POST | Method::PUT | Method::PATCH => return Err(bad("s3p.query_on_post")),
            _ => return Err(bad("s3p.method")),
        };
        Self::new(pairs).map_err(bad)
    }

    /// Sorts, trims, and refuses what is ambiguous. The error is a stable code.
    pub(super) fn new(mut pairs: Vec<Pair<'r>>) -> Result<Self, &'static str> {
        for (key, value) in &mut pairs {
            trim(value);
            judge(key, value)?;
        }
        pairs.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err("s3p.repeated_parameter");
        }
        Ok(Self(pairs))
    }

    /// Those that sort before the scheme's own keys, and those that sort after.
    pub(super) fn around_own(&self) -> (&[Pair<'r>], &[Pair<'r>]) {
        self.0.split_at(self.0.partition_point(|(key, _)| &**key < FIRST_OWN_KEY))
    }
}

fn judge(key: &str, value: &str) -> Result<(), &'static str> {
    if key.is_empty() || key.contains(['=', '&']) || trimmed(key) != key {
        return Err("s3p.parameter_name");
    }
    if key.starts_with(OWN_PREFIX) {
        return Err("s3p.own_parameter");
    }
    if reads_as_more(key, value) {
        return Err("s3p.ambiguous_value");
    }
    Ok(())
}

/// Whether a value could be read as a shorter value and another parameter.
///
/// Let two requests have one parameter string, and look at the first `&` that is a separator in one of
/// them alone. There, the one has a key; the other has the same text within the value of the key
/// before it. The one is sorted, so that key is greater than the key before it; and it is not greater
/// than the scheme's own first key if the key before it is less, since the own keys would stand
/// between. If no request with such a value is accepted, no two requests have one string.
fn reads_as_more(key: &str, value: &str) -> bool {
    let mut tails = value.split('&');
    tails.next();
    tails.any(|tail| {
        let Some((name, _)) = tail.split_once('=') else {
            return false;
        };
        name > key && !(key < FIRST_OWN_KEY && name > FIRST_OWN_KEY)
    })
}

fn of_body<'r>(headers: &HeaderMap, body: &'r [u8]) -> Result<Vec<Pair<'r>>, Rejection> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let unsupported = |reason| Rejection::new(RejectionKind::UnsupportedMediaType, reason);
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(unsupported("s3p.content_encoding"));
    }
    let content_type = only(headers, header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let pairs = match content_type.and_then(media_type) {
        Some(MediaType::Json) => object(body),
        Some(MediaType::Form) => form(body),
        None => return Err(unsupported("s3p.content_type")),
    };
    pairs.map_err(|reason| Rejection::new(RejectionKind::BadRequest, reason))
}

#[derive(Clone, Copy)]
enum MediaType {
    Json,
    Form,
}

/// `charset` may be said, if it is UTF-8; of JSON and forms nothing else may be.
fn media_type(text: &str) -> Option<MediaType> {
    let (essence, params) = text.split_once(';').unwrap_or((text, ""));
    let kind = match essence.trim() {
        json if json.eq_ignore_ascii_case("application/json") => MediaType::Json,
        form if form.eq_ignore_ascii_case("application/x-www-form-urlencoded") => MediaType::Form,
        _ => return None,
    };
    let fits = params.split(';').map(str::trim).filter(|param| !param.is_empty()).all(|param| {
        param.split_once('=').is_some_and(|(name, value)| {
            let value = value.trim_matches('"');
            name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8")
        })
    });
    fits.then_some(kind)
}

/// A flat JSON object: strings as decoded, numbers as written.
fn object(json: &[u8]) -> Result<Vec<Pair<'_>>, &'static str> {
    let object = Object::parse(json).ok_or("s3p.json")?;
    let mut pairs = Vec::with_capacity(object.members().len());
    for (key, value) in object.into_members() {
        let text = value.get();
        let value = match text.as_bytes().first() {
            Some(b'"') => json::string(value).ok_or("s3p.json")?,
            Some(b'-' | b'0'..=b'9') => Cow::Borrowed(text),
            _ => return Err("s3p.value_type"),
        };
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// `application/x-www-form-urlencoded`, of a query or a body.
fn form(text: &[u8]) -> Result<Vec<Pair<'_>>, &'static str> {
    let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

/// Percent-encoding of UTF-8, and `+` for a blank; broken encoding is refused, not guessed at.
fn decode(text: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    let broken = "s3p.percent_encoding";
    let mut escapes = text.split(|byte| *byte == b'%');
    escapes.next();
    if !escapes
        .all(|after| matches!(after, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()))
    {
        return Err(broken);
    }
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return str::from_utf8(text).map(Cow::Borrowed).map_err(|_| broken);
    }
    let blanks: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let bytes: Vec<u8> = percent_decode(&blanks).collect();
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| broken)
}

/// The page only says that white space is trimmed: what every client that trims agrees on.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

fn trim(value: &mut Cow<'_, str>) {
    match value {
        Cow::Borrowed(text) => *text = trimmed(text),
        Cow::Owned(text) => {
            if trimmed(text).len() != text.len() {
                *text = trimmed(text).to_owned();
            }
        }
    }
}
