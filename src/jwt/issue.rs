use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{Algorithm, Grant, admission::shared_key, backend::SharedKey};
use crate::{Clock, ConfigError, Principal, Scope, ScopeSet, Secret, SystemClock, claim::LAST};

/// Issues tokens that a [`JwtAuth`](super::JwtAuth) with the same secret verifies.
///
/// ```
/// use portcullis::{Identity, Principal, Scheme, ScopeSet, jwt::{Algorithm, Grant, Issuer}};
///
/// let caller = Principal::builder(Identity::local("alice")?, Scheme::BASIC)
///     .scopes(ScopeSet::parse("messages:send messages:read").unwrap())
///     .build();
/// let secret = "a secret of at least 32 bytes, from a file";
/// let issuer = Issuer::new("https://id.example.org", Algorithm::HS256, secret)?
///     .identities_of(Identity::LOCAL);
///
/// let wanted = ScopeSet::parse("messages:send").unwrap();
/// let issued = issuer.issue(Grant::to(&caller, wanted)).unwrap();
/// assert_eq!(issued.token().split('.').count(), 3);
///
/// let more = ScopeSet::parse("tokens:manage").unwrap();
/// assert!(issuer.issue(Grant::to(&caller, more)).is_err());
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Issuer(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    issuer: String,
    identities_of: String,
    global: Option<Scope>,
    key: SharedKey,
    /// The first part of every token, and the dot.
    header: String,
    default_lifetime: Duration,
    max_lifetime: Duration,
    clock: Arc<dyn Clock>,
}

impl Issuer {
    /// Issues in this name (`iss`), with a shared secret. A token lives for 15 minutes unless the grant
    /// says otherwise, and for an hour at most.
    ///
    /// # Errors
    ///
    /// When the algorithm is not HS256, HS384 or HS512, or the secret is shorter than the hash's output.
    pub fn new(
        issuer: impl Into<String>,
        algorithm: Algorithm,
        secret: impl Into<Secret>,
    ) -> Result<Self, ConfigError> {
        let issuer = issuer.into();
        Ok(Self(Arc::new(Parts {
            identities_of: issuer.clone(),
            issuer,
            global: None,
            key: shared_key(algorithm, &secret.into())?,
            header: header(algorithm),
            default_lifetime: Duration::from_secs(15 * 60),
            max_lifetime: Duration::from_secs(60 * 60),
            clock: Arc::new(SystemClock),
        })))
    }

