//! Never more than the crate `jsonwebtoken` accepts with the same settings; and where both accept, the
//! same claims.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
};

use jsonwebtoken::{DecodingKey, Validation, decode, get_current_timestamp};
use jwt_support::*;
use portcullis::{
    ManualClock,
    jwt::{Algorithm, Claims, JwtAuth},
};
use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::TestRunner,
};
use serde_json::{Value, value::RawValue};

/// Seconds from now. Far from the limits: the two ask the clock one after the other.
const OFFSETS: [i64; 6] = [-1_000_000, -10_000, -600, 600, 10_000, 1_000_000];

/// Values that some parser somewhere has taken for a date, a name or a list of names.
const ODD: [&str; 34] = [
    "null",
    "true",
    "0",
    "-1",
    "1e9",
    "1e400",
    "18446744073709551615",
    "18446744073709551616",
    r#""""#,
    r#""9999999999""#,
    r#""alice""#,
    r#""messages""#,
    r#""m\u0065ssages""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    "1e-400",
    r#"["\ud83d"]"#,
    r#"{"\ud83d":1e400}"#,
    r#"["messages"]"#,
    r#"["other","messages"]"#,
    r#"["messages",1]"#,
    r#"["https://id.example.org"]"#,
    "[]",
    "[[]]",
    "{}",
    r#"{"messages":1}"#,
    // What is no JSON, and nearly so.
    "09999999999",
    "+1",
    "1.",
    "tru",
    "nullnull",
    r#"["messages",]"#,
    r#""alice"alice"#,
    "9999999999 9",
];

fn date() -> impl Strategy<Value = String> {
    let now = i64::try_from(get_current_timestamp()).unwrap();
    prop_oneof![
        8 => select(&OFFSETS[..]).prop_map(move |offset| (now + offset).to_string()),
        2 => select(&OFFSETS[..]).prop_map(move |offset| format!("{}.5", now + offset)),
        1 => odd(),
    ]
}

fn odd() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => select(&ODD[..]).prop_map(str::to_owned),
        1 => "[ -~]{0,8}".prop_map(|text| Value::from(text).to_string()),
        1 => any::<f64>().prop_map(|number| number.to_string()),
    ]
}

fn text(good: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(format!("{good:?}")), 1 => odd()]
}

fn list(good: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(format!("[{good:?}]")), 1 => Just(format!("[{good:?},\"logs\"]")), 1 => odd()]
}

/// The members of an object of claims, most of which are good.
fn members() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let mostly = |name, value: BoxedStrategy<String>| {
        prop::option::weighted(0.95, value).prop_map(move |value| value.map(|value| (name, value)))
    };
    let seldom = |name, value: BoxedStrategy<String>| {
        prop::option::weighted(0.3, value).prop_map(move |value| value.map(|value| (name, value)))
    };
    (
        mostly("iss", text(ISSUER).boxed()),
        mostly("aud", text(AUDIENCE).boxed()),
        mostly("sub", text("alice").boxed()),
        mostly("exp", date().boxed()),
        seldom("nbf", date().boxed()),
        seldom("iat", date().boxed()),
        seldom("jti", text("id-1").boxed()),
        seldom("scope", text("messages:send").boxed()),
        seldom("scopes", list("messages:send").boxed()),
        seldom("scp", prop_oneof![text("messages:send"), list("messages:send")].boxed()),
        seldom("e\\u0078p", date().boxed()),
        seldom("x", odd().boxed()),
    )
        .prop_map(|all| {
            let (iss, aud, sub, exp, nbf, iat, jti, scope, scopes, scp, escaped, x) = all;
            let all = [iss, aud, sub, exp, nbf, iat, jti, scope, scopes, scp, escaped, x];
            all.into_iter().flatten().collect()
        })
}

fn object() -> impl Strategy<Value = Vec<u8>> {
    members().prop_shuffle().prop_map(|members| {
        let members: Vec<_> =
            members.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
        format!("{{{}}}", members.join(",")).into_bytes()
    })
}

