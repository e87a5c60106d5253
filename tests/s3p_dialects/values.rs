//! The text of JSON values that are no strings, as PHP 8.2, Node.js 20 and Python 3.11 print it.

use portcullis::s3p::{Dialect, Values};

use crate::{VALUES, alice_in, input, layer_of, outcome, s3p_support::*, signed, support::send};

/// JSON; then `(string)json_decode($json)`, `String(JSON.parse(json))`, `str(json.loads(json))`.
const TEXTS: &[[&str; 4]] = &[
    ["true", "1", "true", "True"],
    ["false", "", "false", "False"],
    ["null", "", "null", "None"],
    ["0", "0", "0", "0"],
    ["-0", "0", "0", "0"],
    ["-0.0", "-0", "0", "-0.0"],
    ["0e5", "0", "0", "0.0"],
    ["-0e1", "-0", "0", "-0.0"],
    ["1000", "1000", "1000", "1000"],
    ["1000.0", "1000", "1000", "1000.0"],
    ["1000.5", "1000.5", "1000.5", "1000.5"],
    ["1E5", "100000", "100000", "100000.0"],
    ["1e+2", "100", "100", "100.0"],
    ["1e14", "1.0E+14", "100000000000000", "100000000000000.0"],
    ["1e15", "1.0E+15", "1000000000000000", "1000000000000000.0"],
    ["1e16", "1.0E+16", "10000000000000000", "1e+16"],
    ["1e21", "1.0E+21", "1e+21", "1e+21"],
    ["1e300", "1.0E+300", "1e+300", "1e+300"],
    ["1e-7", "1.0E-7", "1e-7", "1e-07"],
    ["-1e-7", "-1.0E-7", "-1e-7", "-1e-07"],
    ["0.00012345", "0.00012345", "0.00012345", "0.00012345"],
    ["0.30000000000000004", "0.3", "0.30000000000000004", "0.30000000000000004"],
    ["123456789012345.6", "1.2345678901235E+14", "123456789012345.6", "123456789012345.6"],
    ["12345678901234567", "12345678901234567", "12345678901234568", "12345678901234567"],
    ["9223372036854775808", "9.2233720368548E+18", "9223372036854776000", "9223372036854775808"],
    ["-9223372036854775808", "-9223372036854775808", "-9223372036854776000", "-9223372036854775808"],
    ["-9223372036854775809", "-9.2233720368548E+18", "-9223372036854776000", "-9223372036854775809"],
    [
        "123456789012345678901234567890",
        "1.2345678901235E+29",
        "1.2345678901234568e+29",
        "123456789012345678901234567890",
    ],
    ["5e-324", "4.9406564584125E-324", "5e-324", "5e-324"],
    [
        "1.7976931348623157e308",
        "1.7976931348623E+308",
        "1.7976931348623157e+308",
        "1.7976931348623157e+308",
    ],
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
            assert_eq!(text(json, values).as_deref(), Ok(*expected), "{json} {values:?}");
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
