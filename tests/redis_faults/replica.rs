//! Redis is a replica, or becomes one.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::{
    Identity,
    jwt::refresh::{RefreshStore, Rotation},
};

use crate::{
    connect, draft, is_down, is_unavailable, jwt, jwt_support::ISSUER, present, recovers, s3p, servers,
    session, sign_and_send, through,
};

#[tokio::test]
async fn a_replica_answers_nothing() {
    let primary = servers::Redis::start();
    let replica = primary.start_replica();
    let store = connect(&replica).await;
    is_down(&store).await;
    assert!(store.revoke(ISSUER, "id", UNIX_EPOCH).await.is_err());
    is_unavailable(&sign_and_send(&s3p(&store), &draft()).await, "s3p.nonce_store");
    is_unavailable(&present(&jwt(&store), "id").await, "jwt.revocation_store");
}

#[tokio::test]
async fn a_primary_that_becomes_a_replica_and_a_primary_again_recovers() {
    let other = servers::Redis::start();
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    let (s3p, jwt) = (s3p(&store), jwt(&store));
    assert_eq!(sign_and_send(&s3p, &draft()).await.status, 200);
    let address = other.address();
    redis.cli(&["replicaof", &address.ip().to_string(), &address.port().to_string()]);
    is_unavailable(&sign_and_send(&s3p, &draft()).await, "s3p.nonce_store");
    is_unavailable(&present(&jwt, "id").await, "jwt.revocation_store");
    redis.cli(&["replicaof", "no", "one"]);
    recovers(&s3p).await;
    assert_eq!(present(&jwt, "id").await.status, 200);
}

#[tokio::test]
async fn a_primary_that_becomes_a_replica_is_left_for_where_the_address_leads_now() {
    let (former, new) = (servers::Redis::start(), servers::Redis::start());
    let proxy = servers::Proxy::to(former.address()).await;
    let store = through(&proxy).connect().await.unwrap();
    let layer = s3p(&store);
    recovers(&layer).await;
    proxy.lead_to(new.address());
    // The connection to the former one is there still.
    recovers(&layer).await;
    assert_eq!(new.cli(&["dbsize"]).trim(), "0");
    let address = new.address();
    former.cli(&["replicaof", &address.ip().to_string(), &address.port().to_string()]);
    is_unavailable(&sign_and_send(&layer, &draft()).await, "s3p.nonce_store");
    recovers(&layer).await;
    assert_eq!(new.cli(&["dbsize"]).trim(), "1");
}

#[tokio::test]
async fn what_a_replica_has_got_it_knows_when_it_becomes_the_primary() {
    let primary = servers::Redis::start();
    let replica = primary.start_replica();
    let before = connect(&primary).await;
    let seen = draft();
    assert_eq!(sign_and_send(&s3p(&before), &seen).await.status, 200);
    let expires = UNIX_EPOCH + Duration::from_secs(4_102_444_800);
    before.revoke(ISSUER, "revoked", expires).await.unwrap();
    let alice = Identity::local("alice").unwrap();
    before.add(session(&alice, 1), None).await.unwrap();
    let rotated = before.rotate(session(&alice, 1).id, session(&alice, 2)).await.unwrap();
    assert_eq!(rotated, Rotation::Rotated);
    while replica.cli(&["info", "replication"]).contains("master_link_status:down")
        || offset(&replica) != offset(&primary)
    {
        tokio::task::yield_now().await;
    }
    primary.kill();
    replica.cli(&["replicaof", "no", "one"]);
    let after = connect(&replica).await;
    assert_eq!(sign_and_send(&s3p(&after), &seen).await.reason(), "s3p.replayed");
    assert_eq!(present(&jwt(&after), "revoked").await.reason(), "jwt.revoked");
    let again = after.rotate(session(&alice, 1).id, session(&alice, 3)).await.unwrap();
    assert_eq!(again, Rotation::Reused);
}

/// Up to where the changes of a primary are known.
fn offset(redis: &servers::Redis) -> String {
    let info = redis.cli(&["info", "replication"]);
    let offset = info.lines().find(|line| line.starts_with("master_repl_offset:"));
    offset.expect("every Redis says it").to_owned()
}

#[tokio::test]
async fn a_primary_without_the_replicas_that_it_needs_answers_nothing() {
    let redis = servers::Redis::start_with(&["--min-replicas-to-write", "1"]);
    let store = connect(&redis).await;
    is_down(&store).await;
}
