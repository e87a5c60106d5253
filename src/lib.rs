//! Authentication and authorization for Rust services, as [tower] layers: who is a request from, and
//! may they?
//!
//! ```
//! use http::Request;
//! use portcullis::{
//!     BasicAuthLayer, Principal,
//!     basic::{BasicAuth, MemoryUserStore, PasswordHash, User},
//! };
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users = MemoryUserStore::new();
//! users.insert(User::new("aladdin", PasswordHash::of("open sesame")?)?);
//!
//! let service = ServiceBuilder::new()
//!     .layer(BasicAuthLayer::new(BasicAuth::new("cave", users)?))
//!     .service(service_fn(async |request: Request<String>| {
//!         let principal: &Principal = request.extensions().get().expect("the layer has left one");
//!         Ok::<_, std::convert::Infallible>(http::Response::new(principal.subject().to_owned()))
//!     }));
//!
//! let request = Request::get("/").header("authorization", "Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==");
//! let response = service.oneshot(request.body(String::new())?).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # The map
//!
//! | for | layer | page |
//! |---|---|---|
//! | HTTP Basic against a user store | [`BasicAuthLayer`] | [`basic`] |
//! | JWT bearer tokens with scopes | [`JwtScopeLayer`] | [`jwt`] |
//! | opaque bearer tokens that a person makes and revokes | [`UserTokenLayer`] | [`user_token`] |
//! | bearer tokens that the authorization server is asked about | [`AuthenticateLayer`] | [`introspection`] |
//! | S3P request signatures, server and client | [`S3pSignatureLayer`], [`s3p::SignLayer`] | [`s3p`] |
//! | only the owner of a resource writes it | [`OwnershipLayer`] | [`ownership`] |
//! | several schemes, or one of your own | [`AuthenticateLayer`] | [`authenticate`] |
//! | one table: which route or gRPC method needs which scopes | [`JwtScopeLayer`], [`AuthorizeLayer`] | [`authorize::table`] |
//! | any other policy over the principal | [`AuthorizeLayer`] | [`authorize`] |
//! | telling clients where to get a token | | [`resource_metadata`] |
//! | identity headers sent from outside | [`StripIdentityHeadersLayer`] | |
//!
//! The authenticating layers leave a [`Principal`] in the request's extensions; the authorizing layers
//! judge it; a refusal is a [`Rejection`], answered over HTTP or, to a gRPC client, as a gRPC status.
//! All of them work in any hyper, axum or tonic stack: they ask nothing of errors and of response bodies, and
//! the inner service need only be `Clone`. Only [`S3pSignatureLayer`] looks at request bodies: it hands them
//! on as [`s3p::Body`], which axum's and tonic's routers take. What they cost is on a page of its own: [`performance`].
//!
//! # In axum, hyper and tonic
//!
//! In axum 0.8, a layer goes onto a router, and a handler takes the principal as an argument:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use portcullis::{BasicAuthLayer, Principal, basic::BasicAuth};
//!
//! fn app(basic: BasicAuth) -> Router {
//!     Router::new()
//!         .route("/me", get(async |who: Principal| who.subject().to_owned()))
//!         .route_layer(BasicAuthLayer::new(basic))
//!         // What is added after the layer is outside of it.
//!         .route("/health", get("ok"))
//! }
//! ```
//!
//! In hyper 1, around a service of tower's, of which each connection has a clone:
//!
//! ```
//! use std::{convert::Infallible, io};
//!
//! use hyper::{Request, Response, body::Incoming, server::conn::http1};
//! use hyper_util::{rt::TokioIo, service::TowerToHyperService};
//! use portcullis::{BasicAuthLayer, Principal, basic::BasicAuth};
//! use tokio::net::TcpListener;
//! use tower::{ServiceBuilder, service_fn};
//!
//! async fn me(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
//!     let who: &Principal = request.extensions().get().expect("the layer has left one");
//!     Ok(Response::new(who.subject().to_owned()))
//! }
//!
//! async fn serve(listener: TcpListener, basic: BasicAuth) -> io::Result<()> {
//!     let service = ServiceBuilder::new().layer(BasicAuthLayer::new(basic)).service(service_fn(me));
//!     loop {
//!         let (stream, _) = listener.accept().await?;
//!         let service = TowerToHyperService::new(service.clone());
//!         tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
//!     }
//! }
//! ```
//!
//! In tonic 0.14, onto the server. A method finds the principal in the extensions of its request; which method needs
//! which scopes says a [table](authorize::table):
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use portcullis::{ConfigError, JwtScopeLayer, Scope, ScopeTable, jwt::JwtAuth};
//! use tonic::transport::{Error, Server};
//!
//! fn layer(jwt: JwtAuth) -> Result<JwtScopeLayer, ConfigError> {
//!     let table = ScopeTable::builder()
//!         .grpc_method("grpc.health.v1.Health/Check", Scope::from_static("health:read"))
//!         .build()?;
//!     Ok(JwtScopeLayer::table(jwt, table))
//! }
//!
//! async fn serve(address: SocketAddr, layer: JwtScopeLayer) -> Result<(), Error> {
//!     let (_, health) = tonic_health::server::health_reporter();
//!     Server::builder().layer(layer).add_service(health).serve(address).await
//! }
//! ```
//!
//! # Order
//!
//! ```text
//! outside   StripIdentityHeadersLayer, tracing, CORS, request limits
//!           an authenticating layer           who: 400, 401
//!           AuthorizeLayer, OwnershipLayer    may: 403, 404
//! inside    the handler                       what: 415, 422, …
//! ```
//!
//! With axum's `Router::layer`, what is added last is the outermost; with tower's `ServiceBuilder`, what
//! is added first. Layers of `Router::layer` also see requests that no route matches; those of
//! `Router::route_layer` do not, so that a 404 stays a 404.
//!
//! # Why a request was refused
//!
//! A caller reads that credentials are missing, malformed or refused, and no more; how it is worded, a [`Respond`] says.
//! The operator reads why: each refusal is an event of the crate `tracing`, with a reason such as `jwt.expired`, at the
//! level `INFO`; at `WARN` if a store could not answer, and at `ERROR` if the layers are put together wrongly. Without a
//! subscriber (`tracing_subscriber::fmt().init()`, for one), nobody hears of it. The response has it in its extensions,
//! for layers outside:
//!
//! ```
//! use http::Response;
//! use portcullis::Rejection;
//!
//! fn reason<B>(response: &Response<B>) -> Option<&'static str> {
//!     response.extensions().get().map(Rejection::reason)
//! }
//! ```
//!
//! # Features
//!
//! A feature adds names, and changes nothing.
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `basic` | yes | [`basic`], on tokio's blocking threads |
//! | `jwt` | yes | [`jwt`], verified by aws-lc-rs |
//! | `s3p` | yes | [`s3p`] |
//! | `ownership` | yes | [`ownership`] |
//! | `user-token` | yes | [`user_token`] |
//! | `sqlite`, `postgres` | no | [`store::Sql`]: every store in a database; these two need Rust 1.94 |
//! | `contract` | no | [`store::contract`], tests for a store of your own |
//! | `redis` | no | [`store::Redis`] |
//! | `redis-tls` | no | `rediss://` for it, by rustls and aws-lc-rs |
//! | `bcrypt` | no | bcrypt hashes in a user store |
//! | `pbkdf2` | no | PBKDF2 hashes in a user store |
//! | `jwks` | no | [`jwt::remote`]: keys that are fetched, by a task of tokio's; beside `jwt` or `jwt-rust-crypto` |
//! | `jwks-http` | no | `jwt::remote::JwksUrl`: a client for them, on reqwest, rustls and aws-lc-rs |
//! | `axum` | no | [`Principal`] and `Option<Principal>` as extractors, [`Rejection`] as a response; [`ownership`] and [`ScopeTable`] by the router's own routes |
//! | `introspection` | no | [`introspection`], with an endpoint of one's own |
//! | `introspection-http` | no | [`introspection::HttpEndpoint`], on reqwest and rustls |
//! | `resource-metadata` | no | [`resource_metadata`] |
//! | `jwt-rust-crypto` | no | JWTs verified and signed in pure Rust, by RustCrypto; with `jwt` it is aws-lc-rs |
//! | `full` | no | all of them |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(feature = "jwks", not(feature = "_jwt")))]
compile_error!(
    "the features `jwks` and `jwks-http` need `jwt` (aws-lc-rs) or `jwt-rust-crypto` beside them: name one of the two"
);

