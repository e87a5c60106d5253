//! `store::Redis` when Redis fails: killed, stopped, cut off, full, a replica. Requests go through real layers.
#![cfg(all(feature = "full", unix))]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "redis_faults/crash.rs"]
mod crash;
#[path = "redis_faults/cut.rs"]
mod cut;
mod jwt_support;
#[path = "redis_faults/ready.rs"]
mod ready;
#[path = "redis_faults/refused.rs"]
mod refused;
#[path = "redis_faults/replica.rs"]
mod replica;
mod s3p_support;
mod servers;
#[path = "redis_faults/sign_in.rs"]
mod sign_in;
mod support;
#[path = "redis_faults/tls.rs"]
mod tls;

use std::{
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, UNIX_EPOCH},
};

use portcullis::{
    AuthenticateLayer, Identity, S3pSignatureLayer,
    jwt::refresh::RefreshFacts,
    store::{Redis, RedisBuilder, contract},
};
use s3p_support::Draft;
use servers::PATIENCE;
use support::{Answer, send};

/// A machine that is busy is not a Redis that is down.
fn builder(redis: &servers::Redis) -> RedisBuilder {
    Redis::builder(redis.url()).time_limit(PATIENCE)
}

async fn connect(redis: &servers::Redis) -> Redis {
    builder(redis).connect().await.unwrap()
}

/// One over a network.
fn through(proxy: &servers::Proxy) -> RedisBuilder {
    Redis::builder(format!("redis://{}", proxy.address())).time_limit(PATIENCE)
}

/// One that gives up soon, for a Redis that does not answer; it is connected however often that takes too long.
async fn impatient(builder: RedisBuilder) -> Redis {
    bounded(async {
        loop {
            if let Ok(store) = builder.clone().time_limit(SOON).connect().await {
                return store;
            }
        }
    })
    .await
}

const SOON: Duration = Duration::from_secs(1);

/// Fails the test if this takes too long: whatever is wrong with Redis, nobody waits for ever.
async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("waiting is bounded")
}

fn s3p(store: &Redis) -> S3pSignatureLayer {
    s3p_support::layer_with(store.clone()).0
}

fn jwt(store: &Redis) -> AuthenticateLayer {
    AuthenticateLayer::new(jwt_support::builder().revocations(store.clone()).build().unwrap())
}

/// Nothing is answered. All is asked at once, as each waits for its time limit.
async fn is_down(store: &Redis) {
    tokio::join!(
        contract::broken_nonces(store),
        contract::broken_revocations(store),
        contract::broken_refreshes(store),
        contract::broken_attempts(store),
    );
}

/// What is stored of a session's refresh token with this number.
fn session(owner: &Identity, token: usize) -> RefreshFacts<'_> {
    const IDS: [&str; 4] = [
        "family-of-12token-no0",
        "family-of-12token-no1",
        "family-of-12token-no2",
        "family-of-12token-no3",
    ];
    let [now, expires] =
        [0, 600].map(|after| UNIX_EPOCH + Duration::from_secs(jwt_support::NOW + after));
    RefreshFacts { identity: owner, id: IDS[token], expires, family_expires: expires, now }
}

/// A request that was never sent before.
fn draft() -> Draft {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    Draft::get("/v2/ping").nonce(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The answer to a token of Alice's.
async fn present(layer: &AuthenticateLayer, id: &str) -> Answer {
    let claims = jwt_support::claims(&[("jti", &format!("{id:?}"))]);
    bounded(jwt_support::ask(layer, &jwt_support::token(claims))).await
}

async fn sign_and_send(layer: &S3pSignatureLayer, draft: &Draft) -> Answer {
    bounded(send(layer, draft.request())).await
}

/// A 503 with Retry-After, which [`send`] has looked for, for this reason.
fn is_unavailable(answer: &Answer, reason: &str) {
    assert_eq!((answer.status.as_u16(), answer.reason()), (503, reason));
    assert_eq!(answer.body, "try again later");
}

/// Sends new requests until one is accepted, which is given back. Each other one is a 503.
async fn recovers(layer: &S3pSignatureLayer) -> Draft {
    bounded(async {
        loop {
            let draft = draft();
            let answer = send(layer, draft.request()).await;
            if answer.status == 200 {
                return draft;
            }
            is_unavailable(&answer, "s3p.nonce_store");
        }
    })
    .await
}
