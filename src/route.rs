//! The route that axum's router has matched: its pattern, and its parameters as a handler sees them.

use std::{
    mem,
    pin::pin,
    task::{Context, Poll, Waker},
};

use axum::extract::{FromRequestParts, MatchedPath, OriginalUri, RawPathParams};
use http::{Extensions, Request};

pub(crate) struct Route {
    /// `None` in a fallback.
    pattern: Option<MatchedPath>,
    /// `None` where one of them is no UTF-8.
    params: Option<RawPathParams>,
}

impl Route {
    /// `None` where no router has seen the request.
    pub(crate) fn of<B>(request: &mut Request<B>) -> Option<Self> {
        let extensions = request.extensions_mut();
        let pattern = extensions.get::<MatchedPath>().cloned();
        if pattern.is_none() && extensions.get::<OriginalUri>().is_none() {
            return None;
        }
        // The extractor takes whole parts: they are lent the extensions.
        let (mut parts, ()) = Request::new(()).into_parts();
        mem::swap(&mut parts.extensions, extensions);
        let params = params(&mut parts);
        mem::swap(&mut parts.extensions, extensions);
        Some(Self { pattern, params })
    }

    /// As [`of`](Self::of), of a request that cannot be changed.
    pub(crate) fn in_extensions(extensions: &Extensions) -> Option<Self> {
        let mut request = Request::new(());
        *request.extensions_mut() = extensions.clone();
        Self::of(&mut request)
    }

    pub(crate) fn pattern(&self) -> Option<&str> {
        self.pattern.as_ref().map(MatchedPath::as_str)
    }

    /// The one parameter of this name, percent-decoded.
    ///
    /// # Errors
    ///
    /// When one of the parameters is no UTF-8.
    pub(crate) fn param(&self, name: &str) -> Result<Option<&str>, ()> {
        let mut named = self.params.as_ref().ok_or(())?.iter().filter(|(key, _)| *key == name);
        let value = named.next().map(|(_, value)| value);
        Ok(if named.next().is_none() { value } else { None })
    }
}

/// The extractor never waits.
fn params(parts: &mut http::request::Parts) -> Option<RawPathParams> {
    let extraction = pin!(RawPathParams::from_request_parts(parts, &()));
    match extraction.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(params)) => Some(params),
        Poll::Ready(Err(_)) | Poll::Pending => None,
    }
}
