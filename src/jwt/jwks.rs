//! Keys from a JWK set (RFC 7517 section 5).

use std::error::Error;

use jsonwebtoken::{
    AlgorithmFamily,
    jwk::{Jwk, JwkSet},
};
use serde_json::value::RawValue;

use super::{
    Algorithm, Key, Keys,
    admission::{is_for_signatures, name},
};
use crate::{
    ConfigError,
    json::{self, Object},
};

impl Keys {
    /// The keys of a JWK set (RFC 7517 section 5) that can be used; at least one. The others are
    /// passed over, each with a warning in the log that names it: also RSA keys without `alg`, for which
    /// there is [`from_jwks_for`](Self::from_jwks_for), and keys without `kid`, if there are several for one
    /// algorithm.
    ///
    /// # Errors
    ///
    /// When no key is left, or those left cannot stand together.
    pub fn from_jwks(jwks: &JwkSet) -> Result<Self, ConfigError> {
        Self::of_listed(jwks.keys.iter().map(|jwk| Listed::of(jwk, None)))
    }

    /// The same, where an RSA key without `alg` is for this algorithm, and for no other.
    ///
    /// It has to be said: the key itself fits six algorithms, and a key must not be used with more than the
    /// one that its owner signs with (RFC 8725 section 3.1). Many providers leave `alg` out; what they sign
    /// with is in their discovery document, most often RS256. Other keys say it by their curve.
    ///
    /// # Errors
    ///
    /// When no key is left, those left cannot stand together, or the algorithm is none of RSA's.
    pub fn from_jwks_for(jwks: &JwkSet, algorithm: Algorithm) -> Result<Self, ConfigError> {
        check_is_rsa(algorithm)?;
        Self::of_listed(jwks.keys.iter().map(|jwk| Listed::of(jwk, Some(algorithm))))
    }

    /// The keys of a JWK set in JSON, as in a file. It is read key by key, so that a key of a type that is
    /// not known, or one that is damaged, is passed over as in [`from_jwks`](Self::from_jwks).
    ///
    /// # Errors
    ///
    /// When it is not a JSON object with an array of `keys`, a name is repeated in it, no key is left, or
    /// those left cannot stand together.
    pub fn from_jwks_json(json: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::read_jwks(json.as_ref(), None)
    }

    /// The same, where an RSA key without `alg` is for this algorithm: see
    /// [`from_jwks_for`](Self::from_jwks_for).
    ///
    /// # Errors
    ///
    /// As of [`from_jwks_json`](Self::from_jwks_json); or the algorithm is none of RSA's.
    pub fn from_jwks_json_for(
        json: impl AsRef<[u8]>,
        algorithm: Algorithm,
    ) -> Result<Self, ConfigError> {
        check_is_rsa(algorithm)?;
        Self::read_jwks(json.as_ref(), Some(algorithm))
    }

    pub(super) fn read_jwks(json: &[u8], rsa: Option<Algorithm>) -> Result<Self, ConfigError> {
        let no_set =
            "this is not a JWK set: a JSON object with an array of `keys` (RFC 7517 section 5)";
        let set = Object::parse_names(json).ok_or_else(|| ConfigError::new(no_set))?;
        let keys = set.members().iter().find(|(name, _)| name == "keys");
        let keys = keys.and_then(|(_, keys)| serde_json::from_str::<Vec<&RawValue>>(keys.get()).ok());
        let keys = keys.ok_or_else(|| ConfigError::new(no_set))?;
        Self::of_listed(keys.into_iter().map(|key| Listed::read(key, rsa)))
    }

    fn of_listed(listed: impl Iterator<Item = Listed>) -> Result<Self, ConfigError> {
        let listed: Vec<Listed> = listed.collect();
        refuse_repeated_ids(&listed)?;
        let nameless: Vec<Algorithm> = listed.iter().filter_map(Listed::nameless).collect();
        let mut usable = Vec::new();
        for (index, listed) in listed.into_iter().enumerate() {
            let is_ambiguous = listed
                .nameless()
                .is_some_and(|own| nameless.iter().filter(|other| **other == own).count() > 1);
            let key = match listed.key {
                Ok(key) if is_ambiguous => Err(ambiguous(&key)),
                key => key,
            };
            match key {
                Ok(key) => usable.push(key),
                Err(error) => {
                    let cause = error.source().map(ToString::to_string);
                    tracing::warn!(index, %error, cause, "a key of the JWK set is passed over");
                }
            }
        }
        if usable.is_empty() {
            return Err(ConfigError::new(
                "no key of the JWK set can be used; the log says of each key why",
            ));
        }
        Self::new(usable)
    }
}

/// Also where one of two cannot be used: nobody can tell which of them the issuer means.
fn refuse_repeated_ids(listed: &[Listed]) -> Result<(), ConfigError> {
    let mut ids: Vec<_> = listed
        .iter()
        .enumerate()
        .filter(|(_, listed)| listed.is_for_signatures)
        .filter_map(|(index, listed)| Some((listed.id.as_deref()?, index)))
        .collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some([(id, one), (_, other)]) => Err(ConfigError::new(format!(
            "two keys of the JWK set cannot be told apart: those at the places {one} and {other} (from 0) have \
             the id {id:?}"
        ))),
        _ => Ok(()),
    }
}

fn ambiguous(key: &Key) -> ConfigError {
    let algorithm = key.algorithm;
    ConfigError::new(format!("a JWK without `kid` is for {algorithm:?}, and so is another without one"))
}

/// A member of `keys`: a key, or why it is none.
struct Listed {
    id: Option<String>,
    is_for_signatures: bool,
    key: Result<Key, ConfigError>,
}

impl Listed {
    /// What a key is for that has no id.
    fn nameless(&self) -> Option<Algorithm> {
        self.key.as_ref().ok().filter(|key| key.id.is_none()).map(|key| key.algorithm)
    }

    fn of(jwk: &Jwk, rsa: Option<Algorithm>) -> Self {
        Self {
            id: jwk.common.key_id.clone(),
            is_for_signatures: is_for_signatures(jwk),
            key: Key::from_published_jwk(jwk, rsa),
        }
    }

    fn read(json: &RawValue, rsa: Option<Algorithm>) -> Self {
        let Some(members) = Object::parse(json.get().as_bytes()) else {
            let key = Err(ConfigError::new("a JWK is not a JSON object, or repeats a name"));
            return Self { id: None, is_for_signatures: true, key };
        };
        if let Ok(jwk) = serde_json::from_str(json.get()) {
            return Self::of(&jwk, rsa);
        }
        let member = |wanted: &str| {
            let (_, value) = members.members().iter().find(|(name, _)| name == wanted)?;
            json::string(value)
        };
        let id = member("kid").map(String::from);
        let name = name(id.as_deref());
        Self {
            id,
            is_for_signatures: member("use").is_none_or(|it| it == "sig"),
            key: Err(ConfigError::new(format!("{name} has a member of the wrong type"))),
        }
    }
}

pub(super) fn check_is_rsa(algorithm: Algorithm) -> Result<(), ConfigError> {
    if algorithm.family() == AlgorithmFamily::Rsa {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "{algorithm:?} is not an algorithm of RSA keys: name the one that the issuer signs with, such as RS256"
    )))
}
