use std::borrow::Cow;

use http::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode;

use super::{
    dialect::{Dialect, Trim},
    reading::{is_only_longest, may_follow},
    value::Value,
};
use crate::{Rejection, RejectionKind, head::only, json::Object};

/// A key and its value, as they were sent.
type Pair<'r> = (Cow<'r, str>, Value<'r>);

/// The first of the keys that the scheme adds. Whatever sorts before it stands before all of them.
const FIRST_OWN_KEY: &str = "s3pAuth_nonce";

/// The last of them. Whatever sorts after it stands after all of them.
const LAST_OWN_KEY: &str = "s3pAuth_token";

/// What the keys of the scheme itself begin with.
pub(super) const OWN_PREFIX: &str = "s3pAuth_";

/// The parameters of a request, as they were sent: no key twice, and none of the scheme's own.
#[derive(Debug)]
pub(super) struct Sent<'r>(Vec<Pair<'r>>);

impl<'r> Sent<'r> {
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

    fn new(pairs: Vec<Pair<'r>>) -> Result<Self, &'static str> {
        let mut keys: Vec<&str> = pairs.iter().map(|(key, _)| &**key).collect();
        keys.iter().try_for_each(|key| judge_key(key))?;
        keys.sort_unstable();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("s3p.repeated_parameter");
        }
        Ok(Self(pairs))
    }

    /// The pairs as a dialect signs them. The error is a stable code.
    pub(super) fn signed_in(&self, dialect: Dialect) -> Result<Params<'_>, &'static str> {
        let mut pairs = Vec::with_capacity(self.0.len());
        for (key, value) in &self.0 {
            pairs.push((&**key, trim(value.text(dialect.values)?, dialect.trim)));
        }
        pairs.sort_unstable_by(|(one, _), (other, _)| dialect.order.compare(one, other));
        let own = pairs.partition_point(|(key, _)| dialect.order.compare(key, FIRST_OWN_KEY).is_lt());
        let (before, after) = pairs.split_at(own);
        if !is_only_longest(before, |name| may_follow(name, FIRST_OWN_KEY))
            || !is_only_longest(after, |name| may_follow(LAST_OWN_KEY, name))
        {
            return Err("s3p.ambiguous_value");
        }
        Ok(Params { pairs, own })
    }
}

/// A key, and the text of its value that is signed.
pub(super) type Param<'r> = (&'r str, Cow<'r, str>);

/// Parameters, sorted, with the text that is signed: such that no other request has the same.
pub(super) struct Params<'r> {
    pairs: Vec<Param<'r>>,
    /// Where the scheme's own keys stand.
    own: usize,
}

impl Params<'_> {
    /// All pairs in order, the scheme's own among them.
    pub(super) fn with_own<'a>(
        &'a self,
        own: [(&'a str, &'a str); 4],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (before, after) = self.pairs.split_at(self.own);
        let text = |(key, value): &'a (&str, Cow<'_, str>)| (*key, &**value);
        before.iter().map(text).chain(own).chain(after.iter().map(text))
    }
}

fn judge_key(key: &str) -> Result<(), &'static str> {
    if !is_name(key) {
        return Err("s3p.parameter_name");
    }
    if key.starts_with(OWN_PREFIX) {
        return Err("s3p.own_parameter");
    }
    Ok(())
}

/// By the widest trim of any dialect: a whole string begins with a key.
pub(super) fn is_name(key: &str) -> bool {
    !key.is_empty() && !key.contains(['=', '&']) && key.trim_matches(is_java_blank) == key
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

/// A flat JSON object.
fn object(json: &[u8]) -> Result<Vec<Pair<'_>>, &'static str> {
    let members = Object::parse_names(json).ok_or("s3p.json")?.into_members();
    members.into_iter().map(|(key, value)| Ok((key, Value::of(value)?))).collect()
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
            Ok((decode(key)?, Value::Text(decode(value)?)))
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

/// What the page calls white space is what every client that trims agrees on.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

fn trim(value: Cow<'_, str>, trim: Trim) -> Cow<'_, str> {
    let trimmed = match trim {
        Trim::EachValue => value.trim_matches(BLANKS),
        // The ends of the whole string are trimmed when it is whole.
        Trim::WholeString if value.chars().all(is_java_blank) => "",
        Trim::WholeString | Trim::Nothing => &value,
    };
    if trimmed.len() == value.len() { value } else { Cow::Owned(trimmed.to_owned()) }
}

/// What Java's `String.trim` takes away.
pub(super) fn is_java_blank(c: char) -> bool {
    c <= ' '
}
