use std::fmt;

use super::canonical::SigningKey;
use crate::{ConfigError, Identity, NowOrLater, ScopeSet, Secret, StoreError};

/// The least length of a secret, in bytes.
const LEAST: usize = 16;

/// What belongs to an access token: the secret, and who it is.
#[derive(Clone)]
pub struct AccessKey {
    identity: Identity,
    key: SigningKey,
    scopes: ScopeSet,
}

impl AccessKey {
    /// A key of somebody's.
    ///
    /// # Errors
    ///
    /// When the secret is shorter than 16 bytes: it could be found by trying, from one request.
    pub fn new(identity: Identity, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let secret = secret.into();
        check_length(&secret, identity.subject())?;
        Ok(Self::dangerous_short_secret(identity, secret))
    }

    /// A key whose secret may be of any length, even one that can be found by trying.
    pub fn dangerous_short_secret(identity: Identity, secret: impl Into<Secret>) -> Self {
        Self { identity, key: SigningKey::new(&secret.into()), scopes: ScopeSet::empty() }
    }

    /// What the holder may do. None, unless told otherwise.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = scopes.into();
        self
    }

    pub(super) fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    pub(super) fn into_identity(self) -> (Identity, ScopeSet) {
        (self.identity, self.scopes)
    }
}

/// Refuses a secret that is too short.
pub(super) fn check_length(secret: &Secret, whose: &str) -> Result<(), ConfigError> {
    if secret.len() >= LEAST {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "the S3P secret of {whose:?} has {} bytes; at least {LEAST} are needed. If it cannot be changed, \
         `dangerous_short_secret` takes it",
        secret.len()
    )))
}

/// No secret, and nothing that was made of it, is printed.
impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Where access keys are kept.
///
/// # Implementer notes
///
/// `Ok(None)` is "there is no such token"; a store that is down is an error. The caller gets a 503 for
/// the one and a 401 for the other. Tokens are compared byte for byte.
pub trait AccessKeyStore: Send + Sync + 'static {
    /// The key of this access token.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn access_key(&self, token: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>>;
}
