use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use ::redis::{Script, ScriptInvocation};

use super::{Redis, key::digest};
use crate::{
    Identity, NowOrLater, StoreError,
    clock::{unix_milliseconds, unix_seconds},
    jwt::refresh::{RefreshFacts, RefreshStore, Rotation},
};

/// How much longer than asked for families and tokens are kept: for the leeway of verifiers, and for clocks
/// that differ.
const MARGIN: i64 = 60 * 60;

/// How many unused tokens a family may have.
const MOST_UNUSED: usize = 10_000;

/// Whether a family is known, and revoked. It is revoked by itself, or with others of its owner: with those that
/// began up to a time, and before the revocation was made, which a number tells that grows with each.
///
/// (Of two revocations of which the later is for an earlier time, the later time counts for both: too much is
/// revoked then, and nothing too little.)
pub(super) const IS_REVOKED: &str = r"
    local function is_revoked(family, owner)
        local began, number, revoked = unpack(redis.call('HMGET', family, 'began', 'number', 'revoked'))
        if not began or revoked then
            return began and revoked
        end
        local up_to, latest = unpack(redis.call('HMGET', owner, 'up_to', 'number'))
        return up_to and tonumber(began) <= tonumber(up_to) and tonumber(number) < tonumber(latest)
    end
";

/// What changes nothing deletes what is not there: a Redis that takes no writes refuses that, and what a replica
/// says may be old.
const FAMILY: &str = r"
    local family, unused, owner, nothing = unpack(KEYS)
    local function is_good(subject)
        return redis.call('HGET', family, 'subject') == subject and not is_revoked(family, owner)
    end
    local function revoke()
        -- First what makes room: a Redis whose memory is full then takes the rest.
        redis.call('DEL', unused)
        redis.call('HSET', family, 'revoked', 1)
    end
    local function keep(long_ago, seconds)
        redis.call('ZREMRANGEBYSCORE', unused, '-inf', long_ago)
        for _, key in ipairs({family, unused, owner}) do
            if redis.call('TTL', key) < tonumber(seconds) then
                redis.call('EXPIRE', key, seconds)
            end
        end
    end
    local function leave(answer)
        redis.call('DEL', nothing)
        return answer
    end
";

static ADD: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        local subject, token, expires, now, long_ago, seconds, most, id, ends, most_families = unpack(ARGV)
        local families = KEYS[5]
        if redis.call('EXISTS', family) == 0 then
            if redis.call('ZCOUNT', families, '(' .. long_ago, '+inf') >= tonumber(most_families) then
                return leave('too many')
            end
            local number = redis.call('HGET', owner, 'number') or 0
            redis.call('HSET', family, 'subject', subject, 'began', now, 'number', number)
            redis.call('HSETNX', owner, 'number', 0)
        elseif not is_good(subject) then
            return leave('revoked')
        elseif redis.call('ZCOUNT', unused, '(' .. long_ago, '+inf') >= tonumber(most) then
            return leave('full')
        end
        redis.call('ZADD', unused, expires, token)
        redis.call('ZADD', families, 'GT', ends, id)
        keep(long_ago, seconds)
        redis.call('ZREMRANGEBYSCORE', families, '-inf', long_ago)
        if redis.call('TTL', families) < tonumber(seconds) then
            redis.call('EXPIRE', families, seconds)
        end
        return 'added'
        ",
    )
});

static ROTATE: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        local subject, used, token, expires, long_ago, seconds = unpack(ARGV)
        if not is_good(subject) then
            return leave('revoked')
        end
        if not redis.call('ZSCORE', unused, used) then
            revoke()
            return 'reused'
        end
        redis.call('ZREM', unused, used)
        redis.call('ZADD', unused, expires, token)
        keep(long_ago, seconds)
        return 'rotated'
        ",
    )
});

static REVOKE: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        if not is_good(ARGV[1]) then
            return leave(0)
        end
        revoke()
        return 1
        ",
    )
});

static REVOKE_ALL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local owner, up_to = KEYS[1], ARGV[1]
        -- This is no room, but lets a Redis whose memory is full take the little that follows.
        redis.call('DEL', KEYS[2])
        if redis.call('EXISTS', owner) == 1 then
            local former = redis.call('HGET', owner, 'up_to')
            if not former or tonumber(former) < tonumber(up_to) then
                redis.call('HSET', owner, 'up_to', up_to)
            end
            redis.call('HINCRBY', owner, 'number', 1)
        end
        ",
    )
});

