//! Whatever a stranger sends, it is refused in an orderly way.

use bytes::Bytes;
use http::{HeaderValue, Uri, header};
use proptest::prelude::*;

use crate::{answer, s3p_support::*};

/// Bytes, some of them of the kind that the grammar is made of.
fn noise(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"s3pAuth",
        b" ",
        b",",
        b"=",
        b"\"",
        b"s3pAuth_nonce",
        b"s3pAuth_signature=\"",
        b"s3pAuth_timestamp=\"1361281946\"",
        b"s3pAuth_token=\"alices-token\"",
        b"s3pAuth_signature_method=\"HMAC-SHA1\"",
        b"&",
        b"%",
        b"%4",
        b"%00",
        b"+",
        b"{",
        b"}",
        b":",
        b"[",
        b"\\u00",
        b"\\ud800",
        b"1e9",
        b"null",
        b"\xff",
        b"\xc3",
        b"\t",
        b"\"a\"",
    ];
    let piece = prop_oneof![
        4 => prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

fn authorization(bytes: &[u8]) -> Option<HeaderValue> {
    HeaderValue::from_bytes(bytes).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_as_credentials_are_a_401(bytes in noise(16), named in any::<bool>()) {
        let bytes = if named { [&b"s3pAuth "[..], &bytes].concat() } else { bytes };
        let Some(value) = authorization(&bytes) else { return Ok(()) };
        let mut request = Draft::get("/v2/ping").request();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        prop_assert_eq!(answer(&layer(), request).status.as_u16(), 401);
    }

    #[test]
    fn any_bytes_as_a_body_are_refused(bytes in noise(12), kind in 0..4_usize) {
        let content_type = ["application/json", "application/x-www-form-urlencoded", "text/plain", ""][kind];
        // The signature is of another body, so that it would be an accident if one passed.
        let signed = Draft::json(r#"{"amount":1000}"#);
        let mut sent = signed.clone();
        sent.body = Bytes::from(bytes);
        let mut request = sent.request_with(signed.authorization());
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let status = answer(&layer(), request).status.as_u16();
        prop_assert!(matches!(status, 400 | 401 | 415), "{status}");
    }

    #[test]
    fn any_target_is_refused(bytes in noise(12)) {
        let Ok(target) = Uri::try_from([&b"/"[..], &bytes].concat()) else { return Ok(()) };
        let mut request = Draft::get("/v2/ping?amount=1000").request();
        *request.uri_mut() = target;
        let status = answer(&layer(), request).status.as_u16();
        prop_assert!(matches!(status, 400 | 401), "{status}");
    }

    #[test]
    fn a_header_with_one_byte_changed_is_refused_unless_it_says_the_same(
        at in 0..1000_usize, byte in any::<u8>(), how in 0..3_u8,
    ) {
        let draft = Draft::get("/v2/ping");
        let original = draft.authorization().into_bytes();
        let mut bytes = original.clone();
        let at = at % bytes.len();
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => _ = bytes.remove(at),
        }
        let Some(value) = authorization(&bytes) else { return Ok(()) };
        let mut request = draft.request();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        // The scheme's name in any case; blanks, and the first comma, where they may be.
        let said = |bytes: &[u8]| {
            let (name, rest) = bytes.split_at("s3pAuth".len().min(bytes.len()));
            let rest = String::from_utf8_lossy(rest).replace([' ', '\t'], "");
            (name.to_ascii_lowercase(), rest.trim_start_matches(',').to_owned())
        };
        match answer(&layer(), request).status.as_u16() {
            401 => {}
            200 => prop_assert_eq!(said(&bytes), said(&original)),
            other => prop_assert!(false, "{other}"),
        }
    }
}
