//! Signatures beside tokens on one route: JWTs, and user tokens, which their prefix tells apart.

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use portcullis::{
    BearerAuth, Identity, S3pSignatureLayer,
    jwt::{Algorithm, JwtAuth, Key, Keys},
    user_token::{MemoryUserTokenStore, UserToken, UserTokenAuth, UserTokenRecord},
};

use crate::{
    beside::vault,
    s3p_support::*,
    support::{basic, get, send},
};

const JWT_SECRET: &str = "thirty-two bytes, at the very least";

fn jwt(subject: &str) -> String {
    let claims = serde_json::json!({ "iss": "id", "sub": subject, "exp": NOW + 600 });
    let key = jsonwebtoken::EncodingKey::from_secret(JWT_SECRET.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    format!("Bearer {token}")
}

/// All three schemes, and a user token of Erin's.
fn all() -> (S3pSignatureLayer, String) {
    let keys = Keys::new([Key::hmac(Algorithm::HS256, JWT_SECRET).unwrap()]).unwrap();
    let jwt = JwtAuth::builder(keys).issuer("id").clock(clock()).realm("payments").build().unwrap();
    let (store, token) = (MemoryUserTokenStore::new(), UserToken::generate());
    let erin = Identity::local("erin").unwrap();
    store.insert(token.digest(), UserTokenRecord::new("1", erin));
    let user_tokens = UserTokenAuth::new("payments", store).unwrap();
    let bearer = BearerAuth::new("payments", jwt).unwrap().prefix("pct_", user_tokens).unwrap();
    (layer().or(bearer).or(vault()), format!("Bearer {}", token.expose()))
}

/// A draft with other credentials, and no signature.
fn with(draft: &Draft, authorization: &str) -> Request<Full<Bytes>> {
    draft.request_with(authorization)
}

#[tokio::test]
async fn each_lets_through_its_own() {
    let (layer, user_token) = all();
    for (nonce, draft) in [Draft::get("/v2/ping"), Draft::json(r#"{"amount":1000}"#)].iter().enumerate()
    {
        let draft = draft.clone().nonce(nonce);
        for (request, who) in [
            (draft.request(), "alice"),
            (with(&draft, &jwt("dave")), "dave"),
            (with(&draft, &user_token), "erin"),
            (with(&draft, &basic("carol", "open sesame")), "carol"),
        ] {
            let answer = send(&layer, request).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (200, who));
        }
        assert_eq!(send(&layer, draft.request()).await.reason(), "s3p.replayed");
    }
}

#[tokio::test]
async fn a_401_offers_all_of_them_and_tells_a_bearer_what_is_wrong() {
    let (layer, user_token) = all();
    let draft = Draft::get("/v2/ping");
    let changed = user_token.replace("pct_", "pct_0");
    let signed = draft.authorization().replace("a-nonce", "b-nonce");
    for (authorization, bearer) in [
        (String::new(), r#"Bearer realm="payments""#),
        (signed, r#"Bearer realm="payments""#),
        (basic("carol", "wrong"), r#"Bearer realm="payments""#),
        (jwt("dave") + "x", r#"Bearer realm="payments", error="invalid_token""#),
        (changed, r#"Bearer realm="payments", error="invalid_token""#),
    ] {
        let answer = send(&layer, with(&draft, &authorization)).await;
        assert_eq!(answer.status, 401, "{authorization}");
        let challenges = [r#"s3pAuth realm="S3P""#, bearer, r#"Basic realm="vault", charset="UTF-8""#];
        assert_eq!(answer.challenges(), challenges, "{authorization}");
    }
    let answer = send(&layer, get("/v2/ping")).await;
    assert_eq!((answer.status.as_u16(), answer.challenges().len()), (401, 3));
}

#[tokio::test]
async fn two_lines_are_refused_whatever_is_in_them() {
    let (layer, user_token) = all();
    let draft = Draft::get("/v2/ping");
    let (signed, jwt, password) = (draft.authorization(), jwt("dave"), basic("carol", "open sesame"));
    let lines = [&*signed, &*jwt, &*user_token, &*password];
    for (one, other) in lines.iter().flat_map(|one| lines.iter().map(move |other| (one, other))) {
        let mut request = with(&draft, one);
        request.headers_mut().append(header::AUTHORIZATION, HeaderValue::from_str(other).unwrap());
        let answer = send(&layer, request).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (400, "authorization.repeated"));
    }
    // None of it has used up the nonce.
    assert_eq!(send(&layer, draft.request()).await.body, "alice");
}
