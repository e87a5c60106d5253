use ed25519_dalek::pkcs8::DecodePublicKey;
use p256::ecdsa::signature::Verifier;
use rsa::{
    BigUint, Pkcs1v15Sign, Pss, RsaPublicKey, pkcs1,
    pkcs8::{AssociatedOid, SubjectPublicKeyInfoRef},
    sha2::{Digest, Sha256, Sha384, Sha512, digest::DynDigest},
    traits::PublicKeyParts,
};

use crate::jwt::Algorithm;

/// A public key, parsed.
pub(in crate::jwt) enum PublicKey {
    Rsa(RsaVerifier, Box<RsaPublicKey>),
    P256(Box<p256::ecdsa::VerifyingKey>),
    P384(Box<p384::ecdsa::VerifyingKey>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

/// Whether a signature of a key is good.
type RsaVerifier = fn(&RsaPublicKey, &[u8], &[u8]) -> bool;

impl PublicKey {
    /// A `SubjectPublicKeyInfo`, an `RSAPublicKey`, an uncompressed point, or the bytes of an Ed25519 key.
    pub(in crate::jwt) fn from_der(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        let is_point = der.first() == Some(&4);
        match algorithm {
            Algorithm::ES256 => {
                let key = if is_point {
                    p256::ecdsa::VerifyingKey::from_sec1_bytes(der).ok()?
                } else {
                    p256::ecdsa::VerifyingKey::from_public_key_der(der).ok()?
                };
                Some(Self::P256(Box::new(key)))
            }
            Algorithm::ES384 => {
                let key = if is_point {
                    p384::ecdsa::VerifyingKey::from_sec1_bytes(der).ok()?
                } else {
                    p384::ecdsa::VerifyingKey::from_public_key_der(der).ok()?
                };
                Some(Self::P384(Box::new(key)))
            }
            Algorithm::EdDSA => {
                let key = match <&[u8; 32]>::try_from(der) {
                    Ok(bytes) => ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?,
                    Err(_) => ed25519_dalek::VerifyingKey::from_public_key_der(der).ok()?,
                };
                Some(Self::Ed25519(Box::new(key)))
            }
            rsa => {
                // The key itself, or inside of a `SubjectPublicKeyInfo`.
                let info = SubjectPublicKeyInfoRef::try_from(der);
                let key = info.as_ref().map_or(der, |info| info.subject_public_key.raw_bytes());
                let key = pkcs1::RsaPublicKey::try_from(key).ok()?;
                Self::from_rsa(rsa, key.modulus.as_bytes(), key.public_exponent.as_bytes())
            }
        }
    }

    /// An RSA key: its modulus and exponent, big-endian.
    pub(in crate::jwt) fn from_rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<Self> {
        let verifier = rsa_verifier(algorithm)?;
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        let (modulus, exponent) = (BigUint::from_bytes_be(n), BigUint::from_bytes_be(e));
        if !is_odd(n) || !is_odd(e) || exponent < BigUint::from(3_u8) {
            return None;
        }
        let key = RsaPublicKey::new_with_max_size(modulus, exponent, MAX_RSA_BITS).ok()?;
        Some(Self::Rsa(verifier, Box::new(key)))
    }

    pub(in crate::jwt) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(verifies, key) => verifies(key, message, signature),
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }

    /// The modulus of an RSA key; `None` for another, or one that cannot be used.
    pub(in crate::jwt) fn rsa_modulus(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(_, key) if key.n().bits() >= MIN_RSA_BITS => Some(key.n().to_bytes_be()),
            _ => None,
        }
    }

    /// The bytes of a key for EdDSA, which is Ed25519.
    pub(in crate::jwt) fn ed25519(&self) -> Option<[u8; 32]> {
        match self {
            Self::Ed25519(key) => Some(key.to_bytes()),
            _ => None,
        }
    }
}

/// RFC 7518 section 3.3; and what the other backend takes.
const MIN_RSA_BITS: usize = 2048;
const MAX_RSA_BITS: usize = 8192;

fn rsa_verifier(algorithm: Algorithm) -> Option<RsaVerifier> {
    Some(match algorithm {
        Algorithm::RS256 => pkcs1v15::<Sha256>,
        Algorithm::RS384 => pkcs1v15::<Sha384>,
        Algorithm::RS512 => pkcs1v15::<Sha512>,
        Algorithm::PS256 => pss::<Sha256>,
        Algorithm::PS384 => pss::<Sha384>,
        Algorithm::PS512 => pss::<Sha512>,
        _ => return None,
    })
}

/// RFC 8017 section 8.2.
fn pkcs1v15<D: Digest + AssociatedOid>(key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
    key.verify(Pkcs1v15Sign::new::<D>(), &D::digest(message), signature).is_ok()
}

/// RFC 8017 section 8.1, with a salt as long as the hash (RFC 7518 section 3.5).
fn pss<D: 'static + Digest + DynDigest + Send + Sync>(
    key: &RsaPublicKey,
    message: &[u8],
    signature: &[u8],
) -> bool {
    key.verify(Pss::new::<D>(), &D::digest(message), signature).is_ok()
}
