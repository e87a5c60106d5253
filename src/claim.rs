//! The values of registered claims (RFC 7519 section 4.1), which introspection responses share (RFC 7662
//! section 2.2).

use std::{borrow::Cow, time::Duration};

use serde_json::value::RawValue;

use crate::{
    ConfigError,
    json::{self, Name},
};

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

/// Whether a token for these is meant for one of one's own. One that is for nobody in particular is good
/// where no audience is asked for.
pub(crate) fn is_meant_for(aud: Option<&[Cow<'_, str>]>, own: &[String]) -> bool {
    match aud {
        None => own.is_empty(),
        Some(aud) => aud.iter().any(|aud| own.iter().any(|own| own == aud)),
    }
}

/// Refuses a leeway that is more than the clocks of two servers differ by.
pub(crate) fn check_leeway(leeway: Duration) -> Result<(), ConfigError> {
    if leeway <= Duration::from_secs(300) {
        return Ok(());
    }
    Err(ConfigError::new(
        "a leeway of more than five minutes lets expired tokens in (RFC 7519 section 4.1.4); set the clocks \
         instead",
    ))
}

/// Refuses names that are empty: of issuers, audiences, and whose identities they are.
pub(crate) fn check_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<(), ConfigError> {
    if !names.into_iter().any(str::is_empty) {
        return Ok(());
    }
    Err(ConfigError::new(
        "an issuer or an audience that is empty: name it, or leave it out; is a setting missing?",
    ))
}

/// In which time a token is good: dates since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validity {
    pub(crate) exp: Option<Duration>,
    pub(crate) nbf: Option<Duration>,
    pub(crate) iat: Option<Duration>,
    /// How far clocks may differ.
    pub(crate) leeway: Duration,
}

/// Why a token is not good at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Untimely {
    Expired,
    NotYetValid,
    IssuedInFuture,
}

impl Validity {
    pub(crate) fn judge(self, now: Duration) -> Result<(), Untimely> {
        let later = now.saturating_add(self.leeway);
        if self.exp.is_some_and(|exp| now >= exp.saturating_add(self.leeway)) {
            Err(Untimely::Expired)
        } else if self.nbf.is_some_and(|nbf| nbf > later) {
            Err(Untimely::NotYetValid)
        } else if self.iat.is_some_and(|iat| iat > later) {
            Err(Untimely::IssuedInFuture)
        } else {
            Ok(())
        }
    }
}
