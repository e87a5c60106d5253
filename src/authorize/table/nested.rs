//! What axum does to the path of a request that it hands on to a nested router.

use axum::extract::OriginalUri;

use crate::Head;

/// Whether the path that is seen is what the client has sent behind the prefix.
///
/// axum takes a second slash away with the prefix: of `/api//health`, `/health` is left. But `Router::nest` has
/// found the route before, by the path as it was, and that may be another one: `/api/{*rest}`.
pub(super) fn is_whole(head: &Head<'_>) -> bool {
    let Some(original) = head.extensions().get::<OriginalUri>() else { return false };
    let (sent, seen) = (original.0.path(), head.uri().path());
    match sent.strip_suffix(seen) {
        Some(prefix) => !prefix.ends_with('/'),
        // The root of the nested router.
        None => seen == "/" && !sent.is_empty(),
    }
}
