//! How long a token lives.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::{
    ManualClock,
    jwt::{Algorithm, Claims, Grant, Issued, Issuer},
};

use super::{NOW, alice, decoded, issue, issuer, issuer_at, judge, set, verifier, verifier_at};

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

const MINUTE: Duration = Duration::from_secs(60);

/// The claims `iat` and `exp`; the latter is also what the caller is told.
#[track_caller]
fn times(issued: &Issued) -> (u64, u64) {
    let (_, claims) = decoded(Algorithm::HS256, issued.token());
    let [iat, exp] = ["iat", "exp"].map(|name| claims[name].as_u64().expect("whole seconds"));
    assert_eq!(issued.expires(), UNIX_EPOCH + Duration::from_secs(exp));
    (iat, exp)
}

fn issue_for(issuer: &Issuer, lifetime: Option<Duration>) -> Issued {
    let caller = alice();
    let grant = Grant::to(&caller, set(""));
    let grant = match lifetime {
        Some(lifetime) => grant.lifetime(lifetime),
        None => grant,
    };
    issuer.issue(grant).unwrap()
}

#[test]
fn a_token_lives_as_long_as_the_grant_says_but_no_longer_than_the_issuer_allows() {
    let usual = issuer();
    let short = issuer().lifetime(MINUTE, 2 * MINUTE).unwrap();
    let fixed = issuer().lifetime(MINUTE, MINUTE).unwrap();
    let endless = issuer().lifetime(MINUTE, Duration::MAX).unwrap();
    for (issuer, asked, lives) in [
        (&usual, None, 900),
        (&usual, Some(Duration::ZERO), 0),
        (&usual, Some(MINUTE), 60),
        (&usual, Some(60 * MINUTE), 3600),
        (&usual, Some(Duration::from_secs(3601)), 3600),
        (&usual, Some(Duration::MAX), 3600),
        (&short, None, 60),
        (&short, Some(2 * MINUTE), 120),
        (&short, Some(3 * MINUTE), 120),
        (&fixed, None, 60),
        (&fixed, Some(2 * MINUTE), 60),
        (&endless, None, 60),
        (&endless, Some(1_000_000 * MINUTE), 60_000_000),
        // No later date is believed by the verifier, so none is issued.
        (&endless, Some(Duration::MAX), LAST - NOW),
    ] {
        assert_eq!(times(&issue_for(issuer, asked)), (NOW, NOW + lives), "{asked:?}");
    }
    assert!(judge(&verifier(), issue_for(&endless, Some(Duration::MAX)).token()).is_ok());
}

#[test]
fn a_default_above_the_maximum_is_a_mistake_that_is_found_when_the_issuer_is_built() {
    for (default, max, is_good) in [
        (MINUTE, MINUTE, true),
        (MINUTE, MINUTE + Duration::from_nanos(1), true),
        (MINUTE + Duration::from_nanos(1), MINUTE, false),
        (Duration::MAX, MINUTE, false),
        (MINUTE, Duration::ZERO, false),
        (Duration::ZERO, Duration::ZERO, true),
    ] {
        let built = issuer().lifetime(default, max);
        assert_eq!(built.is_ok(), is_good, "{default:?} and {max:?}");
        if let Err(error) = built {
            assert!(error.to_string().contains("lifetime"), "{error}");
        }
    }
}

#[test]
fn parts_of_a_second_make_a_token_live_shorter_and_never_longer() {
    for (now, lifetime, iat, exp) in [
        (0.9, 1.0, 0, 1),
        (0.5, 0.5, 0, 1),
        (0.4, 0.5, 0, 0),
        (0.0, 0.999, 0, 0),
        (0.999, 60.999, 0, 61),
    ] {
        let now = UNIX_EPOCH + Duration::from_secs(NOW) + Duration::from_secs_f64(now);
        let issuer = issuer_at(ManualClock::new(now));
        let issued = issue_for(&issuer, Some(Duration::from_secs_f64(lifetime)));
        assert_eq!(times(&issued), (NOW + iat, NOW + exp));
        assert!(issued.expires() <= now + Duration::from_secs_f64(lifetime));
    }
}

#[test]
fn a_token_is_good_until_the_second_that_was_named() {
    let issued = issue();
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let verifier = verifier_at(Algorithm::HS256, clock.clone());
    let nanosecond = Duration::from_nanos(1);
    for (time, refused) in [
        (issued.expires() - nanosecond, None),
        (issued.expires(), Some("jwt.expired")),
        (issued.expires() + nanosecond, Some("jwt.expired")),
    ] {
        clock.set(time);
        assert_eq!(judge(&verifier, issued.token()).err(), refused);
    }
}

#[test]
fn a_clock_that_is_far_off_breaks_nothing() {
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    let last = UNIX_EPOCH + Duration::from_secs(LAST);
    let far = UNIX_EPOCH + Duration::from_secs(1 << 60);
    for (now, iat, exp) in [
        // There is no earlier time in a token; by a clock that is right, it has long expired.
        (UNIX_EPOCH - 10 * year, 0, 900),
        (UNIX_EPOCH - Duration::from_nanos(1), 0, 900),
        (UNIX_EPOCH, 0, 900),
        (last - Duration::from_secs(901), LAST - 901, LAST - 1),
        (last - Duration::from_secs(1), LAST - 1, LAST),
        (last, LAST, LAST),
        (far, 1 << 60, LAST),
    ] {
        let issued = issue_for(&issuer_at(ManualClock::new(now)), None);
        assert_eq!(times(&issued), (iat, exp), "{now:?}");
        assert!(judge(&verifier(), issued.token()).is_err(), "{now:?}");
        let own = judge(&verifier_at(Algorithm::HS256, ManualClock::new(now)), issued.token());
        let is_usual = (UNIX_EPOCH..last).contains(&now);
        assert_eq!(own.is_ok(), is_usual, "{now:?}: {:?}", own.err());
    }
}

#[test]
fn the_times_are_those_of_the_clock_when_the_token_is_issued() {
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let issuer = issuer_at(clock.clone());
    for seconds in [0, 1, 3600] {
        clock.set(UNIX_EPOCH + Duration::from_secs(NOW + seconds));
        assert_eq!(times(&issue_for(&issuer, None)), (NOW + seconds, NOW + seconds + 900));
    }
    // And the claims that a principal carries are those times.
    let principal = judge(&verifier(), issue().token()).unwrap();
    let issued: SystemTime = principal.authenticated_at().unwrap();
    assert_eq!(issued, UNIX_EPOCH + Duration::from_secs(NOW));
    let expires = principal.extra::<Claims>().unwrap().expires();
    assert_eq!(expires, Some(Duration::from_secs(NOW + 900)));
}
