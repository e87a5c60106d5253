use std::{borrow::Cow, mem::take};

use http::{HeaderMap, Method, Uri, header};
use memchr::memchr2;
use smallvec::SmallVec;

use super::{
    dialect::{Dialect, Order, Trim},
    form, object,
    reading::{is_only_longest, may_follow},
    value::Value,
};
use crate::{Rejection, RejectionKind, head::only};

/// A key and its value, as they were sent.
pub(super) type Pair<'r> = (Cow<'r, str>, Value<'r>);

/// On the stack, if there are no more than ordinary requests have.
pub(super) type Pairs<'r> = SmallVec<[Pair<'r>; USUAL]>;

const USUAL: usize = 4;

/// The most parameters that a request may have: many times what documented ones have.
pub(super) const MOST_PARAMETERS: usize = 256;

/// The first of the keys that the scheme adds. Whatever sorts before it stands before all of them.
const FIRST_OWN_KEY: &str = "s3pAuth_nonce";

/// The last of them. Whatever sorts after it stands after all of them.
const LAST_OWN_KEY: &str = "s3pAuth_token";

/// What the keys of the scheme itself begin with.
pub(super) const OWN_PREFIX: &str = "s3pAuth_";

/// The parameters of a request, as they were sent, sorted by key: no key twice, and none of the scheme's own.
#[derive(Debug)]
pub(super) struct Sent<'r> {
    pairs: Pairs<'r>,
    /// Whether they were cut at every `&`, and each at its first `=`: then no key holds either, and no value an `&`.
    is_cut: bool,
}

impl<'r> Sent<'r> {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { pairs: Pairs::new(), is_cut: false }
    }

    /// Those of a request, by its head and its whole body.
    pub(super) fn read(
        &mut self,
        method: &Method,
        uri: &'r Uri,
        headers: &HeaderMap,
        body: &'r [u8],
    ) -> Result<(), Rejection> {
        let read = match Source::of(method, uri)? {
            Source::Query(_) if !body.is_empty() => return Err(body_on_get()),
            Source::Query(query) => self.read_form(query),
            Source::Body if body.is_empty() => Ok(()),
            Source::Body => match media_type(headers)? {
                MediaType::Json => object::members(body).map(|pairs| self.pairs = pairs),
                MediaType::Form => match str::from_utf8(body) {
                    Ok(text) => self.read_form(text),
                    Err(_) => Err("s3p.percent_encoding"),
                },
            },
        };
        read.and_then(|()| self.sort()).map_err(bad)
    }

    fn read_form(&mut self, text: &'r str) -> Result<(), &'static str> {
        let is_escaped = form::is_escaped(text);
        self.is_cut = !is_escaped;
        form::read(text, is_escaped, &mut self.pairs)
    }

    fn sort(&mut self) -> Result<(), &'static str> {
        let pairs = &mut *self.pairs;
        if pairs.len() > MOST_PARAMETERS {
            return Err("s3p.many_parameters");
        }
        for (key, _) in &*pairs {
            let is_name = if self.is_cut { has_ends_of_name(key) } else { is_name(key) };
            if !is_name {
                return Err("s3p.parameter_name");
            }
            if key.starts_with(OWN_PREFIX) {
                return Err("s3p.own_parameter");
            }
        }
        pairs.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err("s3p.repeated_parameter");
        }
        Ok(())
    }

    /// The pairs as a dialect signs them.
    pub(super) fn signed_in(&self, dialect: Dialect) -> Params<'_> {
        let mut flaw = None;
        let mut pairs: SmallVec<[Param<'_>; USUAL]> = SmallVec::with_capacity(self.pairs.len());
        for (key, value) in &self.pairs {
            let text = value.text(dialect.values).unwrap_or_else(|reason| {
                flaw.get_or_insert(reason);
                Cow::Borrowed(value.written())
            });
            pairs.push((key, trim(text, dialect.trim)));
        }
        if dialect.order == Order::ByPair {
            pairs.sort_unstable_by(|(one, _), (other, _)| dialect.order.compare(one, other));
        }
        let own = pairs.partition_point(|(key, _)| dialect.order.compare(key, FIRST_OWN_KEY).is_lt());
        // The end of the whole string is trimmed here, where it is the end of a value.
        if let (Trim::WholeString, Some((_, last))) = (dialect.trim, pairs[own..].last_mut()) {
            *last = shortened(take(last), |text| text.trim_end_matches(is_java_blank));
        }
        if !self.is_cut && !are_read_in_one_way(pairs.split_at(own)) {
            flaw.get_or_insert("s3p.ambiguous_value");
        }
        Params { pairs, own, flaw }
    }

    /// All keys, and all values as they were sent.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.pairs.iter().flat_map(|(key, value)| [&**key, value.written()])
    }

    /// Whether trimming makes a difference.
    pub(super) fn has_outer_blanks(&self) -> bool {
        self.pairs.iter().any(|(_, value)| has_outer_blanks(value.written()))
    }

    /// Whether the order makes a difference: whether a key begins with another.
    pub(super) fn has_key_within_key(&self) -> bool {
        let keys = || self.pairs.iter().map(|(key, _)| &**key);
        keys().zip(keys().skip(1)).any(|(key, next)| next.starts_with(key))
            || keys().any(|key| FIRST_OWN_KEY.starts_with(key))
    }

    /// Whether the language makes a difference.
    pub(super) fn has_value_of_various_texts(&self) -> bool {
        self.pairs.iter().any(|(_, value)| value.has_various_texts())
    }
}

