//! Which keys are taken, and in which forms.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use std::error::Error;

use jsonwebtoken::{DecodingKey, jwk::Jwk};
use jwt_support::*;
use portcullis::{
    ConfigError,
    jwt::{Algorithm, Key, Keys},
};
use serde_json::{Value, json};

/// Whether this key verifies a token that the crate `jsonwebtoken` has signed.
fn verifies(algorithm: Algorithm, key: Key) -> bool {
    let header = jsonwebtoken::Header::new(algorithm);
    let claims = json!({ "sub": "alice" });
    let token = jsonwebtoken::encode(&header, &claims, &signer(algorithm)).unwrap();
    let verified = Keys::new([key]).unwrap().verify(&token);
    verified.is_ok_and(|jws| serde_json::from_slice::<Value>(jws.payload()).unwrap() == claims)
}

/// The message of a refusal, with its causes.
fn message<T>(result: Result<T, ConfigError>) -> String {
    let error = result.err().expect("the key is refused");
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

fn asymmetric() -> impl Iterator<Item = (Algorithm, &'static str)> {
    ALGORITHMS.into_iter().filter_map(|algorithm| Some((algorithm, public_pem(algorithm)?)))
}

#[test]
fn a_public_key_may_come_in_pem_or_der() {
    for (algorithm, pem) in asymmetric() {
        for pem in
            [pem.to_owned(), pem.trim().to_owned(), format!("\n{pem}\n"), pem.replace('\n', "\r\n")]
        {
            assert!(
                verifies(algorithm, Key::from_pem(algorithm, &pem).unwrap()),
                "{algorithm:?} {pem:?}"
            );
        }
        assert!(verifies(algorithm, Key::from_der(algorithm, &der(pem)).unwrap()), "{algorithm:?}");
    }
    let pkcs1 = || Key::from_pem(Algorithm::RS256, RSA_PUBLIC_PKCS1).unwrap();
    assert!(verifies(Algorithm::RS256, pkcs1()));
    let pkcs1 = Key::from_der(Algorithm::PS512, &der(RSA_PUBLIC_PKCS1)).unwrap();
    assert!(verifies(Algorithm::PS512, pkcs1));

    // The point or the key alone is the end of its SubjectPublicKeyInfo.
    for (algorithm, pem, length) in [
        (Algorithm::ES256, P256_PUBLIC, 65),
        (Algorithm::ES384, P384_PUBLIC, 97),
        (Algorithm::EdDSA, ED25519_PUBLIC, 32),
    ] {
        let der = der(pem);
        let raw = &der[der.len() - length..];
        assert!(verifies(algorithm, Key::from_der(algorithm, raw).unwrap()), "{algorithm:?}");
    }
}

#[test]
fn a_key_may_come_as_a_jwk() {
    for algorithm in ALGORITHMS {
        for members in [
            json!({}),
            json!({ "use": "sig" }),
            json!({ "key_ops": ["verify"] }),
            json!({ "key_ops": ["sign", "verify"], "kid": "a", "x5u": "http://127.0.0.1:1/" }),
        ] {
            let key = Key::from_jwk(&jwk(algorithm, &members)).unwrap();
            assert!(verifies(algorithm, key), "{algorithm:?} {members}");
        }
        let unnamed = jwk(algorithm, &json!({ "alg": null }));
        assert!(verifies(algorithm, Key::from_jwk_for(algorithm, &unnamed).unwrap()), "{algorithm:?}");
        let by_curve = matches!(algorithm, Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA);
        assert_eq!(Key::from_jwk(&unnamed).is_ok(), by_curve, "{algorithm:?}");
    }
}

#[test]
fn a_key_may_come_from_the_crate_jsonwebtoken() {
    for algorithm in ALGORITHMS {
        let made = match public_pem(algorithm) {
            None => DecodingKey::from_secret(SECRET.as_bytes()),
            Some(pem @ (P256_PUBLIC | P384_PUBLIC)) => {
                DecodingKey::from_ec_pem(pem.as_bytes()).unwrap()
            }
            Some(pem @ ED25519_PUBLIC) => DecodingKey::from_ed_pem(pem.as_bytes()).unwrap(),
            Some(pem) => DecodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
        };
        let by_jwk = DecodingKey::from_jwk(&jwk(algorithm, &json!({}))).unwrap();
        for made in [made, by_jwk] {
            let key = Key::from_decoding_key(algorithm, &made).unwrap();
            assert!(verifies(algorithm, key), "{algorithm:?}");
            for other in ALGORITHMS.into_iter().filter(|other| other.family() != algorithm.family()) {
                assert!(Key::from_decoding_key(other, &made).is_err(), "{algorithm:?} as {other:?}");
            }
        }
    }
}

#[test]
fn a_secret_is_as_long_as_the_hash_and_only_for_hmac() {
    for (algorithm, least) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
        let secret = |length| vec![b'x'; length];
        assert!(Key::hmac(algorithm, secret(least)).is_ok(), "{algorithm:?}");
        for length in [0, 1, least - 1] {
            let text = message(Key::hmac(algorithm, secret(length)));
            assert!(text.contains(&least.to_string()) && !text.contains("xx"), "{text}");
            let short = DecodingKey::from_secret(&secret(length));
            assert!(Key::from_decoding_key(algorithm, &short).is_err(), "{algorithm:?} {length}");
            let short = jwk(algorithm, &json!({ "k": b64(secret(length)), "kid": "short" }));
            assert!(message(Key::from_jwk(&short)).contains("short"), "{algorithm:?} {length}");
        }
    }
    for (algorithm, _) in asymmetric() {
        assert!(Key::hmac(algorithm, SECRET).is_err(), "{algorithm:?}");
        let oct = jwk(Algorithm::HS512, &json!({ "alg": format!("{algorithm:?}") }));
        assert!(Key::from_jwk(&oct).is_err(), "{algorithm:?}");
    }
}

