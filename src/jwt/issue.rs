use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{Algorithm, Claims, admission::shared_key, backend::SharedKey, claims::LAST};
use crate::{Clock, ConfigError, Principal, Scope, ScopeSet, Secret, SystemClock};

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
        let header = format!(r#"{{"alg":"{algorithm:?}","typ":"JWT"}}"#);
        Ok(Self(Arc::new(Parts {
            identities_of: issuer.clone(),
            issuer,
            global: None,
            key: shared_key(algorithm, &secret.into())?,
            header: URL_SAFE_NO_PAD.encode(header) + ".",
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

    /// Issues a token. It expires no later than the token by which the principal has come, if by one.
    ///
    /// # Errors
    ///
    /// When the principal is not of the issuer whose identities these are, does not hold each of the
    /// scopes, or the grant has a claim that the issuer makes itself.
    pub fn issue(&self, grant: Grant<'_>) -> Result<Issued, IssueError> {
        let parts = &*self.0;
        let Grant { principal, scopes, lifetime, claims } = grant;
        if principal.issuer() != parts.identities_of {
            return Err(IssueError(IssueErrorKind::ForeignPrincipal));
        }
        if let Some(name) = OWN_CLAIMS.iter().find(|name| claims.contains_key(**name)) {
            return Err(IssueError(IssueErrorKind::OwnClaim(name)));
        }
        let held = principal.scopes();
        let holds_all = parts.global.as_ref().is_some_and(|global| held.contains(global));
        if !holds_all && !scopes.is_subset_of(held) {
            return Err(IssueError(IssueErrorKind::ScopeNotHeld));
        }
        let lifetime = lifetime.unwrap_or(parts.default_lifetime).min(parts.max_lifetime);
        let now = parts.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let by_token = principal.extra::<Claims>().and_then(Claims::expires);
        let until = now.saturating_add(lifetime).min(by_token.unwrap_or(LAST)).min(LAST);
        // Whole seconds: what is said to the caller is what is in the token.
        let (issued, expires) = (now.as_secs(), until.as_secs());
        let id = random_id();
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
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("issuer", &self.0.issuer).finish_non_exhaustive()
    }
}

/// The claims that a grant may not have.
const OWN_CLAIMS: [&str; 9] = ["iss", "sub", "exp", "nbf", "iat", "jti", "scope", "scopes", "scp"];

/// What is to be issued, and to whom.
#[derive(Clone)]
#[must_use]
pub struct Grant<'p> {
    principal: &'p Principal,
    scopes: ScopeSet,
    lifetime: Option<Duration>,
    claims: Map<String, Value>,
}

impl<'p> Grant<'p> {
    /// A token for this principal, with these of its scopes.
    pub fn to(principal: &'p Principal, scopes: impl Into<ScopeSet>) -> Self {
        Self { principal, scopes: scopes.into(), lifetime: None, claims: Map::new() }
    }

    /// How long the token is to live: the issuer's maximum, if that is less.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Adds a claim: none of those that the issuer makes itself, or that mean scopes or times.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }
}

/// No claim is printed.
impl fmt::Debug for Grant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("principal", &self.principal)
            .field("scopes", &self.scopes)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
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
pub struct IssueError(IssueErrorKind);

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

/// 126 random bits, as 21 characters of the URL-safe alphabet.
fn random_id() -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the system has random numbers");
    let mut id = URL_SAFE_NO_PAD.encode(random);
    id.truncate(21);
    id
}
