use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Key, Keys, header::Header};
use crate::Rejection;

/// The payload of a compact JWS (RFC 7515 section 7.1) whose signature was verified. Whether it holds
/// claims, and which, was not looked at.
pub struct VerifiedJws {
    payload: Vec<u8>,
}

impl VerifiedJws {
    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

impl fmt::Debug for VerifiedJws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedJws").finish_non_exhaustive()
    }
}

impl Keys {
    /// Verifies the signature of a compact JWS, and nothing else: no claim is looked at.
    ///
    /// # Errors
    ///
    /// [`RejectionKind::RefusedCredentials`](crate::RejectionKind::RefusedCredentials), with the reason as
    /// a code, when the token breaks rules 2 to 4 of the [module docs](crate::jwt), or its signature is
    /// wrong.
    pub fn verify(&self, token: &str) -> Result<VerifiedJws, Rejection> {
        let verified = UnverifiedJws::open(self, token, |_| Ok(()));
        let verified = verified.and_then(|jws| jws.verify().map(|_| jws.into_payload()));
        verified.map(|payload| VerifiedJws { payload }).map_err(Rejection::refused)
    }
}

/// A compact JWS for which there is a key.
pub(super) struct UnverifiedJws<'k, 't> {
    key: &'k Key,
    message: &'t str,
    signature: Vec<u8>,
    payload: Vec<u8>,
}

/// That the signature of a token was verified: made nowhere else.
pub(super) struct SignatureVerified(());

impl<'k, 't> UnverifiedJws<'k, 't> {
    /// Takes a token apart, and finds the key for it. The error is a stable code.
    pub(super) fn open(
        keys: &'k Keys,
        token: &'t str,
        admit: impl FnOnce(&Header<'_>) -> Result<(), &'static str>,
    ) -> Result<Self, &'static str> {
        let (message, signature) = token.rsplit_once('.').ok_or("jwt.parts")?;
        let (header, payload) = message.split_once('.').ok_or("jwt.parts")?;
        if payload.contains('.') {
            return Err("jwt.parts");
        }
        let header = decode(header)?;
        let header = Header::parse(&header)?;
        admit(&header)?;
        let key = keys.choose(&header.alg, header.kid.as_deref())?;
        Ok(Self { key, message, signature: decode(signature)?, payload: decode(payload)? })
    }

    /// What anybody may have written.
    pub(super) fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn verify(&self) -> Result<SignatureVerified, &'static str> {
        if self.key.verify(self.message.as_bytes(), &self.signature) {
            Ok(SignatureVerified(()))
        } else {
            Err("jwt.signature")
        }
    }

    pub(super) fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}

/// The payload of a compact JWS that was not even looked at.
pub(super) fn unverified_payload(token: &str) -> Result<Vec<u8>, &'static str> {
    let (message, _) = token.rsplit_once('.').ok_or("jwt.parts")?;
    let (_, payload) = message.split_once('.').ok_or("jwt.parts")?;
    decode(payload)
}

/// Strict: no padding, no stray bits, nothing outside of the alphabet (RFC 7515 section 2).
fn decode(part: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| "jwt.base64url")
}
