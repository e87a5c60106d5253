use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use ::redis::{Script, ScriptInvocation};

use super::{Redis, key::digest};
use crate::{
    Identity, NowOrLater, StoreError,
    clock::{unix_milliseconds, unix_seconds},
    jwt::refresh::{Addition, RefreshFacts, RefreshStore, Refresher, Rotation},
};

/// How much longer than asked for families and tokens are kept: for the leeway of verifiers, and for clocks
/// that differ.
const MARGIN: i64 = 60 * 60;

/// Whether a family is known, and has ended: it was revoked, or one above it. Its key says which are above it,
/// and one of its owner which families with children were revoked: so all keys are known beforehand.
///
/// It also ends with others of its owner: with those that began up to a time, and before the revocation was
/// made, which a number tells that grows with each. A child counts as begun with its parent, and so ends with it.
///
/// (Of two revocations of which the later is for an earlier time, the later time counts for both: too much is
/// revoked then, and nothing too little.)
pub(super) const HAS_ENDED: &str = r"
    local function has_ended(family, owner, ended)
        local began, number, revoked, ancestors =
            unpack(redis.call('HMGET', family, 'began', 'number', 'revoked', 'ancestors'))
        if not began or revoked then
            return began and revoked
        end
        for at = 1, #(ancestors or ''), 16 do
            if redis.call('ZSCORE', ended, ancestors:sub(at, at + 15)) then
                return true
            end
        end
        local up_to, latest = unpack(redis.call('HMGET', owner, 'up_to', 'number'))
        return up_to and tonumber(began) <= tonumber(up_to) and tonumber(number) < tonumber(latest)
    end
";

/// What changes nothing deletes what is not there: a Redis that takes no writes refuses that, and what a replica
/// says may be old.
const FAMILY: &str = r"
    local family, unused, owner, ended, nothing, families, parent = unpack(KEYS)
    local subject, id = unpack(ARGV)
    local function is_good(family)
        return redis.call('HGET', family, 'subject') == subject and not has_ended(family, owner, ended)
    end
    local function keep(keys, seconds)
        for _, key in ipairs(keys) do
            if redis.call('TTL', key) < tonumber(seconds) then
                redis.call('EXPIRE', key, seconds)
            end
        end
    end
    local function revoke()
        -- First what makes room: a Redis whose memory is full then takes the rest.
        redis.call('DEL', unused)
        redis.call('HSET', family, 'revoked', 1)
        local last_child = redis.call('HGET', family, 'last_child')
        if last_child then
            redis.call('ZADD', ended, last_child, id)
            keep({ended}, redis.call('TTL', family))
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
        local token, expires, now, seconds, ends, long_ago, most, most_families, parent_id = unpack(ARGV, 3)
        if redis.call('EXISTS', family) == 1 or family == parent then
            return leave('revoked')
        end
        if redis.call('ZCOUNT', families, '(' .. long_ago, '+inf') >= tonumber(most_families) then
            return leave('too many')
        end
        local began, number, ancestors = now, redis.call('HGET', owner, 'number') or 0, ''
        if parent then
            if redis.call('EXISTS', parent) == 0 then
                redis.call('HSET', parent, 'subject', subject, 'began', began, 'number', number)
            elseif not is_good(parent) then
                return leave('revoked')
            end
            local before, above, last = unpack(redis.call('HMGET', parent, 'began', 'ancestors', 'last_child'))
            ancestors = (above or '') .. parent_id
            if #ancestors > 16 * most then
                return leave('too deep')
            end
            if tonumber(before) < tonumber(began) then
                began = before
            end
            if not last or tonumber(last) < tonumber(ends) then
                redis.call('HSET', parent, 'last_child', ends)
            end
        end
        redis.call('HSET', family, 'subject', subject, 'began', began, 'number', number, 'ancestors', ancestors)
        redis.call('HSETNX', owner, 'number', 0)
        redis.call('ZADD', unused, expires, token)
        redis.call('ZADD', families, ends, id)
        redis.call('ZREMRANGEBYSCORE', families, '-inf', long_ago)
        redis.call('ZREMRANGEBYSCORE', ended, '-inf', long_ago)
        keep({family, unused, owner, families, parent}, seconds)
        return 'added'
        ",
    )
});

static ROTATE: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        local used, token, expires, seconds = unpack(ARGV, 3)
        if not is_good(family) then
            return leave('revoked')
        end
        if not redis.call('ZSCORE', unused, used) then
            revoke()
            return 'reused'
        end
        redis.call('ZREM', unused, used)
        redis.call('ZADD', unused, expires, token)
        keep({family, unused, owner}, seconds)
        return 'rotated'
        ",
    )
});

static REVOKE: LazyLock<Script> = LazyLock::new(|| {
    script(
        r"
        if not is_good(family) then
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
    Script::new(&[HAS_ENDED, FAMILY, body].concat())
}

/// Somebody has up to [so many families](super::RedisBuilder::max_refresh_families); beyond that, none is added. When
/// the memory of Redis is full (`maxmemory`), no family begins; those that there are go on, and are revoked.
///
/// All families of an issuer are in one slot of a cluster.
impl RefreshStore for Redis {
    fn add(
        &self,
        token: RefreshFacts<'_>,
        parent: Option<&str>,
    ) -> NowOrLater<Result<Addition, StoreError>> {
        let mut script = self.of_family(&ADD, token.identity, token.family());
        script.arg(&digest(token.id)[..]).arg(unix_seconds(token.expires));
        script.arg(unix_milliseconds(token.now)).arg(keep(token));
        script
            .arg(unix_seconds(token.family_expires))
            .arg(unix_seconds(token.now).saturating_sub(MARGIN));
        script.arg(Refresher::MOST_ANCESTORS).arg(self.0.max_families);
        script.key(self.families_key(token.identity));
        if let Some(parent) = parent {
            script.key(self.family_key(token.identity.issuer(), parent));
            script.arg(&digest(parent)[..]);
        }
        let redis = self.clone();
        NowOrLater::later(async move {
            match redis.run::<String>(script).await.map_err(StoreError::new)?.as_str() {
                "added" => Ok(Addition::Added),
                "revoked" => Ok(Addition::Revoked),
                "too deep" => Ok(Addition::TooDeep),
                "too many" => Err(StoreError::new("somebody has too many families of refresh tokens")),
                other => Err(StoreError::new(format!("Redis has answered {other:?}"))),
            }
        })
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        let mut script = self.of_family(&ROTATE, next.identity, next.family());
        script.arg(&digest(used)[..]).arg(&digest(next.id)[..]);
        script.arg(unix_seconds(next.expires)).arg(keep(next));
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
        let script = self.of_family(&REVOKE, identity, family);
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
        script.key(self.ended_key(issuer, owner.subject()));
        script.key(self.key("nothing", digest(issuer)));
        script.arg(&digest(owner.subject())[..]).arg(&digest(family)[..]);
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

    /// Of the families of somebody that are revoked and have children.
    pub(super) fn ended_key(&self, issuer: &str, subject: &str) -> String {
        self.key_within("refresh-ended", digest(issuer), digest(subject))
    }
}

/// For how many seconds the family is kept.
fn keep(token: RefreshFacts<'_>) -> i64 {
    let left = token.family_expires.duration_since(token.now).unwrap_or(Duration::ZERO);
    i64::try_from(left.as_secs()).unwrap_or(i64::MAX).saturating_add(MARGIN)
}
