use std::sync::LazyLock;

use ::redis::Script;

use super::{Redis, key::digest, says};
use crate::{
    NowOrLater, StoreError,
    s3p::{Nonce, NonceStore, Recorded},
};

/// By how many seconds the clocks of two servers may differ.
const MARGIN: i64 = 60;

/// By how many seconds a clock may step back: so long after it has expired a nonce is refused, by its place in the set,
/// or by what was dropped last.
const STEP_BACK: i64 = 60 * 60;

/// The nonces of a token are a sorted set, by expiry. What was dropped last is remembered, so that a clock
/// that jumps ahead and back lets nothing in twice; the set is kept for longer than that, since Redis drops it
/// without a mark.
static RECORD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local nonces, mark = KEYS[1], KEYS[2]
        local nonce, expires, expired, most, seconds, step_back = unpack(ARGV)
        local last = redis.call('ZREVRANGEBYSCORE', nonces, expired, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
        local dropped = tonumber(redis.call('GET', mark))
        if last then
            -- First what makes room: a Redis whose memory is full then takes the rest.
            redis.call('ZREMRANGEBYSCORE', nonces, '-inf', last)
            if not dropped or dropped < tonumber(last) then
                dropped = tonumber(last)
                redis.call('SET', mark, last, 'EX', step_back)
            end
        end
        if dropped and tonumber(expires) <= dropped or redis.call('ZSCORE', nonces, nonce) then
            return 'replayed'
        end
        if redis.call('ZCARD', nonces) >= tonumber(most) then
            return 'token full'
        end
        redis.call('ZADD', nonces, expires, nonce)
        if redis.call('TTL', nonces) < tonumber(seconds) then
            redis.call('EXPIRE', nonces, seconds)
        end
        return 'fresh'
        ",
    )
});

/// A token has as many live nonces as
/// [`max_live_nonces_per_token`](super::RedisBuilder::max_live_nonces_per_token) says, and those that have
/// expired within the last minute; they are dropped when the next one is recorded, and an hour after the last one has
/// expired in any case. [`Recorded::StoreFull`] is said by a Redis whose memory is full
/// (`maxmemory`).
impl NonceStore for Redis {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let tag = digest(nonce.token);
        let keep = nonce.expires.saturating_sub(nonce.now).max(0).saturating_add(MARGIN + STEP_BACK);
        let mut script = RECORD.prepare_invoke();
        script.key(self.key("nonces", tag)).key(self.key("dropped", tag));
        script.arg(&digest(nonce.nonce)[..]).arg(nonce.expires);
        script.arg(format!("({}", nonce.now.saturating_sub(MARGIN)));
        script.arg(self.0.max_live_per_token).arg(keep).arg(STEP_BACK);
        let redis = self.clone();
        NowOrLater::later(async move {
            match redis.run::<String>(script).await.as_deref() {
                Ok("fresh") => Ok(Recorded::Fresh),
                Ok("replayed") => Ok(Recorded::Replayed),
                Ok("token full") => Ok(Recorded::TokenFull),
                Ok(other) => Err(StoreError::new(format!("Redis has answered {other:?}"))),
                Err(error) if says(error, "OOM") => Ok(Recorded::StoreFull),
                Err(error) => Err(StoreError::new(error.clone())),
            }
        })
    }
}
