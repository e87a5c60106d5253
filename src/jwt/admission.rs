//! Which keys are good enough, and for what.

use aws_lc_rs::{
    encoding::AsDer,
    hmac,
    rsa::{PublicEncryptingKey, PublicKey},
    signature::{self, ParsedPublicKey, RsaParameters, VerificationAlgorithm},
};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};

use super::Algorithm;
use crate::{ConfigError, Secret};

pub(super) fn hmac_key(algorithm: Algorithm, secret: &Secret) -> Result<hmac::Key, ConfigError> {
    let hash = match algorithm {
        Algorithm::HS256 => hmac::HMAC_SHA256,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        other => return Err(unfit(other, "a shared secret")),
    };
    if secret.expose().trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(ConfigError::new(
            "this is a key in PEM, not a shared secret: use it with its own algorithm (`Key::from_pem`)",
        ));
    }
    let least = hash.digest_algorithm().output_len();
    if secret.len() < least {
        return Err(ConfigError::new(format!(
            "the secret for {algorithm:?} has {} bytes; RFC 7518 section 3.2 wants at least {least}",
            secret.len()
        )));
    }
    Ok(hmac::Key::new(hash, secret.expose()))
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

pub(super) fn public_algorithm(
    algorithm: Algorithm,
) -> Result<&'static dyn VerificationAlgorithm, ConfigError> {
    Ok(match algorithm {
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &signature::ED25519,
        other => rsa_algorithm(other).ok_or_else(|| unfit(other, "a public key"))?,
    })
}

pub(super) fn rsa_algorithm(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

pub(super) fn unfit(algorithm: Algorithm, what: &str) -> ConfigError {
    ConfigError::new(format!("{algorithm:?} does not work with {what}"))
}

pub(super) fn not_a_key_for(algorithm: Algorithm) -> String {
    format!("this is not a key for {algorithm:?}: of another type or curve, or damaged")
}

pub(super) fn name(jwk: &Jwk) -> String {
    match &jwk.common.key_id {
        Some(kid) => format!("the JWK {kid:?}"),
        None => "a JWK without `kid`".to_owned(),
    }
}

/// Refuses an RSA key that is too short, too long, or known to be weak.
pub(super) fn check_rsa(key: &ParsedPublicKey) -> Result<(), ConfigError> {
    let der = key.as_der().map_err(|error| ConfigError::because("the RSA key is damaged", error))?;
    // The parser takes any size and the verifier then refuses each signature: refuse the key.
    if PublicEncryptingKey::from_der(der.as_ref()).is_err() {
        return Err(ConfigError::new(
            "the RSA key has fewer than 2048 or more than 8192 bits (RFC 7518 section 3.3)",
        ));
    }
    if PublicKey::from_der(der.as_ref()).is_ok_and(|key| has_roca_mark(modulus(&key))) {
        return Err(ConfigError::new(
            "the RSA key comes from a faulty generator and can be factored (CVE-2017-15361); make another",
        ));
    }
    Ok(())
}

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

/// The modulus of an `RSAPublicKey` (RFC 8017 appendix A.1.1) of 2,048 to 8,192 bits: it follows the heads
/// of the sequence and of the integer, each of which has a length in two bytes.
fn modulus(key: &PublicKey) -> &[u8] {
    match key.as_ref() {
        [0x30, 0x82, _, _, 0x02, 0x82, high, low, rest @ ..] => {
            rest.get(..usize::from(*high) * 256 + usize::from(*low)).unwrap_or_default()
        }
        _ => &[],
    }
}
