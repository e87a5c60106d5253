use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{Algorithm, key::hmac_key};
use crate::{Clock, ConfigError, Principal, Scope, ScopeSet, Secret, SystemClock};

/// Issues tokens that a [`JwtAuth`](super::JwtAuth) with the same secret verifies.
///
/// ```
/// use portcullis::{Identity, Principal, Scheme, ScopeSet, jwt::{Algorithm, Grant, Issuer}};
///
/// let caller = Principal::new(Identity::local("alice")?, Scheme::BASIC)
///     .scopes(ScopeSet::parse("messages:send messages:read").unwrap())
///     .build();
/// let issuer = Issuer::new("https://id.example.org", Algorithm::HS256, "a secret of at least 32 bytes, from a file")?;
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
    key: hmac::Key,
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
        let header = format!(r#"{{"alg":"{algorithm:?}","typ":"JWT"}}"#);
        Ok(Self(Arc::new(Parts {
            issuer: issuer.into(),
            key: hmac_key(algorithm, &secret.into())?,
            header: URL_SAFE_NO_PAD.encode(header) + ".",
            default_lifetime: Duration::from_secs(15 * 60),
            max_lifetime: Duration::from_secs(60 * 60),
            clock: Arc::new(SystemClock),
        })))
    }

    /// How long a token lives, if the grant does not say, and at the most.
    pub fn lifetime(mut self, default: Duration, max: Duration) -> Self {
        let parts = Arc::make_mut(&mut self.0);
        parts.max_lifetime = max;
        parts.default_lifetime = default.min(max);
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        Arc::make_mut(&mut self.0).clock = Arc::new(clock);
        self
    }

    /// Issues a token.
    ///
    /// # Errors
    ///
    /// When the principal does not hold each of the scopes; the global scope holds them all.
    pub fn issue(&self, grant: Grant<'_>) -> Result<Issued, ScopeNotHeld> {
        let parts = &*self.0;
        let Grant { principal, scopes, lifetime, claims } = grant;
        let held = principal.scopes();
        if !held.contains(&Scope::ALL_ANY)
            && let Some(scope) = scopes.iter().find(|scope| !held.iter().any(|held| held == *scope))
        {
            return Err(ScopeNotHeld(scope.to_owned()));
        }
        let lifetime = lifetime.unwrap_or(parts.default_lifetime).min(parts.max_lifetime);
        // Whole seconds: what is said to the caller is what is in the token.
        let issued = parts.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let expires = issued.saturating_add(lifetime.as_secs());
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
        let signature = hmac::sign(&parts.key, token.as_bytes());
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

/// What is to be issued, and to whom.
#[derive(Clone, Debug)]
#[must_use]
pub struct Grant<'p> {
    principal: &'p Principal,
    scopes: ScopeSet,
    lifetime: Option<Duration>,
    claims: Map<String, Value>,
}

impl<'p> Grant<'p> {
    /// A token for this principal, with these of its scopes.
    pub fn to(principal: &'p Principal, scopes: ScopeSet) -> Self {
        Self { principal, scopes, lifetime: None, claims: Map::new() }
    }

    /// How long the token is to live: the issuer's maximum, if that is less.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Adds a claim. The issuer's own (`iss`, `sub`, `exp`, `iat`, `jti`, `scopes`) cannot be set.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
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

/// A grant has a scope that its principal does not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScopeNotHeld(String);

impl ScopeNotHeld {
    /// The scope.
    pub fn scope(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScopeNotHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the scope `{}` cannot be given on: the principal does not hold it", self.0)
    }
}

impl Error for ScopeNotHeld {}

/// 126 random bits, as 21 characters of the URL-safe alphabet.
fn random_id() -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the system has random numbers");
    let mut id = URL_SAFE_NO_PAD.encode(random);
    id.truncate(21);
    id
}
