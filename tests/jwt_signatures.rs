//! Signatures: which are good, and that nothing else is.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use jwt_support::*;
use portcullis::jwt::{Algorithm, Key, Keys};
use serde_json::json;

const CLAIMS: &str = r#"{"sub":"alice"}"#;

fn header(algorithm: &str) -> String {
    format!(r#"{{"alg":"{algorithm}"}}"#)
}

/// The code of the refusal by these keys; `None` if the signature is good.
fn refusal_by(keys: &Keys, token: &str) -> Option<&'static str> {
    keys.verify(token).err().map(|rejection| rejection.reason())
}

#[test]
fn tokens_of_every_algorithm_pass_as_the_crate_jsonwebtoken_signs_them() {
    for algorithm in ALGORITHMS {
        let claims = json!({ "iss": ISSUER, "aud": [AUDIENCE], "sub": "alice", "exp": NOW + 1 });
        let mut header = jsonwebtoken::Header::new(algorithm);
        for kid in [None, Some("not known here")] {
            header.kid = kid.map(str::to_owned);
            let token = jsonwebtoken::encode(&header, &claims, &signer(algorithm)).unwrap();
            let jwt = portcullis::jwt::JwtAuth::builder(keys(algorithm))
                .issuer(ISSUER)
                .audience(AUDIENCE)
                .clock(portcullis::ManualClock::at_unix(NOW))
                .build()
                .unwrap();
            assert_eq!(judge(&jwt, &token).unwrap().subject(), "alice", "{algorithm:?}");
        }
    }
}

#[test]
fn one_flipped_bit_anywhere_is_refused() {
    for algorithm in ALGORITHMS {
        let keys = keys(algorithm);
        let token = sign_with(algorithm, header(&format!("{algorithm:?}")), CLAIMS);
        assert_eq!(refusal_by(&keys, &token), None, "{algorithm:?}");
        let parts: Vec<_> = token.split('.').map(unb64).collect();
        for part in 0..3 {
            for bit in 0..parts[part].len() * 8 {
                let mut parts = parts.clone();
                parts[part][bit / 8] ^= 1 << (bit % 8);
                let flipped: Vec<_> = parts.iter().map(b64).collect();
                let refused = refusal_by(&keys, &flipped.join("."));
                assert!(refused.is_some(), "{algorithm:?}, part {part}, bit {bit}");
            }
        }
    }
}

/// RFC 7515 appendix A.1 to A.3 and RFC 8037 appendix A.4. Their claims, if any, expired in 2011.
#[test]
fn the_examples_of_the_rfcs_verify() {
    let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let examples = [
        (
            Algorithm::HS256,
            json!({
                "kty": "oct",
                "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
            }),
            format!(
                "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{payload}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
            ),
        ),
        (
            Algorithm::RS256,
            json!({
                "kty": "RSA",
                "n": concat!(
                    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEz",
                    "P1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf6",
                    "3kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5Zw",
                    "Kh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRW",
                    "yuXpoQ",
                ),
                "e": "AQAB",
            }),
            format!(
                "eyJhbGciOiJSUzI1NiJ9.{payload}.{}",
                concat!(
                    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt",
                    "_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArL",
                    "IARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7no",
                    "OPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ",
                    "Ge77Rw",
                ),
            ),
        ),
        (
            Algorithm::ES256,
            json!({
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            }),
            format!(
                "eyJhbGciOiJFUzI1NiJ9.{payload}.{}",
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
        ),
        (
            Algorithm::EdDSA,
            json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }),
            format!(
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.{}",
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            ),
        ),
    ];
    for (algorithm, jwk, token) in examples {
        let jwk = serde_json::from_value(jwk).unwrap();
        let keys = Keys::new([Key::from_jwk_for(algorithm, &jwk).unwrap()]).unwrap();
        let jws = keys.verify(&token).unwrap();
        let payload = token.split('.').nth(1).unwrap();
        assert_eq!(jws.payload(), unb64(payload), "{algorithm:?}");
    }
}

