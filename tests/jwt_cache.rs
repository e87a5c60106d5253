//! Verified tokens that are remembered: `JwtAuthBuilder::cache`. What is decided is the same with it and
//! without.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use jwt_support::*;
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, Identity, ManualClock, NowOrLater, Principal, Scope,
    ScopePolicy, StoreError, TokenVerifier,
    jwt::{
        Algorithm, Claims, JwtAuth, JwtAuthBuilder, Key, KeySource, Keys, MemoryRevocationStore,
        RevocationStore, TokenFacts,
    },
};
use proptest::prelude::*;
use tower::Layer;

/// Keys that a test changes, and how often they were asked for.
#[derive(Clone)]
struct Rotating(Arc<Mutex<Option<Keys>>>);

impl Rotating {
    fn new(keys: Keys) -> Self {
        Self(Arc::new(Mutex::new(Some(keys))))
    }

    fn set(&self, keys: Option<Keys>) {
        *self.0.lock().unwrap() = keys;
    }
}

impl KeySource for Rotating {
    fn keys(&self) -> Option<Keys> {
        self.0.lock().unwrap().clone()
    }

    fn renew(&self) -> Option<NowOrLater<Result<(), StoreError>>> {
        None
    }
}

/// Keys with this id, which verify what `sign` signs.
fn named(id: &str) -> Keys {
    Keys::new([key(Algorithm::HS256).id(id)]).unwrap()
}

