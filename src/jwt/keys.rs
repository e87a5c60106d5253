use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{Algorithm, Key};
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
    generation: u64,
}

impl Keys {
    /// Keys that can be told apart.
    ///
    /// # Errors
    ///
    /// When there are none; two have one id; two without an id are for one algorithm; or a shared
    /// secret stands beside a public key (whoever may verify with the one could then sign for the
    /// other).
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, ConfigError> {
        let keys: Vec<Key> = keys.into_iter().collect();
        let Some(first) = keys.first() else {
            return Err(ConfigError::new("there is no key to verify tokens with"));
        };
        if keys.iter().any(|key| key.is_shared() != first.is_shared()) {
            return Err(ConfigError::new(
                "a shared secret and a public key in one set: use a set for each, in a layer for each",
            ));
        }
        for (at, key) in keys.iter().enumerate() {
            let twin = keys[..at].iter().find(|other| match (&key.id, &other.id) {
                (Some(id), Some(other)) => id == other,
                (None, None) => key.algorithm == other.algorithm,
                _ => false,
            });
            if let Some(twin) = twin {
                return Err(ConfigError::new(format!(
                    "two keys cannot be told apart: {key:?} and {twin:?}; give each an id of its own"
                )));
            }
        }
        let generation = MADE.fetch_add(1, Ordering::Relaxed);
        Ok(Self(Arc::new(Set { keys, generation })))
    }

    /// Another number for each set that this process has made.
    pub(super) fn generation(&self) -> u64 {
        self.0.generation
    }

    /// The one key that a token is to be verified with.
    pub(super) fn choose(&self, alg: &str, kid: Option<&str>) -> Result<&Key, &'static str> {
        let algorithm: Algorithm = alg.parse().map_err(|_| "jwt.alg")?;
        let of_id = self.0.keys.iter().find(|key| kid.is_some() && key.id.as_deref() == kid);
        if let Some(key) = of_id {
            return if key.algorithm == algorithm { Ok(key) } else { Err("jwt.alg") };
        }
        // A `kid` that is not known may still belong to a key that was given no id.
        let mut fitting = self
            .0
            .keys
            .iter()
            .filter(|key| key.algorithm == algorithm && (kid.is_none() || key.id.is_none()));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(NO_KEY),
            (Some(_), Some(_)) => Err("jwt.ambiguous_key"),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.0.keys).finish()
    }
}
