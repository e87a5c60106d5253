use std::{borrow::Cow, sync::Arc, time::SystemTime};

use super::PasswordHash;
use crate::{ConfigError, Identity, NowOrLater, Principal, Scheme, ScopeSet, StoreError};

/// A user, as a store knows it.
#[derive(Clone, Debug)]
pub struct User {
    name: Arc<str>,
    credential: Option<Arc<str>>,
    identity: Identity,
    password: PasswordHash,
    scopes: ScopeSet,
    disabled: bool,
    locked: bool,
    expires: Option<SystemTime>,
}

impl User {
    /// A user whose subject is the login name, of the issuer [`Identity::LOCAL`].
    ///
    /// # Errors
    ///
    /// When the name is empty, or holds a colon or a control character: it could not be sent
    /// (RFC 7617 section 2).
    pub fn new(name: impl Into<Arc<str>>, password: PasswordHash) -> Result<Self, ConfigError> {
        let name = name.into();
        if name.contains(|c: char| c == ':' || c.is_control()) {
            return Err(ConfigError::new(format!(
                "the user name {name:?} holds a colon or a control character, which HTTP Basic cannot \
                 carry (RFC 7617 section 2)"
            )));
        }
        let identity = Identity::local(name.clone())
            .map_err(|_| ConfigError::new("a user name may not be empty"))?;
        Ok(Self {
            name,
            credential: None,
            identity,
            password,
            scopes: ScopeSet::empty(),
            disabled: false,
            locked: false,
            expires: None,
        })
    }

    /// Gives the user an identity apart from the login name, so that the name can change while the
    /// ownership of things stays.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Names the credential that is verified, for the [principal](crate::Principal::credential_id): the login name,
    /// unless told otherwise. It is not secret.
    pub fn credential_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.credential = Some(id.into());
        self
    }

    /// What the user may do. None, unless told otherwise.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// Refuses the user from now on, with the right password too.
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// Refuses the user until unlocked, with the right password too. It differs from
    /// [`disabled`](Self::disabled) in what the log says.
    pub fn locked(mut self, locked: bool) -> Self {
        self.locked = locked;
        self
    }

    /// Refuses the user from this time on, by the clock of [`BasicAuth`](super::BasicAuth).
    pub fn expires(mut self, at: SystemTime) -> Self {
        self.expires = Some(at);
        self
    }

    /// The login name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stored hash.
    pub fn password(&self) -> &PasswordHash {
        &self.password
    }

    pub(crate) fn with_password(self, password: PasswordHash) -> Self {
        Self { password, ..self }
    }

    #[cfg(feature = "sql")]
    pub(crate) fn owner(&self) -> &Identity {
        &self.identity
    }

    #[cfg(feature = "sql")]
    pub(crate) fn held_scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// Why the user is not let in with the right password either: a stable code.
    pub(super) fn refusal(&self, now: SystemTime) -> Option<&'static str> {
        if self.disabled {
            Some("basic.disabled")
        } else if self.locked {
            Some("basic.locked")
        } else if self.expires.is_some_and(|at| at <= now) {
            Some("basic.expired")
        } else {
            None
        }
    }

    #[cfg(any(feature = "contract", feature = "sql"))]
    pub(crate) fn is_disabled(&self) -> bool {
        self.disabled
    }

    #[cfg(any(feature = "contract", feature = "sql"))]
    pub(crate) fn is_locked(&self) -> bool {
        self.locked
    }

    pub(crate) fn expiry(&self) -> Option<SystemTime> {
        self.expires
    }

    pub(crate) fn to_principal(&self) -> Principal {
        let credential = self.credential.as_ref().unwrap_or(&self.name);
        let principal = Principal::builder(self.identity.clone(), Scheme::BASIC);
        principal.credential_id(credential.clone()).scopes(self.scopes.clone()).build()
    }
}

/// Where users are kept.
///
/// # Implementer notes
///
/// * `Ok(None)` is "there is no such user"; a store that is down is an error. The caller gets a 503
///   for the one and a 401 for the other.
/// * Names are compared byte for byte, unless your store says otherwise: then it says so in
///   [`normalized`](Self::normalized), too, or each spelling has guesses of its own.
/// * Give back users who are disabled, locked or expired as well, marked: the layer refuses them after the hash.
/// * Read stored hashes with [`PasswordHash::parse_or_unusable`]: a damaged one is no store that is down, and
///   must not tell a stranger that there is such a user.
pub trait UserStore: Send + Sync + 'static {
    /// The user of this login name.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>>;

    /// Another number whenever anything has changed that [`user`](Self::user) would answer, wherever that was: as long as
    /// it stays the same, a [`CredentialCache`](super::CredentialCache) does not ask for a user that it knows. `None`,
    /// unless a store can tell without waiting.
    ///
    /// By the time that a change is acknowledged, this is another number than before, for every thread; and it was not
    /// before `user` could see the change. A number never comes back.
    fn version(&self) -> Option<u64> {
        None
    }

    /// The one spelling of a login name that stands for all that [`user`](Self::user) takes for the same: a
    /// [`Throttle`](super::Throttle) counts attempts under it. By default, every name is one of its own.
    fn normalized<'n>(&self, name: &'n str) -> Cow<'n, str> {
        Cow::Borrowed(name)
    }

    /// A hash that costs as much as most of the stored ones, and that no password has: it is verified
    /// for names that do not exist. With `None`, one of [`PasswordHash::of`]'s cost is.
    fn decoy(&self) -> Option<PasswordHash> {
        None
    }

    /// Puts a new hash of the same password in the place of an outdated one, *if the old one is still there*: a
    /// password that was changed in the meantime stays. It is called after a success, off the request's path;
    /// see [`BasicAuth::rehash_outdated`](super::BasicAuth::rehash_outdated). By default, nothing happens.
    ///
    /// # Errors
    ///
    /// When the store cannot answer. It is logged, and tried again after another success.
    fn rehashed(
        &self,
        _name: &str,
        _old: &PasswordHash,
        _new: &PasswordHash,
    ) -> NowOrLater<Result<(), StoreError>> {
        NowOrLater::now(Ok(()))
    }
}
