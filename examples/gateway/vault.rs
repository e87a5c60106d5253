use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis::{Secret, store::sql::SealingKey};

use crate::{
    Error,
    database::{new_id, random},
};

/// The keys that are not in the database: whoever has only that can neither sign tokens nor read the S3P
/// secrets.
pub struct Vault {
    sealing: Secret,
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
        Ok(Self { sealing: Secret::new(sealing), jwt: Secret::new(jwt) })
    }

    /// The key that S3P secrets are stored under.
    pub fn sealing_key(&self) -> Result<SealingKey, Error> {
        Ok(SealingKey::new(self.sealing.expose())?)
    }

    /// The secret that tokens are signed with.
    pub fn jwt_secret(&self) -> Secret {
        self.jwt.clone()
    }
}

/// The file holds 64 bytes in base64, and only its owner may read it.
fn read_or_create(file: &Path) -> Result<[u8; 64], Error> {
    if !file.exists() {
        create(file)?;
    }
    let text = fs::read_to_string(file)?;
    let keys = STANDARD.decode(text.trim()).ok().and_then(|keys| keys.try_into().ok());
    Ok(keys.ok_or("it does not hold 64 bytes in base64")?)
}

/// Whole or not at all, and never over another one: two instances may start at once.
fn create(file: &Path) -> Result<(), Error> {
    let new = file.with_extension(format!("keys.{}", new_id()));
    let mut created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    created.write_all(STANDARD.encode(random::<64>()).as_bytes())?;
    created.sync_all()?;
    let linked = fs::hard_link(&new, file);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => Ok(other?),
    }
}