pub mod authenticate;
pub mod authorize;
#[cfg(feature = "basic")]
pub mod basic;
#[cfg(any(feature = "introspection", feature = "_jwt", feature = "user-token"))]
mod bearer;
mod body;
mod challenge;
#[cfg(any(feature = "introspection", feature = "_jwt"))]
mod claim;
mod clock;
mod error;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "_jwt")]
mod fingerprint;
mod gate;
mod head;
mod https;
mod identity_headers;
#[cfg(feature = "introspection")]
pub mod introspection;
#[cfg(any(feature = "introspection", feature = "_jwt", feature = "s3p"))]
mod json;
#[cfg(feature = "_jwt")]
pub mod jwt;
#[cfg(feature = "axum")]
mod nested;
mod now_or_later;
#[cfg(feature = "ownership")]
pub mod ownership;
pub mod performance;
mod principal;
#[cfg(any(
    feature = "basic",
    feature = "introspection",
    feature = "_jwt",
    feature = "redis",
    feature = "s3p",
    feature = "user-token",
    all(feature = "ownership", feature = "sql")
))]
mod random;
mod rejection;
#[cfg(feature = "resource-metadata")]
pub mod resource_metadata;
mod response;
#[cfg(all(feature = "axum", feature = "ownership"))]
mod route;
#[cfg(feature = "s3p")]
pub mod s3p;
mod scope;
mod secret;
mod secure_url;
pub mod store;
mod text;
#[cfg(feature = "user-token")]
pub mod user_token;