#[test]
fn no_spelling_of_none_is_an_algorithm() {
    for algorithm in ALGORITHMS {
        let keys = keys(algorithm);
        let good = sign_with(algorithm, header(&format!("{algorithm:?}")), CLAIMS);
        let (message, signature) = good.rsplit_once('.').unwrap();
        assert_eq!(refusal_by(&keys, &format!("{message}.")), Some("jwt.signature"));
        assert_eq!(refusal_by(&keys, message), Some("jwt.parts"));
        let lower = format!("{algorithm:?}").to_lowercase();
        for name in ["none", "None", "NONE", "nOnE", "", "null", " none", "none ", "no\\u006ee", &lower]
        {
            let message = format!("{}.{}", b64(header(name)), b64(CLAIMS));
            for token in [
                format!("{message}."),
                format!("{message}.{signature}"),
                sign_text(algorithm, &message),
            ] {
                assert_eq!(refusal_by(&keys, &token), Some("jwt.alg"), "{algorithm:?} as {name:?}");
            }
        }
    }
}

#[test]
fn a_public_key_in_no_form_is_the_secret_of_an_hmac() {
    for algorithm in
        [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA]
    {
        let pem = public_pem(algorithm).unwrap();
        let der = der(pem);
        let jwk = jwk(algorithm, &json!({}));
        let forms: [Vec<u8>; 8] = [
            pem.into(),
            pem.trim_end().into(),
            pem.replace('\n', "\r\n").into(),
            pem.lines().filter(|line| !line.starts_with('-')).collect::<String>().into(),
            der.clone(),
            der[der.len() - 32..].into(),
            serde_json::to_vec(&jwk).unwrap(),
            RSA_PUBLIC_PKCS1.into(),
        ];
        let keys = Keys::new([key(algorithm).id("a")]).unwrap();
        for (form, hmac) in
            forms.iter().flat_map(|form| ALGORITHMS[..3].iter().map(move |hmac| (form, hmac)))
        {
            for kid in ["", r#","kid":"a""#] {
                let header = format!(r#"{{"alg":"{hmac:?}"{kid}}}"#);
                let message = format!("{}.{}", b64(header), b64(CLAIMS));
                let secret = jsonwebtoken::EncodingKey::from_secret(form);
                let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, *hmac).unwrap();
                let refused = refusal_by(&keys, &format!("{message}.{signature}"));
                let code = if kid.is_empty() { "jwt.no_key" } else { "jwt.alg" };
                assert_eq!(refused, Some(code), "{hmac:?} with the key of {algorithm:?}");
            }
        }
    }
}

