//! The text of JSON values that are no strings, as PHP 8.2, Node.js 20 and Python 3.11 print it.

use std::collections::BTreeMap;

use portcullis::s3p::{Dialect, Values};

use crate::{VALUES, alice_in, input, layer_of, outcome, s3p_support::*, signed, support::send};

/// What has no text: the language would print another number.
const NONE: &str = "s3p.number";

/// JSON; then `(string)json_decode($json)`, `String(JSON.parse(json))`, `str(json.loads(json))`.
const TEXTS: &[[&str; 4]] = &[
    ["true", "1", "true", "True"],
    ["false", "", "false", "False"],
    ["null", "", "null", "None"],
    ["0", "0", "0", "0"],
    ["-0", NONE, NONE, NONE],
    ["0.0", "0", "0", "0.0"],
    ["-0.0", "-0", NONE, "-0.0"],
    ["0e5", "0", "0", "0.0"],
    ["-0e1", "-0", NONE, "-0.0"],
    ["1000", "1000", "1000", "1000"],
    ["-7", "-7", "-7", "-7"],
    ["1000.0", "1000", "1000", "1000.0"],
    ["1000.5", "1000.5", "1000.5", "1000.5"],
    ["-0.5", "-0.5", "-0.5", "-0.5"],
    ["0.1", "0.1", "0.1", "0.1"],
    ["0.100", "0.1", "0.1", "0.1"],
    ["1E5", "100000", "100000", "100000.0"],
    ["1e+2", "100", "100", "100.0"],
    ["10e-1", "1", "1", "1.0"],
    ["1e13", "10000000000000", "10000000000000", "10000000000000.0"],
    ["1e14", "1.0E+14", "100000000000000", "100000000000000.0"],
    ["1e15", "1.0E+15", "1000000000000000", "1000000000000000.0"],
    ["1e16", "1.0E+16", "10000000000000000", "1e+16"],
    ["1e17", "1.0E+17", "100000000000000000", "1e+17"],
    ["1e20", "1.0E+20", "100000000000000000000", "1e+20"],
    ["1e21", "1.0E+21", "1e+21", "1e+21"],
    ["1.5e21", "1.5E+21", "1.5e+21", "1.5e+21"],
    ["1e300", "1.0E+300", "1e+300", "1e+300"],
    ["1e-4", "0.0001", "0.0001", "0.0001"],
    ["1e-5", "1.0E-5", "0.00001", "1e-05"],
    ["0.000001", "1.0E-6", "0.000001", "1e-06"],
    ["1e-7", "1.0E-7", "1e-7", "1e-07"],
    ["-1e-7", "-1.0E-7", "-1e-7", "-1e-07"],
    ["0.00012345", "0.00012345", "0.00012345", "0.00012345"],
    // PHP prints 14 digits of a float.
    ["0.30000000000000004", NONE, "0.30000000000000004", "0.30000000000000004"],
    ["12345678901234.5", NONE, "12345678901234.5", "12345678901234.5"],
    ["123456789012345.6", NONE, "123456789012345.6", "123456789012345.6"],
    ["999999999999999.9", NONE, "999999999999999.9", "999999999999999.9"],
    // JavaScript has floats alone; PHP has them beyond 64 bits.
    ["9007199254740992", "9007199254740992", "9007199254740992", "9007199254740992"],
    ["9007199254740993", "9007199254740993", NONE, "9007199254740993"],
    ["9007199254740993.0", NONE, NONE, NONE],
    ["12345678901234567", "12345678901234567", NONE, "12345678901234567"],
    ["9223372036854775807", "9223372036854775807", NONE, "9223372036854775807"],
    ["9223372036854775808", NONE, NONE, "9223372036854775808"],
    ["-9223372036854775808", "-9223372036854775808", NONE, "-9223372036854775808"],
    ["-9223372036854775809", NONE, NONE, "-9223372036854775809"],
    ["98765432109876543210", NONE, NONE, "98765432109876543210"],
    ["100000000000000000000", "1.0E+20", "100000000000000000000", "100000000000000000000"],
    ["123456789012345678901234567890", NONE, NONE, "123456789012345678901234567890"],
    ["5e-324", NONE, "5e-324", "5e-324"],
    ["4e-324", NONE, NONE, NONE],
    ["1e-400", NONE, NONE, NONE],
    ["1.7976931348623157e308", NONE, "1.7976931348623157e+308", "1.7976931348623157e+308"],
];

