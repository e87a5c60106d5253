use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;

use super::{
    IntrospectionEndpoint,
    cache::Cache,
    judge::{Accepted, Expected},
};
use crate::{
    Authenticator, Challenge, Clock, ConfigError, Head, NowOrLater, Principal, Rejection,
    RejectionKind, Scheme, Secret, StoreError, SystemClock, TokenVerifier,
    bearer::{Challenges, Place},
    claim,
};

/// The [`Authenticator`] of tokens that the authorization server is asked about. See the
/// [module docs](crate::introspection) for the rules.
#[derive(Clone)]
pub struct IntrospectionAuth(Arc<Parts>);

struct Parts {
    endpoint: Box<dyn IntrospectionEndpoint>,
    expected: Expected,
    max_length: usize,
    cache: Option<Cache>,
    clock: Arc<dyn Clock>,
    challenges: Challenges,
}

impl IntrospectionAuth {
    /// Begins with the endpoint to ask.
    pub fn builder(endpoint: impl IntrospectionEndpoint) -> IntrospectionAuthBuilder {
        IntrospectionAuthBuilder {
            endpoint: Box::new(endpoint),
            expected: Expected {
                issuer: None,
                audiences: Vec::new(),
                identities_of: None,
                leeway: Duration::from_secs(60),
            },
            max_length: 8 * 1024,
            cache: None,
            clock: Arc::new(SystemClock),
            realm: "protected".to_owned(),
            resource_metadata: None,
        }
    }

    fn judge(&self, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
        if token.len() > self.0.max_length {
            return NowOrLater::now(Err(Rejection::refused("introspection.too_long")));
        }
        if let Some(cache) = &self.0.cache {
            return self.judge_by_cache(cache, token);
        }
        let parts = self.0.clone();
        let answer = parts.endpoint.introspect(Secret::from(token));
        answer.map(move |answer| parts.admit(&parts.accept(answer)))
    }

    fn judge_by_cache(&self, cache: &Cache, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
        let now = match self.0.now() {
            Ok(now) => now,
            Err(rejection) => return NowOrLater::now(Err(rejection)),
        };
        let key = cache.key(token);
        let entry = cache.entry(&key, now);
        if let Some(accepted) = entry.answer.get() {
            return NowOrLater::now(self.0.admit(accepted));
        }
        let (parts, token) = (self.0.clone(), Secret::from(token));
        NowOrLater::later(async move {
            let ask = || async { parts.accept(parts.endpoint.introspect(token).await) };
            let judgement = parts.admit(entry.answer.get_or_init(ask).await);
            if let (Some(cache), Err(_)) = (&parts.cache, &judgement) {
                cache.forget(&key, &entry);
            }
            judgement
        })
    }
}

impl Parts {
    /// What holds of an answer at any time.
    fn accept(&self, answer: Result<Bytes, StoreError>) -> Result<Accepted, Rejection> {
        match answer {
            Ok(json) => self.expected.judge(&json),
            Err(error) => Err(Rejection::unavailable("introspection.endpoint", error)),
        }
    }

    /// What holds of it now.
    fn admit(&self, accepted: &Result<Accepted, Rejection>) -> Result<Principal, Rejection> {
        let accepted = accepted.as_ref().map_err(Clone::clone)?;
        accepted.judge_times(self.now()?)?;
        Ok(accepted.principal.clone())
    }

    /// Since 1970-01-01T00:00:00Z.
    fn now(&self) -> Result<Duration, Rejection> {
        let now = self.clock.now().duration_since(UNIX_EPOCH);
        now.map_err(|_| Rejection::refused("introspection.clock"))
    }
}

impl Authenticator for IntrospectionAuth {
    fn scheme(&self) -> Scheme {
        Scheme::BEARER
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        Some(match Place::Authorization.sent(head)? {
            Ok(sent) => self.verify_sent(sent),
            Err(rejection) => NowOrLater::now(Err(rejection)),
        })
    }

    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge {
        self.0.challenges.of(refused)
    }
}

impl TokenVerifier for IntrospectionAuth {
    fn verify(&self, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
        self.judge(token)
    }
}

impl fmt::Debug for IntrospectionAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionAuth").field("expected", &self.0.expected).finish_non_exhaustive()
    }
}

/// An [`IntrospectionAuth`] in the making.
#[must_use]
pub struct IntrospectionAuthBuilder {
    endpoint: Box<dyn IntrospectionEndpoint>,
    expected: Expected,
    max_length: usize,
    cache: Option<(Duration, usize)>,
    clock: Arc<dyn Clock>,
    realm: String,
    resource_metadata: Option<String>,
}

impl IntrospectionAuthBuilder {
    /// Wants `iss` to be this, byte for byte.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.expected.issuer = Some(issuer.into());
        self
    }

    /// Wants `aud` to be this, or to hold it. Called again, one of them.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.expected.audiences.push(audience.into());
        self
    }

    /// Says whose users the subjects are, if not those of `iss`: for an authorization server that does not
    /// send `iss`, its issuer identifier; for one over a store of one's own,
    /// [`Identity::LOCAL`](crate::Identity::LOCAL). All that the endpoint answers for are then this issuer's.
    pub fn identities_of(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.expected.identities_of = Some(issuer.into());
        self
    }

    /// How far the clocks of authorization server and server may differ: at most five minutes. The default
    /// is 60 seconds.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway;
        self
    }

    /// The longest token that is asked about, in bytes. The default is 8,192.
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// Uses good answers again for this long, 30 seconds at most, and keeps at most so many of them. A
    /// token that is revoked meanwhile passes until then. See the
    /// [module docs](crate::introspection#the-cache).
    pub fn cache(mut self, ttl: Duration, capacity: usize) -> Self {
        self.cache = Some((ttl, capacity));
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
    /// `http`) or has a query or a fragment, the leeway is more than five minutes, an issuer or an audience
    /// that is named is empty, or the cache keeps answers for more than 30 seconds or keeps none.
    pub fn build(self) -> Result<IntrospectionAuth, ConfigError> {
        let Self { endpoint, expected, max_length, cache, clock, realm, .. } = self;
        claim::check_leeway(expected.leeway)?;
        let names = expected.issuer.iter().chain(&expected.audiences).map(String::as_str);
        claim::check_names(names.chain(expected.identities_of.as_deref()))?;
        if let Some((ttl, capacity)) = cache
            && (ttl.is_zero() || ttl > Duration::from_secs(30) || capacity == 0)
        {
            return Err(ConfigError::new(
                "a cache of introspection responses keeps one or more of them, each for 30 seconds at \
                 most: a revoked token passes so long; leave out `cache` to have none",
            ));
        }
        if expected.issuer.is_none() && expected.audiences.is_empty() {
            tracing::warn!(
                "this introspection layer checks neither `iss` nor `aud`: every token that the endpoint \
                 calls active is good here, whatever it was issued for"
            );
        }
        let mut challenges = Challenges::new(&realm)?;
        if let Some(url) = self.resource_metadata {
            challenges = challenges.resource_metadata(&url)?;
        }
        let cache = cache.map(|(ttl, capacity)| Cache::new(ttl, capacity));
        let parts = Parts { endpoint, expected, max_length, cache, clock, challenges };
        Ok(IntrospectionAuth(Arc::new(parts)))
    }
}

impl fmt::Debug for IntrospectionAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionAuthBuilder")
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}
