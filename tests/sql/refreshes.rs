//! Refresh tokens: each is used once, and a family that is revoked stays so.

use std::time::Duration;

use futures_util::future::join_all;
use portcullis::{
    Clock, Identity,
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{Addition, RefreshFacts, RefreshStore, Rotation},
    },
    store::Sql,
};

use crate::{Database, alice, bob, user};

const FIRST: &str = "family-of-12token-001";
const FAMILY: &str = "family-of-12";

fn facts<'t>(database: &Database, identity: &'t Identity, id: &'t str) -> RefreshFacts<'t> {
    let now = database.clock.now();
    let minute = Duration::from_secs(60);
    RefreshFacts { identity, id, expires: now + minute, family_expires: now + 2 * minute, now }
}

async fn is_revoked(store: &Sql, subject: &str) -> bool {
    let token = TokenFacts { issuer: "local", subject, id: "family-of-12access-01", issued: None };
    store.is_revoked(token).await.unwrap()
}

#[tokio::test]
async fn of_many_who_use_a_token_at_two_instances_one_gets_the_next_and_the_family_ends() {
    for database in Database::of_every_lasting_kind() {
        let instances = [database.connect().await, database.connect().await];
        let alice = alice();
        let first = instances[0].add(facts(&database, &alice, FIRST), None).await.unwrap();
        assert_eq!(first, Addition::Added);
        assert!(!is_revoked(&instances[1], "alice").await);
        let next: Vec<_> = (0..12).map(|n: usize| format!("{FAMILY}next-{n:0>4}")).collect();
        let rotated = next
            .iter()
            .enumerate()
            .map(|(n, next)| instances[n % 2].rotate(FIRST, facts(&database, &alice, next)));
        let rotated: Vec<_> = join_all(rotated).await.into_iter().map(Result::unwrap).collect();
        let count = |answer| rotated.iter().filter(|got| **got == answer).count();
        assert_eq!((count(Rotation::Rotated), count(Rotation::Reused)), (1, 1), "{rotated:?}");
        assert!(is_revoked(&instances[0], "alice").await);
        let child =
            instances[0].add(facts(&database, &alice, "child-family-token-1"), Some(FAMILY)).await;
        assert_eq!(child.unwrap(), Addition::Revoked);
    }
}

#[tokio::test]
async fn a_token_is_asked_about_without_using_it_up() {
    for database in Database::of_every_kind() {
        let (store, alice) = (database.connect().await, alice());
        store.add(facts(&database, &alice, FIRST), None).await.unwrap();
        for _ in 0..2 {
            let same = store.rotate(FIRST, facts(&database, &alice, FIRST)).await.unwrap();
            assert_eq!(same, Rotation::Rotated);
        }
        let next = "family-of-12token-002";
        let rotated = store.rotate(FIRST, facts(&database, &alice, next)).await.unwrap();
        assert_eq!(rotated, Rotation::Rotated);
        let again = store.rotate(FIRST, facts(&database, &alice, FIRST)).await.unwrap();
        assert_eq!(again, Rotation::Reused);
    }
}

#[tokio::test]
async fn a_family_is_its_owners_alone() {
    for database in Database::of_every_kind() {
        let (store, alice, bob) = (database.connect().await, alice(), bob());
        store.add(facts(&database, &alice, FIRST), None).await.unwrap();
        let joined = store.add(facts(&database, &bob, "family-of-12token-002"), None).await;
        assert_eq!(joined.unwrap(), Addition::Revoked);
        let stolen = store.rotate(FIRST, facts(&database, &bob, "family-of-12token-003")).await;
        assert_eq!(stolen.unwrap(), Rotation::Revoked);
        assert!(!RefreshStore::revoke(&store, &bob, FAMILY).await.unwrap());
        assert!(!is_revoked(&store, "alice").await);
        assert!(RefreshStore::revoke(&store, &alice, FAMILY).await.unwrap());
        assert!(!RefreshStore::revoke(&store, &alice, FAMILY).await.unwrap());
        assert!(is_revoked(&store, "alice").await);
    }
}