fn body(json: &str) -> Draft {
    Draft::json(format!("{{\"a\":{json}}}"))
}

/// The signed text of a value.
fn text(json: &str, values: Values) -> Result<String, &'static str> {
    let input = input(&body(json), Dialect::STRICT.values(values))?;
    let (pair, _) = input.parameter_string().split_once("&s3pAuth_nonce=").unwrap();
    Ok(pair.strip_prefix("a=").unwrap().to_owned())
}

#[test]
fn a_value_has_the_text_of_the_language() {
    for [json, php, javascript, python] in TEXTS {
        for (values, expected) in
            [(Values::Php, php), (Values::JavaScript, javascript), (Values::Python, python)]
        {
            let text = text(json, values).unwrap_or_else(str::to_owned);
            assert_eq!(text, *expected, "{json} {values:?}");
        }
        let as_written = text(json, Values::AsWritten);
        if matches!(*json, "true" | "false" | "null") {
            assert_eq!(as_written, Err("s3p.value_type"));
        } else {
            assert_eq!(as_written.as_deref(), Ok(*json));
        }
    }
}

#[test]
fn a_string_is_its_own_text_everywhere() {
    for string in ["true", "null", "1000.0", "1e21", "-0", "", "None", "1e400"] {
        for values in VALUES {
            assert_eq!(text(&format!("\"{string}\""), values).as_deref(), Ok(string), "{values:?}");
        }
    }
}

#[test]
fn a_number_that_the_language_cannot_hold_is_refused() {
    let long = "9".repeat(400);
    for (json, python) in [
        ("1e400", Err("s3p.number")),
        ("-1e400", Err("s3p.number")),
        ("1.8e308", Err("s3p.number")),
        ("1e99999999999999999999", Err("s3p.number")),
        // An integer has any length in Python.
        (&*long, Ok(&*long)),
    ] {
        for values in [Values::Php, Values::JavaScript] {
            assert_eq!(text(json, values), Err("s3p.number"), "{values:?} {json}");
        }
        assert_eq!(text(json, Values::Python).as_deref(), python.as_ref().map(|text| *text), "{json}");
        assert_eq!(text(json, Values::AsWritten).as_deref(), Ok(json));
    }
    // What is no JSON is no number either.
    for json in ["NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "0x10", "1_000"] {
        for values in VALUES {
            assert_eq!(text(json, values), Err("s3p.json"), "{values:?} {json}");
        }
    }
}

/// Two numbers that differ in their last digit, in their exponent, or in their sign.
#[test]
fn no_two_numbers_have_one_text() {
    let digits =
        ["9007199254740992", "9007199254740993", "98765432109876543210", "1", "12345678901234"];
    let mut numbers = vec!["0".to_owned(), "-0".to_owned(), "0.0".to_owned(), "-0.0".to_owned()];
    for digits in digits {
        for last in 0..10 {
            let digits = format!("{}{last}", &digits[1..]);
            let digits = digits.trim_start_matches('0');
            let digits = if digits.is_empty() { "0" } else { digits };
            for tail in ["", ".0", ".5", "e0", "e1", "e-1", "e20", "E+300", "e-300", "e-330"] {
                numbers.extend([format!("{digits}{tail}"), format!("-{digits}{tail}")]);
            }
        }
    }
    for values in [Values::Php, Values::JavaScript, Values::Python] {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let mut refused = 0;
        for number in &numbers {
            let Ok(text) = text(number, values) else {
                refused += 1;
                continue;
            };
            let exact = exact(number);
            assert_eq!(self::exact(&text), exact, "{values:?} {number} {text}");
            let other = seen.entry(text.clone()).or_insert_with(|| exact.clone());
            assert_eq!(*other, exact, "{values:?} {text}");
        }
        assert!(refused > 10 && seen.len() > 100, "{values:?} {refused} {}", seen.len());
    }
}

