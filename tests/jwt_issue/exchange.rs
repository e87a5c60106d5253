//! Tokens for those who have come by a token, and who they are then.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use portcullis::{
    Identity, ManualClock, Principal, Scheme,
    jwt::{Algorithm, Grant, IssueErrorKind, Issuer, JwtAuth},
};

use super::{
    ISSUER, NOW, SECRET, alice, claims, issue, issuer, issuer_at, judge, keys, set, token, verifier,
    verifier_at,
};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn a_token_that_was_got_for_a_token_expires_no_later() {
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let (issuer, verifier) = (issuer_at(clock.clone()), verifier_at(Algorithm::HS256, clock.clone()));
    let caller = alice();
    let first = issuer.issue(Grant::to(&caller, set("messages:send"))).unwrap();
    let mut last = first.token().to_owned();
    // However often, and whatever is asked for.
    for seconds in [0, 1, 600, 298] {
        clock.advance(Duration::from_secs(seconds));
        let caller = judge(&verifier, &last).unwrap();
        let next = issuer.issue(Grant::to(&caller, set("messages:send")).lifetime(HOUR)).unwrap();
        assert_eq!(next.expires(), first.expires());
        let shorter = Grant::to(&caller, set("messages:send")).lifetime(Duration::from_secs(1));
        assert!(issuer.issue(shorter).unwrap().expires() <= first.expires());
        last = next.token().to_owned();
    }
    clock.advance(Duration::from_secs(1));
    assert_eq!(judge(&verifier, &last).err(), Some("jwt.expired"));
}

/// A user token that runs out, say, or one that was introspected.
#[test]
fn a_token_that_was_got_for_any_credential_expires_no_later() {
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    for (expires, scheme, exp) in [
        (now + Duration::from_secs(60), Scheme::BEARER, NOW + 60),
        (now + Duration::from_millis(60_999), Scheme::BEARER, NOW + 60),
        (now + Duration::from_secs(60), Scheme::new("own"), NOW + 60),
        (now + 100 * HOUR, Scheme::BEARER, NOW + 900),
        (now - HOUR, Scheme::BEARER, NOW - 3600),
        (UNIX_EPOCH - HOUR, Scheme::BEARER, 0),
    ] {
        let caller = Principal::builder(Identity::local("alice").unwrap(), scheme).expires(expires);
        let issued = issuer().issue(Grant::to(&caller.build(), set(""))).unwrap();
        assert_eq!(issued.expires(), UNIX_EPOCH + Duration::from_secs(exp), "{expires:?}");
    }
}

#[test]
fn a_token_that_is_good_by_leeway_alone_gives_nothing_longer() {
    let late = || ManualClock::at_unix(NOW + 900 + 59);
    let builder = JwtAuth::builder(keys(Algorithm::HS256)).issuer(ISSUER);
    let lenient = builder.identities_of(Identity::LOCAL).clock(late()).build().unwrap();
    let first = issue();
    let caller = judge(&lenient, first.token()).unwrap();
    let next = issuer_at(late()).issue(Grant::to(&caller, set(""))).unwrap();
    assert_eq!(next.expires(), first.expires());
}

#[test]
fn the_exp_of_a_stranger_counts_in_whole_seconds_and_one_that_has_none_sets_no_limit() {
    let exchange = |exp: &str| {
        let presented = token(claims(&[("aud", ""), ("exp", exp)]));
        let builder = JwtAuth::builder(keys(Algorithm::HS256)).issuer(ISSUER);
        let builder = builder.identities_of(Identity::LOCAL).clock(ManualClock::at_unix(NOW));
        let caller = judge(&builder.dangerous_no_expiry().build().unwrap(), &presented).unwrap();
        let issued = issuer().issue(Grant::to(&caller, set(""))).unwrap();
        issued.expires().duration_since(UNIX_EPOCH).unwrap().as_secs()
    };
    for (exp, expires) in [
        (format!("{}.9", NOW + 5), NOW + 5),
        (format!("{}", NOW + 899), NOW + 899),
        (format!("{}", NOW + 901), NOW + 900),
        ("253402300799".to_owned(), NOW + 900),
        (String::new(), NOW + 900),
    ] {
        assert_eq!(exchange(&exp), expires, "{exp:?}");
    }
}

#[test]
fn what_a_token_has_lost_is_not_got_back_by_an_exchange() {
    let narrow = issuer().issue(Grant::to(&alice(), set("messages:read"))).unwrap();
    let caller = judge(&verifier(), narrow.token()).unwrap();
    let wide = issuer().issue(Grant::to(&caller, set("messages:read messages:send"))).unwrap_err();
    assert_eq!(wide.kind(), IssueErrorKind::ScopeNotHeld);
    let same = issuer().issue(Grant::to(&caller, set("messages:read"))).unwrap();
    assert_ne!(same.id(), narrow.id());
}

#[test]
fn a_principal_is_the_same_by_token_as_without_when_both_sides_are_told_whose_it_is() {
    let by_token = judge(&verifier(), issue().token()).unwrap();
    assert_eq!(by_token.identity(), alice().identity());

    // Told to the issuer alone: by token, she is another.
    let untold = JwtAuth::builder(keys(Algorithm::HS256)).issuer(ISSUER);
    let untold = untold.clock(ManualClock::at_unix(NOW)).build().unwrap();
    let another = judge(&untold, issue().token()).unwrap();
    assert_eq!((another.issuer(), another.subject()), (ISSUER, "alice"));
    assert_ne!(another.identity(), alice().identity());
    assert_eq!(refused(&issuer(), &another), IssueErrorKind::ForeignPrincipal);

    // Told to the verifier alone, or to neither: the issuer does not know her.
    let own = Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap();
    let own = own.clock(ManualClock::at_unix(NOW));
    assert_eq!(refused(&own, &alice()), IssueErrorKind::ForeignPrincipal);
    // Those who are its own it knows.
    let again = own.issue(Grant::to(&another, set(""))).unwrap();
    assert_eq!(judge(&untold, again.token()).unwrap().identity(), another.identity());
}

#[test]
fn nobody_of_another_issuer_gets_a_token_whatever_the_subject() {
    for foreign in ["", "Local", "local ", "local/", "https://evil.example", ISSUER] {
        let identity = Identity::new(foreign, "alice").unwrap();
        let caller = Principal::builder(identity, Scheme::BEARER).scopes(set("all:any")).build();
        assert_eq!(refused(&issuer(), &caller), IssueErrorKind::ForeignPrincipal, "{foreign:?}");
        let global = issuer().global_scope(portcullis::Scope::ALL_ANY);
        assert_eq!(refused(&global, &caller), IssueErrorKind::ForeignPrincipal, "{foreign:?}");
    }
}

fn refused(issuer: &Issuer, caller: &Principal) -> IssueErrorKind {
    issuer.issue(Grant::to(caller, set(""))).unwrap_err().kind()
}