#[cfg(feature = "basic")]
pub use self::basic::BasicAuthLayer;
#[cfg(any(feature = "introspection", feature = "_jwt", feature = "user-token"))]
pub use self::bearer::{BearerAuth, TokenVerifier};
#[cfg(feature = "_jwt")]
pub use self::jwt::JwtScopeLayer;
#[cfg(feature = "ownership")]
pub use self::ownership::OwnershipLayer;
#[cfg(feature = "s3p")]
pub use self::s3p::S3pSignatureLayer;
#[cfg(feature = "user-token")]
pub use self::user_token::UserTokenLayer;
pub use self::{
    authenticate::{Anonymous, Authenticate, AuthenticateLayer, Authenticator},
    authorize::{Authorize, AuthorizeLayer, Permit, Policy, Requirement, ScopePolicy, ScopeTable},
    challenge::{Challenge, ChallengeBuilder},
    clock::{Clock, ManualClock, SystemClock},
    error::{ConfigError, StoreError},
    gate::{ResponseFuture, Undecided},
    head::{Authorization, Head},
    https::{HttpsEvidence, PeerAddr, SecureTransport},
    identity_headers::{StripIdentityHeaders, StripIdentityHeadersLayer},
    now_or_later::NowOrLater,
    principal::{Identity, Principal, PrincipalBuilder, Scheme},
    rejection::{Rejection, RejectionKind},
    response::{EmptyBody, PlainText, ProblemJson, Respond, ResponseBody},
    scope::{InvalidScope, Scope, ScopeSet},
    secret::Secret,
};

#[cfg(all(doctest, feature = "axum", feature = "jwks-http"))]
#[doc = include_str!("../README.md")]
mod readme {}
