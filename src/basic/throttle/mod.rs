mod store;

use std::{
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub use self::store::{Admission, AttemptKey, AttemptLimit, AttemptStore};
use crate::{Head, NowOrLater, Rejection, RejectionKind, StoreError, store::MemoryAttemptStore};

/// Slows down whoever guesses passwords: 429 with `Retry-After`, before a user is looked up and a
/// password hashed.
///
/// It counts failures for an account, and, if it is told where requests come from
/// ([`sources`](Self::sources)), for each account from each source and for each source too. A name that does not
/// exist is counted like one that does. See the [module docs](crate::basic#guessing) for the rules.
///
/// ```
/// use portcullis::{PeerAddr, basic::{Source, Throttle}};
///
/// // The server puts `PeerAddr` into each request's extensions.
/// let throttle = Throttle::in_memory().sources(|head| PeerAddr::of(head).map(Source::ip));
/// ```
#[derive(Clone)]
pub struct Throttle {
    store: Arc<dyn AttemptStore>,
    /// Counts while the store cannot.
    local: MemoryAttemptStore,
    source: Option<Arc<SourceOf>>,
    account_limit: AttemptLimit,
    pair_limit: AttemptLimit,
    source_limit: AttemptLimit,
}

type SourceOf = dyn Fn(&Head<'_>) -> Option<Source> + Send + Sync;

impl Throttle {
    /// Counts in this store: one that all nodes share.
    ///
    /// While the store cannot answer, each node counts in its own memory, and warns in the log.
    pub fn new(store: impl AttemptStore) -> Self {
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(3600);
        let limit = |free, longest, forget| {
            AttemptLimit::new(free, SECOND, longest, forget).expect("the limit is sound")
        };
        Self {
            store: Arc::new(store),
            local: MemoryAttemptStore::new(),
            source: None,
            account_limit: limit(20, MINUTE * 30, HOUR * 24),
            pair_limit: limit(20, MINUTE * 30, HOUR * 24 * 30),
            source_limit: limit(100, MINUTE * 5, HOUR),
        }
    }

    /// Counts in memory: for one node.
    pub fn in_memory() -> Self {
        Self::new(MemoryAttemptStore::new())
    }

    /// Tells sources apart: by the address of the peer, or by what a proxy says **that is known to be
    /// one's own**. A stranger who can choose his source has as many as he likes.
    ///
    /// For a request without a source, failures are counted for its account alone. In axum, the peer is there if the
    /// router was served by `into_make_service_with_connect_info::<SocketAddr>()`:
    ///
    /// ```
    /// use std::net::SocketAddr;
    ///
    /// use axum::extract::ConnectInfo;
    /// use portcullis::basic::{Source, Throttle};
    ///
    /// let throttle = Throttle::in_memory().sources(|head| {
    ///     let ConnectInfo(peer) = head.extensions().get::<ConnectInfo<SocketAddr>>()?;
    ///     Some(Source::ip(peer.ip()))
    /// });
    /// ```
    pub fn sources(
        mut self,
        source: impl Fn(&Head<'_>) -> Option<Source> + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The limit for an account, from all sources that it is not known to use. By default 20 attempts, then waits
    /// of a second to half an hour, forgotten after a day: fewer than 100 failures a day.
    pub fn account_limit(mut self, limit: AttemptLimit) -> Self {
        self.account_limit = limit;
        self
    }

    /// The limit for an account from one source. By default 20 attempts, then waits of a second to half an hour,
    /// forgotten after 30 days: for so long, too, a source stays known for an account.
    pub fn pair_limit(mut self, limit: AttemptLimit) -> Self {
        self.pair_limit = limit;
        self
    }

    /// The limit for a source, on all accounts that it is not known to use. By default 100 attempts, then waits of
    /// a second to five minutes, forgotten after an hour.
    pub fn source_limit(mut self, limit: AttemptLimit) -> Self {
        self.source_limit = limit;
        self
    }

    /// Where a request comes from.
    pub(super) fn source_of(&self, head: &Head<'_>) -> Option<Source> {
        self.source.as_ref().and_then(|source| source(head))
    }

    /// Counts an attempt, or refuses it: then it is counted nowhere.
    pub(super) async fn admit(
        &self,
        account: &str,
        source: Option<&Source>,
        now: SystemTime,
    ) -> Result<Attempt<'_>, Rejection> {
        let mut attempt = Attempt { throttle: self, counted: Vec::with_capacity(3) };
        for (key, limit, reason) in self.limits(account, source) {
            let (admission, is_local) = self.count(key, limit, now).await;
            match admission {
                Admission::Wait(wait) => {
                    attempt.take_back().await;
                    return Err(Rejection::new(RejectionKind::Throttled, reason).retry_in(wait));
                }
                Admission::Admitted { known } => {
                    attempt.counted.push(Counted { key, limit, is_local });
                    if known {
                        break;
                    }
                }
            }
        }
        Ok(attempt)
    }

    /// What an attempt is counted under, the narrowest first. A pair that is known is not held up by what
    /// others do.
    fn limits(
        &self,
        account: &str,
        source: Option<&Source>,
    ) -> impl Iterator<Item = (AttemptKey, AttemptLimit, &'static str)> {
        let name = account.as_bytes();
        let of_account = AttemptKey::new([b"account", name]);
        let of_source = source.map(|source| {
            let pair = AttemptKey::new([b"pair", name, &source.0]);
            let source = AttemptKey::new([b"source", &source.0]);
            [
                (pair, self.pair_limit, "basic.throttled_pair"),
                (source, self.source_limit, "basic.throttled_source"),
            ]
        });
        let of_account = (of_account, self.account_limit, "basic.throttled_account");
        of_source.into_iter().flatten().chain([of_account])
    }

    /// Counts in the store, or else in this node's memory; whether it was that.
    async fn count(&self, key: AttemptKey, limit: AttemptLimit, now: SystemTime) -> (Admission, bool) {
        match self.store.count(key, limit, now).await {
            Ok(admission) => (admission, false),
            Err(error) => {
                warn(&error);
                (self.local.count_now(key, limit, now), true)
            }
        }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("account_limit", &self.account_limit)
            .field("pair_limit", &self.pair_limit)
            .field("source_limit", &self.source_limit)
            .field("sources", &self.source.is_some())
            .finish_non_exhaustive()
    }
}

/// An attempt that is counted. As long as nothing else is said, it has failed.
pub(super) struct Attempt<'a> {
    throttle: &'a Throttle,
    counted: Vec<Counted>,
}

struct Counted {
    key: AttemptKey,
    limit: AttemptLimit,
    is_local: bool,
}

impl Attempt<'_> {
    /// The password was right. The account's failures from this source are forgotten; from the wider
    /// counts, this attempt alone is taken back.
    pub(super) async fn succeed(mut self, now: SystemTime) {
        let Counted { key, limit, .. } = self.counted.remove(0);
        let throttle = self.throttle;
        settle(throttle.store.succeed(key, limit, now)).await;
        throttle.local.succeed_now(key, limit, now);
        self.take_back().await;
    }

    /// Nobody has judged the password.
    pub(super) async fn take_back(self) {
        for Counted { key, is_local, .. } in self.counted {
            if is_local {
                self.throttle.local.take_back_now(key);
            } else {
                settle(self.throttle.store.take_back(key)).await;
            }
        }
    }
}

/// An answer does not wait for a store that is down: the attempt stays counted.
async fn settle(told: NowOrLater<Result<(), StoreError>>) {
    if let Err(error) = told.await {
        warn(&error);
    }
}

fn warn(error: &StoreError) {
    let error: &dyn std::error::Error = error;
    tracing::warn!(error, "attempts to sign in are counted on this node alone");
}

/// Where a request comes from, as far as attempts are counted.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Source(Box<[u8]>);

impl Source {
    /// An address. Of IPv6 the first 64 bits count, since whoever has one address of them has them all.
    pub fn ip(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => [&b"4"[..], &address.octets()].concat().into(),
            IpAddr::V6(address) => [&b"6"[..], &address.octets()[..8]].concat().into(),
        })
    }

    /// Anything else: the name of a proxy's customer, of a network.
    pub fn new(text: &str) -> Self {
        Self([b"t", text.as_bytes()].concat().into())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
