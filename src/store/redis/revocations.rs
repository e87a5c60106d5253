use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use ::redis::{Script, ScriptInvocation};

use super::{Redis, key::digest, refreshes::HAS_ENDED};
use crate::{
    Identity, NowOrLater, StoreError,
    clock::unix_milliseconds,
    jwt::{RevocationStore, TokenFacts},
};

/// How much longer than asked for a revocation is kept: for the leeway of verifiers, and for clocks that
/// differ.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// The value of a token's revocation. That of a subject's is a time.
const REVOKED: i64 = 0;

/// A revocation is never taken back or shortened by a later one.
static REVOKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local value, seconds = ARGV[1], tonumber(ARGV[2])
        local former = redis.call('GET', KEYS[1])
        if former and tonumber(former) > tonumber(value) then
            value = former
        end
        redis.call('SET', KEYS[1], value, 'EX', math.max(seconds, redis.call('TTL', KEYS[1])))
        ",
    )
});

/// The deletion, of what is not there, is refused by a Redis that takes no writes: a replica's answer may be
/// old.
static LOOK_UP: LazyLock<Script> = LazyLock::new(|| {
    let look_up = r"
        local token, subject, nothing, family, owner, ended = unpack(KEYS)
        redis.call('DEL', nothing)
        if redis.call('EXISTS', token) == 1 or family and has_ended(family, owner, ended) then
            return 'revoked'
        end
        return redis.call('GET', subject)
    ";
    Script::new(&[HAS_ENDED, look_up].concat())
});

impl Redis {
    /// Revokes the token of this `jti`, which expires at this time. The issuer is that of its principals: `iss`,
    /// unless [`identities_of`](crate::jwt::JwtAuthBuilder::identities_of) says otherwise.
    ///
    /// # Errors
    ///
    /// When Redis does not say that it has stored it. It may have.
    pub async fn revoke(&self, issuer: &str, id: &str, expires: SystemTime) -> Result<(), StoreError> {
        self.store_revocation(self.token_key(issuer, id), REVOKED, expires).await
    }

    /// Revokes every token that was issued to somebody up to this time, and those that do not say when. The
    /// last of them expires at `expires`.
    ///
    /// # Errors
    ///
    /// When Redis does not say that it has stored it. It may have.
    pub async fn revoke_all(
        &self,
        identity: &Identity,
        up_to: SystemTime,
        expires: SystemTime,
    ) -> Result<(), StoreError> {
        // Rounded up: a token of the same millisecond is revoked.
        let up_to = up_to.checked_add(Duration::from_nanos(999_999)).unwrap_or(up_to);
        let key = self.subject_key(identity.issuer(), identity.subject());
        self.store_revocation(key, unix_milliseconds(up_to), expires).await
    }

    async fn store_revocation(
        &self,
        key: String,
        value: i64,
        expires: SystemTime,
    ) -> Result<(), StoreError> {
        let left = expires.duration_since(self.0.clock.now()).unwrap_or_default();
        let mut script = REVOKE.prepare_invoke();
        script.key(key).arg(value).arg(left.saturating_add(MARGIN).as_secs());
        self.run(script).await.map_err(StoreError::new)
    }

    fn look_up(&self, token: TokenFacts<'_>) -> ScriptInvocation<'static> {
        let mut script = LOOK_UP.prepare_invoke();
        script.key(self.token_key(token.issuer, token.id));
        script.key(self.subject_key(token.issuer, token.subject));
        script.key(self.key("nothing", digest(token.issuer)));
        if let Some(family) = token.family() {
            script.key(self.family_key(token.issuer, family));
            script.key(self.owner_key(token.issuer, token.subject));
            script.key(self.ended_key(token.issuer, token.subject));
        }
        script
    }

    fn token_key(&self, issuer: &str, id: &str) -> String {
        self.key_within("revoked-token", digest(issuer), digest(id))
    }

    fn subject_key(&self, issuer: &str, subject: &str) -> String {
        self.key_within("revoked-subject", digest(issuer), digest(subject))
    }
}

/// A token is revoked by itself, with all of its subject, and with its family of refresh tokens or one above it.
impl RevocationStore for Redis {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let (redis, script) = (self.clone(), self.look_up(token));
        let issued = token.issued.map(unix_milliseconds);
        NowOrLater::later(async move {
            let found: Option<String> = redis.run(script).await.map_err(StoreError::new)?;
            match found.as_deref() {
                None => Ok(false),
                Some("revoked") => Ok(true),
                Some(up_to) => {
                    let up_to: i64 = up_to.parse().map_err(StoreError::new)?;
                    Ok(issued.is_none_or(|issued| issued <= up_to))
                }
            }
        })
    }
}
