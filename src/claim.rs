//! The values of registered claims (RFC 7519 section 4.1), which introspection responses share (RFC 7662
//! section 2.2).

use std::{borrow::Cow, fmt, slice, time::Duration};

use serde::{
    Deserializer,
    de::{Deserialize, Error, MapAccess, SeqAccess, Visitor},
};

use crate::{ConfigError, json::Sound};

/// The last second of the year 9999: no later date is believed.
pub(crate) const LAST: Duration = Duration::from_secs(253_402_300_799);

/// A value of one of the types that registered claims have, or any other.
#[derive(Debug)]
pub(crate) enum Value<'j> {
    Text(Cow<'j, str>),
    List(Vec<Cow<'j, str>>),
    /// Since 1970-01-01T00:00:00Z (RFC 7519 section 2).
    Date(Duration),
    Other,
}

#[cfg(feature = "introspection")]
impl<'j> Value<'j> {
    pub(crate) fn into_text(self) -> Option<Cow<'j, str>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn into_texts(self) -> Option<Texts<'j>> {
        match self {
            Self::Text(text) => Some(Texts::One(text)),
            Self::List(list) => Some(Texts::Many(list)),
            Self::Date(_) | Self::Other => None,
        }
    }

    pub(crate) fn into_date(self) -> Option<Duration> {
        if let Self::Date(date) = self { Some(date) } else { None }
    }
}

impl<'j> Deserialize<'j> for Value<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'j> Visitor<'j> for AnyValue {
    type Value = Value<'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'j str) -> Result<Value<'j>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'j>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Value<'j>, E> {
        Ok(date(Duration::from_secs(seconds)))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Value<'j>, E> {
        let seconds = if seconds.is_sign_negative() { None } else { Some(seconds) };
        let since = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(since.map_or(Value::Other, date))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Value<'j>, E> {
        Ok(Value::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value<'j>, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'j>, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut seq: A) -> Result<Value<'j>, A::Error> {
        let (mut texts, mut others) = (Vec::new(), false);
        while let Some(value) = seq.next_element()? {
            match value {
                Value::Text(text) => texts.push(text),
                _ => others = true,
            }
        }
        Ok(if others { Value::Other } else { Value::List(texts) })
    }

    fn visit_map<A: MapAccess<'j>>(self, map: A) -> Result<Value<'j>, A::Error> {
        Sound.visit_map(map).map(|_| Value::Other)
    }
}

/// No date after the year 9999 is believed.
pub(crate) fn date(since: Duration) -> Value<'static> {
    if since <= LAST { Value::Date(since) } else { Value::Other }
}

/// A string, or an array of strings.
pub(crate) enum Texts<'j> {
    One(Cow<'j, str>),
    Many(Vec<Cow<'j, str>>),
}

impl<'j> Texts<'j> {
    fn as_slice(&self) -> &[Cow<'j, str>] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Whether a token for these is meant for one of one's own. One that is for nobody in particular is good
/// where no audience is asked for.
pub(crate) fn is_meant_for(aud: Option<&Texts<'_>>, own: &[String]) -> bool {
    match aud {
        None => own.is_empty(),
        Some(aud) => aud.as_slice().iter().any(|aud| own.iter().any(|own| own == aud)),
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
