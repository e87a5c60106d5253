use std::fmt::{self, Write};

use http::HeaderValue;

use crate::{ConfigError, head::is_token};

/// One challenge: the value of one `WWW-Authenticate` line (RFC 9110 section 11.6.1).
///
/// Built and checked when a layer is built, so that nothing from a request can get into it.
///
/// ```
/// use portcullis::Challenge;
///
/// let challenge = Challenge::builder("Basic").param("realm", r#"the "vault""#).build()?;
/// assert_eq!(challenge.as_str(), r#"Basic realm="the \"vault\"""#);
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge(HeaderValue);

impl Challenge {
    /// Begins a challenge for a scheme.
    pub fn builder(scheme: &str) -> ChallengeBuilder {
        ChallengeBuilder { text: scheme.to_owned(), params: Vec::new() }
    }

    /// The text of the line.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The header value. Cloning it copies no text.
    pub fn to_header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A [`Challenge`] in the making.
#[derive(Clone, Debug)]
#[must_use]
pub struct ChallengeBuilder {
    text: String,
    params: Vec<(String, String)>,
}

impl ChallengeBuilder {
    /// Adds a parameter. Its value is always sent as a quoted string (RFC 9110 section 11.5).
    pub fn param(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The challenge.
    ///
    /// # Errors
    ///
    /// When the scheme or a parameter's name is not a token, a name occurs twice, or a value holds
    /// anything but visible ASCII and blanks. (A quoted string may carry more by RFC 9110 section
    /// 5.6.4, but no client agrees with another on what it means.)
    pub fn build(self) -> Result<Challenge, ConfigError> {
        let Self { mut text, params } = self;
        check_token(&text, "scheme")?;
        for (at, (name, value)) in params.iter().enumerate() {
            check_token(name, "parameter name")?;
            if params[..at].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
                return Err(ConfigError::new(format!(
                    "the challenge parameter `{name}` occurs twice; RFC 9110 section 11.2 allows one"
                )));
            }
            if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err(ConfigError::new(format!(
                    "the value {value:?} of the challenge parameter `{name}` holds a character \
                     other than visible ASCII and blanks; choose another"
                )));
            }
            let escaped = value.replace('\\', r"\\").replace('"', "\\\"");
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(text, "{comma} {name}=\"{escaped}\"");
        }
        HeaderValue::try_from(text)
            .map(Challenge)
            .map_err(|_| ConfigError::new("the challenge does not fit a header field"))
    }
}

fn check_token(text: &str, what: &str) -> Result<(), ConfigError> {
    if !text.is_empty() && text.bytes().all(is_token) {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "{text:?} is no {what} of a challenge: RFC 9110 section 5.6.2 wants letters, digits and \
         !#$%&'*+-.^_`|~"
    )))
}
