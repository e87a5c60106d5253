//! The `Authorization` field: its forms, and all that is none of them.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE},
};
use http::header::AUTHORIZATION;
use portcullis::RejectionKind;

use crate::{s3p_support::*, support::send};

/// All orders of five things.
fn orders(fields: &[String; 5]) -> Vec<Vec<&str>> {
    let mut orders: Vec<Vec<&str>> = vec![Vec::new()];
    for field in fields {
        orders = orders
            .iter()
            .flat_map(|order| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, &**field);
                    longer
                })
            })
            .collect();
    }
    orders
}

#[tokio::test]
async fn the_three_forms_are_read_in_any_order() {
    let (mut nonce, layer) = (0, layer());
    for (start, between) in [
        ("s3pAuth,", ","),
        ("s3pAuth, ", ", "),
        ("s3pAuth ", ", "),
        ("s3pAuth ", ","),
        ("s3pauth,", ",\t"),
        ("S3PAUTH   ", " , "),
    ] {
        for at in 0..120 {
            nonce += 1;
            let draft = Draft::get("/v2/ping?a=1").nonce(nonce);
            let authorization = format!("{start}{} ", orders(&draft.fields())[at].join(between));
            let answer = send(&layer, draft.request_with(&authorization)).await;
            assert_eq!(answer.status, 200, "{authorization}");
        }
    }
}

#[tokio::test]
async fn what_is_none_of_the_forms_is_malformed() {
    let draft = Draft::get("/v2/ping");
    let fields = draft.fields();
    let all = fields.join(",");
    let with = |at: usize, field: &str| {
        let mut fields = fields.clone();
        field.clone_into(&mut fields[at]);
        format!("s3pAuth {}", fields.join(","))
    };
    let mut cases: Vec<(String, &str)> = vec![
        ("s3pAuth".to_owned(), "s3p.separator"),
        ("s3pAuth ".to_owned(), "s3p.header"),
        ("s3pAuth,".to_owned(), "s3p.header"),
        (format!("s3pAuth,,{all}"), "s3p.unknown_field"),
        (format!("s3pAuth;{all}"), "s3p.separator"),
        (format!("s3pAuth {all},"), "s3p.header"),
        (format!("s3pAuth {all};"), "s3p.header"),
        (format!("s3pAuth {}", fields.join(" ")), "s3p.header"),
        (format!("s3pAuth {}", fields.join(";")), "s3p.header"),
        (format!("s3pAuth {}", fields.join(",,")), "s3p.unknown_field"),
        (format!("s3pAuth {}", all.replace('"', "")), "s3p.header"),
        (format!("s3pAuth {}", all.replace('"', "'")), "s3p.header"),
        (format!("s3pAuth {}", all.replace("s3pAuth_", "S3PAUTH_")), "s3p.unknown_field"),
        (format!("s3pAuth {}", all.replace('=', " = ")), "s3p.header"),
        (format!("s3pAuth {all},realm=\"S3P\""), "s3p.unknown_field"),
        (format!("s3pAuth {all},s3pAuth_version=\"1\""), "s3p.unknown_field"),
        (format!("s3pAuth {all}, s3pAuth {all}"), "s3p.unknown_field"),
    ];
    for (at, field) in fields.iter().enumerate() {
        let mut fewer = fields.to_vec();
        fewer.remove(at);
        cases.push((format!("s3pAuth {}", fewer.join(",")), "s3p.missing_field"));
        cases.push((format!("s3pAuth {all},{field}"), "s3p.repeated_field"));
        let unquoted = with(at, &field.replace('"', ""));
        assert_eq!(send(&layer(), draft.request_with(&unquoted)).await.status, 401, "{unquoted}");
    }
    for (authorization, reason) in cases {
        let answer = send(&layer(), draft.request_with(&authorization)).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, reason), "{authorization}");
        assert_eq!(answer.challenges(), [r#"s3pAuth realm="S3P""#]);
        assert_eq!(answer.body, "credentials malformed");
    }
}

