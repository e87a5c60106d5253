//! URLs that tokens are sent to, or that clients are sent to for them: TLS, or this machine itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;

use crate::ConfigError;

/// Reads an absolute `https` URL, or an `http` one of a loopback host, without user information and
/// fragment. `what` begins the error's sentence.
pub(crate) fn check(what: &str, text: &str) -> Result<Uri, ConfigError> {
    let refused = |why: &str| ConfigError::new(format!("{what} {why}"));
    if text.contains('#') {
        return Err(refused("has a fragment: leave it out"));
    }
    if !text.bytes().all(is_url) {
        return Err(refused("holds a character that URLs do not have: percent-encode it"));
    }
    let uri: Uri = text.parse().map_err(|_| refused("is not a URL"))?;
    let authority = uri.authority().filter(|authority| !authority.host().is_empty());
    let authority =
        authority.ok_or_else(|| refused("is not of the form `https://host[:port]/path`"))?;
    if authority.as_str().contains('@') {
        return Err(refused("holds user information: configure credentials by themselves"));
    }
    if authority.port().is_none() && authority.as_str().len() != authority.host().len() {
        return Err(refused("has a colon and no port after it: at most 65535"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_loopback(authority.host()) => Ok(uri),
        _ => Err(refused("is not `https`; only a loopback host may be reached by plain `http`")),
    }
}

/// The same, and without a query.
pub(crate) fn check_without_query(what: &str, text: &str) -> Result<Uri, ConfigError> {
    let uri = check(what, text)?;
    match uri.query() {
        None => Ok(uri),
        Some(_) => Err(ConfigError::new(format!("{what} has a query: leave it out"))),
    }
}

fn is_loopback(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|host: Ipv4Addr| host.is_loopback())
        || v6.and_then(|host| host.parse().ok()).is_some_and(|host: Ipv6Addr| host.is_loopback())
}

/// The characters of RFC 3986 section 2.
fn is_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{check, check_without_query};

    #[test]
    fn a_url_is_https_or_of_this_machine() {
        for url in [
            "https://id.example.org",
            "HTTPS://id.example.org:8443/introspect",
            "https://[2001:db8::1]/a%20b",
            "http://localhost:8080/",
            "http://127.0.0.1/x",
            "http://127.8.9.10:1",
            "http://[::1]:80/x",
        ] {
            assert!(check_without_query("it", url).is_ok(), "{url}");
        }
        for (url, why) in [
            ("", "not a URL"),
            ("id.example.org", "not `https`"),
            ("/introspect", "not of the form"),
            ("https:///introspect", "not"),
            ("https://:443/", "not"),
            ("https://id.example.org:/", "port"),
            ("https://id.example.org:70000/", "port"),
            ("http://id.example.org/", "not `https`"),
            ("http://localhost.example.org/", "not `https`"),
            ("http://127.0.0.1.example.org/", "not `https`"),
            ("http://[2001:db8::1]/", "not `https`"),
            ("http://10.0.0.1/", "not `https`"),
            ("ftp://127.0.0.1/", "not `https`"),
            ("https://id:secret@id.example.org/", "user information"),
            ("https://id.example.org/#x", "fragment"),
            ("https://id.example.org/ x", "character"),
            ("https://id.example.org/\"x", "character"),
            ("https://id.example.org/\r\nx: y", "character"),
            ("https://id.example.org/\u{e9}", "character"),
        ] {
            let error = check("it", url).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("secret"), "{url}: {error}");
        }
    }

    #[test]
    fn a_query_is_allowed_where_the_rfc_has_one() {
        assert!(check("it", "https://id.example.org/?tenant=a").is_ok());
        assert!(check_without_query("it", "https://id.example.org/?tenant=a").is_err());
        assert!(check_without_query("it", "https://id.example.org/?").is_err());
    }
}
