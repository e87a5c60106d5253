//! Scopes never grow, and a refusal does not use the token up.

use portcullis::{Scope, jwt::IssueErrorKind};

use super::*;

fn not_granted(error: &RefreshError) -> IssueErrorKind {
    match error.kind() {
        RefreshErrorKind::NotGranted(kind) => kind,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn scopes_cannot_grow_whoever_is_granted() {
    let (server, pair) = {
        let server = Server::new(MemoryRefreshStore::new());
        let pair = server.refresher.issue(Grant::to(&alice(), set("messages:read"))).await.unwrap();
        (server, pair)
    };
    let token = server.refresher.verify(pair.refresh().token()).unwrap();
    assert_eq!(*token.scopes(), set("messages:read"));
    // She holds the other scope herself, or even all; the family was not begun with it.
    for holder in [alice(), somebody("alice", "all:any messages:send")] {
        for wanted in ["messages:send", "messages:read messages:send", "all:any", "tokens:refresh"] {
            let grant = Grant::to(&holder, set(wanted));
            let error = server.refresher.refresh(&token, grant).await.unwrap_err();
            assert_eq!(not_granted(&error), IssueErrorKind::ScopeNotHeld, "{wanted}");
        }
    }
    server.refresh(&pair).await.unwrap();
}

#[tokio::test]
async fn what_the_principal_has_lost_is_not_given_again() {
    let (server, pair) = signed_in().await;
    let token = server.refresher.verify(pair.refresh().token()).unwrap();
    let now = somebody("alice", "messages:read");
    let grant = Grant::to(&now, token.scopes().clone());
    let error = server.refresher.refresh(&token, grant).await.unwrap_err();
    assert_eq!(not_granted(&error), IssueErrorKind::ScopeNotHeld);
    let next = server.refresher.refresh(&token, Grant::to(&now, set("messages:read"))).await.unwrap();
    let by_access = server.principal(next.access().token()).await;
    assert_eq!(*by_access.scopes(), set("messages:read"));
    // RFC 6749 section 6: the refresh token is for what it was for.
    let token = server.refresher.verify(next.refresh().token()).unwrap();
    assert_eq!(*token.scopes(), set("messages:read messages:send"));
}

#[tokio::test]
async fn a_family_with_the_global_scope_gives_any() {
    let clock = ManualClock::at_unix(NOW);
    let issuer = Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap().clock(clock);
    let issuer = issuer.identities_of(Identity::LOCAL).global_scope(Scope::ALL_ANY);
    let refresher = Refresher::new(issuer, SECRET, MemoryRefreshStore::new()).unwrap();
    let root = somebody("root", "all:any");
    for (begun_with, is_given) in [("all:any", true), ("messages:read", false)] {
        let pair = refresher.issue(Grant::to(&root, set(begun_with))).await.unwrap();
        let token = refresher.verify(pair.refresh().token()).unwrap();
        let refreshed = refresher.refresh(&token, Grant::to(&root, set("logs:read"))).await;
        assert_eq!(refreshed.is_ok(), is_given, "{begun_with}");
    }
}

#[tokio::test]
async fn a_pair_is_given_to_nobody_else() {
    let (server, pair) = signed_in().await;
    let token = server.refresher.verify(pair.refresh().token()).unwrap();
    let elsewhere = Identity::new(ISSUER, "alice").unwrap();
    let elsewhere = Principal::builder(elsewhere, Scheme::BEARER).build();
    for other in [somebody("bob", "messages:read"), somebody("Alice", ""), elsewhere] {
        let error = server.refresher.refresh(&token, Grant::to(&other, set(""))).await.unwrap_err();
        assert_eq!(not_granted(&error), IssueErrorKind::ForeignPrincipal);
    }
    server.refresh(&pair).await.unwrap();
}
