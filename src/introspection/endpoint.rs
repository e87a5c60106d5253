use bytes::Bytes;

use crate::{NowOrLater, Secret, StoreError};

/// Where the authorization server is asked about a token (RFC 7662 section 2).
///
/// # Implementer notes
///
/// * Return the answer as it came: a JSON object (section 2.2). What it means is judged by
///   [`IntrospectionAuth`](super::IntrospectionAuth).
/// * An endpoint that is down, too slow, does not know this server, or sends something else than an answer
///   of reasonable size is an error. The caller gets a 503: never a yes, and never "a wrong token". The
///   error must not hold the token: it is printed to the trace.
/// * Prove to the endpoint who asks, over TLS, and follow no redirect (sections 2.1 and 4).
pub trait IntrospectionEndpoint: Send + Sync + 'static {
    /// What is known of this token: the JSON of an introspection response.
    ///
    /// # Errors
    ///
    /// When the endpoint cannot answer.
    fn introspect(&self, token: Secret) -> NowOrLater<Result<Bytes, StoreError>>;
}
