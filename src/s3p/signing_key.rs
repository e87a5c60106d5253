use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::SignatureMethod;
use crate::Secret;

/// A secret, and its key schedule for one method.
#[derive(Clone)]
pub(super) struct SigningKey {
    secret: Secret,
    schedule: Schedule,
}

#[derive(Clone)]
enum Schedule {
    HmacSha1(Hmac<Sha1>),
    HmacSha256(Hmac<Sha256>),
}

impl SigningKey {
    pub(super) fn new(secret: Secret, method: SignatureMethod) -> Self {
        let any_length = "HMAC takes a key of any length";
        let schedule = match method {
            SignatureMethod::HmacSha1 => {
                Schedule::HmacSha1(Hmac::new_from_slice(secret.expose()).expect(any_length))
            }
            SignatureMethod::HmacSha256 => {
                Schedule::HmacSha256(Hmac::new_from_slice(secret.expose()).expect(any_length))
            }
        };
        Self { secret, schedule }
    }

    /// The same secret, for this method.
    pub(super) fn by(&self, method: SignatureMethod) -> Self {
        Self::new(self.secret.clone(), method)
    }

    pub(super) fn sign(&self, base_string: &[u8]) -> String {
        match &self.schedule {
            Schedule::HmacSha1(key) => {
                STANDARD.encode(key.clone().chain_update(base_string).finalize().into_bytes())
            }
            Schedule::HmacSha256(key) => {
                STANDARD.encode(key.clone().chain_update(base_string).finalize().into_bytes())
            }
        }
    }

    /// In constant time.
    pub(super) fn verify(&self, base_string: &[u8], signature: &[u8]) -> bool {
        #[cfg(test)]
        super::work::count_signature();
        match &self.schedule {
            Schedule::HmacSha1(key) => key.clone().chain_update(base_string).verify_slice(signature),
            Schedule::HmacSha256(key) => key.clone().chain_update(base_string).verify_slice(signature),
        }
        .is_ok()
    }
}
