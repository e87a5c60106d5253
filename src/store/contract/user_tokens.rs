use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{answer, must_fail, texts};
use crate::{
    Identity, ScopeSet,
    user_token::{TokenDigest, UserTokenRecord, UserTokenStore},
};

/// A user token that a store is to hold.
#[derive(Clone, Debug)]
pub struct UserTokenSeed {
    /// The digest of the token.
    pub digest: TokenDigest,
    /// Its id, which is not secret.
    pub id: String,
    /// Whose it is.
    pub identity: Identity,
    /// What it lets its holder do.
    pub scopes: ScopeSet,
    /// When it expires, in whole seconds.
    pub expires: Option<SystemTime>,
}

/// What every [`UserTokenStore`] must do. The function makes a store that holds these tokens.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn user_tokens<S: UserTokenStore>(new_store: impl AsyncFn(Vec<UserTokenSeed>) -> S) {
    let seeds: Vec<_> = texts().iter().enumerate().map(|(at, text)| seed(at, text)).collect();
    let store = new_store(seeds.clone()).await;
    for seed in &seeds {
        let found = answer(store.user_token(&seed.digest)).await;
        is_the_same(
            found.unwrap_or_else(|| panic!("a token is found by its digest: {}", seed.id)),
            seed,
        );
    }
    for bit in 0..256 {
        let mut bytes = *seeds[0].digest.as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = answer(store.user_token(&TokenDigest::from_bytes(bytes))).await;
        assert!(found.is_none(), "a digest that is off by bit {bit} is nobody's");
    }
    let empty = new_store(Vec::new()).await;
    assert!(
        answer(empty.user_token(&seeds[0].digest)).await.is_none(),
        "an empty store knows no token"
    );
}

/// What a [`UserTokenStore`] must do that knows what its users hold. The function makes a store that holds these tokens,
/// all of one user, and the user, who holds these scopes.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn user_tokens_of_users<S: UserTokenStore>(
    new_store: impl AsyncFn(ScopeSet, Vec<UserTokenSeed>) -> S,
) {
    let scopes = |text| ScopeSet::parse(text).expect("they are scopes");
    for (held, made_with, left) in [
        ("read", "", ""),
        ("", "", ""),
        ("read", "read", "read"),
        ("", "read", ""),
        ("pay", "read", ""),
        ("read", "pay read", "read"),
        ("a c e", "e d c b a", "e c a"),
        ("a b c", "b", "b"),
        ("READ reads rea", "read", ""),
        // The scope for everything is one like any other.
        ("all:any", "read", ""),
        ("read", "all:any", ""),
        ("all:any", "all:any admin", "all:any"),
    ] {
        let mut seed = seed(0, "alice");
        seed.scopes = scopes(made_with);
        let other = UserTokenSeed { digest: digest(1), id: "other".into(), ..seed.clone() };
        let store = new_store(scopes(held), vec![seed.clone(), other.clone()]).await;
        for UserTokenSeed { digest, .. } in [seed, other] {
            let found = answer(store.user_token(&digest)).await.expect("the token is good");
            assert_eq!(
                found.scopes,
                scopes(left),
                "a token of {made_with:?} does no more than its user, who holds {held:?}"
            );
        }
    }
}

/// What a [`UserTokenStore`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_user_tokens(store: &impl UserTokenStore) {
    must_fail(store.user_token(&digest(0))).await;
}

fn seed(at: usize, subject: &str) -> UserTokenSeed {
    UserTokenSeed {
        digest: digest(at),
        id: format!("token {at}"),
        identity: Identity::new(format!("issuer {}", at % 2), subject)
            .expect("the texts are not empty"),
        scopes: ScopeSet::parse(["", "read", "messages:send read"][at % 3]).expect("they are scopes"),
        expires: [None, Some(expiry())][at % 2],
    }
}

/// Zero bytes, quotes and other odd ones are among them.
fn digest(at: usize) -> TokenDigest {
    let first = u8::try_from(at).unwrap_or(u8::MAX);
    TokenDigest::from_bytes(std::array::from_fn(|at| if at == 31 { 0 } else { first }))
}

/// 2100-01-01T00:00:00Z.
fn expiry() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(4_102_444_800)
}

fn is_the_same(record: UserTokenRecord, seed: &UserTokenSeed) {
    let before = expiry() - Duration::from_secs(1);
    assert!(!record.has_expired(before), "{} is good before it expires", seed.id);
    assert_eq!(record.has_expired(expiry()), seed.expires.is_some(), "when {} expires", seed.id);
    let principal = record.into_principal();
    assert_eq!(principal.credential_id(), Some(&*seed.id), "the token's id");
    assert_eq!(*principal.identity(), seed.identity, "whose {} is", seed.id);
    assert_eq!(*principal.scopes(), seed.scopes, "the scopes of {}", seed.id);
}
