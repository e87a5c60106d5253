use std::{fmt, sync::Arc, time::Duration};

use http::HeaderName;

use super::{
    JwtAuth, KeySource, RevocationStore, authenticator::Parts, cache::TokenCache, claims::Expected,
    jws::MAX_LENGTH, token_type::TokenTypes,
};
use crate::{
    Clock, ConfigError, SystemClock,
    bearer::{Challenges, Place},
    claim,
    text::Text,
};

/// A [`JwtAuth`] in the making.
#[must_use]
pub struct JwtAuthBuilder {
    keys: Arc<dyn KeySource>,
    types: TokenTypes,
    expected: Expected,
    identities_of: Option<String>,
    max_length: usize,
    revocations: Option<Arc<dyn RevocationStore>>,
    cache: Option<usize>,
    place: Result<Place, ConfigError>,
    clock: Arc<dyn Clock>,
    realm: String,
    resource_metadata: Option<String>,
}

impl JwtAuthBuilder {
    pub(super) fn new(keys: Arc<dyn KeySource>) -> Self {
        Self {
            keys,
            types: TokenTypes::Usual,
            expected: Expected {
                issuer: None,
                audiences: Vec::new(),
                leeway: Duration::from_secs(60),
                needs_expiry: true,
                max_lifetime: None,
                is_rfc9068: false,
            },
            identities_of: None,
            max_length: MAX_LENGTH,
            revocations: None,
            cache: None,
            place: Ok(Place::default()),
            clock: Arc::new(SystemClock),
            realm: "protected".to_owned(),
            resource_metadata: None,
        }
    }