#[tokio::test]
async fn another_scheme_is_not_taken_for_this_one() {
    let draft = Draft::get("/v2/ping");
    let all = draft.fields().join(",");
    for scheme in ["s3pAuthX ", "s3p ", "Bearer ", "OAuth ", " ", ""] {
        let answer = send(&layer(), draft.request_with(format!("{scheme}{all}"))).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (401, "authorization.unknown_scheme"),
            "{scheme}"
        );
    }
}

#[tokio::test]
async fn of_two_authorization_lines_none_is_read() {
    let good = Draft::get("/v2/ping").authorization();
    let bad = good.replace("a-nonce", "b-nonce");
    for (one, two) in [(&good, &good), (&good, &bad), (&bad, &good)] {
        let mut request = Draft::get("/v2/ping").request_with(one);
        request.headers_mut().append(AUTHORIZATION, two.parse().unwrap());
        let answer = send(&layer(), request).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, "authorization.repeated"));
    }
}

#[tokio::test]
async fn a_nonce_and_a_token_are_visible_ascii_of_1_to_128_bytes() {
    let texts =
        (0..=255).filter(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)).map(|byte| vec![byte]);
    let texts = texts.chain([1, 128, 129, 10_240].map(|length| vec![b'n'; length])).chain([Vec::new()]);
    // As some clients do.
    let texts = texts.chain([NOW.to_string().into_bytes(), b"a=b,c".to_vec(), "é".into()]);
    for text in texts {
        let allowed = |byte: &u8| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'&' | b'\\');
        let accepted = (1..=128).contains(&text.len()) && text.iter().all(allowed);
        let draft = Draft::get("/v2/ping").nonce(String::from_utf8_lossy(&text));
        let mut bytes = b"s3pAuth s3pAuth_nonce=\"".to_vec();
        bytes.extend(&text);
        bytes.extend(b"\",");
        bytes.extend(draft.fields()[1..].join(",").bytes());
        let answer = send(&layer(), draft.request_with(&bytes)).await;
        assert_eq!(answer.status.as_u16(), if accepted { 200 } else { 401 }, "{text:?}");

        // As a token, it is not known; and that is all that is wrong with it.
        let mut bytes = b"s3pAuth s3pAuth_token=\"".to_vec();
        bytes.extend(&text);
        bytes.extend(b"\",");
        bytes.extend(Draft::get("/v2/ping").fields()[..4].join(",").bytes());
        let answer = send(&layer(), draft.request_with(&bytes)).await;
        assert_eq!(answer.reason() == "s3p.unknown_token", accepted, "{text:?} {}", answer.reason());
    }
}

#[tokio::test]
async fn a_header_of_more_than_2048_bytes_is_not_looked_at() {
    let draft = Draft::get("/v2/ping");
    let fields = draft.fields().join(",");
    for (length, status) in [(2047, 200), (2048, 200), (2049, 401), (100_000, 401)] {
        let blanks = " ".repeat(length - fields.len());
        let answer = send(&layer(), draft.request_with(format!("s3pAuth{blanks}{fields}"))).await;
        assert_eq!(answer.status.as_u16(), status, "{length}");
        let refused = answer.rejection.map(|rejection| rejection.reason());
        assert_eq!(refused, (status == 401).then_some("s3p.too_long"));
    }
}

#[tokio::test]
async fn a_timestamp_has_ten_digits_or_thirteen() {
    for timestamp in [
        "",
        "0",
        "-1",
        "136128194",
        "13612819460",
        "136128194600",
        "13612819460000",
        "0361281946000",
        "+136128194600",
        "1361281946.00",
        "1361281946 00",
        "01361281946",
        "0361281946",
        "+136128194",
        "-136128194",
        " 1361281946",
        "1361281946 ",
        "1361281946.",
        "1361281.46",
        "13612819e2",
        "0x51238000",
        "1361281946\t",
        "136128194a",
        "1_36128194",
        "NaN",
        "Infinity",
        "99999999999999999999999999",
        "18446744073709551616",
        "2013-02-19",
    ] {
        let draft = Draft::get("/v2/ping").timestamp(timestamp);
        let answer = send(&layer(), draft.request()).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, "s3p.timestamp"), "{timestamp}");
    }
}

