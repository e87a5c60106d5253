//! The text of a value, in each language that clients are written in.

use std::borrow::Cow;

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
    pub(super) fn of(json: &'r RawValue) -> Result<Self, &'static str> {
        let text = json.get();
        Ok(match text.as_bytes().first() {
            Some(b'"') => Self::Text(json::string(json).ok_or("s3p.json")?),
            Some(b'-' | b'0'..=b'9') => Self::Number(text),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => return Err("s3p.value_type"),
        })
    }

    /// The text that is signed. The error is a stable code.
    pub(super) fn text(&self, values: Values) -> Result<Cow<'_, str>, &'static str> {
        let text = match (self, values) {
            (Self::Text(text), _) => return Ok(Cow::Borrowed(text)),
            (Self::Number(number), Values::AsWritten) => return Ok(Cow::Borrowed(number)),
            (_, Values::AsWritten) => return Err("s3p.value_type"),
            (Self::Number(number), values) => {
                return number_text(number, values).map(Cow::Owned).ok_or("s3p.number");
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What PHP 8, Node.js 20 and Python 3.11 print for each.
    #[test]
    fn numbers_are_printed_as_each_language_prints_them() {
        for (number, php, javascript, python) in [
            ("0", "0", "0", "0"),
            ("-0", "0", "0", "0"),
            ("-0.0", "-0", "0", "-0.0"),
            ("1000", "1000", "1000", "1000"),
            ("-7", "-7", "-7", "-7"),
            ("1000.0", "1000", "1000", "1000.0"),
            ("1000.5", "1000.5", "1000.5", "1000.5"),
            ("-0.5", "-0.5", "-0.5", "-0.5"),
            ("1e3", "1000", "1000", "1000.0"),
            ("1e21", "1.0E+21", "1e+21", "1e+21"),
            ("1.5e21", "1.5E+21", "1.5e+21", "1.5e+21"),
            ("1e20", "1.0E+20", "100000000000000000000", "1e+20"),
            ("1e16", "1.0E+16", "10000000000000000", "1e+16"),
            ("1e15", "1.0E+15", "1000000000000000", "1000000000000000.0"),
            ("1e17", "1.0E+17", "100000000000000000", "1e+17"),
            ("1e-4", "0.0001", "0.0001", "0.0001"),
            ("1e-5", "1.0E-5", "0.00001", "1e-05"),
            ("1.0e-7", "1.0E-7", "1e-7", "1e-07"),
            ("0.000001", "1.0E-6", "0.000001", "1e-06"),
            ("12345678901234567", "12345678901234567", "12345678901234568", "12345678901234567"),
            (
                "12345678901234567890",
                "1.2345678901235E+19",
                "12345678901234567000",
                "12345678901234567890",
            ),
            ("0.1", "0.1", "0.1", "0.1"),
            ("1e13", "10000000000000", "10000000000000", "10000000000000.0"),
            ("1e14", "1.0E+14", "100000000000000", "100000000000000.0"),
            ("12345678901234.5", "12345678901234", "12345678901234.5", "12345678901234.5"),
            ("999999999999999.9", "1.0E+15", "999999999999999.9", "999999999999999.9"),
        ] {
            let print = |values| number_text(number, values).unwrap();
            assert_eq!(print(Values::Php), php, "PHP: {number}");
            assert_eq!(print(Values::JavaScript), javascript, "JavaScript: {number}");
            assert_eq!(print(Values::Python), python, "Python: {number}");
        }
        assert_eq!(number_text("1e400", Values::JavaScript), None);
    }
}
