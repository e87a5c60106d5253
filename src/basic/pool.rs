use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    task, time,
};
use zeroize::Zeroizing;

use super::PasswordHash;
use crate::StoreError;

/// Where password hashes are computed: tokio's blocking threads, with a limit to how many run at
/// once, how many wait, and for how long. It needs a tokio runtime whose timer is enabled.
///
/// A clone is the same pool; share it between layers, so that the limit holds for the process.
#[derive(Clone, Debug)]
pub struct HashingPool {
    running: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    queue: usize,
    wait_limit: Duration,
}

impl HashingPool {
    /// A pool that runs this many hashes at once (at least one), lets 256 wait, and none longer than
    /// two seconds.
    pub fn new(at_once: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS))),
            waiting: Arc::default(),
            queue: 256,
            wait_limit: Duration::from_secs(2),
        }
    }

    /// How many may wait. Beyond it, a request is answered 503 at once.
    pub fn queue(mut self, length: usize) -> Self {
        self.queue = length;
        self
    }

    /// How long one may wait for its turn. Then the request is answered 503.
    pub fn wait_limit(mut self, limit: Duration) -> Self {
        self.wait_limit = limit;
        self
    }

    /// The hash of a new password, as [`PasswordHash::of`] makes it. It takes its turn like those that are verified.
    ///
    /// # Errors
    ///
    /// When the pool is full or has no runtime, or [`PasswordHash::of`] refuses the password.
    pub async fn hash(&self, password: &str) -> Result<PasswordHash, StoreError> {
        let password = Zeroizing::new(password.to_owned());
        self.run(move || PasswordHash::of(&password)).await?.map_err(StoreError::new)
    }

    /// Runs slow work. An error: the pool is full or has no runtime, and the work was not done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        // Without a runtime the timer below would panic.
        Handle::try_current().map_err(StoreError::new)?;
        let permit = match self.running.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        // The permit lives in the blocking task: it runs to its end even if the caller hangs up.
        let task = task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        task.await.map_err(StoreError::new)
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let _place = Place::take(&self.waiting, self.queue)
            .ok_or_else(|| StoreError::new("too many passwords wait to be verified"))?;
        time::timeout(self.wait_limit, self.running.clone().acquire_owned())
            .await
            .map_err(|_| StoreError::new("a password waited too long to be verified"))?
            .map_err(StoreError::new)
    }
}

/// As many at once as there are cores.
impl Default for HashingPool {
    fn default() -> Self {
        Self::new(thread::available_parallelism().map_or(1, NonZero::get))
    }
}

/// A place in the queue, given back on drop.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let place = Self(waiting.clone());
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        // Dropping the place gives it back.
        (before < limit).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