/// CVE-2016-10555 from the other side: everybody knows such a secret.
#[test]
fn a_key_in_pem_is_no_secret() {
    for pem in [RSA_PUBLIC, RSA_PUBLIC_PKCS1, P256_PUBLIC, ED25519_PUBLIC, RSA_PRIVATE] {
        for pem in [pem.to_owned(), format!("\r\n {pem}"), pem.trim().to_owned()] {
            assert!(message(Key::hmac(Algorithm::HS256, pem.clone())).contains("PEM"), "{pem:?}");
            let made = DecodingKey::from_secret(pem.as_bytes());
            assert!(Key::from_decoding_key(Algorithm::HS256, &made).is_err(), "{pem:?}");
        }
    }
}

#[test]
fn a_public_key_is_for_its_own_kind_of_algorithm_alone() {
    for (own, pem) in asymmetric() {
        for other in ALGORITHMS {
            let fits = other.family() == own.family() && public_pem(other) == Some(pem);
            assert_eq!(Key::from_pem(other, pem).is_ok(), fits, "{own:?} as {other:?}");
            assert_eq!(Key::from_der(other, &der(pem)).is_ok(), fits, "{own:?} as {other:?}");
            let unnamed = jwk(own, &json!({ "alg": null }));
            assert_eq!(Key::from_jwk_for(other, &unnamed).is_ok(), fits, "{own:?} as {other:?}");
        }
    }
}

#[test]
fn an_rsa_key_of_fewer_than_2048_bits_and_the_curve_p521_are_refused() {
    for (algorithm, pem) in asymmetric() {
        assert!(Key::from_pem(algorithm, P521_PUBLIC).is_err(), "{algorithm:?}");
        if pem == RSA_PUBLIC {
            let text = message(Key::from_pem(algorithm, RSA_1024_PUBLIC));
            assert!(text.contains("2048"), "{algorithm:?}: {text}");
            let weak = DecodingKey::from_rsa_pem(RSA_1024_PUBLIC.as_bytes()).unwrap();
            assert!(Key::from_decoding_key(algorithm, &weak).is_err(), "{algorithm:?}");
            let mut weak = Jwk::from_decoding_key(&weak, Some(algorithm)).unwrap();
            weak.common.key_id = Some("too-short".to_owned());
            let text = message(Key::from_jwk(&weak));
            assert!(text.contains("2048") && text.contains("too-short"), "{algorithm:?}: {text}");
        }
    }
}

