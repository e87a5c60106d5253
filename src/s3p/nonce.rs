use crate::{NowOrLater, StoreError};

/// A nonce of a request whose signature was verified.
#[derive(Clone, Copy, Debug)]
pub struct Nonce<'r> {
    /// The access token. Nonces of two tokens have nothing to do with each other.
    pub token: &'r str,
    /// The nonce.
    pub nonce: &'r str,
    /// The last second in which the request could be accepted, since 1970-01-01T00:00:00Z.
    pub expires: i64,
    /// The present second, by the layer's clock.
    pub now: i64,
}

/// What came of recording a nonce.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Recorded {
    /// It was not known, and is now.
    Fresh,
    /// It was known: the request was seen before.
    Replayed,
    /// This token has as many live nonces as it may have.
    TokenFull,
    /// There are as many live nonces as there may be.
    StoreFull,
}

/// Where the nonces of verified requests are kept, so that no request is accepted twice.
///
/// # Implementer notes
///
/// * Look up and insert in one atomic step: of any number of callers with one nonce, one gets
///   [`Recorded::Fresh`].
/// * Keep an entry through the second [`Nonce::expires`]. Never forget one before: refuse new ones
///   instead.
/// * Erring towards [`Recorded::Replayed`] refuses an honest request; erring towards
///   [`Recorded::Fresh`] executes one twice. Err towards the former.
pub trait NonceStore: Send + Sync + 'static {
    /// Records a nonce, if it is not known.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>>;
}