#[tokio::test]
async fn all_families_of_somebody_end_and_a_disabled_user_gets_no_new_tokens() {
    for database in Database::of_every_kind() {
        let (store, alice, bob) = (database.connect().await, alice(), bob());
        store.insert_user(&user("bob")).await.unwrap();
        store.add(facts(&database, &alice, FIRST), None).await.unwrap();
        store.add(facts(&database, &bob, "family-two-3token-001"), None).await.unwrap();
        let now = database.clock.now();
        RefreshStore::revoke_all(&store, &alice, now - Duration::from_secs(1)).await.unwrap();
        assert!(!is_revoked(&store, "alice").await, "it began later");
        RefreshStore::revoke_all(&store, &alice, now).await.unwrap();
        assert!(is_revoked(&store, "alice").await);
        let rotate = async || {
            let next = facts(&database, &bob, "family-two-3token-001");
            store.rotate("family-two-3token-001", next).await.unwrap()
        };
        assert_eq!(rotate().await, Rotation::Rotated);
        store.set_disabled("bob", true).await.unwrap();
        assert_eq!(rotate().await, Rotation::Revoked);
    }
}

#[tokio::test]
async fn a_family_whose_parent_is_missing_has_ended() {
    for database in Database::of_every_kind() {
        let (store, alice) = (database.connect().await, alice());
        store.add(facts(&database, &alice, "the-parent-1token-001"), None).await.unwrap();
        store.add(facts(&database, &alice, FIRST), Some("the-parent-1")).await.unwrap();
        assert!(!is_revoked(&store, "alice").await);
        let gone = "DELETE FROM portcullis_refresh_families WHERE id = 'the-parent-1'";
        sqlx::query(gone).execute(store.pool()).await.unwrap();
        assert!(is_revoked(&store, "alice").await);
        let rotated = store.rotate(FIRST, facts(&database, &alice, FIRST)).await;
        assert_eq!(rotated.unwrap(), Rotation::Revoked);
        let child = facts(&database, &alice, "child-fam-01token-001");
        assert_eq!(store.add(child, Some(FAMILY)).await.unwrap(), Addition::Revoked);
    }
}

#[tokio::test]
async fn a_family_is_kept_as_long_as_the_last_of_its_children() {
    for database in Database::of_every_kind() {
        let (store, alice) = (database.connect().await, alice());
        let child = |id| facts(&database, &alice, id);
        let (first, second) = (child(FIRST), child("child-fam-02token-001"));
        let longer = second.family_expires + Duration::from_secs(600);
        for token in [first, RefreshFacts { family_expires: longer, ..second }] {
            assert_eq!(store.add(token, Some("came-alone-1")).await.unwrap(), Addition::Added);
        }
        database.clock.advance(Duration::from_secs(120 + 300 + 61));
        store.purge().await.unwrap();
        let access = TokenFacts { issuer: "local", subject: "alice", id: second.id, issued: None };
        assert!(!store.is_revoked(access).await.unwrap());
        assert!(RefreshStore::revoke(&store, &alice, "came-alone-1").await.unwrap());
        assert!(store.is_revoked(access).await.unwrap());
    }
}

#[tokio::test]
async fn a_family_is_kept_until_no_verifier_takes_its_last_token() {
    for database in Database::of_every_kind() {
        let (store, alice) = (database.connect().await, alice());
        store.add(facts(&database, &alice, FIRST), None).await.unwrap();
        RefreshStore::revoke(&store, &alice, FAMILY).await.unwrap();
        database.clock.advance(Duration::from_secs(120 + 300 + 60));
        store.purge().await.unwrap();
        assert!(is_revoked(&store, "alice").await);
        database.clock.advance(Duration::from_secs(1));
        assert_eq!(store.purge().await.unwrap(), 1);
    }
}