    /// Issues to principals of this issuer, instead of those of its own: to the users of one's own store,
    /// [`Identity::LOCAL`](crate::Identity::LOCAL). The verifier has to be told the same
    /// ([`JwtAuthBuilder::identities_of`](super::JwtAuthBuilder::identities_of)), so that a principal is the
    /// same by token as without.
    pub fn identities_of(mut self, issuer: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).identities_of = issuer.into();
        self
    }

    /// Lets those who hold this scope give on any other. Nobody may, unless told otherwise.
    pub fn global_scope(mut self, scope: Scope) -> Self {
        Arc::make_mut(&mut self.0).global = Some(scope);
        self
    }

    /// How long a token lives, if the grant does not say, and at the most.
    ///
    /// # Errors
    ///
    /// When a token would live longer by default than at the most.
    pub fn lifetime(mut self, default: Duration, max: Duration) -> Result<Self, ConfigError> {
        if default > max {
            return Err(ConfigError::new("the default lifetime is longer than the greatest"));
        }
        let parts = Arc::make_mut(&mut self.0);
        (parts.default_lifetime, parts.max_lifetime) = (default, max);
        Ok(self)
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        Arc::make_mut(&mut self.0).clock = Arc::new(clock);
        self
    }

    /// Issues a token. It expires no later than the [credential](Principal::expires) by which the principal has
    /// come.
    ///
    /// # Errors
    ///
    /// When the principal is not of the issuer whose identities these are, does not hold each of the
    /// scopes, or the grant has a claim that the issuer makes itself.
    pub fn issue(&self, grant: Grant<'_>) -> Result<Issued, IssueError> {
        self.issue_stamped(Stamp { id: random_id(), now: self.now(), latest: LAST }, grant)
    }

    pub(super) fn issue_stamped(&self, stamp: Stamp, grant: Grant<'_>) -> Result<Issued, IssueError> {
        let parts = &*self.0;
        let Stamp { id, now, latest } = stamp;
        let Grant { principal, scopes, lifetime, claims } = grant;
        if principal.issuer() != parts.identities_of {
            return Err(IssueError(IssueErrorKind::ForeignPrincipal));
        }
        if let Some(name) = OWN_CLAIMS.iter().find(|name| claims.contains_key(**name)) {
            return Err(IssueError(IssueErrorKind::OwnClaim(name)));
        }
        if !self.may_give(principal.scopes(), &scopes) {
            return Err(IssueError(IssueErrorKind::ScopeNotHeld));
        }
        let lifetime = lifetime.unwrap_or(parts.default_lifetime).min(parts.max_lifetime);
        let until = now.saturating_add(lifetime).min(expiry(principal)).min(latest);
        // Whole seconds: what is said to the caller is what is in the token.
        let (issued, expires) = (now.as_secs(), until.as_secs());
        let mut payload = claims;
        payload.insert("iss".into(), parts.issuer.clone().into());
        payload.insert("sub".into(), principal.subject().into());
        payload.insert("exp".into(), expires.into());
        payload.insert("iat".into(), issued.into());
        payload.insert("jti".into(), id.clone().into());
        payload.insert("scopes".into(), scopes.iter().collect());
        let mut token = parts.header.clone();
        URL_SAFE_NO_PAD.encode_string(Value::Object(payload).to_string(), &mut token);
        let signature = parts.key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Issued { token, id, expires: UNIX_EPOCH + Duration::from_secs(expires) })
    }

    /// Whether who holds the ones may give on the others.
    pub(super) fn may_give(&self, held: &ScopeSet, scopes: &ScopeSet) -> bool {
        let global = self.0.global.as_ref();
        global.is_some_and(|global| held.contains(global)) || scopes.is_subset_of(held)
    }

    /// The issuer of another kind of tokens in the same name: by this key, and living as long as is granted.
    pub(super) fn of_another_kind(&self, algorithm: Algorithm, key: SharedKey) -> Self {
        let mut other = self.clone();
        let parts = Arc::make_mut(&mut other.0);
        (parts.key, parts.header) = (key, header(algorithm));
        parts.max_lifetime = Duration::MAX;
        other
    }

    /// In whose name it issues (`iss`).
    pub(super) fn name(&self) -> &str {
        &self.0.issuer
    }

    /// Of which issuer the principals are.
    pub(super) fn identities(&self) -> &str {
        &self.0.identities_of
    }

    /// The time since 1970-01-01T00:00:00Z.
    pub(super) fn now(&self) -> Duration {
        self.0.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

/// The claims that a grant may not have.
const OWN_CLAIMS: [&str; 9] = ["iss", "sub", "exp", "nbf", "iat", "jti", "scope", "scopes", "scp"];

/// What the issuer adds to a grant. Times are since 1970-01-01T00:00:00Z.
pub(super) struct Stamp {
    pub(super) id: String,
    pub(super) now: Duration,
    /// The token expires no later, whatever is granted.
    pub(super) latest: Duration,
}

/// A token that was issued.
pub struct Issued {
    token: String,
    id: String,
    expires: SystemTime,
}

impl Issued {
    /// The token: a secret.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Its id (`jti`): not a secret. By this it is revoked.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it expires, in whole seconds.
    pub fn expires(&self) -> SystemTime {
        self.expires
    }
}

/// No token is printed.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A token was not issued.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IssueError(pub(super) IssueErrorKind);

/// Why a token was not issued.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum IssueErrorKind {
    /// The principal is of another issuer: here, somebody else may have the same subject.
    ForeignPrincipal,
    /// The grant has a claim of this name, which the issuer makes itself.
    OwnClaim(&'static str),
    /// The principal does not hold each of the scopes.
    ScopeNotHeld,
}

impl IssueError {
    /// Why.
    pub fn kind(&self) -> IssueErrorKind {
        self.0
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IssueErrorKind::ForeignPrincipal => {
                f.write_str("the principal is of another issuer; see `Issuer::identities_of`")
            }
            IssueErrorKind::OwnClaim(name) => write!(f, "the issuer makes the claim `{name}` itself"),
            IssueErrorKind::ScopeNotHeld => {
                f.write_str("the principal does not hold each of the scopes, and cannot give them on")
            }
        }
    }
}

impl Error for IssueError {}

/// The time since 1970-01-01T00:00:00Z at which the credential expires that the principal has come by; or the
/// last one there is.
pub(super) fn expiry(principal: &Principal) -> Duration {
    let expires = principal.expires().map(|time| time.duration_since(UNIX_EPOCH).unwrap_or_default());
    expires.unwrap_or(LAST).min(LAST)
}

/// The first part of a token, and the dot.
fn header(algorithm: Algorithm) -> String {
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm:?}","typ":"JWT"}}"#)) + "."
}

/// 126 random bits, as 21 characters of the URL-safe alphabet.
pub(super) fn random_id() -> String {
    let mut random = [0; 16];
    crate::random::fill(&mut random);
    let mut id = URL_SAFE_NO_PAD.encode(random);
    id.truncate(21);
    id
}
