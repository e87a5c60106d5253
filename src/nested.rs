//! What axum does to the path of a request that it hands on to a nested router.

use axum::extract::OriginalUri;

use crate::Head;

/// Whether this prefix is what axum's routers have taken from the path, and the rest is what is seen; `None` where no
/// router has seen the request. Segments are compared as axum does: `{name}` is any one.
pub(crate) fn is_nested_at(head: &Head<'_>, prefix: &str) -> Option<bool> {
    let original = head.extensions().get::<OriginalUri>()?;
    let (sent, seen) = (original.0.path(), head.uri().path());
    let taken = match sent.strip_suffix(seen) {
        Some(taken) => taken,
        // The root of the nested router.
        None if seen == "/" => sent,
        None => return Some(false),
    };
    let is_any = |segment: &str| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        name.is_some_and(|name| !name.starts_with(['{', '*']) && !name.ends_with('}'))
    };
    let mut taken = taken.split('/');
    let is_prefix = prefix.split('/').all(|wanted| {
        taken.next().is_some_and(|segment| segment == wanted || is_any(wanted) && !segment.is_empty())
    });
    Some(is_prefix && taken.next().is_none())
}

/// What axum's routers have taken from the path that the client has sent; `None` where none has seen the request.
///
/// axum takes a second slash away with the prefix: of `/api//health`, `/health` is left. But `Router::nest` has
/// found the route before, by the path as it was, and that may be another one: `/api/{*rest}`. It is the same
/// with a path that was rewritten behind a router.
///
/// # Errors
///
/// When what is seen is not what the client has sent behind the prefix.
#[cfg(any(feature = "ownership", feature = "s3p"))]
pub(crate) fn taken<'a>(head: &Head<'a>) -> Result<Option<&'a str>, ChangedPath> {
    let Some(original) = head.extensions().get::<OriginalUri>() else { return Ok(None) };
    let (sent, seen) = (original.0.path(), head.uri().path());
    match sent.strip_suffix(seen) {
        Some(prefix) if !prefix.ends_with('/') => Ok(Some(prefix)),
        // The root of the nested router.
        None if seen == "/" && !sent.is_empty() => Ok(Some(sent)),
        _ => Err(ChangedPath),
    }
}

#[cfg(any(feature = "ownership", feature = "s3p"))]
pub(crate) struct ChangedPath;

/// The path that the client has sent, behind the prefix: of a nested router's root nothing, where axum puts a slash.
#[cfg(feature = "s3p")]
pub(crate) fn path<'a>(head: &Head<'a>) -> &'a str {
    let seen = head.uri().path();
    match head.extensions().get::<OriginalUri>() {
        Some(original) if seen == "/" && !original.0.path().ends_with('/') => "",
        _ => seen,
    }
}
