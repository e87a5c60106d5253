use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value};

use super::{
    super::{
        Claims, Keys,
        claims::{Accepted, Expected},
        jws::{Scratch, UnverifiedJws},
        registered::Registered,
    },
    RefreshError, RefreshFacts,
};
use crate::{Identity, Principal, Scheme, Scope, ScopeSet, text::Text};

/// The claim with the scopes that the access tokens of the family may have, as an array.
pub(super) const SCOPES: &str = "original_scopes";
/// The claim with the time at which the family ends.
pub(super) const FAMILY_EXPIRES: &str = "family_exp";
/// The longest refresh token that is looked at, in bytes.
const MAX_LENGTH: usize = 16 * 1024;

/// A refresh token that the [`Refresher`](super::Refresher) has issued, and that has not expired. Whether it
/// was used before, only the store knows.
pub struct RefreshToken {
    principal: Principal,
    claims: Claims,
    id: Text,
    expires: Duration,
    family_expires: Duration,
}

impl RefreshToken {
    /// Verifies all but what the store knows. The error is a stable code.
    pub(super) fn verify(
        token: &str,
        keys: &Keys,
        expected: &Expected,
        identities: &str,
        now: Duration,
    ) -> Result<Self, &'static str> {
        if token.len() > MAX_LENGTH {
            return Err("jwt.too_long");
        }
        let mut scratch = Scratch::new();
        let jws = UnverifiedJws::open(keys, token.as_bytes(), &mut scratch, |_| Ok(()))?;
        let proof = jws.verify()?;
        let found = Registered::parse(jws.unverified_payload())?;
        let Accepted { subject, id, expires, claims, .. } = expected.judge(&found, proof, now)?;
        let id = id.ok_or("jwt.no_jti")?;
        let all: Map<String, Value> = claims.custom().map_err(|_| "jwt.claims")?;
        let scopes: Option<ScopeSet> = all
            .get(SCOPES)
            .and_then(Value::as_array)
            .and_then(|scopes| scopes.iter().map(|scope| Scope::new(scope.as_str()?).ok()).collect());
        let family_expires = all.get(FAMILY_EXPIRES).and_then(Value::as_u64);
        let identity = Identity::of(Text::from(identities), subject).ok_or("jwt.sub")?;
        let principal = Principal::builder(identity, Scheme::BEARER)
            .credential(id.clone())
            .scopes(scopes.ok_or("refresh.claims")?)
            .build();
        Ok(Self {
            principal,
            claims,
            id,
            expires: expires.ok_or("jwt.no_exp")?,
            family_expires: family_expires.map(Duration::from_secs).ok_or("refresh.claims")?,
        })
    }

    /// Whom it was given to, with the scopes that it was given for.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The scopes that it was given for: no access token that comes of it has another.
    pub fn scopes(&self) -> &ScopeSet {
        self.principal.scopes()
    }

    /// Its claims: those of the grant that it comes of are among them, but for `aud` and `cnf`.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Its id (`jti`). Not a secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it expires, in whole seconds.
    pub fn expires(&self) -> SystemTime {
        UNIX_EPOCH + self.expires
    }

    /// When the last token that can come of it expires.
    pub fn family_expires(&self) -> SystemTime {
        UNIX_EPOCH + self.family_expires
    }

    pub(super) fn family_lifetime(&self) -> Duration {
        self.family_expires
    }

    /// Refused once it has expired.
    pub(super) fn check_expiry(&self, now: Duration) -> Result<(), RefreshError> {
        if now < self.expires { Ok(()) } else { Err(RefreshError::refused("jwt.expired")) }
    }

    pub(super) fn facts(&self, now: Duration) -> RefreshFacts<'_> {
        RefreshFacts {
            identity: self.principal.identity(),
            id: &self.id,
            expires: self.expires(),
            family_expires: self.family_expires(),
            now: UNIX_EPOCH + now,
        }
    }
}

/// No claim is printed.
impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("id", &self.id).finish_non_exhaustive()
    }
}
