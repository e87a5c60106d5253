use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};

use super::Error;
use crate::{ConfigError, Secret};

/// The key that secrets are stored under (AES-256-GCM, a random nonce for each): whoever has only the
/// database cannot sign.
///
/// Keep it apart from the database and from its backups; without it, the secrets are lost. What was sealed
/// for one access token opens for no other.
///
/// ```
/// use portcullis::store::sql::SealingKey;
///
/// assert!(SealingKey::new(&[7; 32]).is_ok());
/// assert!(SealingKey::new(b"too short").is_err());
/// ```
pub struct SealingKey(RandomizedNonceKey);

impl SealingKey {
    /// A key of 32 random bytes.
    ///
    /// # Errors
    ///
    /// When there are more or fewer.
    pub fn new(key: &[u8]) -> Result<Self, ConfigError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| {
            ConfigError::new(format!("a sealing key has 32 random bytes, not {}", key.len()))
        })?;
        Ok(Self(key))
    }

    /// Seals a secret, for the row of this name and no other.
    pub(super) fn seal(&self, row: &str, secret: &Secret) -> Result<Vec<u8>, Error> {
        let mut sealed = secret.expose().to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(row), &mut sealed)?;
        Ok([&nonce.as_ref()[..], &sealed].concat())
    }

    /// Opens what was sealed for the row of this name.
    pub(super) fn open(&self, row: &str, sealed: &[u8]) -> Result<Secret, Error> {
        let (nonce, sealed) = sealed.split_at_checked(12).ok_or("a sealed secret is cut short")?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut opened = sealed.to_vec();
        let length = self
            .0
            .open_in_place(nonce, Aad::from(row), &mut opened)
            .map_err(|_| "a sealed secret does not open: is this the sealing key of this database?")?
            .len();
        opened.truncate(length);
        Ok(Secret::new(opened))
    }
}

/// No byte of the key is printed.
impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(** redacted **)")
    }
}
