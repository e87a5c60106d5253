use std::error::Error;

use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use http_body_util::Full;
use portcullis::{
    Rejection, Secret,
    s3p::{Dialect, PublicUrl, SigningInput, Stamp},
};

/// A request, but for its `Authorization`.
#[derive(Args, Clone)]
pub(crate) struct Request {
    /// The method.
    pub(crate) method: Method,
    /// The whole URL, as clients write it.
    pub(crate) url: Uri,
    /// The body.
    #[arg(long, default_value = "")]
    pub(crate) body: String,
    /// The type of the body.
    #[arg(long, default_value = "application/json")]
    pub(crate) content_type: HeaderValue,
    /// The secret. As a variable, no list of processes shows it.
    #[arg(long, env = "S3P_SECRET", hide_env_values = true)]
    pub(crate) secret: String,
}

impl Request {
    pub(crate) fn secret(&self) -> Secret {
        Secret::new(self.secret.as_str())
    }

    /// The URL without its path: all of it is the service's.
    pub(crate) fn origin(&self) -> Result<PublicUrl, Box<dyn Error>> {
        let authority = self.url.authority().ok_or("the URL is not absolute")?;
        let scheme = self.url.scheme_str().unwrap_or("https");
        Ok(PublicUrl::parse(&format!("{scheme}://{authority}"))?)
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, self.content_type.clone())])
    }

    /// What a dialect signs of it.
    pub(crate) fn input(
        &self,
        origin: &PublicUrl,
        dialect: Dialect,
        stamp: Stamp<'_>,
    ) -> Result<SigningInput, Rejection> {
        let (method, headers, body) = (&self.method, self.headers(), self.body.as_bytes());
        SigningInput::in_dialect(dialect, method, origin, &self.url, &headers, body, stamp)
    }

    /// As a server receives it.
    pub(crate) fn with(&self, authorization: &[HeaderValue]) -> http::Request<Full<Bytes>> {
        let mut request = http::Request::new(Full::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers();
        for line in authorization {
            request.headers_mut().append(header::AUTHORIZATION, line.clone());
        }
        request
    }
}

/// Requests for which a client easily takes this one, and what it has done.
pub(crate) fn near(request: &Request) -> Vec<(&'static str, Request)> {
    let url = &request.url;
    let (path, query) = (url.path(), url.query());
    let scheme = url.scheme_str().unwrap_or_default();
    let with_url = |scheme: &str, path: &str, query: Option<&str>| {
        let authority = url.authority()?;
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{scheme}://{authority}{path}{query}").parse().ok()?;
        Some(Request { url, ..request.clone() })
    };
    let slashed = format!("{path}/");
    let other_slash = path.strip_suffix('/').unwrap_or(&slashed);
    let other_scheme = if scheme == "https" { "http" } else { "https" };
    let all = [
        ("signed the path with a slash more or less at its end", with_url(scheme, other_slash, query)),
        ("signed the URL with the other of http and https", with_url(other_scheme, path, query)),
        ("signed no parameter of the query", query.and_then(|_| with_url(scheme, path, None))),
        (
            "signed nothing of the body",
            (!request.body.is_empty()).then(|| Request { body: String::new(), ..request.clone() }),
        ),
    ];
    all.into_iter().filter_map(|(what, request)| Some((what, request?))).collect()
}

/// The steps to a signature, for people to read.
pub(crate) fn steps(input: &SigningInput, secret: &Secret) -> String {
    format!(
        "parameter string  {}\nbase string       {}\nsignature         {}\n",
        input.parameter_string(),
        input.base_string(),
        input.signature(secret)
    )
}
