//! When tokens and families end, to the second.

use portcullis::jwt::Issued;

use super::*;

const DAY: u64 = 24 * 60 * 60;

fn short_lived() -> Server {
    Server::with(MemoryRefreshStore::new(), |refresher| {
        refresher.lifetime(Duration::from_secs(100), Duration::from_secs(250)).unwrap()
    })
}

#[tokio::test]
async fn a_token_lives_a_week_unused_and_a_family_thirty_days() {
    let (server, mut pair) = signed_in().await;
    assert_eq!(pair.refresh().expires(), at(NOW + 7 * DAY));
    for day in [6, 12, 18, 24, 29] {
        server.clock.set(at(NOW + day * DAY));
        pair = server.refresh(&pair).await.unwrap();
        assert_eq!(pair.refresh().expires(), at(NOW + (day + 7).min(30) * DAY), "day {day}");
    }
}

#[tokio::test]
async fn an_unused_token_expires_in_its_last_second() {
    for (seconds, expected) in [(99, None), (100, Some("jwt.expired")), (101, Some("jwt.expired"))] {
        let server = short_lived();
        let pair = server.sign_in(&alice()).await;
        let token = server.refresher.verify(pair.refresh().token()).unwrap();
        server.after(seconds);
        let verified = server.refresher.verify(pair.refresh().token());
        assert_eq!(verified.as_ref().err().map(reason), expected, "{seconds}");
        let refreshed = server.refresh(&pair).await;
        assert_eq!(refreshed.as_ref().err().map(reason), expected, "{seconds}");
        // Verified before, and used after.
        let grant = Grant::to(token.principal(), set(""));
        let late = server.refresher.refresh(&token, grant).await.unwrap_err();
        assert_eq!(reason(&late), expected.unwrap_or("refresh.reused"));
        let check = server.refresher.check(&token).await.unwrap_err();
        assert_eq!(reason(&check), expected.unwrap_or("refresh.revoked"));
    }
}

#[tokio::test]
async fn no_token_outlives_its_family_however_often_it_is_refreshed() {
    let server = short_lived();
    let mut pair = server.sign_in(&alice()).await;
    for (seconds, expires) in [(90, 190), (90, 250), (69, 250)] {
        server.after(seconds);
        pair = server.refresh(&pair).await.unwrap();
        assert_eq!(pair.refresh().expires(), at(NOW + expires));
        assert_eq!(pair.access().expires(), at(NOW + 250), "15 minutes would be later");
    }
    server.after(1);
    assert_eq!(reason(&server.refresh(&pair).await.unwrap_err()), "jwt.expired");
    assert_eq!(server.status(&pair).await, 401);
}

#[tokio::test]
async fn a_pair_for_an_access_token_ends_with_it() {
    let server = Server::new(MemoryRefreshStore::new());
    let grantor = alice();
    let grant = Grant::to(&grantor, set("messages:send")).lifetime(Duration::from_secs(100));
    let first = server.refresher.issue(grant).await.unwrap();
    let caller = server.principal(first.access().token()).await;
    server.after(40);
    let made = server.sign_in(&caller).await;
    assert_eq!([made.access(), made.refresh()].map(Issued::expires), [at(NOW + 100); 2]);
    server.after(59);
    let next = server.refresh(&made).await.unwrap();
    assert_eq!([next.access(), next.refresh()].map(Issued::expires), [at(NOW + 100); 2]);
    server.after(1);
    assert_eq!(reason(&server.refresh(&next).await.unwrap_err()), "jwt.expired");
    server.refresh(&first).await.expect("what it was made with goes on");
}

#[tokio::test]
async fn a_revoked_family_is_remembered_for_as_long_as_a_verifier_may_take_its_tokens() {
    let store = MemoryRefreshStore::new();
    let server = Server::with(store.clone(), |refresher| {
        refresher.lifetime(Duration::from_secs(60), Duration::from_secs(60)).unwrap()
    });
    let pair = server.sign_in(&alice()).await;
    assert!(server.refresher.revoke(alice().identity(), pair.access().id()).await.unwrap());
    let lenient =
        JwtAuth::builder(keys(Algorithm::HS256)).issuer(ISSUER).identities_of(Identity::LOCAL);
    let lenient = lenient.clock(server.clock.clone()).leeway(Duration::from_secs(300));
    let lenient = AuthenticateLayer::new(lenient.revocations(store).build().unwrap());
    for (seconds, reason) in [(0, "jwt.revoked"), (359, "jwt.revoked"), (1, "jwt.expired")] {
        server.after(seconds);
        // What is added drops what has expired.
        server.sign_in(&somebody("bob", "")).await;
        assert_eq!(ask(&lenient, pair.access().token()).await.reason(), reason, "{seconds}");
    }
}

#[tokio::test]
async fn a_token_that_came_alone_stays_revoked_after_what_was_made_with_it_has_expired() {
    let server = Server::with(MemoryRefreshStore::new(), |refresher| {
        refresher.lifetime(Duration::from_secs(60), Duration::from_secs(60)).unwrap()
    });
    let issuer = Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap();
    let issuer = issuer.identities_of(Identity::LOCAL).clock(server.clock.clone());
    let alone = issuer.issue(Grant::to(&alice(), alice().scopes().clone())).unwrap();
    let caller = server.principal(alone.token()).await;
    server.sign_in(&caller).await;
    assert!(server.refresher.revoke(alice().identity(), alone.id()).await.unwrap());
    for (seconds, reason) in [(0, "jwt.revoked"), (899, "jwt.revoked"), (1, "jwt.expired")] {
        server.after(seconds);
        // What is added drops what has expired.
        server.sign_in(&somebody("bob", "")).await;
        assert_eq!(ask(&server.layer, alone.token()).await.reason(), reason, "{seconds}");
    }
}

#[tokio::test]
async fn a_server_whose_clock_is_behind_takes_what_another_has_just_given() {
    for (behind, expected) in [(1, None), (60, None), (61, Some("jwt.issued_in_future"))] {
        let (server, pair) = signed_in().await;
        server.clock.set(at(NOW - behind));
        let refreshed = server.refresh(&pair).await;
        assert_eq!(refreshed.as_ref().err().map(reason), expected, "{behind}");
    }
}

#[tokio::test]
async fn a_family_ends_with_the_credential_that_was_shown_for_it() {
    let server = Server::new(MemoryRefreshStore::new());
    let caller = Principal::builder(Identity::local("alice").unwrap(), Scheme::BEARER);
    let caller = caller.expires(at(NOW + 90)).build();
    let pair = server.sign_in(&caller).await;
    assert_eq!([pair.access(), pair.refresh()].map(Issued::expires), [at(NOW + 90); 2]);
    server.after(60);
    let next = server.refresh(&pair).await.unwrap();
    assert_eq!([next.access(), next.refresh()].map(Issued::expires), [at(NOW + 90); 2]);
}
