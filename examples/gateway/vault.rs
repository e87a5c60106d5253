use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis::Secret;

use crate::{Error, database::random};

/// The keys that are not in the database: whoever has only that can neither sign tokens nor read the S3P
/// secrets.
pub struct Vault {
    sealing: RandomizedNonceKey,
    jwt: Secret,
}

impl Vault {
    /// Reads the key file, and creates it if there is none. Without a file, the keys live as long as the
    /// process.
    pub fn open(file: Option<&Path>) -> Result<Self, Error> {
        let keys = match file {
            Some(file) => read_or_create(file)
                .map_err(|error| format!("cannot use the key file {}: {error}", file.display()))?,
            None => random(),
        };
        let (sealing, jwt) = keys.split_at(32);
        Ok(Self { sealing: RandomizedNonceKey::new(&AES_256_GCM, sealing)?, jwt: Secret::new(jwt) })
    }

    /// The secret that tokens are signed with.
    pub fn jwt_secret(&self) -> Secret {
        self.jwt.clone()
    }

    /// Seals a secret, for the row of this name and no other.
    pub fn seal(&self, row: &str, secret: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = secret.to_vec();
        let nonce = self.sealing.seal_in_place_append_tag(Aad::from(row), &mut sealed)?;
        Ok([&nonce.as_ref()[..], &sealed].concat())
    }

    /// Opens what was sealed for the row of this name.
    pub fn open_sealed(&self, row: &str, sealed: &[u8]) -> Result<Secret, Error> {
        let (nonce, sealed) = sealed.split_at_checked(12).ok_or("a sealed secret is cut short")?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut opened = sealed.to_vec();
        let length = self
            .sealing
            .open_in_place(nonce, Aad::from(row), &mut opened)
            .map_err(|_| "a sealed secret does not open: is this the key file of this database?")?
            .len();
        opened.truncate(length);
        Ok(Secret::new(opened))
    }
}

/// The file holds 64 bytes in base64, and only its owner may read it.
fn read_or_create(file: &Path) -> Result<[u8; 64], Error> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    match created {
        Ok(mut created) => {
            let keys: [u8; 64] = random();
            created.write_all(STANDARD.encode(keys).as_bytes())?;
            created.sync_all()?;
            Ok(keys)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = fs::read_to_string(file)?;
            let keys = STANDARD.decode(text.trim()).ok().and_then(|keys| keys.try_into().ok());
            Ok(keys.ok_or("it does not hold 64 bytes in base64")?)
        }
        Err(error) => Err(error.into()),
    }
}
