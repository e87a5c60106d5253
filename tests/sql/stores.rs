//! What is written is read, at once and after a restart.

use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use portcullis::{
    Clock, Identity, ScopeSet,
    basic::UserStore,
    jwt::{RevocationStore, TokenFacts},
    ownership::{Claim, OwnershipAdmin, OwnershipStore, Resource},
    user_token::{UserToken, UserTokenAdmin, UserTokenRecord, UserTokenStore},
};

use crate::{Database, NOW, alice, bob, user};

#[tokio::test]
async fn a_user_token_is_found_listed_marked_as_used_and_revoked() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        let (token, other) = (UserToken::generate(), UserToken::generate());
        let later = database.clock.now() + Duration::from_secs(60);
        let new = UserTokenRecord::new("t1", alice()).name("laptop").expires(later);
        let new = new.scopes(ScopeSet::parse("a").unwrap());
        store.create(&token.digest(), &new).await.unwrap();
        store.create(&other.digest(), &UserTokenRecord::new("t2", bob())).await.unwrap();
        assert!(store.create(&token.digest(), &UserTokenRecord::new("t3", bob())).await.is_err());
        let same_id = UserTokenRecord::new("t1", bob());
        assert!(store.create(&UserToken::generate().digest(), &same_id).await.is_err());

        let mut expected = new.clone();
        expected.created = Some(database.clock.now());
        assert_eq!(store.user_token(&token.digest()).await.unwrap(), Some(expected.clone()));
        assert!(store.user_token(&UserToken::generate().digest()).await.unwrap().is_none());
        store.used(&token.digest(), later).await.unwrap();
        expected.last_used = Some(later);
        assert_eq!(store.list(&alice()).await.unwrap(), [expected.clone()]);

        assert!(!store.revoke(&bob(), "t1", later).await.unwrap(), "it is Alice's");
        assert!(store.revoke(&alice(), "t1", later).await.unwrap());
        assert!(!store.revoke(&alice(), "t1", database.clock.now()).await.unwrap());
        expected.revoked = Some(later);
        assert_eq!(store.user_token(&token.digest()).await.unwrap(), Some(expected));
        assert!(store.user_token(&other.digest()).await.unwrap().unwrap().revoked.is_none());
    }
}

#[tokio::test]
async fn a_jwt_is_revoked_by_its_id_or_with_all_of_its_subject() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        store.revoke_jwt("local", "j1", at(NOW + 60)).await.unwrap();
        store.revoke_jwt("local", "j1", at(NOW)).await.unwrap();
        store.revoke_all_jwts(&bob(), at(NOW)).await.unwrap();
        store.revoke_all_jwts(&bob(), at(NOW - 60)).await.unwrap();
        let cases = [
            (facts("alice", "j1", Some(NOW)), true),
            (facts("alice", "j2", Some(NOW)), false),
            (TokenFacts { issuer: "other", ..facts("alice", "j1", Some(NOW)) }, false),
            (facts("bob", "j2", Some(NOW)), true),
            (facts("bob", "j2", Some(NOW + 1)), false),
            (facts("bob", "j2", None), true),
            (TokenFacts { issuer: "other", ..facts("bob", "j2", None) }, false),
        ];
        for (token, expected) in cases {
            assert_eq!(store.is_revoked(token).await.unwrap(), expected, "{token:?}");
        }

        database.clock.advance(Duration::from_secs(120));
        assert_eq!(store.purge().await.unwrap(), 0, "the latest expiry counts, with a minute on top");
        database.clock.advance(Duration::from_secs(1));
        assert_eq!(store.purge().await.unwrap(), 1);
        assert!(store.is_revoked(facts("bob", "j2", Some(NOW))).await.unwrap(), "kept for good");
    }
}

fn facts<'t>(subject: &'t str, id: &'t str, issued: Option<u64>) -> TokenFacts<'t> {
    let issued = issued.map(|second| UNIX_EPOCH + Duration::from_secs(second));
    TokenFacts { issuer: "local", subject, id, issued }
}

#[tokio::test]
async fn of_many_claimants_at_two_instances_one_owns_the_resource() {
    for database in Database::of_every_lasting_kind() {
        let instances = [database.connect().await, database.connect().await];
        for round in 0..5 {
            let resource = Resource::new("note", round.to_string());
            let claims = (0..20).map(|number: usize| {
                let claimant = Identity::local(number.to_string()).unwrap();
                instances[number % 2].claim(&resource, &claimant)
            });
            let claims: Vec<_> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
            let owner = instances[0].owner(&resource).await.unwrap().unwrap();
            let claimed = claims.iter().filter(|claim| **claim == Claim::Claimed(owner.clone()));
            assert_eq!(claimed.count(), 1);
            let owned = claims.iter().filter(|claim| **claim == Claim::Owned(owner.clone()));
            assert_eq!(owned.count(), 19);
        }
    }
}

#[tokio::test]
async fn a_resource_changes_hands_only_by_the_owner_that_was_seen() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        let resource = Resource::new("note", "1");
        let Claim::Claimed(first) = store.claim(&resource, &alice()).await.unwrap() else { panic!() };
        let second = store.transfer(&resource, &first, &bob()).await.unwrap().unwrap();
        assert_eq!(*second.identity(), bob());
        assert_ne!(second.version(), first.version());
        assert_eq!(store.transfer(&resource, &first, &alice()).await.unwrap(), None);
        assert!(!store.release(&resource, &first).await.unwrap());
        let same_id = Resource::new("group", "1");
        assert!(!store.release(&same_id, &second).await.unwrap());
        assert!(store.release(&resource, &second).await.unwrap());
        assert_eq!(store.owner(&resource).await.unwrap(), None);
        let Claim::Claimed(third) = store.claim(&resource, &bob()).await.unwrap() else { panic!() };
        assert_ne!(third.version(), second.version());
    }
}

#[tokio::test]
async fn all_is_there_after_a_restart() {
    for database in Database::of_every_lasting_kind() {
        let store = database.connect().await;
        let token = UserToken::generate();
        store.insert_user(&user("alice")).await.unwrap();
        store.create(&token.digest(), &UserTokenRecord::new("t", alice())).await.unwrap();
        store.revoke_jwt("local", "j", database.clock.now()).await.unwrap();
        let claim = store.claim(&Resource::new("note", "1"), &alice()).await.unwrap();
        store.close().await;
        assert!(store.user("alice").await.is_err(), "closed");

        let store = database.connect().await;
        assert!(store.user("alice").await.unwrap().is_some());
        assert!(store.user_token(&token.digest()).await.unwrap().is_some());
        assert!(store.is_revoked(facts("alice", "j", Some(NOW))).await.unwrap());
        let owner = store.owner(&Resource::new("note", "1")).await.unwrap().unwrap();
        assert_eq!(Claim::Claimed(owner), claim);
    }
}

#[tokio::test]
async fn bytes_that_no_text_column_takes_are_an_error_and_no_panic() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        // PostgreSQL refuses NUL in a text; SQLite has no such row.
        let found = store.owner(&Resource::new("note", "a\0b")).await;
        assert!(found.is_err() || found.unwrap().is_none());
        assert!(store.owner(&Resource::new("note", "é' OR '1'='1")).await.unwrap().is_none());
    }
}