fn script(body: &str) -> Script {
    Script::new(&[IS_REVOKED, FAMILY, body].concat())
}

/// Somebody has up to [so many families](super::RedisBuilder::max_refresh_families), and a family up to 10,000 unused
/// tokens; beyond that, none is added. When the memory of Redis is full
/// (`maxmemory`), no family begins; those that there are go on, and are revoked.
///
/// All families of an issuer are in one slot of a cluster.
impl RefreshStore for Redis {
    fn add(&self, token: RefreshFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let mut script = self.of_family(&ADD, token.identity, token.family());
        script.arg(&digest(token.identity.subject())[..]).arg(&digest(token.id)[..]);
        script.arg(unix_seconds(token.expires)).arg(unix_milliseconds(token.now));
        script.arg(long_ago(token)).arg(keep(token)).arg(MOST_UNUSED);
        script.arg(&digest(token.family())[..]).arg(unix_seconds(token.family_expires));
        script.arg(self.0.max_families).key(self.families_key(token.identity));
        let redis = self.clone();
        NowOrLater::later(async move {
            match redis.run::<String>(script).await.map_err(StoreError::new)?.as_str() {
                "added" => Ok(true),
                "revoked" => Ok(false),
                "too many" => Err(StoreError::new("somebody has too many families of refresh tokens")),
                _ => Err(StoreError::new("the family has too many unused refresh tokens")),
            }
        })
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        let mut script = self.of_family(&ROTATE, next.identity, next.family());
        script.arg(&digest(next.identity.subject())[..]).arg(&digest(used)[..]);
        script.arg(&digest(next.id)[..]).arg(unix_seconds(next.expires));
        script.arg(long_ago(next)).arg(keep(next));
        let redis = self.clone();
        NowOrLater::later(async move {
            match redis.run::<String>(script).await.map_err(StoreError::new)?.as_str() {
                "rotated" => Ok(Rotation::Rotated),
                "reused" => Ok(Rotation::Reused),
                "revoked" => Ok(Rotation::Revoked),
                other => Err(StoreError::new(format!("Redis has answered {other:?}"))),
            }
        })
    }

    fn revoke(&self, identity: &Identity, family: &str) -> NowOrLater<Result<bool, StoreError>> {
        let mut script = self.of_family(&REVOKE, identity, family);
        script.arg(&digest(identity.subject())[..]);
        let redis = self.clone();
        NowOrLater::later(async move { redis.run(script).await.map_err(StoreError::new) })
    }

    fn revoke_all(&self, identity: &Identity, up_to: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        let mut script = REVOKE_ALL.prepare_invoke();
        script.key(self.owner_key(identity.issuer(), identity.subject()));
        script.key(self.key("nothing", digest(identity.issuer())));
        script.arg(unix_milliseconds(up_to));
        let redis = self.clone();
        NowOrLater::later(async move { redis.run(script).await.map_err(StoreError::new) })
    }
}

impl Redis {
    fn of_family(
        &self,
        script: &'static Script,
        owner: &Identity,
        family: &str,
    ) -> ScriptInvocation<'static> {
        let issuer = owner.issuer();
        let mut script = script.prepare_invoke();
        script.key(self.family_key(issuer, family));
        script.key(self.key_within("refresh-unused", digest(issuer), digest(family)));
        script.key(self.owner_key(issuer, owner.subject()));
        script.key(self.key("nothing", digest(issuer)));
        script
    }

    pub(super) fn family_key(&self, issuer: &str, family: &str) -> String {
        self.key_within("refresh-family", digest(issuer), digest(family))
    }

    /// Of how many families somebody has, by when they expire.
    fn families_key(&self, owner: &Identity) -> String {
        self.key_within("refresh-families", digest(owner.issuer()), digest(owner.subject()))
    }

    /// Of what is revoked of all families of somebody.
    pub(super) fn owner_key(&self, issuer: &str, subject: &str) -> String {
        self.key_within("refresh-owner", digest(issuer), digest(subject))
    }
}

/// Unused tokens that expired by this second are dropped.
fn long_ago(token: RefreshFacts<'_>) -> i64 {
    unix_seconds(token.now).saturating_sub(MARGIN)
}

/// For how many seconds the family is kept.
fn keep(token: RefreshFacts<'_>) -> i64 {
    let left = token.family_expires.duration_since(token.now).unwrap_or(Duration::ZERO);
    i64::try_from(left.as_secs()).unwrap_or(i64::MAX).saturating_add(MARGIN)
}
