//! Requests through real layers, as a caller sees a store.

use http::StatusCode;
use portcullis::{
    BasicAuthLayer,
    basic::{BasicAuth, PasswordHash, User},
    s3p::Recorded,
    store::Sql,
};

use crate::{
    bounded,
    s3p_support::{Draft, layer_with},
    support::{Answer, basic, get_with, send},
};

/// Alice, whose password is `one`.
pub(super) fn alice() -> User {
    User::new("alice", PasswordHash::of("one").unwrap()).unwrap()
}

pub(super) async fn add_alice(store: &Sql) {
    assert!(store.insert_user(&alice()).await.unwrap());
}

/// Whether Alice is let in by her password, for which the store is read. If not, it is a 503, with `Retry-After`.
pub(super) async fn signs_in(store: &Sql) -> bool {
    let layer = BasicAuthLayer::new(BasicAuth::new("test", store.clone()).unwrap());
    let answer = bounded(send(&layer, get_with("/", basic("alice", "one")))).await;
    answer.status == 200 || is_unavailable(&answer, "basic.store")
}

/// What becomes of a request that is signed with this nonce, which the store writes down. `None` is a 503, with
/// `Retry-After`.
pub(super) async fn sign(store: &Sql, nonce: &str) -> Option<Recorded> {
    let (layer, _) = layer_with(store.clone());
    let answer = bounded(send(&layer, Draft::get("/v2/ping").nonce(nonce).request())).await;
    match answer.status {
        StatusCode::OK => Some(Recorded::Fresh),
        StatusCode::UNAUTHORIZED => {
            assert_eq!(answer.reason(), "s3p.replayed");
            Some(Recorded::Replayed)
        }
        _ => {
            is_unavailable(&answer, "s3p.nonce_store");
            None
        }
    }
}

/// [`send`] has looked for `Retry-After`.
fn is_unavailable(answer: &Answer, reason: &str) -> bool {
    assert_eq!((answer.status.as_u16(), answer.reason()), (503, reason));
    false
}
