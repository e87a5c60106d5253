use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, Uri};

use super::{answer, must_fail, texts};
use crate::{
    Identity, ScopeSet, Secret,
    s3p::{AccessKey, AccessKeyStore, PublicUrl, SignatureMethod, SigningInput, Stamp},
};

/// An access key that a store is to hold: with the defaults, but for these.
#[derive(Clone, Debug)]
pub struct AccessKeySeed {
    /// The access token.
    pub token: String,
    /// Whose it is.
    pub identity: Identity,
    /// What its requests are signed with.
    pub secret: Secret,
    /// What its holder may do.
    pub scopes: ScopeSet,
}

/// What every [`AccessKeyStore`] must do. The function makes a store that holds these keys.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn access_keys<S: AccessKeyStore>(new_store: impl AsyncFn(Vec<AccessKeySeed>) -> S) {
    let seeds: Vec<_> = texts().iter().enumerate().map(|(at, text)| seed(at, text)).collect();
    for part in 0..2 {
        // Each token has neighbours that nobody has.
        let (known, unknown): (Vec<_>, Vec<_>) =
            seeds.iter().cloned().enumerate().partition(|(at, _)| at % 2 == part);
        let store = new_store(known.iter().map(|(_, seed)| seed.clone()).collect()).await;
        for (_, seed) in known {
            let found = answer(store.access_key(&seed.token)).await;
            let token = &seed.token;
            is_the_same(
                &found.unwrap_or_else(|| panic!("a key is found by its token: {token:?}")),
                &seed,
            );
        }
        for (_, seed) in unknown {
            let found = answer(store.access_key(&seed.token)).await;
            assert!(found.is_none(), "tokens are compared byte for byte: {:?} is nobody's", seed.token);
        }
    }
}

/// What an [`AccessKeyStore`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_access_keys(store: &impl AccessKeyStore) {
    must_fail(store.access_key("token")).await;
}

fn seed(at: usize, token: &str) -> AccessKeySeed {
    AccessKeySeed {
        token: token.to_owned(),
        identity: Identity::new(format!("issuer {}", at % 2), token).expect("the texts are not empty"),
        secret: Secret::new(format!("the secret of key {at}")),
        scopes: ScopeSet::parse(["", "read", "pay read"][at % 3]).expect("they are scopes"),
    }
}

fn is_the_same(key: &AccessKey, seed: &AccessKeySeed) {
    let token = &seed.token;
    assert_eq!(*key.identity(), seed.identity, "whose {token:?} is");
    assert_eq!(*key.held_scopes(), seed.scopes, "the scopes of {token:?}");
    let stamp = Stamp {
        method: SignatureMethod::HmacSha1,
        nonce: "1",
        timestamp: "1361281946",
        token: "token",
    };
    let url = PublicUrl::parse("https://pay.example.org").expect("it is a URL");
    let uri = Uri::from_static("/ping");
    let input = SigningInput::of(&Method::GET, &url, &uri, &HeaderMap::new(), b"", stamp)
        .expect("nothing in it is ambiguous");
    let signature = STANDARD.decode(input.signature(&seed.secret)).expect("a signature is base64");
    assert!(key.verify(&input, &signature), "the secret of {token:?}");
}
