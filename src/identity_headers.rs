use std::{
    collections::HashSet,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderName, Request};
use tower::Service;
use tower_layer::Layer;

use crate::ConfigError;

/// Takes header fields that name an identity out of requests from outside.
///
/// For services behind which something believes `X-User` and the like. A name is taken out in every
/// spelling that a gateway or a CGI-like backend may fold into it: case does not count, and all that is
/// not a letter or a digit is the same as `-`. A name that ends in `*` takes out all fields that begin
/// with what stands before it.
///
/// ```
/// use portcullis::StripIdentityHeadersLayer;
///
/// let layer = StripIdentityHeadersLayer::new(["x-user", "x-forwarded-user", "x-auth-request-*"])?;
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StripIdentityHeadersLayer(Arc<Names>);

#[derive(Debug, Default)]
struct Names {
    whole: HashSet<String>,
    prefixes: Vec<String>,
}

impl StripIdentityHeadersLayer {
    /// A layer for these fields.
    ///
    /// # Errors
    ///
    /// When a name is not a header field's name, or there is none: that would take nothing out.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, ConfigError> {
        let mut these = Names::default();
        for name in names {
            let prefix = name.strip_suffix('*');
            let name_or_prefix = prefix.unwrap_or(name);
            HeaderName::try_from(name_or_prefix)
                .map_err(|_| ConfigError::new(format!("{name:?} is not the name of a header field")))?;
            let folded = fold(name_or_prefix);
            if prefix.is_some() {
                these.prefixes.push(folded);
            } else {
                these.whole.insert(folded);
            }
        }
        if these.whole.is_empty() && these.prefixes.is_empty() {
            return Err(ConfigError::new("no header field is named: nothing would be taken out"));
        }
        Ok(Self(Arc::new(these)))
    }
}

impl<S> Layer<S> for StripIdentityHeadersLayer {
    type Service = StripIdentityHeaders<S>;

    fn layer(&self, inner: S) -> StripIdentityHeaders<S> {
        StripIdentityHeaders { inner, names: self.0.clone() }
    }
}

/// The service of [`StripIdentityHeadersLayer`].
#[derive(Clone)]
pub struct StripIdentityHeaders<S> {
    inner: S,
    names: Arc<Names>,
}

impl<S, B> Service<Request<B>> for StripIdentityHeaders<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        self.names.strip(request.headers_mut());
        self.inner.call(request)
    }
}

impl<S> fmt::Debug for StripIdentityHeaders<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripIdentityHeaders").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Names {
    fn strip(&self, headers: &mut HeaderMap) {
        // Nothing is allocated unless somebody tries.
        let forged: Vec<HeaderName> = headers.keys().filter(|name| self.cover(name)).cloned().collect();
        for name in forged {
            headers.remove(name);
        }
    }

    fn cover(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return self.whole.contains(name) || self.prefixes.iter().any(|p| name.starts_with(p));
        }
        let name = fold(name);
        self.whole.contains(&name) || self.prefixes.iter().any(|p| name.starts_with(p))
    }
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}
