use std::{
    fmt,
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Where a layer takes the time from.
///
/// Every comparison with a time in a request (`exp`, `nbf`, `iat`, an S3P timestamp) uses the one
/// clock that its layer was built with.
///
/// # Implementer notes
///
/// `now` is called on the request path: it must not block. It may jump; the layers never assume
/// that it only goes forward.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The present time.
    fn now(&self) -> SystemTime;
}

/// The clock of the operating system. On Linux it shows the time of the last tick, which is at most some milliseconds
/// ago: nothing that a layer compares is finer than that, and it costs less to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        last_tick().unwrap_or_else(present)
    }
}

#[cfg(target_os = "linux")]
fn last_tick() -> Option<SystemTime> {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::RealtimeCoarse);
    let (seconds, nanoseconds) = (time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?);
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}

#[cfg(not(target_os = "linux"))]
fn last_tick() -> Option<SystemTime> {
    None
}

#[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
fn present() -> SystemTime {
    SystemTime::now()
}

/// A clock that stands still until it is moved: for tests.
///
/// ```
/// use portcullis::{Clock, ManualClock};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let clock = ManualClock::at_unix(1_361_281_946);
/// clock.advance(Duration::from_secs(300));
/// assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(1_361_282_246));
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<SystemTime>);

impl ManualClock {
    /// A clock that shows this time.
    pub const fn new(now: SystemTime) -> Self {
        Self(Mutex::new(now))
    }

    /// A clock that shows this many seconds since 1970-01-01T00:00:00Z.
    pub fn at_unix(seconds: u64) -> Self {
        Self::new(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// Sets the time, forward or back.
    pub fn set(&self, now: SystemTime) {
        *self.lock() = now;
    }

    /// Moves the time forward.
    ///
    /// # Panics
    ///
    /// When there is no such time.
    pub fn advance(&self, by: Duration) {
        *self.lock() += by;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SystemTime> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.lock()
    }
}

impl<C: Clock> Clock for std::sync::Arc<C> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }
}

/// Whole seconds since 1970-01-01T00:00:00Z, rounded down, negative before; saturating.
#[cfg(any(
    feature = "s3p",
    feature = "sql",
    all(feature = "redis", any(feature = "_jwt", feature = "basic"))
))]
pub(crate) fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let until = before.duration();
            let whole = i64::try_from(until.as_secs()).unwrap_or(i64::MAX);
            -whole - i64::from(until.subsec_nanos() > 0)
        }
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z; saturating.
#[cfg(any(
    feature = "s3p",
    all(feature = "_jwt", feature = "sql"),
    all(feature = "redis", any(feature = "_jwt", feature = "basic"))
))]
pub(crate) fn unix_milliseconds(time: SystemTime) -> i64 {
    let part = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_millis());
    unix_seconds(time).saturating_mul(1000).saturating_add(i64::from(part))
}
