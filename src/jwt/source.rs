use super::{Keys, keys::Generation};
use crate::{NowOrLater, StoreError};

/// Where the keys come from: [`Keys`] that stay as they are, or a set that changes while the server runs.
///
/// # Implementer notes
///
/// * They are called on the request path. [`keys`](Self::keys) never waits: fetch in the
///   background, and keep what was fetched.
/// * [`renew`](Self::renew) is called by anybody who makes up a key id: see to it that many calls are
///   few fetches, and that a failed fetch is not tried again at once.
pub trait KeySource: Send + Sync + 'static {
    /// The keys at present, by a cheap clone. `None`: there are none that may still be believed, and the
    /// request is answered 503.
    fn keys(&self) -> Option<Keys>;

    /// Which set [`keys`](Self::keys) would give, for those who remember what they have found out by it.
    fn generation(&self) -> Option<Generation> {
        self.keys().map(|keys| keys.generation())
    }

    /// No key fits a token. `None`: those at hand are the newest that are to be had now, and the token is
    /// refused. Otherwise it answers when it is worth asking [`keys`](Self::keys) once more, in bounded time;
    /// only the requests that no key fits wait for it.
    ///
    /// # Errors
    ///
    /// When it is not known whether there are newer ones. A token that no key fits even so is answered 503.
    fn renew(&self) -> Option<NowOrLater<Result<(), StoreError>>>;
}

impl KeySource for Keys {
    fn keys(&self) -> Option<Keys> {
        Some(self.clone())
    }

    fn generation(&self) -> Option<Generation> {
        Some(Self::generation(self))
    }

    fn renew(&self) -> Option<NowOrLater<Result<(), StoreError>>> {
        None
    }
}
