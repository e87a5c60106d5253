//! Texts by which dialects and methods are written down: on a command line, and in a database.

use std::{fmt, str::FromStr};

use super::{Dialect, Encoding, Order, SignatureMethod, TimestampUnit, Trim, Values};
use crate::ConfigError;

/// What has a constant of its own.
const CLIENTS: [(&str, Dialect); 7] = [
    ("maviance-php", Dialect::MAVIANCE_PHP),
    ("maviance-nodejs", Dialect::MAVIANCE_NODEJS),
    ("maviance-java", Dialect::MAVIANCE_JAVA),
    ("ndole-go", Dialect::NDOLE_GO),
    ("postman", Dialect::POSTMAN),
    ("postman-php", Dialect::POSTMAN_PHP),
    ("python", Dialect::PYTHON),
];

/// A departure from the scheme's page.
type Departure = fn(Dialect) -> Dialect;

const DEPARTURES: [(&str, Departure); 10] = [
    ("untrimmed", |strict| strict.trim(Trim::Nothing)),
    ("trimmed-as-a-whole", |strict| strict.trim(Trim::WholeString)),
    ("encode-uri-component", |strict| strict.encoding(Encoding::EncodeUriComponent)),
    ("java-url-encoder", |strict| strict.encoding(Encoding::JavaUrlEncoder)),
    ("go-query-escape", |strict| strict.encoding(Encoding::GoQueryEscape)),
    ("by-pair", |strict| strict.order(Order::ByPair)),
    ("php-values", |strict| strict.values(Values::Php)),
    ("javascript-values", |strict| strict.values(Values::JavaScript)),
    ("python-values", |strict| strict.values(Values::Python)),
    ("milliseconds", |strict| strict.timestamp(TimestampUnit::Milliseconds)),
];

/// `strict`, or what departs from it, joined by `+`: `untrimmed+python-values`. A text means the same in all versions.
impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::STRICT {
            return f.write_str("strict");
        }
        // Which departs already is not changed by what it departs in.
        let departures = DEPARTURES.iter().filter(|(_, departure)| departure(*self) == *self);
        for (at, (name, _)) in departures.enumerate() {
            write!(f, "{}{name}", if at == 0 { "" } else { "+" })?;
        }
        Ok(())
    }
}

/// The same, and the names of the [clients](Dialect#associatedconstant.MAVIANCE_PHP): `maviance-php`, `maviance-nodejs`,
/// `maviance-java`, `ndole-go`, `postman`, `postman-php`, `python`.
///
/// ```
/// use portcullis::s3p::Dialect;
///
/// let dialect: Dialect = "python".parse()?;
/// assert_eq!(dialect.to_string(), "untrimmed+python-values");
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
impl FromStr for Dialect {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        if text == "strict" {
            return Ok(Self::STRICT);
        }
        if let Some((_, client)) = CLIENTS.iter().find(|(name, _)| *name == text) {
            return Ok(*client);
        }
        let departed = text.split('+').try_fold(Self::STRICT, |dialect, name| {
            let (_, departure) = DEPARTURES.iter().find(|(known, _)| *known == name)?;
            Some(departure(dialect))
        });
        // A text that repeats or contradicts itself is none.
        departed.filter(|dialect| dialect.to_string() == text).ok_or_else(|| {
            ConfigError::new(format!(
                "{text:?} is no S3P dialect, like `strict`, `maviance-php` or `untrimmed+by-pair`"
            ))
        })
    }
}

/// As it is sent: `HMAC-SHA1`.
impl fmt::Display for SignatureMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As it is sent: `HMAC-SHA1`, `HMAC-SHA256`.
impl FromStr for SignatureMethod {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        [Self::HmacSha1, Self::HmacSha256]
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| {
                ConfigError::new(format!(
                    "{text:?} is no S3P signature method: HMAC-SHA1 or HMAC-SHA256"
                ))
            })
    }
}
