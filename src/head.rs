use std::{cell::OnceCell, fmt};

use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri, header};

#[cfg(all(feature = "axum", feature = "ownership"))]
use crate::route::Route;

/// What can be seen of a request without its body. Nothing is copied or taken apart.
pub struct Head<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    /// Looked up once, however many schemes ask.
    authorization: OnceCell<Authorization<'a>>,
    #[cfg(all(feature = "axum", feature = "ownership"))]
    route: Option<Route>,
}

impl<'a> Head<'a> {
    /// The head of a request.
    pub fn new<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
            authorization: OnceCell::new(),
            #[cfg(all(feature = "axum", feature = "ownership"))]
            route: None,
        }
    }

    #[cfg(all(feature = "axum", feature = "ownership"))]
    pub(crate) fn with_route(mut self, route: Option<Route>) -> Self {
        self.route = route;
        self
    }

    /// The same head, with the route that axum's router has matched.
    #[cfg(all(feature = "axum", feature = "ownership"))]
    pub(crate) fn with_matched_route(&self) -> Self {
        let route = Route::in_extensions(self.extensions);
        Self { authorization: self.authorization.clone(), route, ..*self }
    }

    /// The route that axum's router has matched, for those layers that look.
    #[cfg(all(feature = "axum", feature = "ownership"))]
    pub(crate) fn route(&self) -> Option<&Route> {
        self.route.as_ref()
    }

    /// The method. Case counts: `get` is not `GET` (RFC 9110 section 9.1).
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The target, as this layer sees it: inside axum's `nest` the prefix is gone.
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The header fields.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// What outer layers have left for inner ones.
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// What the `Authorization` field holds.
    pub fn authorization(&self) -> Authorization<'a> {
        *self.authorization.get_or_init(|| Authorization::of(self.headers))
    }

    /// The credentials that were sent for this scheme: what follows the scheme's name, untouched.
    ///
    /// `None` when the field is absent, repeated, or of another scheme. The name's case does not
    /// count (RFC 9110 section 11.1).
    pub fn credentials(&self, scheme: &str) -> Option<&'a [u8]> {
        match self.authorization() {
            Authorization::Sent { scheme: sent, credentials }
                if sent.eq_ignore_ascii_case(scheme.as_bytes()) =>
            {
                Some(credentials)
            }
            _ => None,
        }
    }

    /// The one value of a header field; `None` when it is absent or repeated.
    pub(crate) fn only(&self, name: header::HeaderName) -> Option<&'a HeaderValue> {
        only(self.headers, name)
    }

    /// Whether this is a CORS preflight: `OPTIONS` with both `Origin` and
    /// `Access-Control-Request-Method` (Fetch section 3.3.2). A caller can forge one.
    pub fn is_cors_preflight(&self) -> bool {
        self.method == Method::OPTIONS
            && self.headers.contains_key(header::ORIGIN)
            && self.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }
}

/// No header field is printed: credentials are in them.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", &self.method)
            .field("path", &self.uri.path())
            .finish_non_exhaustive()
    }
}

/// What the `Authorization` field of a request holds (RFC 9110 section 11.6.2).
#[derive(Clone, Copy)]
pub enum Authorization<'a> {
    /// There is none.
    Absent,
    /// There is more than one line: none of them is to be believed.
    Repeated,
    /// There is one.
    Sent {
        /// The scheme's name: the leading token, in the case it was sent in.
        scheme: &'a [u8],
        /// All that follows the name, the separator included.
        credentials: &'a [u8],
    },
}

/// The credentials are not printed, nor a name that nothing follows: a token that is sent alone looks like one.
impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("Absent"),
            Self::Repeated => f.write_str("Repeated"),
            Self::Sent { scheme, credentials: [b' ' | b',', ..] } => {
                write!(f, "Sent {{ scheme: {:?}, .. }}", String::from_utf8_lossy(scheme))
            }
            Self::Sent { .. } => f.write_str("Sent { .. }"),
        }
    }
}

impl<'a> Authorization<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut lines = headers.get_all(header::AUTHORIZATION).iter();
        let Some(line) = lines.next() else {
            return Self::Absent;
        };
        if lines.next().is_some() {
            return Self::Repeated;
        }
        let line = line.as_bytes();
        let end = line.iter().position(|byte| !is_token(*byte)).unwrap_or(line.len());
        let (scheme, credentials) = line.split_at(end);
        Self::Sent { scheme, credentials }
    }
}

/// What follows the one or more blanks (`1*SP`, RFC 9110 section 11.4) after a scheme's name.
#[cfg(any(feature = "basic", feature = "introspection", feature = "_jwt", feature = "user-token"))]
pub(crate) fn after_blanks(credentials: &[u8]) -> Option<&[u8]> {
    let blanks = credentials.iter().take_while(|byte| **byte == b' ').count();
    (blanks > 0).then(|| &credentials[blanks..])
}

/// The one value of a header field; `None` when it is absent or repeated.
pub(crate) fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// `tchar` of RFC 9110 section 5.6.2.
pub(crate) const fn is_token(byte: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut byte = 0_u8;
        loop {
            table[byte as usize] = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                );
            match byte.checked_add(1) {
                Some(next) => byte = next,
                None => break table,
            }
        }
    };
    TOKEN[byte as usize]
}
