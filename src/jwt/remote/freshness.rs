use std::time::Duration;

use http::{HeaderMap, HeaderName, header};

/// How much longer a response is fresh for a private cache (RFC 9111 sections 4.2 and 5.2.2): `max-age`
/// less `Age`; not at all with `no-cache` or `no-store`. `None`: it does not say, in a way that can be
/// read. Of two that differ, the shorter holds.
pub(super) fn lifetime(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(header::CACHE_CONTROL).iter();
    let directives = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    let max_age = directives.filter_map(seconds).min()?;
    let age = headers.get(HeaderName::from_static("age")).and_then(|age| age.to_str().ok());
    let age = age.and_then(delta_seconds).unwrap_or(0);
    Some(Duration::from_secs(max_age.saturating_sub(age)))
}

fn seconds(directive: &str) -> Option<u64> {
    let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
    let is = |wanted: &str| name.trim().eq_ignore_ascii_case(wanted);
    if is("no-store") || is("no-cache") {
        return Some(0);
    }
    is("max-age").then(|| delta_seconds(value.trim().trim_matches('"'))).flatten()
}

/// Digits; too many of them are a very long time (RFC 9111 section 1.2.2).
fn delta_seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| text.parse().unwrap_or(u64::MAX))
}
