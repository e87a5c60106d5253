//! What the example `s3p` says of each vector is what the layer does with it.

use std::{
    collections::BTreeSet,
    env,
    process::{Command, Output},
};

use http::HeaderValue;
use portcullis::s3p::{Dialect, Signer};

use super::{SECRET, Vector, vectors, verdicts::NEVER_ACCEPTED};
use crate::{dialects::NAMED, explain::Explain, request::Request};

fn explaining(vector: &Vector) -> Explain {
    let seconds: u64 = vector.timestamp[..10].parse().unwrap();
    Explain {
        authorization: vec![HeaderValue::from_str(&vector.authorization).unwrap()],
        base_string: None,
        dialect: vec![Dialect::STRICT],
        sha256: false,
        received_at: Some(seconds),
        request: Request {
            method: vector.method.parse().unwrap(),
            url: vector.url.parse().unwrap(),
            body: vector.body.clone().unwrap_or_default(),
            content_type: HeaderValue::from_str(vector.content_type.as_deref().unwrap_or_default())
                .unwrap(),
            secret: SECRET.to_owned(),
        },
    }
}

fn named(name: &str) -> Dialect {
    NAMED.iter().find(|(other, _)| *other == name).unwrap().1
}

/// The dialect that the text advises, if it does, and whether it is one with a name.
fn advised(text: &str) -> Option<(&str, bool)> {
    let (rest, _) = text.lines().last()?.split_once(" accepts it: list it for the key.")?;
    let rest = rest.strip_prefix("Dialect::")?;
    Some(rest.split_once('.').map_or((rest, true), |(name, _)| (name, false)))
}

#[test]
fn the_verdict_is_the_layers_own_and_what_is_advised_is_accepted() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut advices = BTreeSet::new();
    for vector in vectors() {
        let text = explaining(&vector).text().unwrap();
        let answer = runtime.block_on(vector.verdict());
        let said = match &answer.rejection {
            None => "accepted".to_owned(),
            Some(rejection) => format!("refused: {} {}", answer.status.as_u16(), rejection.reason()),
        };
        assert_eq!(text.lines().next().unwrap(), format!("verdict           {said}"), "{}", vector.id);

        let advice = advised(&text);
        let is_never_accepted = NEVER_ACCEPTED.contains(&&*vector.id);
        assert_eq!(
            advice.is_some(),
            answer.status != 200 && !is_never_accepted,
            "{} {text}",
            vector.id
        );
        if answer.status == 200 {
            assert!(text.ends_with("The key accepts it, signed as Dialect::STRICT does.\n"), "{text}");
        }
        if let Some((name, true)) = advice {
            let answer = runtime.block_on(vector.verdict_in(&[named(name)]));
            assert_eq!(answer.status, 200, "{} by {name}", vector.id);
            // Told so, the key accepts it.
            let listing = Explain { dialect: vec![named(name)], ..explaining(&vector) };
            assert!(
                listing.text().unwrap().starts_with("verdict           accepted\n"),
                "{}",
                vector.id
            );
            advices.insert(name.to_owned());
        }
    }
    let advices: Vec<&str> = advices.iter().map(String::as_str).collect();
    assert_eq!(
        advices,
        ["MAVIANCE_JAVA", "MAVIANCE_NODEJS", "MAVIANCE_PHP", "NDOLE_GO", "POSTMAN", "POSTMAN_PHP"]
    );
}

