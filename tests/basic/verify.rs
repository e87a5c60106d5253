//! Names and passwords that come by another way than the `Authorization` field: `BasicAuth::verify`.

use std::{net::IpAddr, time::Duration};

use portcullis::{
    RejectionKind,
    basic::{BasicAuth, CredentialCache, HashingPool, Source},
};

use super::{
    Down, Witness, aladdin,
    throttle::{Gate, by_peer},
};

fn auth(witness: &Witness) -> BasicAuth {
    BasicAuth::new("cave", aladdin()).unwrap().verifier(witness.clone())
}

#[tokio::test]
async fn the_right_password_is_verified_with_one_hash_like_every_wrong_one() {
    let witness = Witness::default();
    let auth = auth(&witness);
    let principal = auth.verify("aladdin", "open sesame", None).await.unwrap();
    assert_eq!((principal.subject(), principal.credential_id()), ("aladdin", Some("aladdin")));
    assert_eq!(witness.take().len(), 1);
    for (user, password, reason) in [
        ("aladdin", "wrong", "basic.wrong_password"),
        ("aladdin", "", "basic.empty_password"),
        ("nobody", "open sesame", "basic.unknown_user"),
        ("", "", "basic.unknown_user"),
        ("aladdin:open sesame", "", "basic.unknown_user"),
        ("aladdin", &"x".repeat(1025), "basic.long_password"),
    ] {
        let rejection = auth.verify(user, password, None).await.unwrap_err();
        assert_eq!((rejection.kind(), rejection.reason()), (RejectionKind::RefusedCredentials, reason));
        assert_eq!(witness.take().len(), 1, "{user}");
    }
}

#[tokio::test]
async fn what_http_basic_could_not_carry_is_malformed_and_costs_nothing() {
    let witness = Witness::default();
    let auth = auth(&witness);
    for (user, password, reason) in [
        ("aladdin", "open\tsesame", "basic.control_character"),
        ("ala\0ddin", "open sesame", "basic.control_character"),
        (&*"x".repeat(4000), "open sesame", "basic.too_long"),
        ("aladdin", &"x".repeat(4000), "basic.too_long"),
    ] {
        let rejection = auth.verify(user, password, None).await.unwrap_err();
        assert_eq!(
            (rejection.kind(), rejection.reason()),
            (RejectionKind::MalformedCredentials, reason)
        );
    }
    assert_eq!(witness.take().len(), 0);
}

#[tokio::test]
async fn a_colon_in_the_name_does_not_move_into_the_password() {
    let users = portcullis::basic::MemoryUserStore::new();
    users.insert(super::user("a", "b:c"));
    let auth = BasicAuth::new("cave", users).unwrap().cache(CredentialCache::new(10));
    assert!(auth.verify("a", "b:c", None).await.is_ok());
    assert!(auth.verify("a:b", "c", None).await.is_err());
}

#[tokio::test]
async fn a_store_that_is_down_is_unavailable() {
    let auth = BasicAuth::new("cave", Down::Now).unwrap();
    let rejection = auth.verify("aladdin", "open sesame", None).await.unwrap_err();
    assert_eq!((rejection.kind(), rejection.reason()), (RejectionKind::Unavailable, "basic.store"));
}

#[tokio::test]
async fn attempts_count_together_with_those_by_the_field_for_the_account_and_the_source() {
    let gate = Gate::new(by_peer());
    let source = || Some(Source::ip("192.0.2.1".parse::<IpAddr>().unwrap()));
    assert_eq!(gate.exhaust("192.0.2.1", "aladdin").await, (20, 1));
    let rejection = gate.auth.verify("aladdin", "wrong", source()).await.unwrap_err();
    assert_eq!(
        (rejection.kind(), rejection.reason()),
        (RejectionKind::Throttled, "basic.throttled_pair")
    );
    assert_eq!(rejection.retry_after(), Some(Duration::from_secs(1)));
    gate.wait(1);
    assert!(gate.auth.verify("aladdin", "aladdin's password", source()).await.is_ok());
    assert_eq!(gate.from("192.0.2.1", "aladdin", "aladdin's password").await.status, 200);
}

#[tokio::test]
async fn a_new_password_is_hashed_by_the_pool_and_a_bad_one_is_an_error() {
    let pool = HashingPool::new(1);
    let hash = pool.hash("open sesame").await.unwrap();
    let users = portcullis::basic::MemoryUserStore::new();
    users.insert(portcullis::basic::User::new("aladdin", hash).unwrap());
    let auth = BasicAuth::new("cave", users).unwrap().hashing_pool(pool.clone());
    assert!(auth.verify("aladdin", "open sesame", None).await.is_ok());
    assert!(pool.hash("").await.is_err());
    assert!(pool.hash(&"x".repeat(1025)).await.is_err());
}
