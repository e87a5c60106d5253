use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::redis::{
    Client, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cmd,
};
use arc_swap::ArcSwap;
use tokio::time::timeout;

/// How long a connection may take to be made, and longer if an operation may.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait between two attempts to connect, at the most.
const MOST_DELAY: Duration = Duration::from_millis(500);

/// After how many operations in a row without an answer a connection is left.
const MOST_UNANSWERED: usize = 3;

/// The way to Redis: a connection that is made anew when it is cut, and left when nothing comes of it any more. A
/// Redis that hangs, or a network that swallows packets, cuts nothing.
pub(super) struct Link {
    client: Client,
    /// How long a connection may take to be made.
    patience: Duration,
    present: ArcSwap<Connection>,
}

pub(super) struct Connection {
    manager: ConnectionManager,
    /// Whether it was there when it was last heard of. One that is being made is not left: each attempt asks
    /// where the address leads.
    is_heard: AtomicBool,
    /// How many operations were not answered since.
    unanswered: AtomicUsize,
}

impl Link {
    pub(super) fn new(client: Client, patience: Duration) -> Result<Self, RedisError> {
        let present = ArcSwap::from_pointee(Connection::new(&client, patience)?);
        Ok(Self { client, patience, present })
    }

    pub(super) fn present(&self) -> Arc<Connection> {
        self.present.load_full()
    }

    /// Notes that an operation was not answered in time. After some, the connection is left for a new one.
    pub(super) fn not_answered(&self, connection: &Arc<Connection>) {
        let unanswered = connection.unanswered.fetch_add(1, Ordering::Relaxed) + 1;
        let is_left = !Arc::ptr_eq(connection, &self.present.load());
        if is_left || unanswered < MOST_UNANSWERED || !connection.is_heard.load(Ordering::Relaxed) {
            return;
        }
        let Ok(new) = Connection::new(&self.client, self.patience).map(Arc::new) else { return };
        let mut manager = new.manager();
        let former = self.present.compare_and_swap(connection, new);
        if Arc::ptr_eq(connection, &former) {
            tracing::warn!("Redis does not answer: its connection is left for a new one");
            // It is made at once, and not only while somebody waits for it.
            tokio::spawn(timeout(
                self.patience,
                async move { cmd("PING").exec_async(&mut manager).await },
            ));
        }
    }
}

impl Connection {
    fn new(client: &Client, patience: Duration) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(usize::MAX)
            .set_max_delay(MOST_DELAY)
            .set_connection_timeout(Some(patience))
            // `Redis::run` has a limit of its own, over all of it.
            .set_response_timeout(None);
        Ok(Self {
            manager: ConnectionManager::new_lazy_with_config(client.clone(), config)?,
            is_heard: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
        })
    }

    pub(super) fn manager(&self) -> ConnectionManager {
        self.manager.clone()
    }

    /// Notes what has come of an operation.
    pub(super) fn answered<T>(&self, answer: &Result<T, RedisError>) {
        let is_cut = answer.as_ref().is_err_and(RedisError::is_unrecoverable_error);
        self.is_heard.store(!is_cut, Ordering::Relaxed);
        self.unanswered.store(0, Ordering::Relaxed);
    }
}
