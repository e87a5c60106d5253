use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use http::HeaderName;

use crate::Head;

/// How a layer knows that a request came over TLS, for `require_https`.
///
/// Nothing that a stranger can send is believed: neither the scheme in the request's target nor a
/// forwarded header from somebody who is not a trusted proxy.
///
/// ```
/// use portcullis::{HttpsEvidence, PeerAddr};
///
/// // A server that ends TLS itself puts `SecureTransport` into the extensions.
/// let direct = HttpsEvidence::marker();
/// // Behind a proxy, the server puts `PeerAddr` into the extensions.
/// let proxied = HttpsEvidence::forwarded_proto(["10.0.0.7".parse()?], PeerAddr::of);
/// # Ok::<_, std::net::AddrParseError>(())
/// ```
#[derive(Clone)]
pub struct HttpsEvidence(Arc<dyn Fn(&Head<'_>) -> bool + Send + Sync>);

impl HttpsEvidence {
    /// A request is secure if the server has put [`SecureTransport`] into its extensions.
    pub fn marker() -> Self {
        Self::from_fn(|head| head.extensions().get::<SecureTransport>().is_some())
    }

    /// A request is secure if one of these proxies says so: one `X-Forwarded-Proto` field, and it is
    /// `https`. `peer` tells who is at the other end of the connection; when it does not know, the
    /// request is not secure.
    pub fn forwarded_proto(
        trusted: impl IntoIterator<Item = IpAddr>,
        peer: impl Fn(&Head<'_>) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
        let trusted: BTreeSet<IpAddr> = trusted.into_iter().map(|ip| ip.to_canonical()).collect();
        Self::from_fn(move |head| {
            peer(head).is_some_and(|ip| trusted.contains(&ip.to_canonical()))
                && head
                    .only(X_FORWARDED_PROTO)
                    .is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
        })
    }

    /// A request is secure if this function says so.
    pub fn from_fn(secure: impl Fn(&Head<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(secure))
    }

    pub(crate) fn proves(&self, head: &Head<'_>) -> bool {
        (self.0)(head)
    }
}

impl fmt::Debug for HttpsEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpsEvidence")
    }
}

/// Put into a request's extensions by a server that ends TLS itself.
#[derive(Clone, Copy, Debug)]
pub struct SecureTransport;

/// Who is at the other end of the connection: put into a request's extensions by the server.
///
/// Where it is not, nobody is. axum has a name of its own for it: its `ConnectInfo` is not looked at here.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    /// The address in a request's extensions.
    pub fn of(head: &Head<'_>) -> Option<IpAddr> {
        head.extensions().get::<Self>().map(|peer| peer.0.ip())
    }
}