/// With an exponent of one, every message is its own signature; an even one has no inverse.
#[test]
fn an_rsa_key_whose_exponent_is_one_or_even_is_refused_in_every_form() {
    // A value of 256 to 65,535 bytes, behind its tag and its length (X.690 section 8.1.3).
    let long = |tag: u8, value: &[u8]| {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], value].concat()
    };
    let (pkcs1, spki) = (der(RSA_PUBLIC_PKCS1), der(RSA_PUBLIC));
    let modulus = pkcs1[4..].strip_suffix(&[2, 3, 1, 0, 1]).expect("the exponent is the end");
    for (e, good) in [
        (&[1, 0, 1][..], true),
        (&[3], true),
        (&[1], false),
        (&[0], false),
        (&[2], false),
        (&[1, 0, 0], false),
    ] {
        let e = [&[2, u8::try_from(e.len()).unwrap()], e].concat();
        let pkcs1 = long(0x30, &[modulus, &e].concat());
        let bits = long(0x03, &[&[0], &pkcs1[..]].concat());
        let spki = long(0x30, &[&spki[4..19], &bits].concat());
        for algorithm in [Algorithm::RS256, Algorithm::PS512] {
            for (form, key) in [
                ("PKCS #1", Key::from_der(algorithm, &pkcs1)),
                ("SPKI", Key::from_der(algorithm, &spki)),
                ("PKCS #1 in PEM", Key::from_pem(algorithm, pem("RSA PUBLIC KEY", &pkcs1))),
                ("SPKI in PEM", Key::from_pem(algorithm, pem("PUBLIC KEY", &spki))),
            ] {
                assert_eq!(key.is_ok(), good, "{form}, {e:02x?}");
            }
        }
    }
}

/// CVE-2017-15361: such a key can be factored, and shows it by its modulus.
#[test]
fn an_rsa_key_of_the_faulty_generator_is_refused() {
    let algorithm = Algorithm::RS256;
    let faulty = DecodingKey::from_rsa_pem(RSA_ROCA_PUBLIC.as_bytes()).unwrap();
    let jwk = Jwk::from_decoding_key(&faulty, Some(algorithm)).unwrap();
    assert!(Key::from_pem(algorithm, RSA_ROCA_PUBLIC).is_err());
    assert!(Key::from_decoding_key(algorithm, &faulty).is_err());
    assert!(Key::from_jwk(&jwk).is_err());
}

/// Everybody can sign for a point of small order; and a number that is not reduced is a second spelling of a key.
#[test]
fn an_ed25519_key_that_is_nobodys_is_refused_in_every_form() {
    let mut bad: Vec<[u8; 32]> = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ]
    .map(|hex| std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..][..2], 16).unwrap()))
    .into();
    // From the prime, 2^255 - 19, up to the highest number of 255 bits. Half of them are on the curve.
    bad.extend((0xed..=0xff).map(|first| {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (first, 0x7f);
        bytes
    }));
    for mut bytes in bad {
        // Of each, the point with the other sign, too.
        for sign in [0, 0x80] {
            bytes[31] ^= sign;
            let spki = [&der(ED25519_PUBLIC)[..12], &bytes].concat();
            let pem = pem("PUBLIC KEY", &spki);
            let made = DecodingKey::from_ed_pem(pem.as_bytes()).unwrap();
            let jwk = jwk(Algorithm::EdDSA, &json!({ "x": b64(bytes), "kid": "nobodys" }));
            for (form, key) in [
                ("raw", Key::from_der(Algorithm::EdDSA, &bytes)),
                ("DER", Key::from_der(Algorithm::EdDSA, &spki)),
                ("PEM", Key::from_pem(Algorithm::EdDSA, &pem)),
                ("JWK", Key::from_jwk(&jwk)),
                ("jsonwebtoken", Key::from_decoding_key(Algorithm::EdDSA, &made)),
            ] {
                assert!(key.is_err(), "{form}: {bytes:02x?}");
            }
        }
    }
    let identity =
        jwk(Algorithm::EdDSA, &json!({ "x": b64([&[1], &[0; 31][..]].concat()), "kid": "it" }));
    let text = message(Key::from_jwk(&identity));
    assert!(text.contains("\"it\"") && text.contains("small order"), "{text}");
}

