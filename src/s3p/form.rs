//! `application/x-www-form-urlencoded`, of a query or a body.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use percent_encoding::percent_decode;

use super::{
    params::{MOST_PARAMETERS, Pairs},
    value::Value,
};

/// Whether anything in it is written otherwise than it reads.
pub(super) fn is_escaped(text: &str) -> bool {
    memchr2(b'%', b'+', text.as_bytes()).is_some()
}

/// Reads at most one pair more than there may be. The error is a stable code.
pub(super) fn read<'r>(
    text: &'r str,
    is_escaped: bool,
    pairs: &mut Pairs<'r>,
) -> Result<(), &'static str> {
    let mut rest = Some(text);
    while let Some(text) = rest.filter(|_| pairs.len() <= MOST_PARAMETERS) {
        let (pair, after) = cut(text, b'&');
        rest = after;
        if pair.is_empty() {
            continue;
        }
        let (key, value) = cut(pair, b'=');
        let value = value.unwrap_or_default();
        pairs.push(if is_escaped {
            (decode(key)?, Value::Text(decode(value)?))
        } else {
            (Cow::Borrowed(key), Value::Text(Cow::Borrowed(value)))
        });
    }
    Ok(())
}

/// What stands before the first such byte, and what after it, if there is one.
fn cut(text: &str, byte: u8) -> (&str, Option<&str>) {
    match memchr(byte, text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Percent-encoding of UTF-8, and `+` for a blank; broken encoding is refused, not guessed at.
fn decode(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if !is_escaped(text) {
        return Ok(Cow::Borrowed(text));
    }
    let broken = "s3p.percent_encoding";
    let is_escape =
        |after: &[u8]| matches!(after, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(|after| is_escape(after.as_bytes())) {
        return Err(broken);
    }
    let blanks = text.replace('+', " ");
    let bytes: Vec<u8> = percent_decode(blanks.as_bytes()).collect();
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| broken)
}
