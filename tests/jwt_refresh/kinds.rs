//! A refresh token is not an access token, and nothing else is a refresh token.

use super::*;

#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let (server, pair) = signed_in().await;
    let answer = ask(&server.layer, pair.refresh().token()).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "jwt.signature"));
    // Nor is it one for a verifier that checks nothing but the signature.
    let lax = JwtAuth::builder(keys(Algorithm::HS256)).dangerous_no_expiry();
    let lax = lax.clock(ManualClock::at_unix(NOW)).build().unwrap();
    assert_eq!(judge(&lax, pair.refresh().token()).err(), Some("jwt.signature"));
    assert!(judge(&lax, pair.access().token()).is_ok());
}

#[tokio::test]
async fn an_access_token_is_no_refresh_token() {
    let (server, pair) = signed_in().await;
    let error = server.refresh_text(pair.access().token()).await.unwrap_err();
    assert_eq!(reason(&error), "jwt.signature");
    // Not even one that claims all that a refresh token does.
    let parts: Vec<_> = pair.refresh().token().split('.').collect();
    let claims = unb64(parts[1]);
    let error = server.refresh_text(&sign(HS256, &claims)).await.unwrap_err();
    assert_eq!(reason(&error), "jwt.signature");
    server.refresh(&pair).await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_of_another_secret_or_issuer_is_refused() {
    let (server, _) = signed_in().await;
    for (name, secret, expected) in [
        (ISSUER, SECRET.to_uppercase(), "jwt.signature"),
        ("https://other.example.org", SECRET.to_owned(), "jwt.iss"),
    ] {
        let issuer = Issuer::new(name, Algorithm::HS256, &*secret).unwrap();
        let issuer = issuer.identities_of(Identity::LOCAL).clock(ManualClock::at_unix(NOW));
        let other = Refresher::new(issuer, &*secret, MemoryRefreshStore::new()).unwrap();
        let pair = other.issue(Grant::to(&alice(), set(""))).await.unwrap();
        let error = server.refresh(&pair).await.unwrap_err();
        assert_eq!(reason(&error), expected);
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused_without_a_word_to_the_store() {
    let (server, pair) = signed_in().await;
    let token = pair.refresh().token();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let payload = message.split('.').nth(1).unwrap();
    for (sent, expected) in [
        (String::new(), "jwt.parts"),
        ("x".repeat(16 * 1024 + 1), "jwt.too_long"),
        (message.to_owned(), "jwt.parts"),
        (format!("{message}."), "jwt.signature"),
        (format!("{token}="), "jwt.base64url"),
        (format!(" {token}"), "jwt.base64url"),
        (format!("{}.{payload}.", b64(r#"{"alg":"none"}"#)), "jwt.alg"),
        (format!("{}.{payload}.{signature}", b64(r#"{"alg":"HS512"}"#)), "jwt.no_key"),
        (format!("{message}.{}", b64([0; 32])), "jwt.signature"),
    ] {
        let error = server.refresh_text(&sent).await.unwrap_err();
        assert_eq!(reason(&error), expected, "{sent:.200}");
    }
    assert_eq!(server.status(&pair).await, 200, "what anybody can make up ends no family");
    server.refresh(&pair).await.unwrap();
}

#[tokio::test]
async fn an_error_becomes_the_refusal_of_its_kind() {
    let (server, pair) = signed_in().await;
    let token = server.refresher.verify(pair.refresh().token()).unwrap();
    let caller = alice();
    let more = Grant::to(&caller, set("all:any"));
    let more = server.refresher.refresh(&token, more).await.unwrap_err();
    let bob = somebody("bob", "");
    let other = server.refresher.refresh(&token, Grant::to(&bob, set(""))).await.unwrap_err();
    let refused = server.refresher.verify("").unwrap_err();
    for (error, kind, reason) in [
        (more, RejectionKind::Forbidden, "refresh.grant"),
        (other, RejectionKind::Misconfigured, "refresh.grant"),
        (refused, RejectionKind::RefusedCredentials, "jwt.parts"),
    ] {
        let rejection = Rejection::from(error);
        assert_eq!((rejection.kind(), rejection.reason()), (kind, reason));
    }
}
