//! The cache: off and on have the same outcomes, but for a revocation within its time.

use futures_util::{FutureExt, future::join_all};
use proptest::prelude::*;
use tokio::sync::Notify;

use super::*;

const TTL: Duration = Duration::from_secs(10);
const NANOSECOND: Duration = Duration::from_nanos(1);

#[tokio::test]
async fn without_a_cache_each_request_asks() {
    let endpoint = Saying::json(GOOD);
    let auth = builder(&endpoint).build().unwrap();
    for asked in 1..=3 {
        assert!(judge(&auth, TOKEN).await.is_ok());
        assert_eq!(endpoint.asked(), asked);
    }
    endpoint.say(Some(r#"{"active":false}"#));
    assert_eq!(reason(&auth, TOKEN).await, "introspection.inactive");
}

#[tokio::test]
async fn a_revoked_token_is_refused_when_the_time_is_over() {
    let (endpoint, clock) = (Saying::json(GOOD), Arc::new(ManualClock::at_unix(NOW)));
    let auth = cached(&endpoint, &clock);
    assert!(judge(&auth, TOKEN).await.is_ok());
    endpoint.say(Some(r#"{"active":false}"#));
    clock.advance(Duration::new(9, 999_999_999));
    assert!(judge(&auth, TOKEN).await.is_ok());
    assert_eq!(endpoint.asked(), 1);
    clock.advance(NANOSECOND);
    assert_eq!(reason(&auth, TOKEN).await, "introspection.inactive");
    // And stays so: a use does not prolong the time, and nothing old comes back.
    assert_eq!(reason(&auth, TOKEN).await, "introspection.inactive");
    assert_eq!(endpoint.asked(), 3);
}

#[tokio::test]
async fn a_token_that_expires_meanwhile_is_refused_at_the_very_second() {
    let (endpoint, clock) = (Saying::json(GOOD), Arc::new(ManualClock::at_unix(NOW + 600 - 5)));
    let auth =
        builder(&endpoint).leeway(Duration::ZERO).clock(clock.clone()).cache(TTL, 8).build().unwrap();
    assert!(judge(&auth, TOKEN).await.is_ok());
    clock.advance(Duration::new(4, 999_999_999));
    assert!(judge(&auth, TOKEN).await.is_ok());
    clock.advance(NANOSECOND);
    assert_eq!(reason(&auth, TOKEN).await, "introspection.expired");
    assert_eq!(endpoint.asked(), 1);
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_prolong_an_answer() {
    let (endpoint, clock) = (Saying::json(GOOD), Arc::new(ManualClock::at_unix(NOW)));
    let auth = cached(&endpoint, &clock);
    assert!(judge(&auth, TOKEN).await.is_ok());
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW - 1));
    endpoint.say(Some(r#"{"active":false}"#));
    assert_eq!(reason(&auth, TOKEN).await, "introspection.inactive");
}

#[tokio::test]
async fn neither_a_refusal_nor_an_outage_is_kept() {
    let (endpoint, clock) = (Saying::down(), Arc::new(ManualClock::at_unix(NOW)));
    let auth = cached(&endpoint, &clock);
    for (said, reasons) in [
        (None, Err("introspection.endpoint")),
        (Some("<html>"), Err("introspection.response")),
        (Some(r#"{"active":false}"#), Err("introspection.inactive")),
        (Some(r#"{"active":true}"#), Err("introspection.iss")),
        (Some(GOOD), Ok(())),
        (None, Ok(())),
    ] {
        endpoint.say(said);
        let verdict = judge(&auth, TOKEN).await.map(|_| ()).map_err(|rejection| rejection.reason());
        assert_eq!(verdict, reasons);
    }
    assert_eq!(endpoint.asked(), 5);
    // A good answer is no answer for a time at which the endpoint is down.
    clock.advance(TTL);
    assert_eq!(reason(&auth, TOKEN).await, "introspection.endpoint");
}

#[tokio::test]
async fn tokens_of_strangers_do_not_push_out_those_in_use() {
    let (endpoint, clock) = (Picky::default(), Arc::new(ManualClock::at_unix(NOW)));
    let auth = cached(&endpoint, &clock);
    assert!(judge(&auth, TOKEN).await.is_ok());
    for n in 0..1000 {
        assert!(judge(&auth, &format!("made-up-{n}")).await.is_err());
    }
    assert!(judge(&auth, TOKEN).await.is_ok());
    // A token is another one by a single character, and by its case.
    for other in ["mF_9.B5f-4.1JqN", "MF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM=", "mF_9.B5f-4.1Jq"] {
        assert_eq!(reason(&auth, other).await, "introspection.inactive");
    }
    assert_eq!(endpoint.0.load(Ordering::SeqCst), 1 + 1000 + 4);
}

#[tokio::test]
async fn no_more_answers_are_kept_than_was_configured() {
    let (endpoint, clock) = (Saying::json(GOOD), Arc::new(ManualClock::at_unix(NOW)));
    let auth = cached(&endpoint, &clock);
    for n in 0..100 {
        assert!(judge(&auth, &format!("token-{n}")).await.is_ok());
    }
    for n in 0..100 {
        assert!(judge(&auth, &format!("token-{n}")).await.is_ok());
    }
    assert!(endpoint.asked() >= 200 - 8, "{} questions", endpoint.asked());
}

#[tokio::test]
async fn requests_that_come_together_share_one_question_whatever_the_answer() {
    for (said, good) in [(Some(GOOD), true), (Some(r#"{"active":false}"#), false), (None, false)] {
        let (held, clock) = (Held::saying(said), Arc::new(ManualClock::at_unix(NOW)));
        let auth = cached(&held, &clock);
        let requests = join_all((0..10).map(|_| judge(&auth, TOKEN)));
        let (verdicts, ()) = tokio::join!(requests, async { held.release.notify_waiters() });
        assert!(verdicts.iter().all(|verdict| verdict.is_ok() == good), "{verdicts:?}");
        assert_eq!(held.saying.asked(), 1);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_the_answer_along() {
    let (held, clock) = (Held::saying(Some(GOOD)), Arc::new(ManualClock::at_unix(NOW)));
    let auth = cached(&held, &clock);
    let mut first = Box::pin(judge(&auth, TOKEN));
    let mut second = Box::pin(judge(&auth, TOKEN));
    assert!(is_pending(&mut first) && is_pending(&mut second));
    assert_eq!(held.saying.asked(), 1);
    drop(first);
    assert!(is_pending(&mut second));
    held.release.notify_waiters();
    assert!(second.await.is_ok());
    assert_eq!(held.saying.asked(), 2);
}

/// The time counts from the question: what was true when it was asked need not be so when it is answered.
#[tokio::test]
async fn a_request_does_not_wait_for_an_answer_to_an_old_question() {
    let (held, clock) = (Held::saying(Some(GOOD)), Arc::new(ManualClock::at_unix(NOW)));
    let auth = cached(&held, &clock);
    let mut early = Box::pin(judge(&auth, TOKEN));
    assert!(is_pending(&mut early));
    clock.advance(TTL);
    held.saying.say(Some(r#"{"active":false}"#));
    let mut late = Box::pin(judge(&auth, TOKEN));
    assert!(is_pending(&mut late));
    held.release.notify_waiters();
    assert!(early.await.is_ok());
    assert_eq!(late.await.unwrap_err().reason(), "introspection.inactive");
}

proptest! {
    /// While nothing is revoked, nobody can tell whether there is a cache.
    #[test]
    fn with_and_without_a_cache_the_outcome_is_the_same(
        tokens in prop::collection::vec(0..6_usize, 1..40),
        moves in prop::collection::vec(-300..300_i64, 40),
    ) {
        let said = [
            response(&[]),
            response(&[("active", "false")]),
            response(&[("nbf", "1700000100"), ("scope", r#""a b""#)]),
            response(&[("iat", "1700000300"), ("exp", "1700000900")]),
            response(&[("exp", "1700000050")]),
            response(&[("exp", "null")]),
        ];
        let clock = Arc::new(ManualClock::at_unix(NOW));
        let endpoint = ByToken(Arc::new(said));
        let without = builder(&endpoint).clock(clock.clone()).build().unwrap();
        let with = cached(&endpoint, &clock);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (token, by) in tokens.into_iter().zip(moves) {
            clock.set(UNIX_EPOCH + Duration::from_secs((NOW + 300).checked_add_signed(by).unwrap()));
            let outcome = |auth| {
                let verdict = runtime.block_on(judge(auth, &token.to_string()));
                verdict.map(|principal| format!("{principal:?}")).map_err(|error| error.reason())
            };
            prop_assert_eq!(outcome(&with), outcome(&without));
        }
    }
}

/// With room for eight answers.
fn cached(
    endpoint: &(impl IntrospectionEndpoint + Clone),
    clock: &Arc<ManualClock>,
) -> IntrospectionAuth {
    builder(endpoint).clock(clock.clone()).cache(TTL, 8).build().unwrap()
}

async fn reason(auth: &IntrospectionAuth, token: &str) -> &'static str {
    judge(auth, token).await.unwrap_err().reason()
}

/// Polls once.
fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    future.now_or_never().is_none()
}

/// Knows [`TOKEN`] alone, and counts the questions.
#[derive(Clone, Default)]
struct Picky(Arc<AtomicUsize>);

impl IntrospectionEndpoint for Picky {
    fn introspect(&self, token: Secret) -> NowOrLater<Result<Bytes, StoreError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let known = token == Secret::from(TOKEN);
        NowOrLater::now(Ok(if known { GOOD } else { r#"{"active":false}"# }.into()))
    }
}

/// Says what is at the place that the token names.
#[derive(Clone)]
struct ByToken(Arc<[String; 6]>);

impl IntrospectionEndpoint for ByToken {
    fn introspect(&self, token: Secret) -> NowOrLater<Result<Bytes, StoreError>> {
        let at: usize = std::str::from_utf8(token.expose()).unwrap().parse().unwrap();
        NowOrLater::now(Ok(self.0[at].clone().into()))
    }
}

/// Has its answer at once, and holds it back until it is released.
#[derive(Clone)]
struct Held {
    saying: Saying,
    release: Arc<Notify>,
}

impl Held {
    fn saying(json: Option<&str>) -> Self {
        let saying = Saying::down();
        saying.say(json);
        Self { saying, release: Arc::default() }
    }
}

impl IntrospectionEndpoint for Held {
    fn introspect(&self, token: Secret) -> NowOrLater<Result<Bytes, StoreError>> {
        let (answer, release) = (self.saying.introspect(token), self.release.clone());
        NowOrLater::later(async move {
            release.notified().await;
            answer.await
        })
    }
}
