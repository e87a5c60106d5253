use hmac::{Hmac, KeyInit, Mac};

use crate::jwt::Algorithm;

/// A secret for HMAC, its schedule computed.
#[derive(Clone)]
pub(in crate::jwt) enum SharedKey {
    Hs256(Hmac<sha2::Sha256>),
    Hs384(Hmac<sha2::Sha384>),
    Hs512(Hmac<sha2::Sha512>),
}

impl SharedKey {
    /// `None`: the algorithm is another.
    pub(in crate::jwt) fn new(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        Some(match algorithm {
            Algorithm::HS256 => Self::Hs256(Hmac::new_from_slice(secret).ok()?),
            Algorithm::HS384 => Self::Hs384(Hmac::new_from_slice(secret).ok()?),
            Algorithm::HS512 => Self::Hs512(Hmac::new_from_slice(secret).ok()?),
            _ => return None,
        })
    }

    pub(in crate::jwt) fn sign(&self, message: &[u8]) -> impl AsRef<[u8]> + use<> {
        match self {
            Self::Hs256(key) => key.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Hs384(key) => key.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Hs512(key) => key.clone().chain_update(message).finalize().into_bytes().to_vec(),
        }
    }

    /// In constant time.
    pub(in crate::jwt) fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        match self {
            Self::Hs256(key) => key.clone().chain_update(message).verify_slice(tag).is_ok(),
            Self::Hs384(key) => key.clone().chain_update(message).verify_slice(tag).is_ok(),
            Self::Hs512(key) => key.clone().chain_update(message).verify_slice(tag).is_ok(),
        }
    }
}
