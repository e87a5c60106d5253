//! All dialects that can be put together.

use portcullis::s3p::{Dialect, Encoding, Order, TimestampUnit, Trim, Values};

/// Those that have a name, the scheme's own first.
pub(crate) const NAMED: [(&str, Dialect); 8] = [
    ("STRICT", Dialect::STRICT),
    ("MAVIANCE_PHP", Dialect::MAVIANCE_PHP),
    ("MAVIANCE_NODEJS", Dialect::MAVIANCE_NODEJS),
    ("MAVIANCE_JAVA", Dialect::MAVIANCE_JAVA),
    ("NDOLE_GO", Dialect::NDOLE_GO),
    ("POSTMAN", Dialect::POSTMAN),
    ("POSTMAN_PHP", Dialect::POSTMAN_PHP),
    ("PYTHON", Dialect::PYTHON),
];

/// What a dialect is made of.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    trim: Trim,
    encoding: Encoding,
    order: Order,
    values: Values,
    unit: TimestampUnit,
}

impl Parts {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for trim in [Trim::EachValue, Trim::Nothing, Trim::WholeString] {
            for encoding in [
                Encoding::Rfc3986,
                Encoding::EncodeUriComponent,
                Encoding::JavaUrlEncoder,
                Encoding::GoQueryEscape,
            ] {
                for order in [Order::ByKey, Order::ByPair] {
                    for values in [Values::AsWritten, Values::Php, Values::JavaScript, Values::Python] {
                        for unit in [TimestampUnit::Seconds, TimestampUnit::Milliseconds] {
                            all.push(Self { trim, encoding, order, values, unit });
                        }
                    }
                }
            }
        }
        all
    }

    pub(crate) fn dialect(self) -> Dialect {
        let Self { trim, encoding, order, values, unit } = self;
        let dialect = Dialect::STRICT.trim(trim).encoding(encoding).order(order);
        dialect.values(values).timestamp(unit)
    }

    pub(crate) fn has_unit(self, unit: TimestampUnit) -> bool {
        self.unit == unit
    }

    /// How it is made of another one, in Rust: a call for each part that differs.
    fn calls_from(self, other: Self) -> Vec<String> {
        let mut calls = Vec::new();
        if self.trim != other.trim {
            calls.push(format!(".trim(Trim::{:?})", self.trim));
        }
        if self.encoding != other.encoding {
            calls.push(format!(".encoding(Encoding::{:?})", self.encoding));
        }
        if self.order != other.order {
            calls.push(format!(".order(Order::{:?})", self.order));
        }
        if self.values != other.values {
            calls.push(format!(".values(Values::{:?})", self.values));
        }
        if self.unit != other.unit {
            calls.push(format!(".timestamp(TimestampUnit::{:?})", self.unit));
        }
        calls
    }
}

/// Of these dialects, the one that is nearest to one with a name; and how it is written in Rust.
pub(crate) fn nearest(dialects: &[Parts]) -> Option<(Dialect, String)> {
    let all = Parts::all();
    let of_names = NAMED.iter().filter_map(|(name, dialect)| {
        all.iter().find(|parts| parts.dialect() == *dialect).map(|parts| (name, *parts))
    });
    let pairs = of_names.flat_map(|(name, of_name)| {
        dialects.iter().map(move |parts| (parts.dialect(), name, parts.calls_from(of_name)))
    });
    let (dialect, name, calls) = pairs.min_by_key(|(_, _, calls)| calls.len())?;
    Some((dialect, format!("Dialect::{name}{}", calls.concat())))
}
