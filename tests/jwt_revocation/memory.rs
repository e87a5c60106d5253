//! `MemoryRevocationStore`: one token, or all of somebody's up to a time.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::{
    AuthenticateLayer, Identity, ManualClock,
    jwt::{Algorithm, JwtAuth, Key, Keys, MemoryRevocationStore, RevocationStore, TokenFacts},
};

use super::{ISSUER, NOW, SECRET, alice, ask, claims, layer, token};

const OTHER: &str = "https://other.example.org";

/// Whether the store says that a token of alice's was revoked.
fn is_revoked(store: &MemoryRevocationStore, issuer: &str, id: &str) -> bool {
    let facts = TokenFacts { issuer, subject: "alice", id, issued: None };
    store.is_revoked(facts).into_now().expect("memory answers at once").unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn a_token_is_revoked_by_issuer_and_id_byte_for_byte() {
    let store = MemoryRevocationStore::new();
    store.revoke("issuer", "id");
    store.revoke("issuer", "id");
    assert!(is_revoked(&store, "issuer", "id"));
    for (issuer, id) in [
        ("other", "id"),
        ("issuer", "other"),
        ("id", "issuer"),
        ("issue", "rid"),
        ("issuerid", ""),
        ("", "issuerid"),
        ("Issuer", "id"),
        ("issuer", "ID"),
        ("issuer/", "id"),
        ("issuer", "id "),
        ("issuer", "id\0"),
        ("issuer", ""),
    ] {
        assert!(!is_revoked(&store, issuer, id), "{issuer:?} {id:?}");
    }
}

#[test]
fn a_revocation_is_kept_until_the_token_has_expired_for_every_verifier() {
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let store = MemoryRevocationStore::with_clock(clock.clone());
    store.revoke_until(ISSUER, "short", at(NOW + 60));
    store.revoke_until(ISSUER, "longer", at(NOW + 60));
    store.revoke_until(ISSUER, "longer", at(NOW + 600));
    store.revoke_until(ISSUER, "not-shorter", at(NOW + 600));
    store.revoke_until(ISSUER, "not-shorter", at(NOW + 60));
    store.revoke_until(ISSUER, "for-good", at(NOW + 60));
    store.revoke(ISSUER, "for-good");
    store.revoke_until(ISSUER, "for-good", at(NOW + 600));
    store.revoke_until(OTHER, "short", at(NOW + 60));
    let kept = |at_second: u64| {
        clock.set(at(at_second));
        // Whatever is revoked drops what has expired: five minutes later, the greatest leeway.
        store.revoke_until(OTHER, "next", at(0));
        let all =
            [(ISSUER, "short"), (ISSUER, "longer"), (ISSUER, "not-shorter"), (ISSUER, "for-good")];
        let all = all.into_iter().chain([(OTHER, "short")]);
        all.filter(|(issuer, id)| is_revoked(&store, issuer, id)).map(|(_, id)| id).collect::<Vec<_>>()
    };
    let all = ["short", "longer", "not-shorter", "for-good", "short"];
    assert_eq!(kept(NOW + 359), all);
    assert_eq!(kept(NOW + 360), all[1..4]);
    assert_eq!(kept(NOW + 899), all[1..4]);
    assert_eq!(kept(NOW + 900), ["for-good"]);
    // A token may be revoked anew under an id that was dropped.
    store.revoke_until(ISSUER, "short", at(NOW + 900));
    assert_eq!(kept(NOW + 901), ["short", "for-good"]);
}

#[test]
fn each_revocation_is_another_version_and_a_look_up_is_none() {
    let store = MemoryRevocationStore::new();
    let mut versions = vec![store.version().unwrap()];
    for revoke in [
        (|store| store.revoke(ISSUER, "id")) as fn(&MemoryRevocationStore),
        |store| store.revoke(ISSUER, "id"),
        |store| store.revoke_until(ISSUER, "other", at(0)),
        |store| store.revoke_until(ISSUER, "third", at(NOW)),
        |store| store.revoke_all(&alice(ISSUER), at(NOW)),
    ] {
        assert!(!is_revoked(&store, "nobody", "id"));
        assert_eq!(store.version(), versions.last().copied());
        revoke(&store);
        versions.push(store.version().unwrap());
    }
    versions.dedup();
    assert_eq!(versions.len(), 6);
}

#[tokio::test]
async fn the_same_id_of_another_issuer_goes_on() {
    let store = MemoryRevocationStore::new();
    let of = |issuer: &str| {
        let keys = Keys::new([Key::hmac(Algorithm::HS256, SECRET).unwrap()]).unwrap();
        let builder = JwtAuth::builder(keys).issuer(issuer).clock(ManualClock::at_unix(NOW));
        AuthenticateLayer::new(builder.revocations(store.clone()).build().unwrap())
    };
    let (own, other) = (of(ISSUER), of(OTHER));
    let sent = |issuer: &str| {
        token(claims(&[("aud", ""), ("iss", &format!("{issuer:?}")), ("jti", r#""id-1""#)]))
    };
    store.revoke(ISSUER, "id-1");
    assert_eq!(ask(&own, &sent(ISSUER)).await.reason(), "jwt.revoked");
    assert_eq!(ask(&other, &sent(OTHER)).await.status, 200);
    store.revoke_all(&alice(ISSUER), at(NOW + 1_000_000));
    assert_eq!(ask(&other, &sent(OTHER)).await.status, 200);
}

#[tokio::test]
async fn all_that_was_issued_to_somebody_up_to_a_time_is_revoked() {
    let store = MemoryRevocationStore::new();
    let layer = layer(store.clone());
    let ask = async |subject: &str, iat: &str| {
        let changes = [("sub", subject), ("jti", r#""id-1""#), ("iat", iat)];
        ask(&layer, &token(claims(&changes))).await.status.as_u16()
    };
    let (alice_, bob) = (r#""alice""#, r#""bob""#);
    let [before, same, part, after] = ["1699999999", "1700000000", "1700000000.5", "1700000001"];
    for iat in [before, same, part, after, ""] {
        assert_eq!(ask(alice_, iat).await, 200);
    }
    store.revoke_all(&alice(ISSUER), at(NOW));
    for (iat, status) in [
        ("0", 401),
        (before, 401),
        ("1699999999.999", 401),
        (same, 401),
        (part, 200),
        (after, 200),
        // Who does not say when it was issued may have been issued before.
        ("", 401),
    ] {
        assert_eq!(ask(alice_, iat).await, status, "{iat:?}");
        assert_eq!(ask(bob, iat).await, 200);
        assert_eq!(ask(r#""Alice""#, iat).await, 200);
    }
    // A token that was issued later is still revoked by its id.
    store.revoke(ISSUER, "id-1");
    assert_eq!(ask(alice_, after).await, 401);
}

#[test]
fn of_two_times_the_later_one_counts_in_either_order() {
    for times in [[NOW, NOW + 10], [NOW + 10, NOW]] {
        let store = MemoryRevocationStore::new();
        for time in times {
            store.revoke_all(&alice(ISSUER), at(time));
        }
        for (issued, expected) in [(NOW, true), (NOW + 10, true), (NOW + 11, false)] {
            let facts =
                TokenFacts { issuer: ISSUER, subject: "alice", id: "x", issued: Some(at(issued)) };
            let revoked = store.is_revoked(facts).into_now().unwrap().unwrap();
            assert_eq!(revoked, expected, "{issued}");
        }
    }
}

#[test]
fn issuer_and_subject_are_not_run_together() {
    let store = MemoryRevocationStore::new();
    store.revoke_all(&Identity::new("issuer", "alice").unwrap(), at(NOW));
    for (issuer, subject) in
        [("issueralice", ""), ("issuer", "alic"), ("issue", "ralice"), ("alice", "issuer")]
    {
        let facts = TokenFacts { issuer, subject, id: "x", issued: None };
        assert!(!store.is_revoked(facts).into_now().unwrap().unwrap(), "{issuer:?} {subject:?}");
    }
}

#[test]
fn a_clone_is_the_same_store_and_debug_names_nobody() {
    let store = MemoryRevocationStore::new();
    store.clone().revoke("canary-issuer", "canary-id");
    store.clone().revoke_all(&Identity::new("canary-issuer", "canary-subject").unwrap(), at(NOW));
    assert!(is_revoked(&store, "canary-issuer", "canary-id"));
    let printed = format!("{store:?} {store:#?}");
    assert!(printed.contains("MemoryRevocationStore") && !printed.contains("canary"), "{printed}");
}
