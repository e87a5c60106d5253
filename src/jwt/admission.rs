//! Which keys are good enough, and for what.

use jsonwebtoken::{
    AlgorithmFamily,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};

use super::{
    Algorithm,
    backend::{PublicKey, SharedKey},
};
use crate::{ConfigError, Secret};

pub(super) fn shared_key(algorithm: Algorithm, secret: &Secret) -> Result<SharedKey, ConfigError> {
    let least = match algorithm {
        Algorithm::HS256 => 32,
        Algorithm::HS384 => 48,
        Algorithm::HS512 => 64,
        other => return Err(unfit(other, "a shared secret")),
    };
    if secret.expose().trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(ConfigError::new(format!(
            "the secret for {algorithm:?} is a key in PEM: use it with its own algorithm (`Key::from_pem`)"
        )));
    }
    if secret.len() < least {
        return Err(ConfigError::new(format!(
            "the secret for {algorithm:?} has {} bytes; RFC 7518 section 3.2 wants at least {least}",
            secret.len()
        )));
    }
    SharedKey::new(algorithm, secret.expose()).ok_or_else(|| unfit(algorithm, "a shared secret"))
}

/// Refuses the absence of a key; an RSA key that is too short, too long, or known to be weak; and an Ed25519 key that
/// everybody can sign for.
pub(super) fn public_key(
    algorithm: Algorithm,
    parsed: Option<PublicKey>,
) -> Result<PublicKey, ConfigError> {
    if algorithm.family() == AlgorithmFamily::Hmac {
        return Err(unfit(algorithm, "a public key"));
    }
    let key = parsed.ok_or_else(|| {
        ConfigError::new(format!(
            "this is not a key for {algorithm:?}: of another type or curve, or damaged"
        ))
    })?;
    if algorithm.family() == AlgorithmFamily::Rsa {
        let modulus = key.rsa_modulus().ok_or_else(|| {
            ConfigError::new(format!(
                "the RSA key for {algorithm:?} has fewer than 2048 or more than 8192 bits (RFC 7518 section 3.3)"
            ))
        })?;
        if has_roca_mark(&modulus) {
            return Err(ConfigError::new(format!(
                "the RSA key for {algorithm:?} comes from a faulty generator and can be factored \
                 (CVE-2017-15361); make another"
            )));
        }
    }
    if algorithm.family() == AlgorithmFamily::Ed && key.ed25519().is_none_or(is_no_ed25519_key) {
        return Err(ConfigError::new(
            "the key for EdDSA is nobody's: its point has a small order, so that everybody can sign for it, or \
             its y is not below the field's prime (RFC 8032 section 5.1.3)",
        ));
    }
    Ok(key)
}

pub(super) fn is_for_signatures(jwk: &Jwk) -> bool {
    matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature))
}

/// The algorithm that a curve is for (RFC 7518 section 3.4, RFC 8037 section 3.1).
pub(super) fn by_curve(key: &AlgorithmParameters) -> Option<Algorithm> {
    match key {
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => Some(Algorithm::ES256),
            EllipticCurve::P384 => Some(Algorithm::ES384),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => {
            Some(Algorithm::EdDSA)
        }
        _ => None,
    }
}

pub(super) fn unfit(algorithm: Algorithm, what: &str) -> ConfigError {
    ConfigError::new(format!("{algorithm:?} does not work with {what}"))
}

/// What a JWK of this `kid` is called in a refusal.
pub(super) fn name(kid: Option<&str>) -> String {
    match kid {
        Some(kid) if kid.len() > LONGEST_ID => format!("a JWK whose `kid` has {} bytes", kid.len()),
        Some(kid) => format!("the JWK {kid:?}"),
        None => "a JWK without `kid`".to_owned(),
    }
}

/// The longest id of a key, in bytes, and the longest `kid` that is looked for.
pub(super) const LONGEST_ID: usize = 256;

/// Whether a modulus has the mark of CVE-2017-15361 (ROCA): modulo each of these primes it is a power of
/// 65537. By chance, one in 2^27 has it.
fn has_roca_mark(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 17] =
        [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    PRIMES.iter().all(|prime| {
        let rest = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * 65537 % prime));
        powers.take(*prime as usize).any(|power| power == rest)
    })
}

/// Whether these bytes are one of the eight points of small order, or no number below 2^255 - 19: of some points
/// another spelling. No secret has such a key, and a signature under one says nothing of the message.
fn is_no_ed25519_key(mut bytes: [u8; 32]) -> bool {
    // Of a point and its negative, y is the same. The highest bit tells them apart.
    bytes[31] &= 0x7f;
    let [first, middle @ .., last] = bytes;
    let is_not_reduced = first >= 0xed && middle == [0xff; 30] && last == 0x7f;
    is_not_reduced || SMALL_ORDER.contains(&bytes)
}

/// The y of the points whose order divides eight, little-endian.
const SMALL_ORDER: [[u8; 32]; 5] = [
    // 0, of order 4.
    [0; 32],
    // 1, the neutral element.
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    // -1, of order 2.
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    // Of order 8, and its negative.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
        0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
        0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];
