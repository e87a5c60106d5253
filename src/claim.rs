//! The values of registered claims (RFC 7519 section 4.1), which introspection responses share (RFC 7662
//! section 2.2).

use std::{borrow::Cow, time::Duration};

use serde_json::value::RawValue;

use crate::json::{self, Name};

/// The last second of the year 9999: no later date is believed.
pub(crate) const LAST: Duration = Duration::from_secs(253_402_300_799);

/// The values, if it is an array of strings.
pub(crate) fn strings(value: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    let names: Vec<Name<'_>> = serde_json::from_str(value.get()).ok()?;
    Some(names.into_iter().map(|Name(text)| text).collect())
}

/// An array of strings or, for one, a string: `aud` (RFC 7519 section 4.1.3).
pub(crate) fn one_or_many(value: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    json::string(value).map(|text| vec![text]).or_else(|| strings(value))
}

/// A JSON number of seconds, perhaps with a fraction (RFC 7519 section 2).
pub(crate) fn numeric_date(value: &RawValue) -> Option<Duration> {
    let text = value.get();
    let date = match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        // What is JSON and begins like this is a number.
        Err(_) if text.starts_with(|first: char| first.is_ascii_digit()) => {
            text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        }
        Err(_) => None,
    };
    date.filter(|date| *date <= LAST)
}
