use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Algorithm, Key, admission::LONGEST_ID, header::Header};
use crate::ConfigError;

/// The reason of a refusal that newer keys might change.
pub(super) const NO_KEY: &str = "jwt.no_key";

/// How many key sets this process has made.
static MADE: AtomicU64 = AtomicU64::new(0);

/// The keys that tokens are verified with. A clone is the same set.
#[derive(Clone)]
pub struct Keys(Arc<Set>);

struct Set {
    keys: Vec<Key>,
    generation: Generation,
    /// Of tokens that were verified. An issuer writes few, and the same ones again and again.
    headers: [OnceLock<KnownHeader>; 4],
}

/// Which set of keys it is: each that this process makes is another one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Generation(u64);

/// A header, by the text that it is sent as.
struct KnownHeader {
    encoded: Box<[u8]>,
    typ: Option<Box<str>>,
    key: usize,
}

/// The one key that a token is to be verified with.
#[derive(Clone, Copy)]
pub(super) struct Chosen<'k> {
    pub(super) key: &'k Key,
    at: usize,
    /// The header names another key, which is not there; and this one has no name.
    pub(super) is_guess: bool,
}

impl Keys {
    /// Keys that can be told apart.
    ///
    /// # Errors
    ///
    /// When there are none; an id has more than 256 bytes; two have one id; two without an id are for one
    /// algorithm; or a shared secret stands beside a public key (whoever may verify with the one could then sign
    /// for the other).
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, ConfigError> {
        let keys: Vec<Key> = keys.into_iter().collect();
        let Some(first) = keys.first() else {
            return Err(ConfigError::new("there is no key to verify tokens with"));
        };
        let refused = |one: usize, other: usize, why: &str| {
            let (one_key, other_key) = (&keys[one], &keys[other]);
            Err(ConfigError::new(format!(
                "{why}: at the places {one} and {other} (from 0) are {one_key:?} and {other_key:?}"
            )))
        };
        if let Some(other) = keys.iter().position(|key| key.is_shared() != first.is_shared()) {
            let why =
                "a shared secret and a public key in one set (use a set for each, in a layer for each)";
            return refused(0, other, why);
        }
        for (at, key) in keys.iter().enumerate() {
            if key.id.as_ref().is_some_and(|id| id.len() > LONGEST_ID) {
                return Err(ConfigError::new(format!(
                    "the key at the place {at} (from 0) has an id of more than {LONGEST_ID} bytes"
                )));
            }
            let twin = keys[..at].iter().position(|other| match (&key.id, &other.id) {
                (Some(id), Some(other)) => id == other,
                (None, None) => key.algorithm == other.algorithm,
                _ => false,
            });
            if let Some(twin) = twin {
                return refused(twin, at, "two keys cannot be told apart (give each an id of its own)");
            }
        }
        let generation = Generation(MADE.fetch_add(1, Ordering::Relaxed));
        Ok(Self(Arc::new(Set { keys, generation, headers: Default::default() })))
    }

    pub(super) fn generation(&self) -> Generation {
        self.0.generation
    }

    pub(super) fn choose(&self, header: &Header<'_>) -> Result<Chosen<'_>, &'static str> {
        let algorithm: Algorithm = header.alg.parse().map_err(|_| "jwt.alg")?;
        let kid = header.kid.as_deref();
        let keys = || self.0.keys.iter().enumerate();
        let of_id = keys().find(|(_, key)| kid.is_some() && key.id.as_deref() == kid);
        if let Some((at, key)) = of_id {
            let chosen = Chosen { key, at, is_guess: false };
            return if key.algorithm == algorithm { Ok(chosen) } else { Err("jwt.alg") };
        }
        // A `kid` that is not known may still belong to a key that was given no id.
        let mut fitting =
            keys().filter(|(_, key)| key.algorithm == algorithm && (kid.is_none() || key.id.is_none()));
        match (fitting.next(), fitting.next()) {
            (Some((at, key)), None) => Ok(Chosen { key, at, is_guess: kid.is_some() }),
            (None, _) => Err(NO_KEY),
            (Some(_), Some(_)) => Err("jwt.ambiguous_key"),
        }
    }

    /// The key and the `typ` of a header that was [noted](Self::note).
    pub(super) fn recall(&self, encoded: &[u8]) -> Option<(Chosen<'_>, Option<&str>)> {
        let mut known = self.0.headers.iter().map_while(OnceLock::get);
        let header = known.find(|header| *header.encoded == *encoded)?;
        let chosen = Chosen { key: &self.0.keys[header.key], at: header.key, is_guess: false };
        Some((chosen, header.typ.as_deref()))
    }

    /// Notes a header of a token that was verified, so that it need not be read again.
    pub(super) fn note(&self, encoded: &[u8], header: &Header<'_>, chosen: Chosen<'_>) {
        let typ = header.typ.as_deref().map(Box::from);
        let mut header = KnownHeader { encoded: encoded.into(), typ, key: chosen.at };
        for place in &self.0.headers {
            match place.set(header) {
                Ok(()) => return,
                Err(back) => header = back,
            }
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.0.keys).finish()
    }
}
