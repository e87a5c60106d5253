//! A store that knows a name in several spellings.

use std::borrow::Cow;

use portcullis::{
    BasicAuthLayer, NowOrLater, StoreError,
    basic::{BasicAuth, CredentialCache, MemoryUserStore, Throttle, User, UserStore},
};

use super::{Witness, aladdin, basic, get_with, send, throttle::Gate};

/// Users whose names may be written in either case.
struct Caseless(MemoryUserStore);

impl UserStore for Caseless {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        self.0.user(&name.to_lowercase())
    }

    fn normalized<'n>(&self, name: &'n str) -> Cow<'n, str> {
        name.to_lowercase().into()
    }
}

/// The name of aladdin in one of 128 spellings.
fn spelling(n: usize) -> String {
    let letters = "aladdin".chars().enumerate();
    letters.map(|(at, c)| if n >> at & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect()
}

#[tokio::test]
async fn guesses_at_all_spellings_of_a_name_are_guesses_at_one_account() {
    let gate = Gate::of(Caseless(aladdin()), Throttle::in_memory());
    let mut judged = 0;
    for n in 0..128 {
        judged += usize::from(gate.wrong(&spelling(n)).await.status == 401);
    }
    assert_eq!(judged, 20);
    gate.wait(1);
    assert_eq!(gate.from("", "ALADDIN", "open sesame").await.status, 200);
}

#[tokio::test]
async fn a_user_is_forgotten_by_the_cache_in_every_spelling() {
    let (cache, witness) = (CredentialCache::new(10), Witness::default());
    let auth = BasicAuth::new("cave", Caseless(aladdin())).unwrap();
    let layer = BasicAuthLayer::new(auth.verifier(witness.clone()).cache(cache.clone()));
    let cost = async |name: &str| {
        let answer = send(&layer, get_with("/", basic(name, "open sesame"))).await;
        (answer.status.as_u16(), witness.take().len())
    };
    assert_eq!(cost("Aladdin").await, (200, 1));
    assert_eq!(cost("Aladdin").await, (200, 0));
    cache.invalidate("aladdin");
    assert_eq!(cost("Aladdin").await, (200, 1));
}
