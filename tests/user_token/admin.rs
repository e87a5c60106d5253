//! Creating, listing and revoking.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use portcullis::{
    Authenticator, Head, Identity, ManualClock, ScopeSet, UserTokenLayer,
    user_token::{
        MemoryUserTokenStore, NewUserToken, TokenDigest, UserToken, UserTokenAdmin, UserTokenAuth,
        UserTokenRecord, UserTokenStore, UserTokens,
    },
};

use super::{KNOWN_DIGEST, NOW, alice, ask, bearer, layer, unhex};
use crate::support::get_with;

fn tokens(store: &MemoryUserTokenStore) -> UserTokens {
    UserTokens::new(store.clone()).clock(ManualClock::at_unix(NOW))
}

fn named(name: &str) -> NewUserToken {
    NewUserToken::named(name).unwrap()
}

fn bob() -> Identity {
    Identity::local("bob").unwrap()
}

#[tokio::test]
async fn a_token_that_was_created_is_good_and_in_its_owners_list_alone() {
    let store = MemoryUserTokenStore::new();
    let scopes = ScopeSet::parse("messages:send").unwrap();
    let new = named(" laptop ").scopes(scopes.clone()).lifetime(Duration::from_secs(60));
    let (token, record) = tokens(&store).create(&alice(), new).await.unwrap();

    let created = UNIX_EPOCH + Duration::from_secs(NOW);
    assert_eq!((&record.owner, &*record.name, &record.scopes), (&alice(), "laptop", &scopes));
    assert_eq!(
        (record.created, record.expires),
        (Some(created), Some(created + Duration::from_secs(60)))
    );
    assert_eq!((record.last_used, record.revoked), (None, None));
    assert_eq!(tokens(&store).list(&alice()).await.unwrap(), std::slice::from_ref(&record));
    for other in [bob(), Identity::new("https://id.example.org", "alice").unwrap()] {
        assert_eq!(tokens(&store).list(&other).await.unwrap(), []);
    }

    let auth = UserTokenAuth::new("vault", store).unwrap().clock(ManualClock::at_unix(NOW));
    let request = get_with("/", bearer(token.expose()));
    let principal = auth.authenticate(&Head::new(&request)).unwrap().await.unwrap();
    assert_eq!((principal.identity(), principal.scopes()), (&alice(), &scopes));
    assert_eq!(principal.credential_id(), Some(&*record.id));
}

#[tokio::test]
async fn a_list_holds_neither_tokens_nor_digests() {
    let store = MemoryUserTokenStore::new();
    let (token, record) = tokens(&store).create(&alice(), named("laptop")).await.unwrap();
    let listed = format!("{record:?} {:?}", tokens(&store).list(&alice()).await.unwrap());
    let digest = super::hex(token.digest().as_bytes());
    for secret in [&token.expose()[4..], &digest] {
        for at in 0..=secret.len() - 8 {
            assert!(!listed.contains(&secret[at..at + 8]), "{listed}");
        }
    }
}

#[tokio::test]
async fn the_list_is_by_age_and_ids_are_never_the_same() {
    let store = MemoryUserTokenStore::new();
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let tokens = UserTokens::new(store).clock(clock.clone());
    let mut ids = std::collections::HashSet::new();
    for name in ["first", "second", "third", "same name", "same name"] {
        clock.advance(Duration::from_secs(1));
        assert!(ids.insert(tokens.create(&alice(), named(name)).await.unwrap().1.id));
    }
    let listed = tokens.list(&alice()).await.unwrap();
    let names: Vec<_> = listed.iter().map(|record| &*record.name).collect();
    assert_eq!(names, ["first", "second", "third", "same name", "same name"]);
}

