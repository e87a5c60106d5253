use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use ::redis::{Script, ScriptInvocation};

use super::{Redis, key::Known};
use crate::{
    NowOrLater, StoreError,
    basic::{Admission, AttemptKey, AttemptLimit, AttemptStore},
    clock::unix_milliseconds,
};

/// How much longer than asked for a record is kept: for clocks that differ.
const MARGIN: Duration = Duration::from_secs(60);

/// A record is a hash. What changes nothing is refused by a Redis that takes no writes, too: what a replica
/// says may be old.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local record, keep = KEYS[1], ARGV[6]
        for at, text in ipairs(ARGV) do ARGV[at] = tonumber(text) end
        local now, free, first, longest, forget = unpack(ARGV)
        local fields = redis.call('HMGET', record, 'attempts', 'next', 'last', 'known')
        for at, text in ipairs(fields) do fields[at] = tonumber(text or 0) end
        local attempts, next, last, known = unpack(fields)
        if now - last >= forget then
            attempts, next, known = 0, now, 0
        end
        local wait = next - now
        if wait > 0 and wait <= longest then
            redis.call('HDEL', record, 'nothing')
            return {wait, known}
        end
        attempts = attempts + 1
        next = now
        if attempts >= free then
            next = now + math.min(first * 2 ^ (attempts - free), longest)
        end
        redis.call('HSET', record, 'attempts', attempts, 'next', next, 'last', now, 'known', known)
        redis.call('EXPIRE', record, keep)
        return {0, known}
        ",
    )
});

static TAKE_BACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        redis.call('HDEL', KEYS[1], 'nothing')
        local fields = redis.call('HMGET', KEYS[1], 'attempts', 'known')
        for at, text in ipairs(fields) do fields[at] = tonumber(text or 0) end
        local attempts, known = unpack(fields)
        if attempts > 1 then
            redis.call('HINCRBY', KEYS[1], 'attempts', -1)
        elseif known == 0 then
            redis.call('DEL', KEYS[1])
        else
            redis.call('HSET', KEYS[1], 'attempts', 0, 'next', 0)
        end
        ",
    )
});

static SUCCEED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local now, keep = unpack(ARGV)
        redis.call('HSET', KEYS[1], 'attempts', 0, 'next', now, 'last', now, 'known', 1)
        redis.call('EXPIRE', KEYS[1], keep)
        ",
    )
});

/// Times are kept to the millisecond. A record takes some 150 bytes, and is gone a minute after it is forgotten.
/// When the memory of Redis is full (`maxmemory`), it counts nothing: the throttle counts in its own memory then.
impl AttemptStore for Redis {
    fn count(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<Admission, StoreError>> {
        let mut script = self.of_record(&COUNT, key);
        script.arg(unix_milliseconds(now)).arg(limit.free());
        script.arg(milliseconds(limit.first_wait())).arg(milliseconds(limit.longest_wait()));
        script.arg(milliseconds(limit.forget_after())).arg(keep(limit));
        let redis = self.clone();
        NowOrLater::later(async move {
            let (wait, known): (u64, u8) = redis.run(script).await.map_err(StoreError::new)?;
            Ok(match wait {
                0 => Admission::Admitted { known: known != 0 },
                wait => Admission::Wait(Duration::from_millis(wait)),
            })
        })
    }

    fn take_back(&self, key: AttemptKey) -> NowOrLater<Result<(), StoreError>> {
        self.settle(self.of_record(&TAKE_BACK, key))
    }

    fn succeed(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<(), StoreError>> {
        let mut script = self.of_record(&SUCCEED, key);
        script.arg(unix_milliseconds(now)).arg(keep(limit));
        self.settle(script)
    }
}

impl Redis {
    fn of_record(&self, script: &'static Script, key: AttemptKey) -> ScriptInvocation<'static> {
        let known: Known = std::array::from_fn(|at| key.as_bytes()[at]);
        let mut script = script.prepare_invoke();
        script.key(self.key("attempts", known));
        script
    }

    fn settle(&self, script: ScriptInvocation<'static>) -> NowOrLater<Result<(), StoreError>> {
        let redis = self.clone();
        NowOrLater::later(async move { redis.run(script).await.map_err(StoreError::new) })
    }
}

/// Rounded up, so that no wait becomes none.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// For how many seconds a record is kept.
fn keep(limit: AttemptLimit) -> u64 {
    limit.forget_after().saturating_add(MARGIN).as_secs() + 1
}
