//! Which password a caller has come with: it may be replaced while the body of the request is on its way.

use std::fmt::Write;

use portcullis::{
    NowOrLater, StoreError,
    basic::{PasswordHash, User, UserStore},
};
use sha2::{Digest, Sha256};

use crate::database::Database;

/// The users. The id of the credential is the mark of the password that was verified.
pub struct Passwords(pub Database);

impl UserStore for Passwords {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        self.0.store().user(name).map(|user| Ok(user?.map(marked)))
    }

    fn decoy(&self) -> Option<PasswordHash> {
        self.0.store().decoy()
    }
}

fn marked(user: User) -> User {
    let mark = mark(user.password().as_str());
    user.credential_id(mark)
}

/// By which a stored hash is told from every other, and which does not tell it.
pub fn mark(hash: &str) -> String {
    let digest = Sha256::digest(hash);
    digest[..16].iter().fold(String::new(), |mut mark, byte| {
        let _ = write!(mark, "{byte:02x}");
        mark
    })
}
