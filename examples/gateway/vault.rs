use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis::{Secret, store::sql::SealingKey};
use sha2::{Digest, Sha256};

use crate::{
    Error,
    database::{new_id, random},
};

/// The keys that are not in the database: whoever has only that can neither sign tokens nor read the S3P
/// secrets.
pub struct Vault {
    sealing: Secret,
    jwt: Secret,
    file: PathBuf,
    is_new: bool,
}

impl Vault {
    /// Reads the key file, and creates it if there is none. Without a file, the keys live as long as the
    /// process.
    pub fn open(file: Option<&Path>) -> Result<Self, Error> {
        let Some(file) = file else {
            return Ok(Self::new(&random(), Path::new("in memory"), false));
        };
        let cannot = |error| format!("cannot use the key file {}: {error}", file.display());
        let is_new = !file.exists() && create(file).map_err(cannot)?;
        Ok(Self::new(&read(file).map_err(cannot)?, file, is_new))
    }

    fn new(keys: &[u8; 64], file: &Path, is_new: bool) -> Self {
        let (sealing, jwt) = keys.split_at(32);
        let (sealing, jwt) = (Secret::new(sealing), Secret::new(jwt));
        Self { sealing, jwt, file: file.to_owned(), is_new }
    }

    /// By which these keys are told from others, and which does not tell them: they are random.
    pub fn digest(&self) -> String {
        let digest = Sha256::new().chain_update("gateway keys");
        let digest = digest.chain_update(self.sealing.expose()).chain_update(self.jwt.expose());
        STANDARD.encode(digest.finalize())
    }

    /// Why these keys are not used, when the database was made with others. A file that was created for them is
    /// taken away again: the right one belongs there.
    pub fn refuse(&self) -> Result<String, Error> {
        let file = self.file.display();
        if self.is_new {
            fs::remove_file(&self.file)?;
            return Ok(format!("there is no key file {file}, and this database was made with one"));
        }
        Ok(format!("the key file {file} is not the one that this database was made with"))
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
fn read(file: &Path) -> Result<[u8; 64], Error> {
    let text = fs::read_to_string(file)?;
    let keys = STANDARD.decode(text.trim()).ok().and_then(|keys| keys.try_into().ok());
    Ok(keys.ok_or("it does not hold 64 bytes in base64")?)
}

/// Whole or not at all, and never over another one, since two instances may start at once: whether it was
/// this one.
fn create(file: &Path) -> Result<bool, Error> {
    let new = file.with_extension(format!("keys.{}", new_id()));
    let mut created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    created.write_all(STANDARD.encode(random::<64>()).as_bytes())?;
    created.sync_all()?;
    let linked = fs::hard_link(&new, file);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        other => Ok(other.map(|()| true)?),
    }
}
