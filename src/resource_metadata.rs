//! Tells clients where to get a token: OAuth 2.0 Protected Resource Metadata (RFC 9728).
//!
//! [`ResourceMetadata`] is the document, and the service that answers with it. The rules:
//!
//! 1. The document is made once, from configuration. Nothing of it comes from a request; above all, the
//!    resource's name does not come from `Host`.
//! 2. Its place is [`path`](ResourceMetadata::path): `/.well-known/oauth-protected-resource` between the
//!    host and the path of the resource (section 3.1).
//! 3. `GET` and `HEAD` are answered with 200 and `application/json`, any other method with 405. The
//!    service does not look at the path: route that one path to it, outside of all layers that ask for
//!    credentials.
//! 4. What has no value is left out (section 3.2). `bearer_methods_supported` is `["header"]`: of the
//!    places that RFC 6750 section 2 has, this crate reads tokens from no other.
//!
//! The bearer challenges point to it with `resource_metadata` (section 5.1), so that a client which knows
//! nothing but the resource's URL learns the rest from the first 401. Clients of the Model Context Protocol
//! do so, and look for it in a 403 `insufficient_scope`, too: a [`ScopePolicy`](crate::ScopePolicy) is told by
//! itself, and a [`ScopeTable`](crate::ScopeTable) once for all its rules.
//!
//! ```
//! use portcullis::{
//!     JwtScopeLayer, Scope, ScopePolicy, ScopeSet,
//!     jwt::{Algorithm, JwtAuth, Key, Keys},
//!     resource_metadata::ResourceMetadata,
//! };
//!
//! const SEND: Scope = Scope::from_static("messages:send");
//!
//! let metadata = ResourceMetadata::builder("https://api.example.org/messages")
//!     .authorization_server("https://id.example.org")
//!     .scopes([SEND])
//!     .name("Messages")
//!     .build()?;
//! assert_eq!(metadata.path(), "/.well-known/oauth-protected-resource/messages");
//!
//! # let keys = Keys::new([Key::hmac(Algorithm::HS256, "a secret of at least 32 bytes, from a file")?])?;
//! let jwt = JwtAuth::builder(keys)
//!     .issuer("https://id.example.org")
//!     .audience("https://api.example.org/messages")
//!     .resource_metadata(metadata.url())
//!     .build()?;
//! let send = ScopePolicy::from(SEND).resource_metadata(metadata.url())?;
//! let layer = JwtScopeLayer::new(jwt, send);
//!
//! // With axum: Router::new().route_service(metadata.path(), metadata.clone())
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! # Caveats
//!
//! A page in a browser reads the document only if a CORS layer around the service allows it. The document
//! is public: name no scope in it that nobody should know of.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use serde_json::{Map, Value};
use tower::Service;

use crate::{ConfigError, ScopeSet, secure_url};

/// What stands between the host and the path of the resource (RFC 9728 section 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata of one protected resource, and the service that answers with it. See the
/// [module docs](self) for the rules and an example. A clone copies pointers.
#[derive(Clone)]
pub struct ResourceMetadata {
    url: Arc<str>,
    path: Arc<str>,
    document: Bytes,
}

impl ResourceMetadata {
    /// Begins with the resource identifier (section 1.2): the URL by which clients know the resource,
    /// byte for byte.
    pub fn builder(resource: impl Into<String>) -> ResourceMetadataBuilder {
        ResourceMetadataBuilder {
            resource: resource.into(),
            authorization_servers: Vec::new(),
            scopes: ScopeSet::empty(),
            urls: Vec::new(),
            name: None,
        }
    }

    /// Where clients find the document: the value of `resource_metadata` in a challenge.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of [`url`](Self::url): what to route to this service.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The document: JSON.
    pub fn document(&self) -> &Bytes {
        &self.document
    }

    fn answer(&self, method: &Method) -> Response<Full<Bytes>> {
        let body = match *method {
            Method::GET => self.document.clone(),
            Method::HEAD => Bytes::new(),
            _ => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
                return response;
            }
        };
        let mut response = Response::new(Full::new(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.document.len()));
        response
    }
}

impl<B> Service<Request<B>> for ResourceMetadata {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request.method())))
    }
}

impl fmt::Debug for ResourceMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceMetadata").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A [`ResourceMetadata`] in the making. The names in parentheses are those of RFC 9728 section 2.
#[derive(Clone, Debug)]
#[must_use]
pub struct ResourceMetadataBuilder {
    resource: String,
    authorization_servers: Vec<String>,
    scopes: ScopeSet,
    /// By the names of their members.
    urls: Vec<(&'static str, String)>,
    name: Option<String>,
}

impl ResourceMetadataBuilder {
    /// Names an authorization server by its issuer identifier (`authorization_servers`). Called again, one
    /// more.
    pub fn authorization_server(mut self, issuer: impl Into<String>) -> Self {
        self.authorization_servers.push(issuer.into());
        self
    }

    /// The scopes that are asked for at this resource (`scopes_supported`).
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// A name for people (`resource_name`).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A page for developers (`resource_documentation`).
    pub fn documentation(self, url: impl Into<String>) -> Self {
        self.url("resource_documentation", url.into())
    }

    /// A page on how clients may use the data (`resource_policy_uri`).
    pub fn policy(self, url: impl Into<String>) -> Self {
        self.url("resource_policy_uri", url.into())
    }

    /// A page with the terms of service (`resource_tos_uri`).
    pub fn terms_of_service(self, url: impl Into<String>) -> Self {
        self.url("resource_tos_uri", url.into())
    }

    /// The public keys of the resource itself (`jwks_uri`); not those of the authorization server.
    pub fn jwks_uri(self, url: impl Into<String>) -> Self {
        self.url("jwks_uri", url.into())
    }

    fn url(mut self, name: &'static str, url: String) -> Self {
        self.urls.retain(|(other, _)| *other != name);
        self.urls.push((name, url));
        self
    }

    /// The metadata.
    ///
    /// # Errors
    ///
    /// When a URL is not `https` (loopback may be `http`) or has a fragment, or the resource or an
    /// authorization server has a query.
    pub fn build(self) -> Result<ResourceMetadata, ConfigError> {
        let resource = secure_url::check_without_query("`resource`", &self.resource)?;
        let mut members = Map::new();
        for server in &self.authorization_servers {
            secure_url::check_without_query("`authorization_servers`", server)?;
        }
        for (name, url) in self.urls {
            secure_url::check(&format!("`{name}`"), &url)?;
            members.insert(name.to_owned(), url.into());
        }
        let mut list = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                members.insert(name.to_owned(), values.into());
            }
        };
        list("authorization_servers", self.authorization_servers);
        list("scopes_supported", self.scopes.iter().map(str::to_owned).collect());
        list("bearer_methods_supported", vec!["header".to_owned()]);
        if let Some(name) = self.name {
            members.insert("resource_name".to_owned(), name.into());
        }
        members.insert("resource".to_owned(), self.resource.into());
        let (url, path) = place(&resource);
        let document = Value::Object(members).to_string().into();
        Ok(ResourceMetadata { url: url.into(), path: path.into(), document })
    }
}

/// The URL and the path of the document (section 3.1). A path that is but a slash counts as none.
fn place(resource: &Uri) -> (String, String) {
    let path = match resource.path() {
        "/" => WELL_KNOWN.to_owned(),
        path => format!("{WELL_KNOWN}{path}"),
    };
    let scheme = resource.scheme_str().unwrap_or_default();
    let authority = resource.authority().map_or("", |authority| authority.as_str());
    (format!("{scheme}://{authority}{path}"), path)
}