    /// Wants `iss` to be this, byte for byte. The keys are this issuer's, and nobody else's (RFC 8725
    /// section 3.8).
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.expected.issuer = Some(issuer.into());
        self
    }

    /// Says whose users the subjects are, if not the issuer's own: for tokens that one's own server issues
    /// for the users of its store, [`Identity::LOCAL`]. See [`Issuer::identities_of`].
    ///
    /// [`Identity::LOCAL`]: crate::Identity::LOCAL
    /// [`Issuer::identities_of`]: super::Issuer::identities_of
    pub fn identities_of(mut self, issuer: impl Into<String>) -> Self {
        self.identities_of = Some(issuer.into());
        self
    }

    /// Wants `aud` to be this, or to hold it. Called again, one of them.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.expected.audiences.push(audience.into());
        self
    }

    /// How far the clocks of issuer and server may differ: at most five minutes. The default is 60
    /// seconds.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway;
        self
    }

    /// Takes tokens that never expire.
    pub fn dangerous_no_expiry(mut self) -> Self {
        self.expected.needs_expiry = false;
        self
    }

    /// Takes tokens that live no longer than this, from `iat` to `exp`: both are needed.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.expected.max_lifetime = Some(lifetime);
        self
    }

    /// Takes tokens with this `typ` in the header, and none without. Called again, one of them.
    /// Case does not count, nor does `application/` (RFC 7515 section 4.1.9).
    ///
    /// Without this, the `typ` is absent, `JWT` or `at+jwt`: what was made for another purpose has another
    /// one (RFC 8725 section 3.11).
    pub fn token_type(mut self, typ: impl Into<String>) -> Self {
        match &mut self.types {
            TokenTypes::Usual => self.types = TokenTypes::Only(vec![typ.into()]),
            TokenTypes::Only(types) => types.push(typ.into()),
        }
        self
    }

    /// Takes access tokens by RFC 9068 and nothing else: `typ` is `at+jwt`, and `iss`, `aud`, `exp`, `sub`,
    /// `client_id`, `iat` and `jti` are there. Issuer and audience have to be configured, and nothing that
    /// would soften it.
    pub fn rfc9068(mut self) -> Self {
        self.expected.is_rfc9068 = true;
        self
    }

    /// Takes tokens from the cookie of this name, and from nowhere else.
    ///
    /// A browser sends a cookie along with requests that another site has caused: the cookie needs
    /// `SameSite`, and writes need a defence against forged requests besides.
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.place = Place::cookie(name.into());
        self
    }

    /// Takes tokens from this header field, whose whole value they are, and from nowhere else.
    pub fn header(mut self, name: HeaderName) -> Self {
        self.place = Ok(Place::header(name));
        self
    }

    /// Remembers up to this many tokens that were verified, so that they need not be verified again while
    /// they last. What is decided stays the same: expiry, keys, revocation and scopes are looked at for
    /// each request. Of each token, a fingerprint is kept under a key that is drawn here (that one token passes for
    /// another has a probability of 2⁻¹²⁸), and its claims, which take no more than
    /// [`max_length`](Self::max_length) bytes. The default is not to.
    pub fn cache(mut self, tokens: usize) -> Self {
        self.cache = Some(tokens);
        self
    }

    /// The longest token that is looked at, in bytes. The default is 8,192.
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// Refuses tokens that this store knows to be revoked, and tokens without `jti`.
    pub fn revocations(mut self, store: impl RevocationStore) -> Self {
        self.revocations = Some(Arc::new(store));
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Names this realm in the challenge. The default is `protected`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Says in the challenges where the metadata of the resource is (RFC 9728 section 5.1), so that a
    /// client learns where to get a token.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }

    /// The authenticator. One that checks neither issuer nor audience says so in the log.
    ///
    /// # Errors
    ///
    /// When the realm does not fit a header field, the URL of the metadata is not `https` (loopback may be
    /// `http`) or has a query or a fragment, the leeway is more than five minutes, the cookie has no
    /// name, an issuer (or, by RFC 9068, an audience) is needed and not named, one that is named is empty,
    /// the cache keeps none, or what RFC 9068 wants is softened.
    pub fn build(self) -> Result<JwtAuth, ConfigError> {
        let Self { keys, mut types, expected, identities_of, max_length, revocations, .. } = self;
        claim::check_leeway(expected.leeway)?;
        if identities_of.is_some() && expected.issuer.is_none() {
            return Err(ConfigError::new(
                "`identities_of` without `issuer` makes the users of every issuer one's own: name the issuer",
            ));
        }
        if expected.is_rfc9068 && (expected.issuer.is_none() || expected.audiences.is_empty()) {
            return Err(ConfigError::new(
                "RFC 9068 section 4 has `iss` and `aud` compared: name the issuer and the audience",
            ));
        }
        if expected.is_rfc9068 {
            if !expected.needs_expiry || matches!(types, TokenTypes::Only(_)) {
                return Err(ConfigError::new(
                    "RFC 9068 has one type of token, which expires: leave out `token_type` and \
                     `dangerous_no_expiry`",
                ));
            }
            types = TokenTypes::Only(vec!["at+jwt".to_owned()]);
        }
        let names = expected.issuer.iter().chain(&expected.audiences).chain(&identities_of);
        claim::check_names(names.map(String::as_str))?;
        if self.cache == Some(0) {
            return Err(ConfigError::new("a cache of no tokens: leave out `cache` to have none"));
        }
        if expected.issuer.is_none() && expected.audiences.is_empty() {
            tracing::warn!(
                "this JWT layer checks neither `iss` nor `aud`: every token that one of its keys has \
                 signed is good here, whatever it was issued for"
            );
        }
        let mut challenges = Challenges::new(&self.realm)?;
        if let Some(url) = self.resource_metadata {
            challenges = challenges.resource_metadata(&url)?;
        }
        Ok(JwtAuth::of(Parts {
            keys,
            types,
            expected,
            identities_of: identities_of.map(Text::from),
            max_length,
            revocations,
            cache: self.cache.map(|tokens| TokenCache::new(tokens, max_length)),
            clock: self.clock,
            place: self.place?,
            challenges,
        }))
    }
}

impl fmt::Debug for JwtAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthBuilder").field("expected", &self.expected).finish_non_exhaustive()
    }
}
