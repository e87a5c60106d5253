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
        return Err(ConfigError::new(
            "this is a key in PEM, not a shared secret: use it with its own algorithm (`Key::from_pem`)",
        ));
    }
    if secret.len() < least {
        return Err(ConfigError::new(format!(
            "the secret for {algorithm:?} has {} bytes; RFC 7518 section 3.2 wants at least {least}",
            secret.len()
        )));
    }
    SharedKey::new(algorithm, secret.expose()).ok_or_else(|| unfit(algorithm, "a shared secret"))
}

/// Refuses the absence of a key, and an RSA key that is too short, too long, or known to be weak.
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
            ConfigError::new(
                "the RSA key has fewer than 2048 or more than 8192 bits (RFC 7518 section 3.3)",
            )
        })?;
        if has_roca_mark(&modulus) {
            return Err(ConfigError::new(
                "the RSA key comes from a faulty generator and can be factored (CVE-2017-15361); make \
                 another",
            ));
        }
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

pub(super) fn name(jwk: &Jwk) -> String {
    match &jwk.common.key_id {
        Some(kid) => format!("the JWK {kid:?}"),
        None => "a JWK without `kid`".to_owned(),
    }
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
