use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Keys, header::Header};
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

    pub(super) fn into_payload(self) -> Vec<u8> {
        self.payload
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
    /// [`RejectionKind::RefusedCredentials`](crate::RejectionKind::RefusedCredentials), with the reason as a code, when the token breaks rules 2
    /// to 4 of the [module docs](crate::jwt), or its signature is wrong.
    pub fn verify(&self, token: &str) -> Result<VerifiedJws, Rejection> {
        self.verify_compact(token).map_err(Rejection::refused)
    }

    pub(super) fn verify_compact(&self, token: &str) -> Result<VerifiedJws, &'static str> {
        let (message, signature) = token.rsplit_once('.').ok_or("jwt.parts")?;
        let (header, payload) = message.split_once('.').ok_or("jwt.parts")?;
        if payload.contains('.') {
            return Err("jwt.parts");
        }
        let header = decode(header)?;
        let header = Header::parse(&header)?;
        let key = self.choose(&header.alg, header.kid.as_deref())?;
        let signature = decode(signature)?;
        if !key.verify(message.as_bytes(), &signature) {
            return Err("jwt.signature");
        }
        Ok(VerifiedJws { payload: decode(payload)? })
    }
}

/// Strict: no padding, no stray bits, nothing outside of the alphabet (RFC 7515 section 2).
fn decode(part: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| "jwt.base64url")
}
