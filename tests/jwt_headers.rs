//! The header and the shape of a token: what is refused although the signature is good, and what is
//! never looked at.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use std::{io::ErrorKind, net::TcpListener};

use jwt_support::*;
use portcullis::jwt::{Algorithm, Keys};
use serde_json::json;

/// The code of the refusal of a token with this header, for which the signature is good.
fn refused(header: impl AsRef<[u8]>) -> Option<&'static str> {
    refused_text(&sign(header, claims(&[])))
}

fn refused_text(token: &str) -> Option<&'static str> {
    let verified = keys(Algorithm::HS256).verify(token);
    verified.err().map(|rejection| rejection.reason())
}

#[tokio::test]
async fn keys_and_addresses_of_keys_in_the_header_are_neither_believed_nor_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    // Signed by a key that the header carries, and that the layer does not know.
    let own = serde_json::to_value(jwk(Algorithm::ES256, &json!({ "kid": "a" }))).unwrap();
    for member in [
        json!({ "jwk": own }),
        json!({ "x5c": [b64(der(P256_PUBLIC))] }),
        json!({ "jku": url }),
        json!({ "x5u": url }),
        json!({ "jwk": own, "x5c": [], "jku": url, "x5u": url, "kid": url }),
    ] {
        let mut header = member.clone();
        header["alg"] = json!("ES256");
        let forged = sign_with(Algorithm::ES256, header.to_string(), claims(&[]));
        assert_eq!(judge(&jwt(), &forged).err(), Some("jwt.no_key"), "{member}");
        let others = Keys::from_jwks(&jsonwebtoken::jwk::JwkSet {
            keys: vec![jwk(Algorithm::ES256, &serde_json::from_str(OTHER_P256).unwrap())],
        });
        let refused = others.unwrap().verify(&forged).unwrap_err();
        // A key that the header names may be a new one.
        let wrong = if header.get("kid").is_some() { "jwt.no_key" } else { "jwt.signature" };
        assert_eq!(refused.reason(), wrong, "{member}");

        // Beside a good signature of a known key they do no harm.
        header["alg"] = json!("HS256");
        let good = sign(header.to_string(), claims(&[]));
        let layer = portcullis::AuthenticateLayer::new(jwt());
        assert_eq!(ask(&layer, &good).await.status, 200, "{member}");
    }
    tokio::task::yield_now().await;
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody has called");
}

/// The public key of RFC 7515 appendix A.3.
const OTHER_P256: &str = r#"{
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
}"#;