#[tokio::test]
async fn what_its_owner_revokes_is_refused_from_the_next_request_on_and_stays_in_the_list() {
    let store = MemoryUserTokenStore::new();
    let tokens = tokens(&store);
    let (token, record) = tokens.create(&alice(), named("laptop")).await.unwrap();
    let (other, _) = tokens.create(&alice(), named("phone")).await.unwrap();
    let layer: UserTokenLayer = layer(store.clone());
    assert_eq!(ask(&layer, token.expose()).await.status, 200);

    // Nobody revokes another's, nor one that is not there.
    assert!(!tokens.revoke(&bob(), &record.id).await.unwrap());
    assert!(!tokens.revoke(&alice(), "no such id").await.unwrap());
    assert_eq!(ask(&layer, token.expose()).await.status, 200);

    assert!(tokens.revoke(&alice(), &record.id).await.unwrap());
    assert_eq!(ask(&layer, token.expose()).await.status, 401);
    assert_eq!(ask(&layer, other.expose()).await.status, 200);
    let listed = tokens.list(&alice()).await.unwrap();
    let revoked = listed.iter().find(|listed| listed.id == record.id).unwrap().revoked;
    assert_eq!(revoked, Some(UNIX_EPOCH + Duration::from_secs(NOW)));

    // Once is enough: the first time stays.
    let later = UserTokens::new(store).clock(ManualClock::at_unix(NOW + 60));
    assert!(!later.revoke(&alice(), &record.id).await.unwrap());
    let listed = later.list(&alice()).await.unwrap();
    assert_eq!(listed.iter().find(|listed| listed.id == record.id).unwrap().revoked, revoked);
}

#[tokio::test]
async fn a_token_without_a_lifetime_or_with_an_endless_one_does_not_expire() {
    let store = MemoryUserTokenStore::new();
    for new in [named("a"), named("b").lifetime(Duration::MAX)] {
        let (token, record) = tokens(&store).create(&alice(), new).await.unwrap();
        assert_eq!(record.expires, None);
        assert_eq!(ask(&layer(store.clone()), token.expose()).await.status, 200);
    }
}

#[tokio::test]
async fn a_lifetime_of_nothing_is_over_at_once() {
    let store = MemoryUserTokenStore::new();
    let new = named("a").lifetime(Duration::ZERO);
    let (token, _) = tokens(&store).create(&alice(), new).await.unwrap();
    assert_eq!(ask(&layer(store), token.expose()).await.reason(), "user_token.expired");
}

#[test]
fn a_name_is_one_that_can_be_shown() {
    let longest = "\u{e9}".repeat(100);
    for name in ["x", "Alice's laptop, 2nd", &longest] {
        assert!(NewUserToken::named(name).is_ok(), "{name}");
    }
    for name in ["", " ", "\u{3000}", "a\nb", "a\0", "\u{9f}", &format!("{longest}x")] {
        let error = NewUserToken::named(name).unwrap_err().to_string();
        assert!(error.contains("1 to 100 characters"), "{name:?}: {error}");
    }
}

#[tokio::test]
async fn a_store_keeps_no_second_token_of_a_digest_or_of_an_id() {
    let store = MemoryUserTokenStore::new();
    let (one, other) = (UserToken::generate().digest(), TokenDigest::from_bytes(unhex(KNOWN_DIGEST)));
    let record = |id: &str, owner| UserTokenRecord::new(id, owner);
    store.create(&one, &record("1", alice())).await.unwrap();
    assert!(store.create(&one, &record("2", bob())).await.is_err());
    assert!(store.create(&other, &record("1", bob())).await.is_err());
    assert_eq!(store.user_token(&one).await.unwrap().unwrap().owner, alice());
    assert!(store.user_token(&other).await.unwrap().is_none());
}

#[test]
fn the_documented_expression_finds_every_token_and_little_else() {
    let pattern = regex::Regex::new(UserToken::PATTERN).unwrap();
    let documented = include_str!("../../src/user_token/mod.rs");
    assert!(documented.contains(&format!("//! {}\n", UserToken::PATTERN)));
    for _ in 0..100 {
        let token = UserToken::generate();
        let text = token.expose();
        for leak in [
            text.to_owned(),
            format!("Authorization: Bearer {text}\r\n"),
            format!("TOKEN={text}"),
            format!("\"{text}\","),
            format!("https://user:{text}@git.example.org"),
        ] {
            assert_eq!(pattern.find(&leak).map(|found| found.as_str()), Some(text), "{leak}");
        }
        for other in
            [&text[1..], &text[..51], &format!("{text}0"), &format!("x{text}"), &text.to_uppercase()]
        {
            assert!(!pattern.is_match(other), "{other}");
        }
    }
}
