//! Redis stands still, or its connections are cut.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Waker},
};

use portcullis::s3p::{Nonce, NonceStore};

use crate::{
    bounded, builder, connect, draft, impatient, is_down, is_unavailable, jwt, present, recovers, s3p,
    servers, sign_and_send, through,
};

#[tokio::test]
async fn stopped_where_it_stands_it_is_a_503_and_goes_on() {
    let redis = servers::Redis::start();
    let (patient, store) = (connect(&redis).await, impatient(builder(&redis)).await);
    let (s3p, jwt) = (s3p(&store), jwt(&store));
    recovers(&s3p).await;
    redis.pause();
    let hanging = draft();
    is_unavailable(&sign_and_send(&s3p, &hanging).await, "s3p.nonce_store");
    is_unavailable(&present(&jwt, "id").await, "jwt.revocation_store");
    is_down(&store).await;
    redis.resume();
    recovers(&s3p).await;
    // It was carried out after all, when nobody waited: refused is right, and accepted would be, too, once.
    let again = sign_and_send(&crate::s3p(&patient), &hanging).await;
    assert_eq!(again.reason(), "s3p.replayed");
    assert_eq!(present(&crate::jwt(&patient), "id").await.status, 200);
}

#[tokio::test]
async fn while_it_hangs_its_connection_is_left_for_where_the_address_leads_now() {
    let (former, new) = (servers::Redis::start(), servers::Redis::start());
    let proxy = servers::Proxy::to(former.address()).await;
    let layer = s3p(&impatient(through(&proxy)).await);
    recovers(&layer).await;
    former.pause();
    proxy.lead_to(new.address());
    is_unavailable(&sign_and_send(&layer, &draft()).await, "s3p.nonce_store");
    recovers(&layer).await;
    assert_eq!(new.cli(&["dbsize"]).trim(), "1");
}

#[tokio::test]
async fn a_connection_that_a_network_has_silenced_is_left_for_a_new_one() {
    let redis = servers::Redis::start();
    let proxy = servers::Proxy::to(redis.address()).await;
    let (direct, layer) = (s3p(&connect(&redis).await), s3p(&impatient(through(&proxy)).await));
    for _ in 0..3 {
        let seen = recovers(&layer).await;
        proxy.silence();
        is_unavailable(&sign_and_send(&layer, &seen).await, "s3p.nonce_store");
        recovers(&layer).await;
        assert_eq!(sign_and_send(&direct, &seen).await.reason(), "s3p.replayed");
    }
}

#[tokio::test]
async fn when_many_wait_more_are_refused_at_once() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    let layer = s3p(&store);
    recovers(&layer).await;
    redis.pause();
    let nonces: Vec<_> = (0..4096).map(|number| number.to_string()).collect();
    let record = |nonce| store.record(Nonce { token: "token", nonce, expires: 300, now: 0 });
    let mut waiting: Vec<_> = nonces.iter().map(|nonce| record(nonce)).collect();
    for answer in &mut waiting {
        let polled = Pin::new(answer).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "{polled:?}");
    }
    let answer = sign_and_send(&layer, &draft()).await;
    is_unavailable(&answer, "s3p.nonce_store");
    assert!(format!("{:?}", answer.rejection).contains("too many operations wait"), "{answer:?}");
    drop(waiting);
    redis.resume();
    recovers(&layer).await;
}

#[tokio::test]
async fn cut_connections_are_made_anew() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    let layer = s3p(&store);
    for _ in 0..5 {
        let seen = recovers(&layer).await;
        redis.cli(&["client", "kill", "type", "normal"]);
        recovers(&layer).await;
        assert_eq!(sign_and_send(&layer, &seen).await.reason(), "s3p.replayed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cut_under_load_nobody_waits_for_ever_and_nothing_is_accepted_twice() {
    let redis = servers::Redis::start();
    let (patient, store) = (connect(&redis).await, impatient(builder(&redis)).await);
    let layer = s3p(&store);
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let layer = layer.clone();
            tokio::spawn(async move {
                let mut accepted = Vec::new();
                for _ in 0..200 {
                    let draft = draft();
                    let answer = sign_and_send(&layer, &draft).await;
                    if answer.status == 200 {
                        accepted.push(draft);
                    } else {
                        is_unavailable(&answer, "s3p.nonce_store");
                    }
                }
                accepted
            })
        })
        .collect();
    for _ in 0..10 {
        tokio::task::block_in_place(|| redis.cli(&["client", "kill", "type", "normal"]));
        recovers(&layer).await;
    }
    let layer = s3p(&patient);
    recovers(&layer).await;
    for client in clients {
        for draft in bounded(client).await.unwrap() {
            assert_eq!(sign_and_send(&layer, &draft).await.reason(), "s3p.replayed");
        }
    }
}

#[tokio::test]
async fn scripts_that_redis_has_forgotten_are_sent_again() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    let layer = s3p(&store);
    for _ in 0..3 {
        assert_eq!(sign_and_send(&layer, &draft()).await.status, 200);
        redis.cli(&["script", "flush"]);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_is_idle_is_asked_whether_the_other_side_is_there() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    recovers(&s3p(&store)).await;
    let remote = match redis.address() {
        std::net::SocketAddr::V4(address) => {
            format!("{:08X}:{:04X}", u32::from_be(address.ip().to_bits()), address.port())
        }
        std::net::SocketAddr::V6(address) => panic!("{address}"),
    };
    // Of each connection: its number, both addresses, its state, its queues, its timer and when that ends, in
    // hundredths of a second. The timer 02 is that of keepalive.
    bounded(async {
        loop {
            let connections = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
            let timers = connections.lines().filter_map(|connection| {
                let fields: Vec<_> = connection.split_whitespace().collect();
                (fields[2] == remote && fields[3] == "01").then(|| fields[5].split_once(':').unwrap())
            });
            let is_soon = |end: &str| u32::from_str_radix(end, 16).unwrap() <= 500;
            let mut timers = timers.peekable();
            if timers.peek().is_some() && timers.all(|(timer, end)| timer == "02" && is_soon(end)) {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}