/// A key, and the text of its value that is signed.
pub(super) type Param<'r> = (&'r str, Cow<'r, str>);

/// Parameters, sorted, with the text that is signed.
pub(super) struct Params<'r> {
    pairs: SmallVec<[Param<'r>; USUAL]>,
    /// Where the scheme's own keys stand.
    own: usize,
    /// Why they are not signed: a stable code.
    flaw: Option<&'static str>,
}

impl Params<'_> {
    /// What stands before the scheme's own.
    pub(super) fn before(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs[..self.own].iter().map(|(key, value)| (*key, &**value))
    }

    /// What stands after them.
    pub(super) fn after(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs[self.own..].iter().map(|(key, value)| (*key, &**value))
    }

    /// Whether they are signed so, and by no other request. The error is a stable code.
    pub(super) fn is_signed(&self) -> Result<(), &'static str> {
        self.flaw.map_or(Ok(()), Err)
    }
}

/// What stands before the scheme's own, and what stands after them.
fn are_read_in_one_way((before, after): (&[Param<'_>], &[Param<'_>])) -> bool {
    is_only_longest(before, |name| may_follow(name, FIRST_OWN_KEY))
        && is_only_longest(after, |name| may_follow(LAST_OWN_KEY, name))
}

/// Without outer blanks, since a whole string begins with a key.
pub(super) fn is_name(key: &str) -> bool {
    has_ends_of_name(key) && memchr2(b'=', b'&', key.as_bytes()).is_none()
}

fn has_ends_of_name(key: &str) -> bool {
    !key.is_empty() && !has_outer_blanks(key)
}

/// What can be said of a body before any of it is read: that it will be refused. Whether one comes at all may be known
/// only when it has ended.
pub(super) fn check_body_to_come(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    comes_for_sure: bool,
) -> Result<(), Rejection> {
    match Source::of(method, uri)? {
        Source::Query(_) if comes_for_sure => Err(body_on_get()),
        Source::Body if comes_for_sure || headers.contains_key(header::CONTENT_TYPE) => {
            media_type(headers).map(drop)
        }
        _ => Ok(()),
    }
}

/// Where the parameters of a request are.
enum Source<'r> {
    Query(&'r str),
    Body,
}

impl<'r> Source<'r> {
    fn of(method: &Method, uri: &'r Uri) -> Result<Self, Rejection> {
        let query = uri.query().unwrap_or_default();
        match *method {
            Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS => Ok(Self::Query(query)),
            Method::POST | Method::PUT | Method::PATCH if query.is_empty() => Ok(Self::Body),
            Method::POST | Method::PUT | Method::PATCH => Err(bad("s3p.query_on_post")),
            _ => Err(bad("s3p.method")),
        }
    }
}

fn bad(reason: &'static str) -> Rejection {
    Rejection::new(RejectionKind::BadRequest, reason)
}

fn body_on_get() -> Rejection {
    bad("s3p.body_on_get")
}

#[derive(Clone, Copy)]
enum MediaType {
    Json,
    Form,
}

/// What a body is, that is not compressed.
fn media_type(headers: &HeaderMap) -> Result<MediaType, Rejection> {
    let unsupported = |reason| Rejection::new(RejectionKind::UnsupportedMediaType, reason);
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(unsupported("s3p.content_encoding"));
    }
    let content_type = only(headers, header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    content_type.and_then(parse_media_type).ok_or_else(|| unsupported("s3p.content_type"))
}

/// `charset` may be said, if it is UTF-8; of JSON and forms nothing else may be.
fn parse_media_type(text: &str) -> Option<MediaType> {
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

/// What the page calls white space is what every client that trims agrees on.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// A value without its outer blanks: but for the end of the whole string.
fn trim(value: Cow<'_, str>, trim: Trim) -> Cow<'_, str> {
    if !has_outer_blanks(&value) {
        return value;
    }
    match trim {
        Trim::EachValue => shortened(value, |text| text.trim_matches(is_blank)),
        Trim::WholeString if value.chars().all(is_java_blank) => Cow::Borrowed(""),
        Trim::WholeString | Trim::Nothing => value,
    }
}

fn shortened(text: Cow<'_, str>, shorten: impl Fn(&str) -> &str) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(shorten(text)),
        Cow::Owned(text) => Cow::Owned(shorten(&text).to_owned()),
    }
}

/// By the widest trim of any dialect.
fn has_outer_blanks(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_blank = |byte: Option<&u8>| byte.is_some_and(|byte| *byte <= b' ');
    is_blank(bytes.first()) || is_blank(bytes.last())
}

/// What Java's `String.trim` takes away.
fn is_java_blank(c: char) -> bool {
    c <= ' '
}
