//! What is revoked, by whom, and by which id.

use super::*;

#[tokio::test]
async fn a_family_is_revoked_by_the_id_of_any_of_its_tokens_or_its_own() {
    for at in 0..5 {
        let (server, first) = signed_in().await;
        let stranger = server.sign_in(&alice()).await;
        let second = server.refresh(&first).await.unwrap();
        let ids = [&first, &second].map(|pair| [pair.access().id(), pair.refresh().id()]);
        let id = ids.as_flattened().get(at).copied().unwrap_or(&first.access().id()[..12]);
        let revoke = async || server.refresher.revoke(alice().identity(), id).await.unwrap();
        assert!(revoke().await, "{id}");
        assert!(!revoke().await, "it was already");
        for pair in [&first, &second] {
            assert_eq!(server.status(pair).await, 401);
            assert_eq!(reason(&server.refresh(pair).await.unwrap_err()), "refresh.revoked");
        }
        assert_eq!(server.status(&stranger).await, 200);
    }
}

#[tokio::test]
async fn nobody_revokes_somebody_elses_family_or_what_is_none() {
    let (server, pair) = signed_in().await;
    let elsewhere = Identity::new(ISSUER, "alice").unwrap();
    let bob = Identity::local("bob").unwrap();
    let id = pair.access().id();
    for identity in [&bob, &elsewhere] {
        assert!(!server.refresher.revoke(identity, id).await.unwrap());
    }
    for id in [
        "",
        &id[..11],
        &id[..13],
        &id[1..],
        "caf\u{e9}",
        "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}xxxxxxxxx",
        "w8pxz0a4Fwa4xgzyCvSeC",
    ] {
        assert!(!server.refresher.revoke(alice().identity(), id).await.unwrap(), "{id}");
    }
    assert_eq!(server.status(&pair).await, 200);
    server.refresh(&pair).await.unwrap();
}

#[tokio::test]
async fn all_that_somebody_has_begun_up_to_a_time_is_revoked() {
    let server = Server::new(MemoryRefreshStore::new());
    let before = server.sign_in(&alice()).await;
    let bobs = server.sign_in(&somebody("bob", "")).await;
    server.after(10);
    let same = server.sign_in(&alice()).await;
    server.after(1);
    let after = server.sign_in(&alice()).await;
    let refreshed = server.refresh(&before).await.unwrap();
    server.refresher.revoke_all(alice().identity(), at(NOW + 10)).await.unwrap();
    for (pair, status) in [(&before, 401), (&refreshed, 401), (&same, 401), (&after, 200), (&bobs, 200)]
    {
        assert_eq!(server.status(pair).await, status);
        assert_eq!(server.refresh(pair).await.is_ok(), status == 200);
    }
}

#[tokio::test]
async fn what_was_made_with_a_token_ends_with_its_family() {
    let (server, first) = signed_in().await;
    let caller = server.principal(first.access().token()).await;
    let made = server.sign_in(&caller).await;
    let by_made = server.principal(made.access().token()).await;
    let grandchild = server.sign_in(&by_made).await;
    // Each has a refresh token of its own, and all of them are good.
    for pair in [&first, &made, &grandchild] {
        server.refresh(pair).await.unwrap();
    }
    assert_eq!(reason(&server.refresh(&grandchild).await.unwrap_err()), "refresh.reused");
    for pair in [&first, &made, &grandchild] {
        assert_eq!(server.status(pair).await, 401);
    }
    let error = server.refresher.issue(Grant::to(&caller, set(""))).await.unwrap_err();
    assert_eq!(reason(&error), "refresh.revoked");
}

#[tokio::test]
async fn what_was_made_with_a_token_that_came_alone_ends_with_it() {
    let server = Server::new(MemoryRefreshStore::new());
    let issuer = Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap();
    let issuer = issuer.identities_of(Identity::LOCAL).clock(server.clock.clone());
    let alone = issuer.issue(Grant::to(&alice(), set("messages:send"))).unwrap();
    let caller = server.principal(alone.token()).await;
    let made = server.sign_in(&caller).await;
    assert!(server.refresher.revoke(alice().identity(), alone.id()).await.unwrap());
    assert_eq!(server.status(&made).await, 401);
    assert_eq!(ask(&server.layer, alone.token()).await.status, 401);
}