#[test]
fn what_is_not_one_public_key_in_pem_is_refused() {
    let certificate = RSA_PUBLIC.replace("PUBLIC KEY", "CERTIFICATE");
    let cut = RSA_PUBLIC.replacen("IDAQAB", "", 1);
    assert_ne!(cut, RSA_PUBLIC);
    let text = |pem: &str| message(Key::from_pem(Algorithm::RS256, pem));
    for pem in [RSA_PRIVATE, P256_PRIVATE, &RSA_PRIVATE.replace("PRIVATE", "RSA PRIVATE")] {
        assert!(text(pem).contains("private key"), "{pem}");
    }
    assert!(text(&certificate).contains("CERTIFICATE"));
    for pem in ["", "garbage", SECRET, &RSA_PUBLIC.repeat(2), &cut, &RSA_PUBLIC.replace("END", "FIN")] {
        let text = text(pem);
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn a_jwk_that_is_not_for_verifying_with_its_algorithm_is_refused() {
    let other = |algorithm| if algorithm == Algorithm::RS256 { "RS384" } else { "RS256" };
    for algorithm in ALGORITHMS {
        for members in [
            json!({ "use": "enc" }),
            json!({ "use": "Sig" }),
            json!({ "use": "" }),
            json!({ "key_ops": [] }),
            json!({ "key_ops": ["sign"] }),
            json!({ "key_ops": ["encrypt", "wrapKey"] }),
            json!({ "use": "sig", "key_ops": ["sign"] }),
            json!({ "alg": other(algorithm) }),
            json!({ "alg": "RSA-OAEP" }),
            json!({ "alg": "ES512" }),
            json!({ "alg": "none" }),
            json!({ "alg": "" }),
            json!({ "kty": "unknown" }),
        ] {
            let mut members = members;
            members["kid"] = json!("bad-one");
            let jwk = jwk(algorithm, &members);
            let text = message(Key::from_jwk_for(algorithm, &jwk));
            assert!(text.contains("bad-one"), "{algorithm:?} {members}: {text}");
            if members["alg"] == other(algorithm) && public_pem(algorithm) == Some(RSA_PUBLIC) {
                continue; // By its own word, it is a good key for the other.
            }
            assert!(Key::from_jwk(&jwk).is_err(), "{algorithm:?} {members}");
        }
    }
}

#[test]
fn a_jwk_with_damaged_parts_or_the_name_of_another_curve_is_refused() {
    let point = |algorithm, name: &str| {
        unb64(serde_json::to_value(jwk(algorithm, &json!({}))).unwrap()[name].as_str().unwrap())
    };
    let (x, y) = (point(Algorithm::ES256, "x"), point(Algorithm::ES256, "y"));
    let longer = |bytes: &[u8]| b64([&[0], bytes].concat());
    let off_curve = b64([&y[..31], &[y[31] ^ 1]].concat());
    let okp = point(Algorithm::EdDSA, "x");
    let table = [
        (Algorithm::ES256, json!({ "crv": "P-384" })),
        (Algorithm::ES256, json!({ "crv": "P-521" })),
        (Algorithm::ES256, json!({ "crv": "Ed25519" })),
        (Algorithm::ES256, json!({ "crv": "secp256k1" })),
        (Algorithm::ES384, json!({ "crv": "P-256" })),
        (Algorithm::EdDSA, json!({ "crv": "P-256" })),
        (Algorithm::EdDSA, json!({ "crv": "Ed448" })),
        (Algorithm::EdDSA, json!({ "crv": "X25519" })),
        (Algorithm::ES256, json!({ "y": off_curve })),
        (Algorithm::ES256, json!({ "x": "", "y": "" })),
        (Algorithm::ES256, json!({ "x": b64([0; 32]), "y": b64([0; 32]) })),
        (Algorithm::ES256, json!({ "x": longer(&x), "y": longer(&y) })),
        (Algorithm::ES256, json!({ "x": longer(&x), "y": b64(&y[1..]) })),
        (Algorithm::ES256, json!({ "x": b64(&x[..31]), "y": b64(&y[..31]) })),
        (Algorithm::ES256, json!({ "x": b64(&x) + "=" })),
        (Algorithm::ES256, json!({ "x": "%%%" })),
        (Algorithm::EdDSA, json!({ "x": b64(&okp[..31]) })),
        (Algorithm::EdDSA, json!({ "x": longer(&okp) })),
        // As long as a SubjectPublicKeyInfo, which is another form of the key.
        (Algorithm::EdDSA, json!({ "x": b64(der(ED25519_PUBLIC)) })),
        (Algorithm::RS256, json!({ "n": "" })),
        (Algorithm::RS256, json!({ "n": b64([0; 256]) })),
        (Algorithm::RS256, json!({ "e": "" })),
        (Algorithm::RS256, json!({ "e": b64([0]) })),
        (Algorithm::RS256, json!({ "e": b64([1]) })),
        (Algorithm::RS256, json!({ "e": b64([1, 0, 0]) })),
        (Algorithm::RS256, json!({ "e": "AQAB==" })),
        (Algorithm::HS256, json!({ "k": format!("{}=", b64(SECRET)) })),
        (Algorithm::HS256, json!({ "k": "" })),
    ];
    let taken: Vec<_> = table
        .into_iter()
        .filter(|(algorithm, members)| {
            let jwk = jwk(*algorithm, members);
            Key::from_jwk_for(*algorithm, &jwk).is_ok() || Key::from_jwk(&jwk).is_ok()
        })
        .collect();
    assert!(taken.is_empty(), "{taken:#?}");
}

/// A key has no id yet when it is read: the refusal names what it was to be for.
#[test]
fn each_refusal_of_a_key_names_its_algorithm_or_its_kid() {
    for (algorithm, pem) in asymmetric() {
        for refused in [
            Key::from_pem(algorithm, "no PEM"),
            Key::from_pem(algorithm, RSA_PRIVATE),
            Key::from_pem(algorithm, pem.replace("PUBLIC KEY", "CERTIFICATE")),
            Key::from_pem(algorithm, P521_PUBLIC),
            Key::from_der(algorithm, b"no DER"),
            Key::hmac(algorithm, SECRET),
        ] {
            let text = message(refused);
            assert!(text.contains(&format!("{algorithm:?}")), "{algorithm:?}: {text}");
        }
    }
    for weak in [RSA_1024_PUBLIC, RSA_ROCA_PUBLIC] {
        assert!(message(Key::from_pem(Algorithm::PS384, weak)).contains("PS384"));
    }
    for secret in ["", "short", RSA_PUBLIC] {
        assert!(message(Key::hmac(Algorithm::HS512, secret)).contains("HS512"), "{secret:?}");
    }
    // A `kid` that no token can have is not printed.
    for (kid, word) in [("k".repeat(256), None), ("k".repeat(257), Some("whose `kid` has 257 bytes"))] {
        let key = Key::from_jwk(&jwk(Algorithm::ES256, &json!({ "kid": kid })));
        assert_eq!(key.as_ref().err().is_some(), word.is_some(), "{kid}");
        if let Some(word) = word {
            let text = message(key);
            assert!(text.contains(word) && !text.contains(&kid), "{text}");
        }
    }
}

#[test]
fn a_key_prints_its_id_and_algorithm_and_no_part_of_itself() {
    let printed = format!("{:?}", Keys::new([key(Algorithm::HS256).id("seven")]).unwrap());
    assert_eq!(printed, r#"Keys([Key { id: Some("seven"), algorithm: HS256, .. }])"#);
}
