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

/// A manager's pair, two that were made with its token, and one that was made with a token of the first of them.
async fn line(server: &Server) -> [Pair; 4] {
    let manager = server.sign_in(&alice()).await;
    let [first, second] = [server.make(&manager).await.unwrap(), server.make(&manager).await.unwrap()];
    let grandchild = server.make(&first).await.unwrap();
    [manager, first, second, grandchild]
}

#[tokio::test]
async fn what_was_made_with_a_token_is_a_family_of_its_own() {
    let server = Server::new(MemoryRefreshStore::new());
    let pairs = line(&server).await;
    let mut families: Vec<_> = pairs.iter().map(|pair| &pair.access().id()[..12]).collect();
    for pair in &pairs {
        assert_eq!(pair.refresh().id()[..12], pair.access().id()[..12]);
        server.refresh(pair).await.unwrap();
    }
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), 4);
}

/// Which pair of a line ends, and which are good after that.
const ENDED: [(usize, [u16; 4]); 4] = [
    (0, [401, 401, 401, 401]),
    (1, [200, 401, 200, 401]),
    (2, [200, 200, 401, 200]),
    (3, [200, 200, 200, 401]),
];

#[tokio::test]
async fn a_family_that_is_revoked_ends_what_was_made_with_it_and_nothing_else() {
    for (at, expected) in ENDED {
        let server = Server::new(MemoryRefreshStore::new());
        let pairs = line(&server).await;
        let id = pairs[at].access().id();
        assert!(server.refresher.revoke(alice().identity(), id).await.unwrap());
        ended(&server, &pairs, expected).await;
    }
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_what_was_made_with_its_family_and_nothing_else() {
    for (at, expected) in ENDED {
        let server = Server::new(MemoryRefreshStore::new());
        let pairs = line(&server).await;
        server.refresh(&pairs[at]).await.unwrap();
        assert_eq!(reason(&server.refresh(&pairs[at]).await.unwrap_err()), "refresh.reused");
        ended(&server, &pairs, expected).await;
    }
}

/// Whether each of them is good, in all that is done with it.
async fn ended(server: &Server, pairs: &[Pair; 4], expected: [u16; 4]) {
    for (pair, expected) in pairs.iter().zip(expected) {
        assert_eq!(server.status(pair).await, expected);
        let made = server.make(pair).await;
        assert_eq!(made.as_ref().err().map(reason), (expected == 401).then_some("refresh.revoked"));
        let refreshed = server.refresh(pair).await;
        let refused = refreshed.as_ref().err().map(reason);
        assert_eq!(refused, (expected == 401).then_some("refresh.revoked"));
    }
}

#[tokio::test]
async fn what_was_made_with_a_token_before_it_was_refreshed_ends_with_the_family_too() {
    let (server, first) = signed_in().await;
    let made = server.make(&first).await.unwrap();
    let second = server.refresh(&first).await.unwrap();
    let later = server.make(&second).await.unwrap();
    let by_old = server.make(&first).await.unwrap();
    assert!(server.refresher.revoke(alice().identity(), second.refresh().id()).await.unwrap());
    for pair in [&made, &later, &by_old] {
        assert_eq!(server.status(pair).await, 401);
    }
}

#[tokio::test]
async fn a_family_has_at_most_eight_above_it() {
    let (server, first) = signed_in().await;
    let mut pairs = vec![first];
    for _ in 0..Refresher::MOST_ANCESTORS {
        let made = server.make(pairs.last().unwrap()).await.unwrap();
        pairs.push(made);
    }
    assert_eq!(pairs.len(), 9);
    let error = server.make(&pairs[8]).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (RefreshErrorKind::TooDeep, "refresh.too_deep"));
    assert_eq!(Rejection::from(error).kind(), RejectionKind::Forbidden);
    assert_eq!(server.status(&pairs[8]).await, 200);
    assert!(server.refresher.revoke(alice().identity(), pairs[0].access().id()).await.unwrap());
    for pair in &pairs {
        assert_eq!(server.status(pair).await, 401);
    }
}

#[tokio::test]
async fn what_was_made_with_a_token_that_came_alone_ends_with_it() {
    let server = Server::new(MemoryRefreshStore::new());
    let issuer = Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap();
    let issuer = issuer.identities_of(Identity::LOCAL).clock(server.clock.clone());
    let alone = issuer.issue(Grant::to(&alice(), set("messages:send"))).unwrap();
    let caller = server.principal(alone.token()).await;
    let [made, other] = [server.sign_in(&caller).await, server.sign_in(&caller).await];
    assert!(server.refresher.revoke(alice().identity(), made.access().id()).await.unwrap());
    assert_eq!([server.status(&made).await, server.status(&other).await], [401, 200]);
    assert_eq!(ask(&server.layer, alone.token()).await.status, 200);
    assert!(server.refresher.revoke(alice().identity(), alone.id()).await.unwrap());
    assert_eq!(server.status(&other).await, 401);
    assert_eq!(ask(&server.layer, alone.token()).await.status, 401);
}
