use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use super::{Dialect, SignatureMethod, TimestampUnit, signing_key::SigningKey};
use crate::{ConfigError, Identity, NowOrLater, Principal, Scheme, ScopeSet, Secret, StoreError};

/// The least length of a secret, in bytes.
const LEAST: usize = 16;

/// How many dialects a key may have: how many texts are tried for a request, at the most.
pub(super) const MOST_DIALECTS: usize = 4;

/// What belongs to an access token: the secret, and who it is. A clone copies a pointer.
#[derive(Clone)]
pub struct AccessKey(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    identity: Identity,
    key: SigningKey,
    previous: Option<SigningKey>,
    method: SignatureMethod,
    dialects: Vec<Dialect>,
    scopes: ScopeSet,
    /// Made for the token that the key was first found under.
    principal: OnceLock<Principal>,
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
        Self(Arc::new(Parts {
            identity,
            key: SigningKey::new(secret.into(), SignatureMethod::HmacSha1),
            previous: None,
            method: SignatureMethod::HmacSha1,
            dialects: vec![Dialect::STRICT],
            scopes: ScopeSet::empty(),
            principal: OnceLock::new(),
        }))
    }

    /// Takes the former secret as well, while clients change to the new one.
    ///
    /// # Errors
    ///
    /// When it is shorter than 16 bytes.
    pub fn previous_secret(mut self, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let secret = secret.into();
        check_length(&secret, self.0.identity.subject())?;
        let method = self.0.method;
        self.parts().previous = Some(SigningKey::new(secret, method));
        Ok(self)
    }

    /// Takes signatures of this method alone. The default is the scheme's own, HMAC-SHA1.
    pub fn method(mut self, method: SignatureMethod) -> Self {
        let parts = self.parts();
        parts.method = method;
        for key in parts.previous.iter_mut().chain([&mut parts.key]) {
            *key = key.by(method);
        }
        self
    }

    /// Takes signatures in these dialects, each tried in turn. The default is [`Dialect::STRICT`] alone: list
    /// it, too, if it is to stay.
    ///
    /// # Errors
    ///
    /// When there is none, or more than four: a request is not tried in more ways than that.
    pub fn dialects(mut self, dialects: impl Into<Vec<Dialect>>) -> Result<Self, ConfigError> {
        let dialects = dialects.into();
        if !(1..=MOST_DIALECTS).contains(&dialects.len()) {
            return Err(ConfigError::new(format!(
                "an access key has between 1 and {MOST_DIALECTS} dialects, not {}",
                dialects.len()
            )));
        }
        self.parts().dialects = dialects;
        Ok(self)
    }

    /// What the holder may do. None, unless told otherwise.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.parts().scopes = scopes.into();
        self
    }

    fn parts(&mut self) -> &mut Parts {
        let parts = Arc::make_mut(&mut self.0);
        // What is changed now may change who it is.
        parts.principal = OnceLock::new();
        parts
    }

    /// Who has signed with this key, found under this token.
    pub(super) fn principal(&self, token: &str) -> Principal {
        let principal = self.0.principal.get_or_init(|| self.new_principal(token));
        if principal.credential_id() == Some(token) {
            return principal.clone();
        }
        self.new_principal(token)
    }

    fn new_principal(&self, token: &str) -> Principal {
        let principal = Principal::builder(self.identity().clone(), Scheme::S3P);
        principal.credential_id(token).scopes(self.held_scopes().clone()).build()
    }

    /// The listed dialects with this unit of time.
    pub(super) fn dialects_in(&self, unit: TimestampUnit) -> impl Iterator<Item = Dialect> {
        self.0.dialects.iter().copied().filter(move |dialect| dialect.timestamp == unit)
    }

    pub(super) fn takes(&self, method: SignatureMethod) -> bool {
        self.0.method == method
    }

    /// Whether one of the secrets has made this signature. Where there is no previous one, nobody's takes its time.
    pub(super) fn has_made(&self, signature: &[u8], of: &[u8], nobody: &SigningKey) -> bool {
        if self.0.key.verify(of, signature) {
            return true;
        }
        let Some(previous) = &self.0.previous else {
            nobody.verify(of, signature);
            return false;
        };
        previous.verify(of, signature)
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }

    pub(crate) fn held_scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }
}

/// Refuses a secret that is too short.
pub(crate) fn check_length(secret: &Secret, whose: &str) -> Result<(), ConfigError> {
    if secret.len() >= LEAST {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "the S3P secret of {whose:?} has {} bytes; at least {LEAST} are needed. A present secret that cannot \
         be changed is taken by `dangerous_short_secret`",
        secret.len()
    )))
}

/// No secret, and nothing that was made of it, is printed.
impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("identity", &self.0.identity).finish_non_exhaustive()
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
