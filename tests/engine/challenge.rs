//! Challenges: what is accepted reads back, and nothing can be slipped in.

use portcullis::Challenge;
use proptest::prelude::*;

/// Reads a challenge back by RFC 9110 sections 11.2, 11.6.1 and 5.6.4, apart from the code.
fn read(line: &str) -> Option<(String, Vec<(String, String)>)> {
    let is_token = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
    };
    let (scheme, mut rest) = line.split_once(' ').map_or((line, ""), |(scheme, rest)| (scheme, rest));
    let mut params = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(chars.next()?.1),
                (_, other) => value.push(other),
            }
        };
        is_token(name).then_some(())?;
        params.push((name.to_owned(), value));
        rest = &after[end + 1..];
        if !rest.is_empty() {
            rest = rest.strip_prefix(", ")?;
            (!rest.is_empty()).then_some(())?;
        }
    }
    is_token(scheme).then(|| (scheme.to_owned(), params))
}

#[test]
fn values_are_quoted_and_escaped() {
    for (value, sent) in [
        ("vault", r#"Basic realm="vault""#),
        ("", r#"Basic realm="""#),
        (r#"the "vault""#, r#"Basic realm="the \"vault\"""#),
        (r"back\slash", r#"Basic realm="back\\slash""#),
        (r#"\""#, r#"Basic realm="\\\"""#),
        (r#"x", error="y"#, r#"Basic realm="x\", error=\"y""#),
        ("a, b=c", r#"Basic realm="a, b=c""#),
    ] {
        let challenge = Challenge::builder("Basic").param("realm", value).build().unwrap();
        assert_eq!(challenge.as_str(), sent);
        assert_eq!(challenge.to_string(), sent);
        assert_eq!(challenge.to_header_value(), sent);
        let realm = ("realm".to_owned(), value.to_owned());
        assert_eq!(read(sent), Some(("Basic".to_owned(), vec![realm])));
    }
}

#[test]
fn what_does_not_fit_a_header_is_refused_when_the_layer_is_built() {
    for (scheme, name, value, named) in [
        ("Basic", "realm", "x\r\nSet-Cookie: a=b", "realm"),
        ("Basic", "realm", "x\n", "realm"),
        ("Basic", "realm", "\0", "realm"),
        ("Basic", "realm", "\t", "realm"),
        ("Basic", "realm", "\u{7f}", "realm"),
        ("Basic", "realm", "Tresor für alle", "realm"),
        ("Basic", "realm", "\u{2028}", "realm"),
        ("Basic", "", "x", "parameter name"),
        ("Basic", "re alm", "x", "parameter name"),
        ("Basic", "realm=", "x", "parameter name"),
        ("Basic", "réalm", "x", "parameter name"),
        ("", "realm", "x", "scheme"),
        ("Basic realm", "realm", "x", "scheme"),
        ("Basic,Bearer", "realm", "x", "scheme"),
        ("Basic\r\nX", "realm", "x", "scheme"),
    ] {
        let error = Challenge::builder(scheme).param(name, value).build().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
        assert!(!error.contains(['\r', '\n', '\0']), "{error:?}");
    }
}

#[test]
fn a_parameter_occurs_once_whatever_its_case() {
    for names in [["realm", "realm"], ["realm", "Realm"], ["ERROR", "error"]] {
        let twice = names.iter().fold(Challenge::builder("Bearer"), |made, name| made.param(name, "x"));
        assert!(twice.build().unwrap_err().to_string().contains("twice"));
    }
}

#[test]
fn a_challenge_needs_no_parameter_and_may_have_several() {
    assert_eq!(Challenge::builder("Negotiate").build().unwrap().as_str(), "Negotiate");
    let several =
        Challenge::builder("Bearer").param("realm", "a").param("scope", "x y").build().unwrap();
    assert_eq!(several.as_str(), r#"Bearer realm="a", scope="x y""#);
}

proptest! {
    #[test]
    fn a_challenge_that_is_accepted_reads_back_as_it_was_given(
        scheme in "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,8}",
        params in prop::collection::vec(("[a-z]{1,6}", "\\PC{0,16}|[ -~]{0,16}|[\\x00-\\x7f]{0,6}"), 0..4),
    ) {
        let made = params.iter().fold(Challenge::builder(&scheme), |made, (name, value)| made.param(name, value));
        let fits = params.iter().all(|(_, value)| value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let once = params.iter().enumerate().all(|(at, (name, _))| params[..at].iter().all(|p| p.0 != *name));
        match made.build() {
            Ok(challenge) => prop_assert_eq!(read(challenge.as_str()), Some((scheme, params))),
            Err(error) => prop_assert!(!fits || !once, "{}", error),
        }
    }

    #[test]
    fn a_realm_of_any_characters_adds_no_line_and_no_parameter(realm in any::<String>()) {
        if let Ok(challenge) = Challenge::builder("Basic").param("realm", &realm).build() {
            let (scheme, params) = read(challenge.as_str()).unwrap();
            prop_assert_eq!(scheme, "Basic");
            prop_assert_eq!(params, vec![("realm".to_owned(), realm)]);
        }
    }
}
