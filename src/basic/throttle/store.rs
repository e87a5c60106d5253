use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::{ConfigError, NowOrLater, StoreError};

/// Where attempts to sign in are counted.
///
/// A store knows nothing of accounts and sources: it keeps one small record for each [`AttemptKey`]. An
/// attempt is counted *before* its password is looked at, so that a thousand at the same moment are
/// a thousand attempts; one that succeeds is taken back.
///
/// # Implementer notes
///
/// The record of a key is: how many attempts were counted, until when the next one has to wait, when the
/// last one was, and whether the key is known (an attempt has once succeeded). Each method is one atomic step
/// over one record.
///
/// * The times are those of the caller's clock; a store's own is for cleaning up alone.
/// * A record whose last change is [`AttemptLimit::forget_after`] or longer ago is as if there were none,
///   and may be dropped.
/// * A store with a bound drops the records that matter least; it does not refuse.
/// * Whoever cannot answer says so, and soon: the caller then counts in its own memory.
pub trait AttemptStore: Send + Sync + 'static {
    /// Counts an attempt, unless it has to wait; what has to wait is not counted.
    ///
    /// If `now` is before the end of the wait: [`Admission::Wait`] with the rest of it. (A rest that is longer
    /// than [`AttemptLimit::longest_wait`] comes of a clock that was set back: there is no wait then.)
    /// Else the count grows by one, and the next attempt waits until `now` and
    /// [`AttemptLimit::wait_after`] this count.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn count(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<Admission, StoreError>>;

    /// Takes one counted attempt back. The count never falls below zero. As long as attempts are left, a wait and the
    /// time of the last attempt stay as they are; when none is left, there is no wait either, and the record of a key
    /// that is not known is gone.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn take_back(&self, key: AttemptKey) -> NowOrLater<Result<(), StoreError>>;

    /// Forgets the attempts and the wait, and marks the key as known, from `now` on for
    /// [`AttemptLimit::forget_after`].
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn succeed(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<(), StoreError>>;
}

/// What an [`AttemptStore`] says to an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It is counted, and may go on.
    Admitted {
        /// Whether an attempt under this key has succeeded, and is not forgotten.
        known: bool,
    },
    /// It is not counted, and has to wait for so long.
    Wait(Duration),
}

/// What attempts are counted under: a digest of an account, of a source, or of both.
///
/// It has 32 bytes, however long a name is, and does not show it. It is the same on every node.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AttemptKey([u8; 32]);

impl AttemptKey {
    /// A key. The parts are told apart by their lengths: `ab`, `c` is not `a`, `bc`.
    pub fn new<const N: usize>(parts: [&[u8]; N]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }

    /// The digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// How many attempts there may be, and how long the next ones have to wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AttemptLimit {
    free: u32,
    first_wait: Duration,
    longest_wait: Duration,
    forget_after: Duration,
}

impl AttemptLimit {
    /// So many attempts without a wait; then waits that double from the first to the longest. All is
    /// forgotten after so long without an attempt.
    ///
    /// # Errors
    ///
    /// When there is no free attempt, the first wait is shorter than a millisecond or longer than the longest,
    /// the longest is more than a day, or attempts are forgotten before the longest wait is over or only
    /// after more than a year: the limit would be none, or for ever.
    pub fn new(
        free: u32,
        first_wait: Duration,
        longest_wait: Duration,
        forget_after: Duration,
    ) -> Result<Self, ConfigError> {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        if free == 0 {
            return Err(ConfigError::new("a limit needs at least one attempt that does not wait"));
        }
        if first_wait < Duration::from_millis(1) || first_wait > longest_wait {
            return Err(ConfigError::new(
                "the first wait has at least a millisecond, and at most the longest wait",
            ));
        }
        if longest_wait > DAY {
            return Err(ConfigError::new(
                "waits of more than a day lock the owner of an account out: let `longest_wait` be at most one",
            ));
        }
        if forget_after > DAY * 366 {
            return Err(ConfigError::new("attempts are forgotten after a year at the latest"));
        }
        if forget_after < longest_wait {
            return Err(ConfigError::new(
                "attempts that are forgotten before the longest wait is over would cut it short: let \
                 `forget_after` be at least `longest_wait`",
            ));
        }
        Ok(Self { free, first_wait, longest_wait, forget_after })
    }

    /// How many attempts there may be before the first wait.
    pub const fn free(&self) -> u32 {
        self.free
    }

    /// How long the attempt after the free ones has to wait.
    pub const fn first_wait(&self) -> Duration {
        self.first_wait
    }

    /// The longest that an attempt ever has to wait.
    pub const fn longest_wait(&self) -> Duration {
        self.longest_wait
    }

    /// After how long without an attempt all is forgotten.
    pub const fn forget_after(&self) -> Duration {
        self.forget_after
    }

    /// How long the next attempt has to wait when this many are counted: nothing as long as there are free
    /// ones, then `first_wait`, twice, four times as long, up to `longest_wait`.
    pub fn wait_after(&self, attempts: u32) -> Duration {
        let Some(doublings) = attempts.checked_sub(self.free) else {
            return Duration::ZERO;
        };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.longest_wait)
    }
}