#[tokio::test]
async fn a_signature_is_the_padded_standard_base64_of_twenty_bytes() {
    // One with a character that the URL-safe alphabet spells in another way.
    let mut drafts = (0..100).map(|nonce| Draft::get("/v2/ping").nonce(nonce));
    let draft = drafts.find(|draft| draft.signature().contains(['+', '/'])).unwrap();
    let signature = draft.signature();
    let mac = STANDARD.decode(&signature).unwrap();
    let hex = mac.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    // Two bits of the last character stand for nothing, and are zero.
    let last = signature.as_bytes()[26];
    let twin = format!("{}{}=", &signature[..26], char::from(last + 1));
    for text in [
        String::new(),
        "=".to_owned(),
        "AAAA".to_owned(),
        hex.to_uppercase(),
        hex,
        twin,
        URL_SAFE.encode(&mac),
        STANDARD_NO_PAD.encode(&mac),
        format!("{signature}="),
        format!("{signature} "),
        format!(" {signature}"),
        format!("{}\t{}", &signature[..10], &signature[10..]),
        signature.replace('=', "%3D"),
        STANDARD.encode(&mac[..19]),
        STANDARD.encode([&mac[..], b"\0"].concat()),
        STANDARD.encode([&mac[..], &mac[..]].concat()),
        "*".repeat(28),
    ] {
        let authorization = draft.authorization().replace(&signature, &text);
        let answer = send(&layer(), draft.request_with(&authorization)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (401, "s3p.signature_encoding"),
            "{text}"
        );
    }
    assert_eq!(send(&layer(), draft.request()).await.status, 200);
}

#[tokio::test]
async fn a_timestamp_in_milliseconds_is_read_and_is_for_keys_that_have_it() {
    for (millis, reason) in [
        (NOW * 1000, "s3p.dialect"),
        (NOW * 1000 + 300_000, "s3p.dialect"),
        (NOW * 1000 - 300_000, "s3p.dialect"),
        (NOW * 1000 + 300_001, "s3p.in_the_future"),
        (NOW * 1000 - 300_001, "s3p.too_old"),
        (1_000_000_000_000, "s3p.too_old"),
        (9_999_999_999_999, "s3p.in_the_future"),
    ] {
        let draft = Draft::get("/v2/ping").timestamp(millis);
        let answer = send(&layer(), draft.request()).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, reason), "{millis}");
        assert_eq!(answer.kind(), RejectionKind::RefusedCredentials, "{millis}");
    }
}

#[tokio::test]
async fn a_signature_method_that_is_none_is_malformed() {
    let draft = Draft::get("/v2/ping");
    for method in [
        "",
        "hmac-sha1",
        "hmac-sha256",
        "HMAC-SHA-256",
        "HMAC-SHA256 ",
        "HMAC-SHA512",
        "HMAC_SHA1",
        "HMACSHA1",
        "SHA1",
        "PLAINTEXT",
        "none",
        "RSA-SHA1",
        " HMAC-SHA1",
        "HMAC-SHA1 ",
    ] {
        let authorization = draft.authorization().replace("HMAC-SHA1", method);
        let answer = send(&layer(), draft.request_with(&authorization)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (401, "s3p.signature_method"),
            "{method}"
        );
        assert_eq!(answer.kind(), RejectionKind::MalformedCredentials, "{method}");
    }
}

#[tokio::test]
async fn hmac_sha256_is_for_keys_that_are_set_to_it() {
    let draft = Draft::get("/v2/ping");
    let by_sha256 = draft.authorization().replace("HMAC-SHA1", "HMAC-SHA256");
    let authorization = by_sha256.replace(&draft.signature(), &STANDARD.encode([1; 32]));
    let answer = send(&layer(), draft.request_with(&authorization)).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "s3p.signature_method"));
    assert_eq!(answer.kind(), RejectionKind::RefusedCredentials);
    // With a signature of SHA-1's length, it is none.
    let answer = send(&layer(), draft.request_with(&by_sha256)).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "s3p.signature_encoding"));
}
