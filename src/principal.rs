use std::{any::Any, fmt, sync::Arc, time::SystemTime};

#[cfg(feature = "_jwt")]
use crate::jwt::Claims;
use crate::{ConfigError, ScopeSet, text::Text};

/// Who somebody is: a subject, and the issuer that vouches for it.
///
/// Two identities are equal when both parts are equal byte for byte; the same subject of two
/// issuers is two people.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Identity {
    issuer: Text,
    subject: Text,
}

impl Identity {
    /// The issuer of the principals of a user store of one's own.
    pub const LOCAL: &'static str = "local";

    /// An identity.
    ///
    /// # Errors
    ///
    /// When the subject is empty: nobody would be somebody, and would own what nobody owns.
    pub fn new(issuer: impl Into<Arc<str>>, subject: impl Into<Arc<str>>) -> Result<Self, ConfigError> {
        Self::of(issuer.into().into(), subject.into().into())
            .ok_or_else(|| ConfigError::new("an identity needs a subject that is not empty"))
    }

    /// `None` when the subject is empty.
    pub(crate) fn of(issuer: Text, subject: Text) -> Option<Self> {
        (!subject.is_empty()).then_some(Self { issuer, subject })
    }

    /// An identity of a user store of one's own ([`Identity::LOCAL`]).
    ///
    /// # Errors
    ///
    /// When the subject is empty.
    pub fn local(subject: impl Into<Arc<str>>) -> Result<Self, ConfigError> {
        Self::new(Self::LOCAL, subject)
    }

    /// Who vouches for the subject.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject: unique for its issuer, and never given to somebody else.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// How a principal proved who it is: the name of an authentication scheme.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Scheme(&'static str);

impl Scheme {
    /// RFC 7617.
    pub const BASIC: Self = Self("Basic");
    /// RFC 6750.
    pub const BEARER: Self = Self("Bearer");
    /// The Smobilpay S3P Authorization Standard.
    pub const S3P: Self = Self("s3pAuth");

    /// Another scheme.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name, as a challenge spells it.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Who a request is proved to come from. Handing it on copies a pointer.
///
/// The authenticating layers leave it in the request's extensions, and take out what lay there
/// before. With the feature `axum` it is an extractor, as `Principal` and as `Option<Principal>`.
///
/// ```
/// use portcullis::{Identity, Principal, Scheme, ScopeSet};
///
/// let alice = Principal::builder(Identity::local("alice")?, Scheme::BASIC)
///     .scopes(ScopeSet::parse("messages:send").unwrap())
///     .build();
/// assert_eq!(alice.subject(), "alice");
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Principal(Arc<Parts>);

struct Parts {
    identity: Identity,
    scheme: Scheme,
    credential_id: Option<Text>,
    scopes: ScopeSet,
    authenticated_at: Option<SystemTime>,
    expires: Option<SystemTime>,
    extra: Extra,
}

/// What else a scheme knows.
enum Extra {
    Nothing,
    /// Apart from others, to be in one piece with the principal.
    #[cfg(feature = "_jwt")]
    Claims(Claims),
    Other(Box<dyn Any + Send + Sync>),
}

impl Principal {
    /// Begins a principal: for those who write an [`Authenticator`](crate::Authenticator).
    pub fn builder(identity: Identity, scheme: Scheme) -> PrincipalBuilder {
        PrincipalBuilder(Parts {
            identity,
            scheme,
            credential_id: None,
            scopes: ScopeSet::empty(),
            authenticated_at: None,
            expires: None,
            extra: Extra::Nothing,
        })
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The subject of the identity.
    pub fn subject(&self) -> &str {
        self.0.identity.subject()
    }

    /// The issuer of the identity.
    pub fn issuer(&self) -> &str {
        self.0.identity.issuer()
    }

    /// How it proved who it is.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// Which credential it used: a JWT's `jti`, an S3P access token, a login name. Not a secret.
    pub fn credential_id(&self) -> Option<&str> {
        self.0.credential_id.as_deref()
    }

    /// What the credential, or the store, lets it do. None, unless one of them says so.
    pub fn scopes(&self) -> &ScopeSet {
        &self.0.scopes
    }

    /// When it proved who it is, if the scheme tells: of a JWT, when that was issued (`iat`).
    pub fn authenticated_at(&self) -> Option<SystemTime> {
        self.0.authenticated_at
    }

    /// When the credential expires that it has come by, if it does: without any leeway.
    pub fn expires(&self) -> Option<SystemTime> {
        self.0.expires
    }

    /// What else the scheme knows, by type: a JWT's claims are `jwt::Claims`.
    pub fn extra<T: Any + Send + Sync>(&self) -> Option<&T> {
        match &self.0.extra {
            Extra::Nothing => None,
            #[cfg(feature = "_jwt")]
            Extra::Claims(claims) => (claims as &dyn Any).downcast_ref(),
            Extra::Other(other) => other.downcast_ref(),
        }
    }
}

/// No claim or other extra is printed.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .field("scheme", &self.scheme().as_str())
            .field("scopes", self.scopes())
            .finish_non_exhaustive()
    }
}

/// A [`Principal`] in the making.
#[must_use]
pub struct PrincipalBuilder(Parts);

impl PrincipalBuilder {
    /// Which credential was used. Not a secret: it may be logged.
    pub fn credential_id(self, id: impl Into<Arc<str>>) -> Self {
        self.credential(id.into().into())
    }

    #[inline]
    pub(crate) fn credential(mut self, id: Text) -> Self {
        self.0.credential_id = Some(id);
        self
    }

    /// What the credential, or the store, lets the principal do.
    #[inline]
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.0.scopes = scopes.into();
        self
    }

    /// When the principal proved who it is.
    #[inline]
    pub fn authenticated_at(mut self, time: SystemTime) -> Self {
        self.0.authenticated_at = Some(time);
        self
    }

    /// When the credential expires that was used. No token that is issued to the principal
    /// (`jwt::Issuer`) outlives it.
    #[inline]
    pub fn expires(mut self, time: SystemTime) -> Self {
        self.0.expires = Some(time);
        self
    }

    /// What else the scheme knows: one value, found again by its type.
    pub fn extra<T: Any + Send + Sync>(mut self, extra: T) -> Self {
        self.0.extra = Extra::Other(Box::new(extra));
        self
    }

    #[cfg(feature = "_jwt")]
    #[inline]
    pub(crate) fn claims(mut self, claims: Claims) -> Self {
        self.0.extra = Extra::Claims(claims);
        self
    }

    /// The principal.
    #[inline]
    pub fn build(self) -> Principal {
        Principal(Arc::new(self.0))
    }
}

impl fmt::Debug for PrincipalBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalBuilder").field("identity", &self.0.identity).finish_non_exhaustive()
    }
}
