use aws_lc_rs::{
    encoding::AsDer,
    rsa,
    signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm},
};

use crate::jwt::Algorithm;

/// A public key, parsed.
pub(in crate::jwt) struct PublicKey(ParsedPublicKey);

impl PublicKey {
    /// A `SubjectPublicKeyInfo`, an `RSAPublicKey`, an uncompressed point, or the bytes of an Ed25519 key.
    pub(in crate::jwt) fn from_der(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        let algorithm: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
            Algorithm::EdDSA => &signature::ED25519,
            other => rsa(other)?,
        };
        ParsedPublicKey::new(algorithm, der).ok().map(Self)
    }

    /// An RSA key: its modulus and exponent, big-endian.
    pub(in crate::jwt) fn from_rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<Self> {
        let key = RsaPublicKeyComponents { n, e };
        key.to_parsed_public_key(rsa(algorithm)?).ok().map(Self)
    }

    pub(in crate::jwt) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }

    /// The modulus of an RSA key; `None` for another, or one that cannot be used.
    pub(in crate::jwt) fn rsa_modulus(&self) -> Option<Vec<u8>> {
        let der = self.0.as_der().ok()?;
        // The parser takes any size, and then refuses each signature.
        rsa::PublicEncryptingKey::from_der(der.as_ref()).ok()?;
        let key = rsa::PublicKey::from_der(der.as_ref()).ok()?;
        modulus(&key).map(<[u8]>::to_vec)
    }

    /// The bytes of a key for EdDSA, which is Ed25519: the end of its `SubjectPublicKeyInfo` (RFC 8410 section 4).
    pub(in crate::jwt) fn ed25519(&self) -> Option<[u8; 32]> {
        self.0.as_der().ok()?.as_ref().last_chunk().copied()
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
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

/// The modulus of an `RSAPublicKey` (RFC 8017 appendix A.1.1) of 2,048 to 8,192 bits: it follows the heads
/// of the sequence and of the integer, each of which has a length in two bytes; and a zero.
fn modulus(key: &rsa::PublicKey) -> Option<&[u8]> {
    let [0x30, 0x82, _, _, 0x02, 0x82, high, low, rest @ ..] = key.as_ref() else {
        return None;
    };
    let modulus = rest.get(..usize::from(*high) * 256 + usize::from(*low))?;
    Some(modulus.strip_prefix(&[0]).unwrap_or(modulus))
}