#[test]
fn a_dialect_without_a_name_is_told_by_how_it_differs_from_one_with_a_name() {
    use portcullis::s3p::{Encoding, Order, Trim, Values};
    let plain = vectors().into_iter().find(|vector| vector.is_plain() && vector.method == "POST");
    // Each part of a dialect makes another text of it.
    let vector = Vector {
        body: Some(r#"{"a":"1","a-b":" x ","c":"(y)~ z","n":1e3,"m":1e21,"z":" w "}"#.to_owned()),
        content_type: Some("application/json".to_owned()),
        ..plain.unwrap()
    };
    for (dialect, expected) in [
        (Dialect::PYTHON.order(Order::ByPair), "Dialect::PYTHON.order(Order::ByPair)"),
        (
            Dialect::NDOLE_GO.values(Values::Php).trim(Trim::WholeString),
            "Dialect::MAVIANCE_PHP.trim(Trim::WholeString).encoding(Encoding::GoQueryEscape)",
        ),
        (
            Dialect::MAVIANCE_NODEJS.encoding(Encoding::JavaUrlEncoder),
            "Dialect::MAVIANCE_NODEJS.encoding(Encoding::JavaUrlEncoder)",
        ),
    ] {
        let input = vector.input_in(dialect).unwrap();
        let signature = input.signature(&SECRET.into());
        let authorization = vector.authorization.replace(&vector.signature, &signature);
        let signed = Vector { authorization, signature, ..vector.clone() };
        let text = explaining(&signed).text().unwrap();
        let advice = format!("{expected} accepts it: list it for the key. As a text, it is `");
        let (_, told) = text.split_once(&advice).unwrap_or_else(|| panic!("{text}"));
        let (told, _) = told.split_once('`').unwrap();
        assert_eq!(told.parse::<Dialect>().unwrap(), dialect);
    }
}

/// None of these is told by the signature, which is right.
#[test]
fn what_the_layer_refuses_for_another_reason_is_not_called_conforming() {
    let plain =
        vectors().into_iter().find(|vector| vector.is_plain() && vector.method == "GET").unwrap();
    let right = explaining(&plain);
    let with = |change: &dyn Fn(&str) -> String| Explain {
        authorization: vec![HeaderValue::from_str(&change(&plain.authorization)).unwrap()],
        ..right.clone()
    };
    let add = |more: &'static str| move |header: &str| format!("{header}, {more}");
    let twice = Explain {
        authorization: [&right.authorization[..], &right.authorization].concat(),
        ..right.clone()
    };
    for (explaining, reason) in [
        (with(&add(r#"s3pAuth_nonce="again""#)), "401 s3p.repeated_field"),
        (with(&add(r#"realm="x""#)), "401 s3p.unknown_field"),
        (with(&|header| header.replacen("s3pAuth", "s3pAuth;", 1)), "401 s3p.separator"),
        (with(&|header| header.replace(&plain.timestamp, "1361281946000")), "401 s3p.dialect"),
        (with(&|header| header.replace("HMAC-SHA1", "HMAC-MD5")), "401 s3p.signature_method"),
        (with(&|header| header.replace(&plain.nonce(), "a nonce")), "401 s3p.nonce"),
        (with(&|header| header.replace(&plain.signature, "AAAA")), "401 s3p.signature_encoding"),
        (twice, "401 authorization.repeated"),
        (Explain { sha256: true, ..right.clone() }, "401 s3p.signature_method"),
    ] {
        let text = explaining.text().unwrap();
        let verdict = format!("verdict           refused: {reason}\n");
        assert!(text.starts_with(&verdict), "{verdict}{text}");
        assert!(!text.contains("accept"), "{text}");
    }
    // At another time, it is said what would be at its own.
    let late = Explain { received_at: right.received_at.map(|seconds| seconds + 301), ..right.clone() };
    let text = late.text().unwrap();
    assert!(
        text.starts_with("verdict           refused: 401 s3p.too_old\nat its own time   accepted\n"),
        "{text}"
    );
}

#[test]
fn where_two_base_strings_differ_is_told_part_by_part() {
    let plain =
        vectors().into_iter().find(|vector| vector.is_plain() && vector.url.contains('?')).unwrap();
    let theirs = plain.base_string.clone();
    let other = Vector { url: plain.url.replacen("v2", "v3", 1) + "1", ..plain };
    let explaining = Explain { base_string: Some(theirs.clone()), ..explaining(&other) };
    let text = explaining.text().unwrap();
    for expected in [
        "\nmethod            the same\n",
        "\nURL               here http",
        "only here ",
        "what differs is above",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    let other_secret = Request { secret: "another secret".to_owned(), ..explaining.request.clone() };
    let text = Explain { request: other_secret, ..explaining }.text().unwrap();
    assert!(text.ends_with("is it the same secret, URL and body?\n"), "{text}");
}

#[test]
fn a_common_mistake_of_a_client_is_named_by_the_header_alone() {
    let explained = |signed: (&str, &str), received: (&str, &str)| {
        let url = |url: &str| url.parse().unwrap();
        let request = |(target, body): (&str, &str)| Request {
            method: if body.is_empty() { "GET" } else { "POST" }.parse().unwrap(),
            url: url(target),
            body: body.to_owned(),
            content_type: HeaderValue::from_static("application/json"),
            secret: SECRET.to_owned(),
        };
        let (client, ours) = (request(signed), request(received));
        let signer = Signer::dangerous_short_secret("token", SECRET).unwrap();
        let body = client.body.as_bytes();
        let signed = signer.sign(&ours.method, &client.url, &client.headers(), body).unwrap();
        let mut explaining = explaining(&vectors()[0]);
        (explaining.request, explaining.authorization) = (ours, vec![signed]);
        explaining.received_at = None;
        explaining.text().unwrap()
    };
    let pay = "https://pay.example.org/v2/pay";
    for (signed, received, mistake) in [
        (("https://pay.example.org/v2/pay/", ""), (pay, ""), "a slash more or less"),
        ((pay, ""), ("https://pay.example.org/v2/pay/?", ""), "a slash more or less"),
        (("http://pay.example.org/v2/pay?a=1", ""), (&*format!("{pay}?a=1"), ""), "http and https"),
        ((pay, ""), (&*format!("{pay}?a=1"), ""), "no parameter of the query"),
        ((pay, ""), (pay, r#"{"a":1}"#), "nothing of the body"),
    ] {
        let text = explained(signed, received);
        let said = text.lines().last().unwrap();
        assert!(said.starts_with("The client has ") && said.contains(mistake), "{text}");
        assert!(text.starts_with("verdict           refused: 401 s3p.signature\n"), "{text}");
    }
    let text = explained(("https://other.example.org/", ""), (pay, ""));
    assert!(text.ends_with("is it the same secret, URL and body?\n"), "{text}");
}

#[test]
fn no_secret_is_printed() {
    const CANARY: &str = "canary-4711-secret";
    for vector in vectors() {
        let mut explaining = explaining(&vector);
        explaining.request.secret = CANARY.to_owned();
        explaining.base_string = Some(vector.base_string.clone());
        let text = explaining.text().unwrap_or_else(|error| error.to_string());
        assert!(!text.contains("canary"), "{text}");
    }
    let example = |arguments: &[&str]| -> Output {
        let cargo = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--example", "s3p", "--features", "full", "--"])
            .args(arguments)
            .env("S3P_SECRET", CANARY)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output();
        cargo.unwrap()
    };
    for arguments in [
        &["sign", "--token", "T", "GET", "https://pay.example.org/?a=1"][..],
        &["sign", "--token", "T", "GET", "/"],
        &["sign", "--help"],
        &["explain", "--help"],
        &["explain", "GET", "https://pay.example.org/"],
    ] {
        let Output { stdout, stderr, .. } = example(arguments);
        let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert!(said.len() > 20 && !said.contains("canary"), "{said}");
        // In words for a person, and not as values of Rust.
        assert!(!said.contains("Error {"), "{said}");
    }
}
