//! The peers, each configured to check issuer, audience, expiry and scope.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use aliri_oauth2::{Authority, policy, scope};
use aliri_tower::Oauth2Authorizer;
use axum::{Router, extract::FromRef, http::StatusCode, routing::get};
use axum_extra::{
    TypedHeader,
    headers::{Authorization, authorization::Bearer},
};
use axum_jwt_auth::{Decoder, LocalDecoder};
use futures_util::future::Either;
use http::{Request, Response};
use jsonwebtoken::{DecodingKey, Validation};
use jwt_authorizer::{IntoLayer, JwtAuthorizer};
use tower::{Layer, Service};
use tower_oauth2_resource_server::{
    server::OAuth2ResourceServer, tenant::TenantConfiguration, validation::ClaimsValidationSpec,
};

use crate::{
    paired::{Bare, Body, RUNTIME},
    requests::{AUDIENCE, Claims, ISSUER, Signing},
};

/// Two layers of aliri_tower: the token, and the scope.
pub fn aliri(
    signing: &Signing,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> + use<> {
    let key = signing.jwk_json().to_string();
    let key: aliri::Jwk = serde_json::from_str(&key).expect("a key that aliri takes");
    let mut keys = aliri::Jwks::default();
    keys.add_key(key);
    let algorithm = serde_json::to_value(signing.algorithm).expect("JSON");
    let validator = aliri::jwt::CoreValidator::default()
        .add_approved_algorithm(serde_json::from_value(algorithm).expect("an algorithm of aliri's"))
        .add_allowed_audience(aliri::jwt::Audience::from_static(AUDIENCE))
        .require_issuer(aliri::jwt::Issuer::from_static(ISSUER));
    let authorizer = Oauth2Authorizer::new().with_terse_error_handler();
    let scopes = authorizer.scope_layer(policy![scope!["messages:send"]]);
    authorizer.jwt_layer(Authority::new(keys, validator)).layer(scopes.layer(Bare::new()))
}

/// jwt-authorizer answers with axum 0.7's bodies.
pub fn jwt_authorizer(
    signing: &Signing,
) -> impl Service<Request<Body>, Response = Response<axum07::body::Body>, Error = Infallible> + use<> {
    let keys = serde_json::json!({ "keys": [signing.jwk_json()] }).to_string();
    let validation = jwt_authorizer::Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]);
    let authorizer = JwtAuthorizer::<Claims>::from_jwks_text(&keys)
        .validation(validation)
        .check(Claims::may_send)
        .build();
    RUNTIME.block_on(authorizer).expect("an authorizer").into_layer().layer(Bare::new())
}

/// tower-oauth2-resource-server on aws-lc-rs, its faster backend but for HS256.
pub fn resource_server(signing: &Signing) -> OAuth2ResourceServer<Claims> {
    let keys = serde_json::json!({ "keys": [signing.jwk_json()] }).to_string();
    let claims = ClaimsValidationSpec::new().exp(true).iss(ISSUER).aud(&vec![AUDIENCE.to_owned()]);
    let tenant = TenantConfiguration::static_builder(keys)
        .claims_validation(claims)
        .allowed_algorithms(&[signing.algorithm])
        .build()
        .expect("a tenant");
    let server = OAuth2ResourceServer::builder().add_tenant(tenant).build();
    RUNTIME.block_on(server).expect("a resource server")
}

/// It has no scopes of its own: they are looked at in its claims.
#[derive(Clone)]
pub struct MaySend<S>(pub S);

impl<S, B, R> Service<Request<B>> for MaySend<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.extensions().get::<Claims>().is_some_and(Claims::may_send) {
            return Either::Left(self.0.call(request));
        }
        let mut refused = Response::new(R::default());
        *refused.status_mut() = StatusCode::FORBIDDEN;
        Either::Right(ready(Ok(refused)))
    }
}

/// An axum router that lets everybody in: what those two cost that are extractors is over this.
pub fn axum_bare() -> Router {
    Router::new().route("/messages", get(async || StatusCode::OK))
}

/// axum-jwt-auth, which has jsonwebtoken 10 on RustCrypto.
pub fn axum_jwt_auth(signing: &Signing) -> Router {
    #[derive(Clone, FromRef)]
    struct State {
        decoder: Decoder<Claims>,
    }

    let jwk: jsonwebtoken10::jwk::Jwk = serde_json::from_value(signing.jwk_json()).expect("a JWK");
    let algorithm = serde_json::to_value(signing.algorithm).expect("JSON");
    let algorithm = serde_json::from_value(algorithm).expect("an algorithm");
    let mut validation = jsonwebtoken10::Validation::new(algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    let key = jsonwebtoken10::DecodingKey::from_jwk(&jwk).expect("a key");
    let decoder = LocalDecoder::new(vec![key], validation).expect("a decoder");
    let handler = async |claims: axum_jwt_auth::Claims<Claims>| match claims.claims.may_send() {
        true => StatusCode::OK,
        false => StatusCode::FORBIDDEN,
    };
    let state = State { decoder: Arc::new(decoder) };
    Router::new().route("/messages", get(handler)).with_state(state)
}

/// What many write themselves: axum-extra's typed header, and jsonwebtoken 11 on aws-lc-rs.
pub fn typed_header(signing: &Signing) -> Router {
    let key = DecodingKey::from_jwk(&signing.jwk).expect("a key");
    let mut validation = Validation::new(signing.algorithm);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    let verifying = Arc::new((key, validation));
    let handler = async move |TypedHeader(token): TypedHeader<Authorization<Bearer>>| {
        let (key, validation) = &*verifying;
        match jsonwebtoken::decode::<Claims>(token.token(), key, validation) {
            Ok(token) if token.claims.may_send() => StatusCode::OK,
            Ok(_) => StatusCode::FORBIDDEN,
            Err(_) => StatusCode::UNAUTHORIZED,
        }
    };
    Router::new().route("/messages", get(handler))
}