#[test]
fn the_key_id_is_compared_whole_and_leads_nowhere() {
    let two = || Keys::new([key(Algorithm::RS256).id("a"), key(Algorithm::RS256).id("b")]).unwrap();
    let verdict = |kid: &str| {
        let token = sign_with(Algorithm::RS256, format!(r#"{{"alg":"RS256"{kid}}}"#), claims(&[]));
        two().verify(&token).err().map(|rejection| rejection.reason())
    };
    let long = |length| format!(r#","kid":"{}""#, "a".repeat(length));
    for (kid, code) in [
        (r#","kid":"a""#, None),
        (r#","kid":"b""#, None),
        (r#","kid":"\u0061""#, None),
        ("", Some("jwt.ambiguous_key")),
        (r#","kid":"c""#, Some("jwt.no_key")),
        (r#","kid":"A""#, Some("jwt.no_key")),
        (r#","kid":"a ""#, Some("jwt.no_key")),
        (r#","kid":"a\u0000""#, Some("jwt.no_key")),
        (r#","kid":"""#, Some("jwt.no_key")),
        (r#","kid":"*""#, Some("jwt.no_key")),
        (r#","kid":"../../../../dev/null""#, Some("jwt.no_key")),
        (r#","kid":"/proc/self/environ""#, Some("jwt.no_key")),
        (r#","kid":"a' OR '1'='1""#, Some("jwt.no_key")),
        (r#","kid":"x; sleep 9""#, Some("jwt.no_key")),
        (&long(256), Some("jwt.no_key")),
        (&long(257), Some("jwt.kid")),
        (&long(5_000), Some("jwt.kid")),
        (r#","kid":null"#, Some("jwt.header_type")),
        (r#","kid":1"#, Some("jwt.header_type")),
        (r#","kid":["a"]"#, Some("jwt.header_type")),
    ] {
        assert_eq!(verdict(kid), code, "{kid:.60}");
    }
}

#[test]
fn an_unknown_key_id_may_be_of_a_key_without_one_but_never_of_one_with_another() {
    let verdict = |keys: Keys| {
        let token = sign_with(Algorithm::RS256, r#"{"alg":"RS256","kid":"c"}"#, claims(&[]));
        keys.verify(&token).err().map(|rejection| rejection.reason())
    };
    assert_eq!(verdict(keys(Algorithm::RS256)), None);
    assert_eq!(verdict(Keys::new([key(Algorithm::RS256).id("a")]).unwrap()), Some("jwt.no_key"));
}

/// RFC 7515 section 4.1.11. No extension is understood, so every form is refused.
#[test]
fn critical_headers_are_refused_in_every_form() {
    for crit in [
        r#"["exp"],"exp":1"#,
        r#"["b64"],"b64":true"#,
        r#"["unknown"],"unknown":1"#,
        r#"["absent"]"#,
        r#"["alg"]"#,
        r#"["x","x"],"x":1"#,
        r#"["crit"]"#,
        "[]",
        "[1]",
        r#"[""]"#,
        r#""exp""#,
        "null",
        "false",
        "{}",
    ] {
        assert_eq!(refused(format!(r#"{{"alg":"HS256","crit":{crit}}}"#)), Some("jwt.crit"), "{crit}");
        let escaped = format!(r#"{{"alg":"HS256","c\u0072it":{crit}}}"#);
        assert_eq!(refused(escaped), Some("jwt.crit"), "{crit}");
    }
}

#[test]
fn headers_that_change_what_the_payload_is_are_refused() {
    for (member, code) in [
        (r#""b64":false"#, "jwt.b64"),
        (r#""b64":true"#, "jwt.b64"),
        (r#""b64":"false""#, "jwt.b64"),
        (r#""b64":null"#, "jwt.b64"),
        (r#""zip":"DEF""#, "jwt.zip"),
        (r#""zip":null"#, "jwt.zip"),
        (r#""z\u0069p":"DEF""#, "jwt.zip"),
    ] {
        assert_eq!(refused(format!(r#"{{"alg":"HS256",{member}}}"#)), Some(code), "{member}");
    }
    // RFC 7797 section 4.2: the payload is not encoded, or not there.
    let header = b64(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#);
    for payload in ["$.02", "plain", ""] {
        let token = sign_text(Algorithm::HS256, &format!("{header}.{payload}"));
        assert!(refused_text(&token).is_some(), "{payload}");
    }
}

#[test]
fn only_three_parts_are_a_token() {
    let good = sign(HS256, claims(&[]));
    assert_eq!(refused_text(&good), None);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let jwe = b64(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let flattened = json!({ "protected": header, "payload": payload, "signature": signature });
    let general = json!({
        "payload": payload,
        "signatures": [{ "protected": header, "signature": signature }],
    });
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.to_owned(),
        message.to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{header}..{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        sign_text(Algorithm::HS256, &format!("{message}.{payload}")),
        format!("{jwe}..{payload}.{payload}.{signature}"),
        sign_text(Algorithm::HS256, &format!("{jwe}..{payload}.{payload}")),
        flattened.to_string(),
        general.to_string(),
        b64(flattened.to_string()),
    ] {
        assert!(refused_text(&token).is_some(), "{token}");
        assert!(judge(&jwt(), &token).is_err(), "{token}");
    }
}

#[test]
fn a_header_that_is_no_json_object_or_repeats_a_name_is_refused() {
    let shape = Some("jwt.header");
    for (header, code) in [
        (&br#" {"alg":"HS256"} "#[..], None),
        (br#"{"alg":"HS256","typ":"JWT","cty":"x","x5t":1}"#, None),
        (br#"["HS256"]"#, shape),
        (br#""HS256""#, shape),
        (b"", shape),
        (b"null", shape),
        (b"{", shape),
        (b"\xef\xbb\xbf{\"alg\":\"HS256\"}", shape),
        (b"{\"alg\":\"HS256\"}{}", shape),
        (b"{\"alg\":\"HS256\"}\0", shape),
        (b"{\"alg\":\"HS256\",\"x\":\"\xff\"}", shape),
        (b"{\"alg\":\"HS256\",}", shape),
        (b"{'alg':'HS256'}", shape),
        (br#"{"alg":"HS256","alg":"HS256"}"#, shape),
        (br#"{"alg":"none","alg":"HS256"}"#, shape),
        (br#"{"alg":"HS256","\u0061lg":"none"}"#, shape),
        (br#"{"alg":"HS256","kid":"a","k\u0069d":"b"}"#, shape),
        (br#"{"alg":"HS256","x":1,"x":2}"#, shape),
        (b"{}", Some("jwt.no_alg")),
        (br#"{"ALG":"HS256"}"#, Some("jwt.no_alg")),
        (br#"{"alg":null}"#, Some("jwt.header_type")),
        (br#"{"alg":["HS256"]}"#, Some("jwt.header_type")),
        (br#"{"alg":256}"#, Some("jwt.header_type")),
        (br#"{"alg":"HS256","typ":1}"#, Some("jwt.header_type")),
        (br#"{"alg":"HS256 "}"#, Some("jwt.alg")),
        (br#"{"alg":"ES512"}"#, Some("jwt.alg")),
        (br#"{"alg":"ES256K"}"#, Some("jwt.alg")),
    ] {
        assert_eq!(refused(header), code, "{}", String::from_utf8_lossy(header));
    }
    let deep = format!(r#"{{"alg":"HS256","x":{}"#, "[".repeat(5_000));
    assert_eq!(refused(deep), shape);
}

/// RFC 7519 section 5.3: a copy in the header says nothing.
#[test]
fn claims_in_the_header_are_not_believed() {
    let copies = format!(
        r#"{{"alg":"HS256","iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"admin","exp":{},"scope":"all:any"}}"#,
        NOW + 600
    );
    let alice = judge(&jwt(), &sign(&copies, claims(&[]))).unwrap();
    assert_eq!((alice.subject(), alice.scopes().as_str()), ("alice", ""));
    for missing in ["iss", "aud", "sub", "exp"] {
        assert!(judge(&jwt(), &sign(&copies, claims(&[(missing, "")]))).is_err(), "{missing}");
    }
}

/// Otherwise one token would have several texts, and a list of refused texts would not hold.
#[test]
fn base64url_has_one_text_for_the_same_bytes() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=";
    let good = sign(r#"{"alg":"HS256" }"#, r#"{"sub":"a"}"#);
    let parts: Vec<&str> = good.split('.').collect();
    assert!(parts.iter().all(|part| part.len() % 4 > 1), "each last character has spare bits");
    for at in 0..3 {
        let (start, last) = parts[at].split_at(parts[at].len() - 1);
        let twins = ALPHABET.chars().filter(|other| *other != last.chars().next().unwrap());
        let mut texts: Vec<_> = twins.map(|other| format!("{start}{other}")).collect();
        assert_eq!(texts.len(), ALPHABET.len() - 1);
        let part = parts[at];
        let (left, right) = part.split_at(4);
        for stray in ["=", "==", "A", "AA", "AAAA", " ", "\n", "\r\n", "\t", "%3D", "\0", "\u{a0}", "?"]
        {
            texts.push(format!("{part}{stray}"));
            texts.push(format!("{stray}{part}"));
            texts.push(format!("{left}{stray}{right}"));
        }
        for text in texts {
            let mut twin = parts.clone();
            twin[at] = &text;
            assert!(refused_text(&twin.join(".")).is_some(), "{text:?}");
            // Signed as it stands it may be another token, but only as the one text of other bytes.
            let signed = sign_text(Algorithm::HS256, &twin[..2].join("."));
            if at < 2 && keys(Algorithm::HS256).verify(&signed).is_ok() {
                assert_eq!(b64(unb64(&text)), text);
            }
        }
    }
    // The alphabet of RFC 4648 section 4 is another.
    for payload in ["Pz8/", "Pj4+"] {
        let token = sign_text(Algorithm::HS256, &format!("{}.{payload}", b64(HS256)));
        assert_eq!(refused_text(&token), Some("jwt.base64url"), "{payload}");
    }
}

#[test]
fn a_token_that_was_made_for_another_purpose_is_refused() {
    let usual = builder().build().unwrap();
    let named = builder().token_type("x+jwt").token_type("application/y").build().unwrap();
    // The header's `typ`, and whether it will do.
    for (typ, by_default, by_name) in [
        ("", true, false),
        (r#","typ":"JWT""#, true, false),
        (r#","typ":"jwt""#, true, false),
        (r#","typ":"application/jwt""#, true, false),
        (r#","typ":"at+jwt""#, true, false),
        (r#","typ":"AT+JWT""#, true, false),
        (r#","typ":"Application/at+JWT""#, true, false),
        (r#","typ":"application/application/at+jwt""#, false, false),
        (r#","typ":"application/x/y""#, false, false),
        (r#","typ":"text/jwt""#, false, false),
        (r#","typ":"""#, false, false),
        (r#","typ":" JWT""#, false, false),
        (r#","typ":"JWT\u0000""#, false, false),
        (r#","typ":"application""#, false, false),
        (r#","typ":"dpop+jwt""#, false, false),
        (r#","typ":"logout+jwt""#, false, false),
        (r#","typ":"secevent+jwt""#, false, false),
        (r#","typ":"refresh+jwt""#, false, false),
        (r#","typ":"x+jwt""#, false, true),
        (r#","typ":"application/X+jwt""#, false, true),
        (r#","typ":"Y""#, false, true),
        (r#","typ":"application/y""#, false, true),
    ] {
        let sent = sign(format!(r#"{{"alg":"HS256"{typ}}}"#), claims(&[]));
        let refused = |will_do: bool| (!will_do).then_some("jwt.typ");
        assert_eq!(judge(&usual, &sent).err(), refused(by_default), "{typ}");
        assert_eq!(judge(&named, &sent).err(), refused(by_name), "{typ}, named");
    }
    for typ in ["null", "1", "[\"JWT\"]", "{}", "true"] {
        let sent = sign(format!(r#"{{"alg":"HS256","typ":{typ}}}"#), claims(&[]));
        assert_eq!(judge(&usual, &sent).err(), Some("jwt.header_type"), "{typ}");
    }
}