/// A numeral written out, without outer zeros: so many digits that no float takes part.
fn exact(numeral: &str) -> String {
    let (mantissa, exponent) = numeral.split_once(['e', 'E']).unwrap_or((numeral, "0"));
    let (sign, magnitude) =
        mantissa.strip_prefix('-').map_or(("", mantissa), |magnitude| ("-", magnitude));
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let zeros = "0".repeat(400);
    let digits = format!("{zeros}{whole}{fraction}{zeros}");
    let point = zeros.len() + whole.len();
    let point = point.checked_add_signed(exponent.parse::<isize>().unwrap()).unwrap();
    let (whole, fraction) = digits.split_at(point);
    format!("{sign}{}.{}", whole.trim_start_matches('0'), fraction.trim_end_matches('0'))
}

/// What the module's page says of one text that several values have: a value, and the string of its text. So,
/// in PHP, the three that are empty.
#[test]
fn values_of_one_text_differ_in_their_type_alone() {
    let words = ["true", "false", "null", "1", "0", "-1", "1.5", "1e3", "1000", "1000.0"];
    let strings =
        ["", "0", "1", "1.0", "1000", "1000.0", "true", "false", "null", "True", "False", "None"];
    let strings = strings.map(|string| format!("\"{string}\""));
    let all: Vec<&str> = words.into_iter().chain(strings.iter().map(String::as_str)).collect();
    let kind = |json: &str| match json.as_bytes()[0] {
        b'"' => 's',
        b't' | b'f' | b'n' => char::from(json.as_bytes()[0]),
        _ => 'd',
    };
    for (one, other) in VALUES.into_iter().flat_map(|one| VALUES.map(|other| (one, other))) {
        for (json, another) in
            all.iter().flat_map(|json| all.iter().map(move |another| (json, another)))
        {
            let (Ok(text), Ok(same)) = (text(json, one), text(another, other)) else {
                continue;
            };
            let kinds = (kind(json), kind(another));
            let one_number = kinds == ('d', 'd') && exact(json) == exact(another);
            assert!(
                text != same || json == another || one_number || kinds.0 != kinds.1,
                "{json} by {one:?} and {another} by {other:?} are both {text:?}"
            );
        }
    }
    let empty = |json| text(json, Values::Php).as_deref() == Ok("");
    assert_eq!(
        all.into_iter().filter(|json| empty(json)).collect::<Vec<_>>(),
        ["false", "null", "\"\""]
    );
}

#[test]
fn what_is_nested_has_a_text_in_no_language() {
    for json in ["[]", "{}", "[1]", r#"{"b":1}"#, r#"["a","b",3]"#, "[null]"] {
        for values in VALUES {
            assert_eq!(text(json, values), Err("s3p.value_type"), "{values:?} {json}");
        }
    }
}

#[tokio::test]
async fn a_signed_value_passes_in_its_language() {
    for [json, ..] in TEXTS {
        for values in VALUES {
            let dialect = Dialect::STRICT.values(values);
            if input(&body(json), dialect).is_ok() {
                let answer = send(&layer_of(alice_in(&[dialect])), signed(&body(json), dialect)).await;
                assert_eq!(outcome(&answer), "accepted", "{values:?} {json}");
            }
        }
    }
}

#[tokio::test]
async fn a_number_that_no_listed_dialect_has_a_text_for_passes_in_none() {
    let layer = layer_of(alice_in(&[Dialect::MAVIANCE_PHP, Dialect::MAVIANCE_NODEJS]));
    // By what a careless client would sign.
    for text in ["\"INF\"", "\"Infinity\"", "\"inf\"", "\"1e400\"", "\"\""] {
        let signature = input(&body(text), Dialect::STRICT).unwrap().signature(&SECRET.into());
        let request = crate::with_signature(
            &body("1e400"),
            portcullis::s3p::SignatureMethod::HmacSha1,
            &signature,
        );
        assert_eq!(outcome(&send(&layer, request).await), "s3p.dialect", "{text}");
    }
}
