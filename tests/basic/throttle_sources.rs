//! Guessing from one source, and from many.

use portcullis::basic::{MemoryUserStore, Source};

use super::{
    throttle::{Gate, by_peer, limit},
    user,
};

#[tokio::test]
async fn another_source_is_not_held_up_by_one_that_guesses() {
    let gate = Gate::new(by_peer());
    for _ in 0..3 {
        let (_, wait) = gate.exhaust("192.0.2.1", "aladdin").await;
        let answer = gate.from("192.0.2.1", "aladdin", "wrong").await;
        assert_eq!(answer.reason(), "basic.throttled_pair");
        gate.wait(wait);
    }
    let gate = Gate::new(by_peer().account_limit(limit(1000, 1, 1, 60)));
    gate.exhaust("192.0.2.1", "aladdin").await;
    for source in ["192.0.2.2", "2001:db8::1"] {
        assert_eq!(gate.from(source, "aladdin", "aladdin's password").await.status, 200);
    }
    // The success of another has not helped the one who guesses.
    assert_eq!(gate.from("192.0.2.1", "aladdin", "wrong").await.status, 429);
}

#[tokio::test]
async fn an_account_is_guarded_against_many_sources_and_its_owner_is_let_in_where_he_is_known() {
    let gate = Gate::new(by_peer());
    let home = "198.51.100.7";
    assert_eq!(gate.from(home, "aladdin", "aladdin's password").await.status, 200);
    // A swarm, one guess each.
    let mut judged = 0;
    for n in 0..200 {
        let answer = gate.from(&format!("203.0.113.{n}"), "aladdin", "wrong").await;
        match answer.status.as_u16() {
            401 => judged += 1,
            _ => assert_eq!(answer.reason(), "basic.throttled_account"),
        }
    }
    assert_eq!(judged, 20);
    for _ in 0..50 {
        assert_eq!(gate.from(home, "aladdin", "aladdin's password").await.status, 200);
    }
    // From elsewhere he waits; what has to wait is counted nowhere, so that it is never for more than the swarm's.
    for _ in 0..200 {
        let answer = gate.from("198.51.100.8", "aladdin", "aladdin's password").await;
        assert_eq!(answer.reason(), "basic.throttled_account");
    }
    assert_eq!(gate.from("198.51.100.8", "jafar", "jafar's password").await.status, 200);
    // Where he is known, a guess is a guess nevertheless.
    assert_eq!(gate.exhaust(home, "aladdin").await, (20, 1));
    // And what he has done there is no help to the swarm.
    assert_eq!(gate.from("203.0.113.250", "aladdin", "wrong").await.status, 429);
}

#[tokio::test]
async fn who_signs_in_once_in_a_while_is_known_where_he_does_for_30_days() {
    let gate = Gate::new(by_peer());
    for days in [1, 7, 29] {
        assert_eq!(gate.from("198.51.100.7", "aladdin", "aladdin's password").await.status, 200);
        gate.wait(days * 24 * 3600);
        for n in 0..30 {
            gate.from(&format!("203.0.113.{n}"), "aladdin", "wrong").await;
        }
        assert_eq!(gate.from("198.51.100.8", "aladdin", "aladdin's password").await.status, 429);
    }
    gate.wait(30 * 24 * 3600);
    for n in 0..30 {
        gate.from(&format!("203.0.113.{n}"), "aladdin", "wrong").await;
    }
    assert_eq!(gate.from("198.51.100.7", "aladdin", "aladdin's password").await.status, 429);
}

#[tokio::test]
async fn a_source_that_tries_many_accounts_is_slowed_down_and_its_own_account_does_not_help_it() {
    let gate = Gate::new(by_peer());
    let mut judged = 0;
    for n in 0..300 {
        // His own account, rightly, in between.
        assert_eq!(gate.from("192.0.2.1", "jafar", "jafar's password").await.status, 200, "{n}");
        let answer = gate.from("192.0.2.1", &format!("user{n}"), "Summer2025!").await;
        match answer.status.as_u16() {
            401 => judged += 1,
            _ => assert_eq!(answer.reason(), "basic.throttled_source"),
        }
    }
    assert_eq!(judged, 100);
    // Others are not held up, and the accounts neither.
    assert_eq!(gate.from("192.0.2.2", "user299", "wrong").await.status, 401);
    assert_eq!(gate.from("192.0.2.2", "aladdin", "aladdin's password").await.status, 200);
}

#[tokio::test]
async fn a_source_of_many_people_who_sign_in_rightly_is_not_slowed_down() {
    let users = MemoryUserStore::new();
    for n in 0..150 {
        users.insert(user(&format!("user{n}"), "x"));
    }
    let gate = Gate::of(users, by_peer());
    for n in 0..150 {
        assert_eq!(gate.from("192.0.2.1", &format!("user{n}"), "x").await.status, 200, "{n}");
    }
}

#[tokio::test]
async fn a_source_is_an_ipv4_address_or_the_first_half_of_an_ipv6_address() {
    let source = |text: &str| Source::ip(text.parse().unwrap());
    for (one, other, same) in [
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("4.2.2.2", "3432:3232::", false),
    ] {
        assert_eq!(source(one) == source(other), same, "{one} {other}");
    }
    assert_ne!(source("116.120.120.120"), Source::new("xxx"));
    // And so it is counted.
    let gate = Gate::new(by_peer());
    for n in 0..20 {
        assert_eq!(gate.from(&format!("2001:db8::{n}"), "aladdin", "wrong").await.status, 401);
    }
    assert_eq!(gate.from("2001:db8::ffff", "aladdin", "wrong").await.status, 429);
}