#[test]
fn a_key_serves_its_own_algorithm_alone() {
    for own in ALGORITHMS {
        for other in ALGORITHMS.into_iter().filter(|other| *other != own) {
            // Signed truly, by the algorithm that the header names, where the key material fits.
            let message = format!("{}.{}", b64(header(&format!("{other:?}"))), b64(CLAIMS));
            for token in [sign_text(other, &message), sign_text(own, &message)] {
                assert_eq!(refusal_by(&keys(own), &token), Some("jwt.no_key"), "{own:?}, {other:?}");
                let named = Keys::new([key(own).id("a")]).unwrap();
                assert!(refusal_by(&named, &token).is_some(), "{own:?}, {other:?}");
            }
        }
    }
    // With a key for each, `kid` decides and `alg` must agree.
    let two = Keys::new([key(Algorithm::ES256).id("a"), key(Algorithm::ES384).id("b")]).unwrap();
    let token = |signed, alg: &str, kid: &str| {
        sign_with(signed, format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#), CLAIMS)
    };
    assert_eq!(refusal_by(&two, &token(Algorithm::ES256, "ES256", "a")), None);
    assert_eq!(refusal_by(&two, &token(Algorithm::ES384, "ES384", "b")), None);
    assert_eq!(refusal_by(&two, &token(Algorithm::ES256, "ES384", "a")), Some("jwt.alg"));
    assert_eq!(refusal_by(&two, &token(Algorithm::ES384, "ES384", "a")), Some("jwt.alg"));
    assert_eq!(refusal_by(&two, &token(Algorithm::ES256, "ES384", "b")), Some("jwt.signature"));
    assert_eq!(refusal_by(&two, &token(Algorithm::ES256, "ES256", "b")), Some("jwt.alg"));
}

#[test]
fn a_signature_of_another_length_is_refused() {
    for algorithm in ALGORITHMS {
        let token = sign_with(algorithm, header(&format!("{algorithm:?}")), CLAIMS);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let good = unb64(signature);
        let half = good.len() / 2;
        for bytes in [
            &[],
            &good[..1],
            &good[..half],
            &good[..good.len() - 1],
            &good[1..],
            &[&good[..], &[0]].concat(),
            &[&[0], &good[..]].concat(),
            &[&good[..], &good].concat(),
            &vec![0; good.len()],
            &vec![0xff; good.len()],
        ] {
            let token = format!("{message}.{}", b64(bytes));
            let refused = refusal_by(&keys(algorithm), &token);
            assert_eq!(refused, Some("jwt.signature"), "{algorithm:?} {}", bytes.len());
        }
    }
}

/// CVE-2022-21449, and ASN.1 where RFC 7518 section 3.4 wants R and S side by side.
#[test]
fn an_ecdsa_signature_out_of_range_or_in_der_is_refused() {
    let orders = [
        (Algorithm::ES256, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"),
        (
            Algorithm::ES384,
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
        ),
    ];
    for (algorithm, order) in orders {
        let order: Vec<u8> = (0..order.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&order[at..at + 2], 16).unwrap())
            .collect();
        let token = sign_with(algorithm, header(&format!("{algorithm:?}")), CLAIMS);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let good = unb64(signature);
        let (r, s) = good.split_at(good.len() / 2);
        let zero = vec![0; r.len()];
        let one = [&zero[1..], &[1]].concat();
        let integer = |bytes: &[u8]| {
            let from = bytes.iter().position(|byte| *byte != 0).unwrap();
            let zero: &[u8] = if bytes[from] & 0x80 == 0 { &[] } else { &[0] };
            let bytes = [zero, &bytes[from..]].concat();
            [&[2, u8::try_from(bytes.len()).unwrap()], &bytes[..]].concat()
        };
        let sequence = [integer(r), integer(s)].concat();
        let der = [&[0x30, u8::try_from(sequence.len()).unwrap()], &sequence[..]].concat();
        for bytes in [
            [&zero[..], &zero].concat(),
            [&zero[..], s].concat(),
            [r, &zero].concat(),
            [&order[..], &order].concat(),
            [&order[..], s].concat(),
            [r, &order].concat(),
            [&zero[..], &one].concat(),
            [&one[..], &zero].concat(),
            [s, r].concat(),
            der,
        ] {
            let refused = refusal_by(&keys(algorithm), &format!("{message}.{}", b64(&bytes)));
            assert_eq!(refused, Some("jwt.signature"), "{algorithm:?} {bytes:02x?}");
        }
    }
}

/// RFC 8032 section 5.1.7: S is below the group's order. S plus the order would verify as well.
#[test]
fn an_ed25519_signature_that_is_not_reduced_is_refused() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let token = sign_with(Algorithm::EdDSA, header("EdDSA"), CLAIMS);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut twin = unb64(signature);
    let mut carry = 0_u16;
    for (byte, order) in twin[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        [*byte, _] = carry.to_le_bytes();
        carry >>= 8;
    }
    let refused = refusal_by(&keys(Algorithm::EdDSA), &format!("{message}.{}", b64(twin)));
    assert_eq!(refused, Some("jwt.signature"));
}
