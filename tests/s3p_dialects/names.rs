//! Dialects and methods are written down as texts.

use std::collections::HashSet;

use portcullis::s3p::{Dialect, Encoding, Order, SignatureMethod, TimestampUnit, Trim, Values};

use super::{ENCODINGS, TRIMS};

fn all() -> Vec<Dialect> {
    let mut all = Vec::new();
    for trim in TRIMS {
        for encoding in ENCODINGS {
            for order in [Order::ByKey, Order::ByPair] {
                for values in [Values::AsWritten, Values::Php, Values::JavaScript, Values::Python] {
                    for unit in [TimestampUnit::Seconds, TimestampUnit::Milliseconds] {
                        let dialect = Dialect::STRICT.trim(trim).encoding(encoding).order(order);
                        all.push(dialect.values(values).timestamp(unit));
                    }
                }
            }
        }
    }
    all
}

#[test]
fn every_dialect_has_a_text_of_its_own_which_reads_as_it() {
    let texts: HashSet<_> = all().iter().map(Dialect::to_string).collect();
    assert_eq!(texts.len(), all().len());
    for dialect in all() {
        let text = dialect.to_string();
        assert_eq!(text.parse::<Dialect>().unwrap(), dialect, "{text}");
        assert!(!text.contains(' '), "{text}");
    }
}

/// These are in databases.
#[test]
fn a_text_means_the_same_in_all_versions() {
    let php = Dialect::STRICT.values(Values::Php);
    for (text, dialect) in [
        ("strict", Dialect::STRICT),
        ("php-values", php),
        ("php-values+milliseconds", php.timestamp(TimestampUnit::Milliseconds)),
        (
            "untrimmed+encode-uri-component+javascript-values",
            Dialect::STRICT
                .trim(Trim::Nothing)
                .encoding(Encoding::EncodeUriComponent)
                .values(Values::JavaScript),
        ),
        (
            "trimmed-as-a-whole+java-url-encoder+by-pair",
            Dialect::STRICT
                .trim(Trim::WholeString)
                .encoding(Encoding::JavaUrlEncoder)
                .order(Order::ByPair),
        ),
        ("go-query-escape", Dialect::STRICT.encoding(Encoding::GoQueryEscape)),
        ("untrimmed+python-values", Dialect::STRICT.trim(Trim::Nothing).values(Values::Python)),
    ] {
        assert_eq!((dialect.to_string(), text.parse().unwrap()), (text.to_owned(), dialect));
    }
}

#[test]
fn the_clients_in_the_field_are_known_by_their_names() {
    for (name, dialect) in [
        ("maviance-php", Dialect::MAVIANCE_PHP),
        ("maviance-nodejs", Dialect::MAVIANCE_NODEJS),
        ("maviance-java", Dialect::MAVIANCE_JAVA),
        ("ndole-go", Dialect::NDOLE_GO),
        ("postman", Dialect::POSTMAN),
        ("postman-php", Dialect::POSTMAN_PHP),
        ("python", Dialect::PYTHON),
    ] {
        assert_eq!(name.parse::<Dialect>().unwrap(), dialect);
    }
}

#[test]
fn what_is_no_dialect_or_method_is_refused_and_told() {
    for text in [
        "",
        "+",
        "STRICT",
        "strict+untrimmed",
        "untrimmed+untrimmed",
        "untrimmed+trimmed-as-a-whole",
        "python-values+untrimmed",
        "maviance-php+milliseconds",
        "untrimmed ",
    ] {
        let refused = text.parse::<Dialect>().unwrap_err().to_string();
        assert!(refused.contains(&format!("{text:?}")), "{refused}");
    }
    for method in [SignatureMethod::HmacSha1, SignatureMethod::HmacSha256] {
        assert_eq!(method.to_string().parse::<SignatureMethod>().unwrap(), method);
    }
    for text in ["", "hmac-sha1", "HMAC-SHA512"] {
        assert!(text.parse::<SignatureMethod>().is_err(), "{text}");
    }
}