fn with_key(id: &str, changes: &[(&str, &str)]) -> String {
    sign(format!(r#"{{"alg":"HS256","kid":"{id}"}}"#), claims(changes))
}

fn verdict(jwt: &JwtAuth, token: &str) -> Result<String, &'static str> {
    judge(jwt, token).map(|principal| describe(&principal))
}

/// All that a principal says.
fn describe(principal: &Principal) -> String {
    let claims = principal.extra::<Claims>().unwrap();
    let custom: serde_json::Value = claims.custom().unwrap();
    let times = (principal.authenticated_at(), claims.expires());
    format!("{principal:?} {:?} {times:?} {custom}", principal.credential_id())
}

#[derive(Clone, Debug)]
enum Step {
    /// Sends the token of this number.
    Send(usize),
    /// Sets the clock this far from [`NOW`], in seconds.
    Clock(i64),
    /// Takes the keys of this id, or none.
    Keys(Option<&'static str>),
    Revoke(&'static str),
    /// Everything of the subject, up to this time.
    RevokeSubject(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..10_usize).prop_map(Step::Send),
        3 => prop::sample::select(&[-700_i64, -61, -60, -1, 0, 59, 60, 61, 599, 600, 659, 660, 661][..])
            .prop_map(Step::Clock),
        2 => prop::sample::select(&[Some("a"), Some("b"), None][..]).prop_map(Step::Keys),
        1 => prop::sample::select(&["id-0", "id-1", "id-2"][..]).prop_map(Step::Revoke),
        1 => (-100..100_i64).prop_map(Step::RevokeSubject),
    ]
}

/// Tokens that differ in all that a decision depends on.
fn tokens() -> Vec<String> {
    let at = |offset: i64| (i64::try_from(NOW).unwrap() + offset).to_string();
    vec![
        with_key("a", &[("jti", r#""id-0""#)]),
        with_key("a", &[("jti", r#""id-1""#), ("nbf", &at(0))]),
        with_key("a", &[("jti", r#""id-2""#), ("iat", &at(0)), ("scope", r#""x y""#)]),
        with_key("b", &[("jti", r#""id-0""#), ("iat", &at(-50))]),
        with_key("b", &[("jti", r#""id-1""#), ("exp", &at(0))]),
        with_key("b", &[("jti", r#""id-3""#), ("nbf", &at(600)), ("exp", &at(1200))]),
        with_key("c", &[("jti", r#""id-0""#)]),
        with_key("a", &[]),
        with_key("a", &[("jti", r#""id-0""#), ("aud", r#""others""#)]),
        with_key("a", &[("jti", r#""id-0""#)]) + "x",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_decided_is_the_same_with_a_cache_and_without(
        steps in prop::collection::vec(step(), 1..60),
        capacity in prop::sample::select(&[1_usize, 2, 100][..]),
    ) {
        let (source, revocations) = (Rotating::new(named("a")), MemoryRevocationStore::new());
        let clock = Arc::new(ManualClock::at_unix(NOW));
        let builder = || {
            JwtAuth::builder(source.clone())
                .issuer(ISSUER)
                .audience(AUDIENCE)
                .clock(clock.clone())
                .revocations(revocations.clone())
        };
        let (without, with) = (builder().build().unwrap(), builder().cache(capacity).build().unwrap());
        let (tokens, alice) = (tokens(), Identity::new(ISSUER, "alice").unwrap());
        let time = |offset: i64| {
            UNIX_EPOCH + Duration::from_secs(NOW.checked_add_signed(offset).unwrap())
        };
        for step in steps {
            match step {
                Step::Send(number) => {
                    let token = &tokens[number];
                    prop_assert_eq!(verdict(&with, token), verdict(&without, token), "{}", number);
                }
                Step::Clock(offset) => clock.set(time(offset)),
                Step::Keys(id) => source.set(id.map(named)),
                Step::Revoke(id) => revocations.revoke(ISSUER, id),
                Step::RevokeSubject(until) => {
                    revocations.revoke_all(&alice, time(until));
                }
            }
        }
    }
}

/// Counts how often the principal was made anew: a remembered one is the same allocation.
fn is_remembered(jwt: &JwtAuth, token: &str) -> bool {
    let claims = || std::ptr::from_ref(judge(jwt, token).unwrap().extra::<Claims>().unwrap());
    claims() == claims()
}

fn caching(tokens: usize) -> JwtAuthBuilder {
    builder().cache(tokens)
}

#[test]
fn a_token_is_remembered_if_that_was_asked_for() {
    let token = token(claims(&[]));
    let (jwt, without) = (caching(10).build().unwrap(), jwt());
    let first = judge(&jwt, &token).unwrap();
    let again = judge(&jwt, &token).unwrap();
    assert!(std::ptr::eq(first.extra::<Claims>().unwrap(), again.extra::<Claims>().unwrap()));
    let (first, again) = (judge(&without, &token).unwrap(), judge(&without, &token).unwrap());
    assert!(!std::ptr::eq(first.extra::<Claims>().unwrap(), again.extra::<Claims>().unwrap()));
}

#[test]
fn no_number_of_bad_tokens_pushes_a_good_one_out() {
    let jwt = caching(64).build().unwrap();
    let good = token(claims(&[]));
    assert!(is_remembered(&jwt, &good));
    for number in 0..10_000 {
        let forged = format!("{good}{number}");
        assert!(judge(&jwt, &forged).is_err());
    }
    assert!(is_remembered(&jwt, &good));
}

#[test]
fn a_good_token_changed_anywhere_is_another_token() {
    let jwt = caching(64).build().unwrap();
    let good = token(claims(&[]));
    judge(&jwt, &good).unwrap();
    for at in 0..good.len() {
        let mut other = good.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert!(judge(&jwt, &other).is_err(), "{at}");
    }
}

#[tokio::test]
async fn another_route_asks_a_remembered_token_for_its_own_scopes() {
    let layer = AuthenticateLayer::new(caching(64).build().unwrap());
    let needs = |scope: &'static str| AuthorizeLayer::new(ScopePolicy::from(Scope::from_static(scope)));
    let (send, list) = (needs("messages:send"), needs("messages:list"));
    let token = token(claims(&[("scope", r#""messages:send""#)]));
    for _ in 0..2 {
        let sent = ask(&tower::layer::layer_fn(|inner| layer.layer(send.layer(inner))), &token).await;
        assert_eq!(sent.status, 200);
        let listed = ask(&tower::layer::layer_fn(|inner| layer.layer(list.layer(inner))), &token).await;
        assert_eq!(listed.status, 403);
    }
}

/// A store that answers later, and counts.
#[derive(Clone, Default)]
struct Slow {
    asked: Arc<AtomicUsize>,
    answers: Arc<Mutex<Option<bool>>>,
}

impl RevocationStore for Slow {
    fn is_revoked(&self, _token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = *self.answers.lock().unwrap();
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            answer.ok_or_else(|| StoreError::new("down"))
        })
    }
}

#[tokio::test]
async fn a_remembered_token_is_asked_for_revocation_each_time() {
    let store = Slow::default();
    let jwt = caching(64).revocations(store.clone()).build().unwrap();
    let token = token(claims(&[("jti", r#""id-1""#)]));
    let answers = [Some(false), Some(false), None, Some(true), Some(false)];
    let expected = [None, None, Some("jwt.revocation_store"), Some("jwt.revoked"), None];
    for (number, (answer, expected)) in answers.into_iter().zip(expected).enumerate() {
        *store.answers.lock().unwrap() = answer;
        let verdict = jwt.verify(&token).await;
        assert_eq!(verdict.err().map(|rejection| rejection.reason()), expected, "{number}");
        assert_eq!(store.asked.load(Ordering::Relaxed), number + 1);
    }
}

#[test]
fn a_token_that_was_not_remembered_long_ago_is_judged_like_any_other() {
    let jwt = caching(8).build().unwrap();
    let tokens: Vec<_> =
        (0..100).map(|number| token(claims(&[("sub", &format!("\"u{number}\""))]))).collect();
    for _ in 0..2 {
        for (number, token) in tokens.iter().enumerate() {
            assert_eq!(judge(&jwt, token).unwrap().subject(), format!("u{number}"));
        }
    }
    let printed = format!("{jwt:?}");
    assert!(tokens.iter().all(|token| !printed.contains(token.as_str())), "{printed}");
}

/// Whether both were made of one look at a token.
fn are_one(one: &Principal, other: &Principal) -> bool {
    std::ptr::eq(one.extra::<Claims>().unwrap(), other.extra::<Claims>().unwrap())
}

#[test]
fn of_many_good_tokens_no_more_are_remembered_than_was_said() {
    for most in [1, 8, 100] {
        let jwt = caching(most).build().unwrap();
        let tokens: Vec<_> =
            (0..1_000).map(|number| token(claims(&[("sub", &format!("\"u{number}\""))]))).collect();
        // They are kept, so that no allocation is where another one was.
        let first: Vec<_> = tokens.iter().map(|token| judge(&jwt, token).unwrap()).collect();
        let again = tokens.iter().map(|token| judge(&jwt, token).unwrap());
        let remembered = again.zip(&first).filter(|(again, first)| are_one(again, first)).count();
        assert!(remembered <= most, "{remembered} of {most}");
    }
}

/// A store with what is to happen when it is asked.
#[derive(Clone)]
struct Watched {
    version: Option<Arc<AtomicU64>>,
    revoked: Arc<AtomicBool>,
    /// Whether something is revoked while it is asked, which the answer does not know yet.
    meanwhile: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    waits: bool,
}

impl Watched {
    fn new(has_version: bool, waits: bool) -> Self {
        let version = has_version.then(Arc::default);
        let (revoked, meanwhile, asked) = Default::default();
        Self { version, revoked, meanwhile, asked, waits }
    }

    fn set_revoked(&self, revoked: bool) {
        self.revoked.store(revoked, Ordering::SeqCst);
        self.change();
    }

    fn change(&self) {
        if let Some(version) = &self.version {
            version.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl RevocationStore for Watched {
    fn is_revoked(&self, _token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.revoked.load(Ordering::SeqCst);
        if self.meanwhile.swap(false, Ordering::SeqCst) {
            self.set_revoked(true);
        }
        if self.waits {
            NowOrLater::later(async move {
                tokio::task::yield_now().await;
                Ok(answer)
            })
        } else {
            NowOrLater::now(Ok(answer))
        }
    }

    fn version(&self) -> Option<u64> {
        self.version.as_ref().map(|version| version.load(Ordering::SeqCst))
    }
}

const WATCHED: [(bool, bool); 4] = [(true, true), (true, false), (false, true), (false, false)];

async fn refusal_of(jwt: &JwtAuth, token: &str) -> Option<&'static str> {
    jwt.verify(token).await.err().map(|rejection| rejection.reason())
}

#[tokio::test]
async fn a_store_is_asked_again_when_its_version_has_changed_or_it_has_none() {
    let token = token(claims(&[("jti", r#""id-1""#)]));
    for (has_version, waits) in WATCHED {
        let store = Watched::new(has_version, waits);
        let jwt = caching(8).revocations(store.clone()).build().unwrap();
        for round in 1..4 {
            for _ in 0..3 {
                assert_eq!(refusal_of(&jwt, &token).await, None);
            }
            assert_eq!(store.asked(), if has_version { round } else { 3 * round });
            store.change();
        }
        store.set_revoked(true);
        assert_eq!(refusal_of(&jwt, &token).await, Some("jwt.revoked"), "{has_version}, {waits}");
    }
}

#[tokio::test]
async fn what_is_revoked_while_the_store_is_asked_is_refused_on_the_next_request() {
    let token = token(claims(&[("jti", r#""id-1""#)]));
    for (has_version, waits) in WATCHED {
        let store = Watched::new(has_version, waits);
        let jwt = caching(8).revocations(store.clone()).build().unwrap();
        // Before it is remembered, and when it is.
        for remembered in [false, true] {
            store.set_revoked(false);
            if remembered {
                assert_eq!(refusal_of(&jwt, &token).await, None);
                store.change();
            }
            store.meanwhile.store(true, Ordering::SeqCst);
            assert_eq!(refusal_of(&jwt, &token).await, None, "the answer came first");
            assert_eq!(refusal_of(&jwt, &token).await, Some("jwt.revoked"), "{has_version}, {waits}");
        }
    }
}

/// So that what is refused takes no place from others.
#[tokio::test]
async fn a_token_that_was_revoked_is_forgotten() {
    let token = token(claims(&[("jti", r#""id-1""#)]));
    for (has_version, waits) in WATCHED {
        let store = Watched::new(has_version, waits);
        let jwt = caching(8).revocations(store.clone()).build().unwrap();
        let before = jwt.verify(&token).await.unwrap();
        assert!(are_one(&before, &jwt.verify(&token).await.unwrap()));
        store.set_revoked(true);
        assert_eq!(refusal_of(&jwt, &token).await, Some("jwt.revoked"));
        store.set_revoked(false);
        assert!(!are_one(&before, &jwt.verify(&token).await.unwrap()), "{has_version}, {waits}");
    }
}

#[test]
fn a_key_that_is_gone_is_gone_for_remembered_tokens_too() {
    let other = Key::hmac(Algorithm::HS256, vec![7; 32]).unwrap();
    let source = Rotating::new(keys(Algorithm::HS256));
    let jwt = JwtAuth::builder(source.clone())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .clock(ManualClock::at_unix(NOW))
        .cache(64)
        .build()
        .unwrap();
    let token = token(claims(&[]));
    assert!(is_remembered(&jwt, &token));
    source.set(Some(Keys::new([other]).unwrap()));
    assert_eq!(judge(&jwt, &token).err(), Some("jwt.signature"));
    source.set(None);
    assert_eq!(judge(&jwt, &token).err(), Some("jwt.keys"));
    source.set(Some(keys(Algorithm::HS256)));
    assert!(is_remembered(&jwt, &token));
}
