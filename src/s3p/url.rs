use std::fmt::{self, Write};

use http::{Uri, uri::Scheme};

use super::{Encoding, text::Text};
use crate::ConfigError;

/// The URL under which clients reach the service: scheme, host, port, and the part of the path that
/// the layer does not see.
///
/// Kept in the form that clients sign: scheme and host in lower case, the default port left out, no
/// slash at the end.
///
/// ```
/// use portcullis::s3p::PublicUrl;
///
/// let url = PublicUrl::parse("HTTPS://Pay.Example.org:443/s3p/")?;
/// assert_eq!(url.to_string(), "https://pay.example.org/s3p");
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct PublicUrl {
    text: String,
    /// Where the path begins in it.
    path: usize,
    /// By RFC 3986.
    encoded: Vec<u8>,
}

impl PublicUrl {
    /// Reads an absolute `http` or `https` URL.
    ///
    /// # Errors
    ///
    /// When it is none, or has user information, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let refused = |why: &str| ConfigError::new(format!("the public URL {why}"));
        if text.contains('#') {
            return Err(refused("has a fragment"));
        }
        let uri: Uri = text.parse().map_err(|_| refused("is not a URL"))?;
        let mut url = origin(&uri).ok_or_else(|| {
            refused("is not of the form `https://host[:port][/prefix]`, without user information")
        })?;
        if uri.query().is_some() {
            return Err(refused("has a query"));
        }
        let path = url.len();
        url.push_str(uri.path().trim_end_matches('/'));
        let mut encoded = Text::new();
        encoded.encode(&url, Encoding::Rfc3986);
        Ok(Self { text: url, path, encoded: encoded.as_bytes().to_vec() })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The part of the path that the layer does not see.
    #[cfg(feature = "axum")]
    pub(super) fn path(&self) -> &str {
        &self.text[self.path..]
    }

    /// Encoded once for all requests, in the encoding of most of them.
    pub(super) fn encode(&self, encoding: Encoding, onto: &mut Text) {
        match encoding {
            Encoding::Rfc3986 => onto.push(&self.encoded),
            _ => onto.encode(&self.text, encoding),
        }
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicUrl").field(&self.text).finish()
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Scheme, host and port of an absolute URL, as clients sign them.
pub(super) fn origin(uri: &Uri) -> Option<String> {
    let scheme = uri.scheme()?;
    let default = match scheme {
        scheme if *scheme == Scheme::HTTP => 80,
        scheme if *scheme == Scheme::HTTPS => 443,
        _ => return None,
    };
    let authority = uri.authority()?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    let mut origin = format!("{scheme}://{}", authority.host().to_ascii_lowercase());
    match authority.port() {
        // A colon with nothing after it, or with what is no port.
        None if authority.as_str().len() != authority.host().len() => return None,
        Some(port) if port.as_u16() != default => {
            let _ = write!(origin, ":{}", port.as_u16());
        }
        _ => {}
    }
    Some(origin)
}

#[cfg(test)]
mod tests {
    use super::PublicUrl;

    #[test]
    fn the_signed_form_is_one() {
        for (text, signed) in [
            ("https://dev.smobilpay.com", "https://dev.smobilpay.com"),
            ("https://dev.smobilpay.com/", "https://dev.smobilpay.com"),
            ("HTTPS://DEV.smobilpay.com:443/S3P/v2//", "https://dev.smobilpay.com/S3P/v2"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://127.0.0.1:443", "http://127.0.0.1:443"),
            ("http://[::1]:08080/a%2Fb", "http://[::1]:8080/a%2Fb"),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().to_string(), signed, "{text}");
        }
    }

    #[test]
    fn what_is_not_the_start_of_a_url_is_refused() {
        for text in [
            "",
            "/s3p",
            "dev.smobilpay.com",
            "ftp://dev.smobilpay.com",
            "https://user@dev.smobilpay.com",
            "https://dev.smobilpay.com?x=1",
            "https://dev.smobilpay.com/?",
            "https://dev.smobilpay.com/#top",
            "https://dev.smobilpay.com:70000",
            "https://:443",
        ] {
            assert!(PublicUrl::parse(text).is_err(), "{text}");
        }
    }
}
