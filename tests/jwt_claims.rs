//! The claims of a token whose signature is good: which of them are believed.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use std::time::{Duration, UNIX_EPOCH};

use jwt_support::*;
use portcullis::{
    Identity, ManualClock,
    jwt::{Algorithm, Claims, JwtAuth},
};

/// A claim that is looked at, of a wrong type.
const TYPE: Option<&str> = Some("jwt.claim_type");
/// Not an object, or not JSON.
const SHAPE: Option<&str> = Some("jwt.claims");

#[test]
fn a_name_that_occurs_twice_is_refused() {
    let fields = format!(r#""iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{}"#, NOW + 600);
    assert_eq!(refusal(&jwt(), format!(r#"{{{fields},"sub":"alice"}}"#)), None);
    let many = (0..40).fold(String::new(), |text, n| format!(r#"{text},"x{n}":{n}"#));
    for rest in [
        r#""sub":"alice","sub":"alice""#,
        r#""sub":"alice","sub":"root""#,
        r#""sub":"alice","s\u0075b":"root""#,
        r#""\u0073ub":"root","\u0073\u0075\u0062":"alice""#,
        r#""sub":"alice","scope":"a","scope":"all:any""#,
        r#""sub":"alice","scope":"a","scop\u0065":"all:any""#,
        r#""sub":"alice","exp":9999999999"#,
        r#""sub":"alice","aud":"messages""#,
        r#""sub":"alice","x":1,"x":1"#,
        r#""sub":"alice","":1,"":2"#,
        r#""sub":"alice","realm_access":{"roles":["user"],"roles":["admin"]}"#,
        r#""sub":"alice","x":[{"y":{"a":1,"\u0061":2}}]"#,
        &format!(r#""sub":"alice"{many},"x\u0037":0"#),
    ] {
        assert_eq!(refusal(&jwt(), format!("{{{fields},{rest}}}")), SHAPE, "{rest}");
    }
    // Twice, but in objects of their own; and names that merely look alike.
    for rest in [r#""x":{"sub":"root"}"#, r#""Sub":"root""#, r#""sub ":"root""#, &many[1..]] {
        assert_eq!(refusal(&jwt(), format!(r#"{{{fields},"sub":"alice",{rest}}}"#)), None, "{rest}");
    }
}

#[test]
fn a_payload_that_is_no_json_object_is_refused() {
    let good = claims(&[]);
    let spaced = format!(" \r\n\t{good} \r\n\t");
    assert_eq!(refusal(&jwt(), spaced), None, "white space around JSON is JSON");

    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let invalid_utf8 = |within: &str| {
        let (before, after) = within.split_once('#').unwrap();
        [before.as_bytes(), b"\xff", after.as_bytes()].concat()
    };
    let texts = [
        // By position, as derived types take it.
        format!(r#"["{ISSUER}","alice","{AUDIENCE}",9999999999,null,null,null,null]"#),
        format!("[{good}]"),
        format!("{good:?}"),
        "[]".to_owned(),
        "1700000600".to_owned(),
        "null".to_owned(),
        "true".to_owned(),
        String::new(),
        " ".to_owned(),
        format!("\u{feff}{good}"),
        format!("{good}{good}"),
        format!("{good},"),
        format!("{good}\0"),
        format!("{good}#"),
        good.trim_end_matches('}').to_owned(),
        good.replace('}', ",}"),
        good.replace('"', "'"),
        format!("/* */{good}"),
        claims(&[("x", "\"a\nb\"")]),
        claims(&[("x", r#""\x""#)]),
        claims(&[("x", "undefined")]),
    ];
    let mut payloads: Vec<_> = texts.map(String::into_bytes).into();
    payloads.push(utf16);
    payloads.push(invalid_utf8(&claims(&[("x", "\"#\"")])));
    payloads.push(invalid_utf8(&claims(&[("sub", "\"#\"")])));
    payloads.push(invalid_utf8(&claims(&[("x#", "1")])));
    for payload in payloads {
        assert_eq!(refusal(&jwt(), &payload), SHAPE, "{}", String::from_utf8_lossy(&payload));
    }
}

#[test]
fn no_depth_of_nesting_overflows_the_stack() {
    let jwt = builder().max_length(1 << 20).build().unwrap();
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [1, 126] {
        let principal = judge(&jwt, &token(claims(&[("x", &nested(depth))]))).unwrap();
        let claims = principal.extra::<Claims>().unwrap();
        assert!(claims.custom::<serde_json::Value>().is_ok(), "{depth}");
    }
    // Whoever is handed claims can read them: with the object around it, this is one level too deep.
    for depth in [127, 128, 1_000, 100_000] {
        // Whether or not anybody looks at the claim.
        for name in ["x", "aud", "scopes", "sub", "exp"] {
            assert_eq!(refusal(&jwt, claims(&[(name, &nested(depth))])), SHAPE, "{name}");
        }
        assert_eq!(refusal(&jwt, nested(depth)), SHAPE);
        assert_eq!(refusal(&jwt, "{\"x\":".repeat(depth)), SHAPE);
        let header = format!(r#"{{"alg":"HS256","x":{}}}"#, nested(depth + 1));
        assert_eq!(judge(&jwt, &sign(header, claims(&[]))).err(), Some("jwt.header"), "{depth}");
    }
}

#[test]
fn a_date_is_a_number_of_seconds_up_to_the_year_9999() {
    // The value, and what becomes of it as `exp`, `nbf` and `iat`.
    let (early, late, future) =
        (Some("jwt.expired"), Some("jwt.not_yet_valid"), Some("jwt.issued_in_future"));
    let table = [
        ("1699999000", [early, None, None]),
        ("1699999000.5", [early, None, None]),
        ("0", [early, None, None]),
        ("0.0", [early, None, None]),
        ("1700000600", [None, late, future]),
        ("1700000600.0", [None, late, future]),
        ("1700000600.999999999999", [None, late, future]),
        ("1.7000006e9", [None, late, future]),
        ("17000006E+2", [None, late, future]),
        ("253402300799", [None, late, future]),
        ("253402300800", [TYPE; 3]),
        ("253402300799.5", [TYPE; 3]),
        ("1700000600000", [TYPE; 3]),
        ("9223372036854775807", [TYPE; 3]),
        ("18446744073709551615", [TYPE; 3]),
        ("18446744073709551616", [TYPE; 3]),
        ("1e30", [TYPE; 3]),
        ("1e400", [SHAPE; 3]),
        ("1e99999999999999999999", [SHAPE; 3]),
        ("-1", [TYPE; 3]),
        ("-0.5", [TYPE; 3]),
        ("-1700000600", [TYPE; 3]),
        ("-1e400", [SHAPE; 3]),
        (r#""1700000600""#, [TYPE; 3]),
        (r#""""#, [TYPE; 3]),
        ("null", [TYPE; 3]),
        ("true", [TYPE; 3]),
        ("false", [TYPE; 3]),
        ("[1700000600]", [TYPE; 3]),
        ("{}", [TYPE; 3]),
        ("NaN", [SHAPE; 3]),
        ("Infinity", [SHAPE; 3]),
        ("0x7fffffff", [SHAPE; 3]),
        ("01700000600", [SHAPE; 3]),
        ("+1700000600", [SHAPE; 3]),
        ("1700000600.", [SHAPE; 3]),
        (".5", [SHAPE; 3]),
    ];
    for (value, verdicts) in table {
        for (name, verdict) in ["exp", "nbf", "iat"].into_iter().zip(verdicts) {
            assert_eq!(refusal(&jwt(), claims(&[(name, value)])), verdict, "{name}: {value}");
        }
    }
}

#[test]
fn a_token_is_good_up_to_the_exact_second() {
    let at = |name: &str, now: Duration, leeway: u64, value: f64| {
        let clock = ManualClock::new(UNIX_EPOCH + now);
        let jwt = builder().clock(clock).leeway(Duration::from_secs(leeway)).build().unwrap();
        refusal(&jwt, claims(&[(name, &value.to_string())]))
    };
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let second = NOW as f64;
    let now = Duration::from_secs(NOW);
    let just_before = now.checked_sub(Duration::from_nanos(1)).unwrap();
    for leeway in [0_u32, 60] {
        let (seconds, skew) = (u64::from(leeway), f64::from(leeway));
        // Good while now < exp + leeway.
        assert_eq!(at("exp", now, seconds, second - skew + 1.0), None);
        assert_eq!(at("exp", now, seconds, second - skew + 0.5), None);
        assert_eq!(at("exp", now, seconds, second - skew), Some("jwt.expired"));
        assert_eq!(at("exp", just_before, seconds, second - skew), None);
        assert_eq!(at("exp", now, seconds, second - skew - 1.0), Some("jwt.expired"));
        // Good from nbf, and issued, at now + leeway.
        for (name, code) in [("nbf", "jwt.not_yet_valid"), ("iat", "jwt.issued_in_future")] {
            assert_eq!(at(name, now, seconds, second + skew), None, "{name}");
            assert_eq!(at(name, just_before, seconds, second + skew), Some(code), "{name}");
            assert_eq!(at(name, now, seconds, second + skew + 0.5), Some(code), "{name}");
            assert_eq!(at(name, now, seconds, second + skew + 1.0), Some(code), "{name}");
        }
    }
    assert_eq!(refusal(&jwt(), claims(&[("exp", &(NOW - 59).to_string())])), None, "60 s by default");
    assert_eq!(refusal(&jwt(), claims(&[("exp", &(NOW - 60).to_string())])), Some("jwt.expired"));
}

#[test]
fn a_token_without_expiry_is_refused_unless_the_danger_is_chosen() {
    let no_expiry = claims(&[("exp", "")]);
    assert_eq!(refusal(&jwt(), &no_expiry), Some("jwt.no_exp"));
    let lax = builder().dangerous_no_expiry().build().unwrap();
    assert_eq!(refusal(&lax, &no_expiry), None);
    assert_eq!(refusal(&lax, claims(&[("exp", "1")])), Some("jwt.expired"), "one there is counts");
    assert_eq!(refusal(&lax, claims(&[("exp", "null")])), TYPE);
}

#[test]
fn the_audience_is_one_of_those_that_the_token_names() {
    let other = Some("jwt.aud");
    let table = [
        (r#""messages""#, None),
        (r#""m\u0065ssages""#, None),
        (r#"["messages"]"#, None),
        (r#"["devices","messages"]"#, None),
        ("", other),
        (r#""""#, other),
        ("[]", other),
        (r#"[""]"#, other),
        (r#""message""#, other),
        (r#""messages2""#, other),
        (r#""messages ""#, other),
        (r#""Messages""#, other),
        (r#""devices messages""#, other),
        (r#""devices,messages""#, other),
        (r#""messages\u0000""#, other),
        (r#"["messages2","message"]"#, other),
        ("null", TYPE),
        ("1", TYPE),
        ("true", TYPE),
        (r#"{"messages":1}"#, TYPE),
        (r#"["messages",1]"#, TYPE),
        (r#"["messages",null]"#, TYPE),
        (r#"[["messages"]]"#, TYPE),
    ];
    for (aud, verdict) in table {
        assert_eq!(refusal(&jwt(), claims(&[("aud", aud)])), verdict, "{aud}");
    }
    let two = builder().audience("devices").build().unwrap();
    assert_eq!(refusal(&two, claims(&[("aud", r#""devices""#)])), None);
    assert_eq!(refusal(&two, claims(&[])), None);
    assert_eq!(refusal(&two, claims(&[("aud", r#""logs""#)])), other);
}

/// RFC 7519 section 4.1.3: a token for somebody else.
#[test]
fn an_audience_is_refused_where_none_is_configured() {
    let jwt = JwtAuth::builder(keys(Algorithm::HS256))
        .issuer(ISSUER)
        .clock(ManualClock::at_unix(NOW))
        .build()
        .unwrap();
    assert_eq!(refusal(&jwt, claims(&[("aud", "")])), None);
    for aud in [r#""messages""#, r#""""#, "[]"] {
        assert_eq!(refusal(&jwt, claims(&[("aud", aud)])), Some("jwt.aud"), "{aud}");
    }
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    let other = Some("jwt.iss");
    let table = [
        (r#""https://id.example.org""#, None),
        (r#""https:\/\/id.example.org""#, None),
        ("", other),
        (r#""""#, other),
        (r#""https://id.example.org/""#, other),
        (r#""https://id.example.or""#, other),
        (r#""https://id.example.org.evil""#, other),
        (r#""https://ID.example.org""#, other),
        (r#""HTTPS://id.example.org""#, other),
        (r#"" https://id.example.org""#, other),
        (r#""id.example.org""#, other),
        ("null", TYPE),
        ("1", TYPE),
        (r#"["https://id.example.org"]"#, TYPE),
    ];
    for (iss, verdict) in table {
        assert_eq!(refusal(&jwt(), claims(&[("iss", iss)])), verdict, "{iss}");
    }
}

/// Such a token passes where the checks of a library count an absent claim as a good one.
#[test]
fn a_token_with_neither_issuer_nor_audience_is_refused_where_both_are_configured() {
    assert_eq!(refusal(&jwt(), claims(&[("iss", ""), ("aud", "")])), Some("jwt.iss"));
    assert_eq!(refusal(&jwt(), claims(&[("aud", "")])), Some("jwt.aud"));
}

#[test]
fn the_same_subject_of_two_issuers_is_two_identities() {
    let of = |issuer: &str| {
        let jwt = builder().issuer(issuer).build().unwrap();
        let token = token(claims(&[("iss", &format!("{issuer:?}"))]));
        judge(&jwt, &token).unwrap().identity().clone()
    };
    let (one, other) = (of(ISSUER), of("https://other.example"));
    assert_eq!(one.subject(), other.subject());
    assert_ne!(one, other);
}

#[test]
fn a_token_is_of_a_user_of_the_own_store_only_if_the_layer_says_so() {
    let bare = || JwtAuth::builder(keys(Algorithm::HS256)).audience(AUDIENCE);
    let any_issuer = bare().clock(ManualClock::at_unix(NOW)).build().unwrap();
    let local = claims(&[("iss", &format!("{:?}", Identity::LOCAL))]);
    assert_eq!(refusal(&any_issuer, local), Some("jwt.iss"));
    assert_eq!(refusal(&any_issuer, claims(&[])), None);

    let own = builder().identities_of(Identity::LOCAL).build().unwrap();
    let principal = judge(&own, &token(claims(&[]))).unwrap();
    assert_eq!(principal.identity(), &Identity::local("alice").unwrap());
    assert_eq!(refusal(&own, claims(&[("iss", r#""local""#)])), Some("jwt.iss"));
}

#[test]
fn a_clock_that_shows_a_time_before_1970_lets_nobody_in() {
    let before = UNIX_EPOCH.checked_sub(Duration::from_secs(1)).unwrap();
    let jwt = builder().clock(ManualClock::new(before)).build().unwrap();
    assert_eq!(refusal(&jwt, claims(&[])), Some("jwt.clock"));
}

#[test]
fn a_subject_is_needed() {
    let none = Some("jwt.sub");
    for (sub, verdict) in
        [("", none), (r#""""#, none), ("null", TYPE), ("7", TYPE), (r#"["alice"]"#, TYPE)]
    {
        assert_eq!(refusal(&jwt(), claims(&[("sub", sub)])), verdict, "{sub}");
    }
    for jti in ["1", "null", "[]"] {
        assert_eq!(refusal(&jwt(), claims(&[("jti", jti)])), TYPE, "{jti}");
    }
}

#[test]
fn a_token_lives_no_longer_than_it_may() {
    let jwt = builder().max_lifetime(Duration::from_secs(900)).build().unwrap();
    let date = |offset: i64| (i64::try_from(NOW).unwrap() + offset).to_string();
    for (iat, exp, verdict) in [
        (date(-300), date(600), None),
        (date(-300), date(601), Some("jwt.lifetime")),
        (date(0), date(900), None),
        (date(0), format!("{}.5", NOW + 900), Some("jwt.lifetime")),
        // No token is older than it says, whoever is trusted to say so.
        ("0".to_owned(), date(600), Some("jwt.lifetime")),
        (String::new(), date(600), Some("jwt.no_iat")),
        (date(-300), "253402300799".to_owned(), Some("jwt.lifetime")),
        // A token from the future, in the leeway, that has expired before.
        (date(60), date(1), None),
    ] {
        let refused = refusal(&jwt, claims(&[("iat", &iat), ("exp", &exp)]));
        assert_eq!(refused, verdict, "iat {iat}, exp {exp}");
    }
    let endless = builder().max_lifetime(Duration::from_secs(900)).dangerous_no_expiry();
    let now = NOW.to_string();
    let refused = refusal(&endless.build().unwrap(), claims(&[("iat", &now), ("exp", "")]));
    assert_eq!(refused, Some("jwt.lifetime"));
}

#[test]
fn an_access_token_by_rfc_9068_has_all_its_claims_and_says_so() {
    let jwt = builder().rfc9068().build().unwrap();
    let now = NOW.to_string();
    let all = [("client_id", r#""app""#), ("iat", &*now), ("jti", r#""id-1""#)];
    let judged = |header: &str, changes: &[(&str, &str)]| {
        judge(&jwt, &sign(header, claims(&[&all[..], changes].concat()))).err()
    };
    let header = r#"{"alg":"HS256","typ":"at+jwt"}"#;
    assert_eq!(judged(header, &[]), None);
    assert_eq!(judged(r#"{"alg":"HS256","typ":"application/AT+JWT"}"#, &[]), None);
    for missing in ["client_id", "iat", "jti"] {
        assert_eq!(judged(header, &[(missing, "")]), Some("jwt.rfc9068"), "{missing}");
    }
    for (missing, code) in
        [("iss", "jwt.iss"), ("aud", "jwt.aud"), ("sub", "jwt.sub"), ("exp", "jwt.no_exp")]
    {
        assert_eq!(judged(header, &[(missing, "")]), Some(code), "{missing}");
    }
    assert_eq!(judged(header, &[("client_id", "1")]), TYPE);
    for other in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","typ":"JWT"}"#] {
        assert_eq!(judged(other, &[]), Some("jwt.typ"), "{other}");
    }
    for (incomplete, missing) in [
        (JwtAuth::builder(keys(Algorithm::HS256)).audience(AUDIENCE), "issuer"),
        (JwtAuth::builder(keys(Algorithm::HS256)).issuer(ISSUER), "audience"),
    ] {
        let error = incomplete.rfc9068().build().unwrap_err().to_string();
        assert!(error.contains(missing), "{error}");
    }
    // Nothing softens it, in either order.
    for softened in [
        builder().rfc9068().token_type("JWT"),
        builder().token_type("JWT").rfc9068(),
        builder().rfc9068().dangerous_no_expiry(),
    ] {
        let error = softened.build().unwrap_err().to_string();
        assert!(error.contains("RFC 9068"), "{error}");
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_no_bearer_token() {
    for cnf in [r#"{"jkt":"0ZcOCORZNYy"}"#, r#"{"x5t#S256":"bwcK0esc3"}"#, "{}", "null"] {
        assert_eq!(refusal(&jwt(), claims(&[("cnf", cnf)])), Some("jwt.bound"), "{cnf}");
    }
}
