//! The members of a response: which of them are believed.

use super::*;

/// A member that is looked at, of a wrong type.
const TYPE: Option<&str> = Some("introspection.member_type");
/// No answer at all: 503.
const NONE: Option<&str> = Some("introspection.response");

/// The verdict where issuer and audience are configured.
async fn said(json: impl AsRef<[u8]>) -> Option<&'static str> {
    refusal(builder(&Saying::json(json))).await
}

#[tokio::test]
async fn a_token_is_good_only_if_active_is_the_word_true() {
    let inactive = Some("introspection.inactive");
    for (active, verdict) in [
        ("true", None),
        ("false", inactive),
        ("", NONE),
        (r#""true""#, NONE),
        (r#""false""#, NONE),
        ("1", NONE),
        ("0", NONE),
        ("null", NONE),
        ("[true]", NONE),
        (r#"{"active":true}"#, NONE),
        ("True", NONE),
        ("truee", NONE),
    ] {
        assert_eq!(said(response(&[("active", active)])).await, verdict, "{active}");
    }
    // Whatever else is said of it.
    assert_eq!(said(response(&[("active", "false"), ("exp", r#""soon""#)])).await, inactive);
    assert_eq!(said(r#"{"active":false}"#).await, inactive);
}

#[tokio::test]
async fn what_is_no_object_with_single_names_is_no_answer() {
    for json in [
        String::new(),
        " ".to_owned(),
        "true".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        format!("[{GOOD}]"),
        "<!doctype html><title>Sign in</title>".to_owned(),
        format!("{GOOD}{GOOD}"),
        format!("{GOOD} x"),
        format!("\u{feff}{GOOD}"),
        GOOD.trim_end_matches('}').to_owned(),
        GOOD.replace('}', r#","active":true}"#),
        GOOD.replace('}', r#","active":false}"#),
        GOOD.replace('}', r#","\u0061ctive":true}"#),
        GOOD.replace('}', r#","sub":"root"}"#),
        GOOD.replace('}', r#","x":1,"x":1}"#),
    ] {
        assert_eq!(said(&json).await, NONE, "{json}");
        let layer = AuthenticateLayer::new(builder(&Saying::json(&json)).build().unwrap());
        let answer = send(&layer, get_with("/", format!("Bearer {TOKEN}"))).await;
        assert_eq!(answer.status, 503, "{json}");
    }
    assert_eq!(said(b"{\"active\":true,\"sub\":\"\xff\"}").await, NONE);
}

#[tokio::test]
async fn a_member_of_a_wrong_type_is_refused_and_not_absent() {
    let texts = ["iss", "sub", "jti", "scope", "token_type", "client_id", "username"];
    for name in texts {
        for value in ["null", "1", "true", "[]", r#"["alice"]"#, "{}"] {
            assert_eq!(said(response(&[(name, value)])).await, TYPE, "{name}: {value}");
        }
    }
    for value in ["null", "1", "{}", r#"["messages",1]"#, r#"[["messages"]]"#] {
        assert_eq!(said(response(&[("aud", value)])).await, TYPE, "aud: {value}");
    }
    for name in ["exp", "nbf", "iat"] {
        for value in [r#""1700000600""#, "null", "-1", "1e30", "253402300800", "true", "[]"] {
            assert_eq!(said(response(&[(name, value)])).await, TYPE, "{name}: {value}");
        }
    }
    // Nobody looks at these.
    for name in ["x", "Cnf", "Sub"] {
        assert_eq!(said(response(&[(name, "null")])).await, None, "{name}");
    }
}

#[tokio::test]
async fn the_issuer_is_compared_byte_for_byte_and_says_whose_the_subject_is() {
    let other = Some("introspection.iss");
    for (iss, verdict) in [
        (r#""https://id.example.org""#, None),
        ("", other),
        (r#""""#, other),
        (r#""https://id.example.org/""#, other),
        (r#""https://ID.example.org""#, other),
    ] {
        assert_eq!(said(response(&[("iss", iss)])).await, verdict, "{iss}");
    }
    let any = |changes: &[(&str, &str)]| bare(&Saying::json(response(changes))).audience(AUDIENCE);
    assert_eq!(refusal(any(&[])).await, None);
    assert_eq!(refusal(any(&[("iss", "")])).await, other, "nobody says whose the subject is");
    assert_eq!(refusal(any(&[("iss", r#""local""#)])).await, other, "a user of the own store");

    let named = any(&[("iss", "")]).identities_of(ISSUER).build().unwrap();
    assert_eq!(judge(&named, TOKEN).await.unwrap().issuer(), ISSUER);
    let own = any(&[]).issuer(ISSUER).identities_of(Identity::LOCAL).build().unwrap();
    let alice = Identity::local("alice").unwrap();
    assert_eq!(judge(&own, TOKEN).await.unwrap().identity(), &alice);
    let forged = any(&[("iss", r#""local""#)]).issuer(ISSUER).identities_of(Identity::LOCAL);
    assert_eq!(refusal(forged).await, other);
}

#[tokio::test]
async fn the_audience_is_one_of_those_that_the_token_names() {
    let other = Some("introspection.aud");
    for (aud, verdict) in [
        (r#""messages""#, None),
        (r#"["devices","messages"]"#, None),
        ("", other),
        ("[]", other),
        (r#""""#, other),
        (r#""message""#, other),
        (r#""Messages""#, other),
        (r#""devices messages""#, other),
        (r#"["messages2"]"#, other),
    ] {
        assert_eq!(said(response(&[("aud", aud)])).await, verdict, "{aud}");
    }
    let none = |aud| bare(&Saying::json(response(&[("aud", aud)]))).issuer(ISSUER);
    assert_eq!(refusal(none("")).await, None);
    for aud in [r#""messages""#, "[]"] {
        assert_eq!(refusal(none(aud)).await, other, "{aud}: none is configured");
    }
    let two = builder(&Saying::json(response(&[("aud", r#""devices""#)]))).audience("devices");
    assert_eq!(refusal(two).await, None);
}

#[tokio::test]
async fn a_subject_a_bearer_type_and_well_formed_scopes_are_needed() {
    for (name, value, verdict) in [
        ("sub", "", Some("introspection.sub")),
        ("sub", r#""""#, Some("introspection.sub")),
        ("token_type", "", None),
        ("token_type", r#""Bearer""#, None),
        ("token_type", r#""bEARER""#, None),
        ("token_type", r#""""#, Some("introspection.token_type")),
        ("token_type", r#""DPoP""#, Some("introspection.token_type")),
        ("token_type", r#""refresh_token""#, Some("introspection.token_type")),
        ("token_type", r#""Bearer ""#, Some("introspection.token_type")),
        ("scope", r#""""#, None),
        ("scope", r#""a b""#, None),
        ("scope", r#""a  b""#, Some("introspection.scope")),
        ("scope", r#""a,\"b\"""#, Some("introspection.scope")),
        ("scope", r#"" a""#, Some("introspection.scope")),
    ] {
        assert_eq!(said(response(&[(name, value)])).await, verdict, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_token_is_good_up_to_the_exact_second() {
    let at = async |name: &str, seconds: u64, leeway: u64, now: u64| {
        let endpoint = Saying::json(response(&[(name, &seconds.to_string())]));
        let builder = builder(&endpoint).leeway(Duration::from_secs(leeway));
        refusal(builder.clock(ManualClock::at_unix(now))).await
    };
    for leeway in [0, 60] {
        let expired = Some("introspection.expired");
        assert_eq!(at("exp", NOW, leeway, NOW + leeway - 1).await, None);
        assert_eq!(at("exp", NOW, leeway, NOW + leeway).await, expired);
        assert_eq!(at("exp", NOW, leeway, NOW + leeway + 1).await, expired);
        for (name, code) in
            [("nbf", "introspection.not_yet_valid"), ("iat", "introspection.issued_in_future")]
        {
            assert_eq!(at(name, NOW, leeway, NOW - leeway).await, None, "{name}");
            assert_eq!(at(name, NOW, leeway, NOW - leeway - 1).await, Some(code), "{name}");
        }
    }
    // The endpoint vouches for a token that does not say when it ends.
    assert_eq!(said(response(&[("exp", "")])).await, None);
    let before = UNIX_EPOCH.checked_sub(Duration::from_secs(1)).unwrap();
    let early = builder(&Saying::json(GOOD)).clock(ManualClock::new(before));
    assert_eq!(refusal(early).await, Some("introspection.clock"));
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_no_bearer_token() {
    for cnf in [r#"{"jkt":"0ZcOCORZNYy"}"#, r#"{"x5t#S256":"bwcK0esc3"}"#, "{}", "null"] {
        let verdict = said(response(&[("cnf", cnf)])).await;
        assert_eq!(verdict, Some("introspection.bound"), "{cnf}");
    }
}
