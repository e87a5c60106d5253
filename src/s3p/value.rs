//! The text of a value, in each language that clients are written in.

use std::borrow::Cow;

use memchr::memchr;
use serde_json::value::RawValue;

use super::dialect::Values;
use crate::json;

/// A parameter's value, as it was sent.
#[derive(Clone, Debug)]
pub(super) enum Value<'r> {
    Text(Cow<'r, str>),
    /// As it is written.
    Number(&'r str),
    Bool(bool),
    Null,
}

impl<'r> Value<'r> {
    /// Of a member of a JSON object. The error is a stable code.
    #[inline]
    pub(super) fn of(json: &'r RawValue) -> Result<Self, &'static str> {
        let text = json.get();
        Ok(match text.as_bytes().first() {
            Some(b'"') => Self::Text(string(json).ok_or("s3p.json")?),
            Some(b'-' | b'0'..=b'9') => Self::Number(text),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => return Err("s3p.value_type"),
        })
    }

    /// As it was written, if that is no string: for what has no other text.
    pub(super) fn written(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Null => "null",
        }
    }

    /// Whether the languages have several texts for it, or some have none.
    pub(super) fn has_various_texts(&self) -> bool {
        /// So many digits, every language holds.
        const FEW: usize = 15;
        match self {
            Self::Text(_) => false,
            Self::Number("-0") | Self::Bool(_) | Self::Null => true,
            Self::Number(number) => number.len() > FEW || number.contains(['.', 'e', 'E']),
        }
    }

    /// The text that is signed. The error is a stable code.
    pub(super) fn text(&self, values: Values) -> Result<Cow<'_, str>, &'static str> {
        let text = match (self, values) {
            (Self::Text(text), _) => return Ok(Cow::Borrowed(text)),
            (Self::Number(number), Values::AsWritten) => return Ok(Cow::Borrowed(number)),
            (_, Values::AsWritten) => return Err("s3p.value_type"),
            (Self::Number(number), values) => {
                let text = number_text(number, values).filter(|text| is_same_number(text, number));
                return text.map(Cow::Owned).ok_or("s3p.number");
            }
            (Self::Bool(true), Values::Php) => "1",
            (Self::Bool(false) | Self::Null, Values::Php) => "",
            (Self::Bool(true), Values::JavaScript) => "true",
            (Self::Bool(false), Values::JavaScript) => "false",
            (Self::Null, Values::JavaScript) => "null",
            (Self::Bool(true), Values::Python) => "True",
            (Self::Bool(false), Values::Python) => "False",
            (Self::Null, Values::Python) => "None",
        };
        Ok(Cow::Borrowed(text))
    }
}

/// What a language prints for a JSON number; `None` for one that it cannot hold.
fn number_text(number: &str, values: Values) -> Option<String> {
    let is_integer = !number.contains(['.', 'e', 'E']);
    match values {
        // Integers of any length.
        Values::Python if is_integer => Some(if number == "-0" { "0" } else { number }.to_owned()),
        // Integers of 64 bits; what is longer is a float.
        Values::Php if is_integer && number.parse::<i64>().is_ok() => {
            Some(if number == "-0" { "0" } else { number }.to_owned())
        }
        _ => float_text(number.parse().ok().filter(|float: &f64| float.is_finite())?, values),
    }
}

/// What a JSON string says. Most of them have no escapes, and have been looked through.
fn string(json: &RawValue) -> Option<Cow<'_, str>> {
    let text = json.get();
    if memchr(b'\\', text.as_bytes()).is_some() {
        return json::string(json);
    }
    text.strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed)
}

/// Whether two numerals, of JSON or of a language, stand for one number: to the last digit, and with one sign,
/// of zero, too. What a language cannot hold, it prints as another.
fn is_same_number(one: &str, other: &str) -> bool {
    decimal(one).is_some_and(|one| decimal(other) == Some(one))
}

/// Whether a numeral has a minus, its digits without outer zeros, and where the point stands from before the
/// first of them. `None` for an exponent that no language can hold.
fn decimal(numeral: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = numeral.split_once(['e', 'E']).unwrap_or((numeral, "0"));
    let magnitude = mantissa.trim_start_matches('-');
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    let leading_zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let point = i64::try_from(whole.len()).ok()? - leading_zeros;
    let point = exponent.parse::<i64>().ok()?.checked_add(point)?;
    let significant = significant.trim_end_matches('0');
    let point = if significant.is_empty() { 0 } else { point };
    Some((mantissa.starts_with('-'), significant.to_owned(), point))
}

/// The digits of a float, laid out as each language does.
fn float_text(float: f64, values: Values) -> Option<String> {
    let (digits, least, greatest) = match values {
        // Fourteen digits, as PHP's `precision` is unless it was changed.
        Values::Php => (format!("{:.13e}", float.abs()), -3, 14),
        // The fewest digits that give the same float.
        Values::JavaScript => (format!("{:e}", float.abs()), -5, 21),
        Values::Python => (format!("{:e}", float.abs()), -3, 16),
        Values::AsWritten => return None,
    };
    let (mantissa, exponent) = digits.split_once('e')?;
    let digits = mantissa.replace('.', "");
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    // Where the point stands, counted from before the first digit.
    let point = exponent.parse::<i32>().ok()? + 1;
    // PHP and Python keep the sign of zero.
    let is_negative = float.is_sign_negative() && (float != 0.0 || values != Values::JavaScript);
    let sign = if is_negative { "-" } else { "" };
    let text = if (least..=greatest).contains(&point) {
        plain(digits, point, values == Values::Python)
    } else {
        scientific(digits, point - 1, values)
    };
    Some(format!("{sign}{text}"))
}

fn plain(digits: &str, point: i32, shows_fraction: bool) -> String {
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if point >= length {
        let fraction = if shows_fraction { ".0" } else { "" };
        format!("{digits}{}{fraction}", zeros(point - length))
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or_default());
        format!("{whole}.{fraction}")
    }
}

fn scientific(digits: &str, exponent: i32, values: Values) -> String {
    let (first, rest) = digits.split_at(1);
    let sign = if exponent < 0 { '-' } else { '+' };
    let exponent = exponent.unsigned_abs();
    match (values, rest) {
        (Values::Php, "") => format!("{first}.0E{sign}{exponent}"),
        (Values::Php, rest) => format!("{first}.{rest}E{sign}{exponent}"),
        (Values::Python, "") => format!("{first}e{sign}{exponent:02}"),
        (Values::Python, rest) => format!("{first}.{rest}e{sign}{exponent:02}"),
        (_, "") => format!("{first}e{sign}{exponent}"),
        (_, rest) => format!("{first}.{rest}e{sign}{exponent}"),
    }
}