/// An object, now and then with a byte changed, taken out or put in.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), any::<u8>(), 0..3);
    (object(), prop::option::weighted(0.3, change)).prop_map(|(mut payload, change)| {
        if let Some((at, byte, how)) = change {
            let at = at.index(payload.len());
            match how {
                0 => payload[at] = byte,
                1 => payload.insert(at, byte),
                _ => drop(payload.remove(at)),
            }
        }
        payload
    })
}

fn header() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => Just(HS256.to_owned()),
        1 => (select(&["alg", "typ", "kid", "crit", "x"][..]), odd())
            .prop_map(|(name, value)| format!(r#"{{"alg":"HS256","{name}":{value}}}"#)),
        1 => select(&["none", "hs256", "HS384", "RS256"][..])
            .prop_map(|alg| format!(r#"{{"alg":"{alg}"}}"#)),
    ]
}

fn ours() -> JwtAuth {
    JwtAuth::builder(keys(Algorithm::HS256)).issuer(ISSUER).audience(AUDIENCE).build().unwrap()
}

/// The values as they stand: neither side looks at what it does not know.
type Members = HashMap<String, Box<RawValue>>;

fn theirs(token: &str) -> Option<Members> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_nbf = true;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    decode(token, &key, &validation).ok().map(|data| data.claims)
}

fn texts(members: &Members) -> BTreeMap<&str, &str> {
    members.iter().map(|(name, value)| (&**name, value.get())).collect()
}

#[test]
fn a_token_that_is_good_here_is_good_there() {
    let config = ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() };
    let (jwt, accepted) = (ours(), Cell::new(0));
    let tokens = (header(), payload()).prop_map(|(header, payload)| sign(header, payload));
    let outcome = TestRunner::new(config).run(&tokens, |token| {
        if let Ok(principal) = judge(&jwt, &token) {
            accepted.set(accepted.get() + 1);
            let theirs = theirs(&token);
            let payload = unb64(token.split('.').nth(1).unwrap());
            prop_assert!(theirs.is_some(), "{}", String::from_utf8_lossy(&payload));
            let theirs = theirs.unwrap();
            let ours: Members = principal.extra::<Claims>().unwrap().custom().unwrap();
            prop_assert_eq!(texts(&ours), texts(&theirs));
            let subject: String = serde_json::from_str(ours["sub"].get()).unwrap();
            prop_assert_eq!(principal.subject(), subject);
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(accepted.get() > 200, "only {} tokens were good", accepted.get());
}

/// What is written without white space is read in a way of its own; and it is the same that is read.
#[test]
fn white_space_around_the_claims_changes_no_verdict_and_no_claim() {
    let config = ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() };
    let (now, accepted) = (ManualClock::at_unix(get_current_timestamp()), Cell::new(0));
    let jwt = JwtAuth::builder(keys(Algorithm::HS256)).issuer(ISSUER).audience(AUDIENCE).clock(now);
    let jwt = jwt.build().unwrap();
    let verdict = |payload: &[u8]| {
        judge(&jwt, &sign(HS256, payload)).map(|principal| {
            let claims = principal.extra::<Claims>().unwrap();
            let members: Members = claims.custom().unwrap();
            let (id, expires, issued) = (claims.id(), claims.expires(), principal.authenticated_at());
            format!("{principal:?} {id:?} {expires:?} {issued:?} {:?}", texts(&members))
        })
    };
    let outcome = TestRunner::new(config).run(&payload(), |payload| {
        for tail in ["", "}", "x"] {
            let payload = [&payload, tail.as_bytes()].concat();
            let plain = verdict(&payload);
            accepted.set(accepted.get() + usize::from(plain.is_ok()));
            for (before, after) in [(" ", ""), ("\n\t\r ", "\n")] {
                let spaced = [before.as_bytes(), &payload, after.as_bytes()].concat();
                prop_assert_eq!(&verdict(&spaced), &plain, "{}", String::from_utf8_lossy(&payload));
            }
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(accepted.get() > 200, "only {} tokens were good", accepted.get());
}
