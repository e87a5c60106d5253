//! Keys from a JWK set (RFC 7517 section 5).

use std::error::Error;

use jsonwebtoken::{
    AlgorithmFamily,
    jwk::{Jwk, JwkSet},
};
use serde_json::value::RawValue;

use super::{Algorithm, Key, Keys, admission::is_for_signatures};
use crate::{
    ConfigError,
    json::{self, Object},
};

impl Keys {
    /// The keys of a JWK set (RFC 7517 section 5) that can be used; at least one. The others are
    /// passed over, each with a warning in the log that names it: also RSA keys without `alg`, for which
    /// there is [`from_jwks_for`](Self::from_jwks_for).
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
        // Also where one of two cannot be used: nobody can tell which of them the issuer means.
        let meant = listed.iter().filter(|listed| listed.is_for_signatures);
        let mut ids: Vec<_> = meant.filter_map(|listed| listed.id.as_deref()).collect();
        ids.sort_unstable();
        if let Some([id, ..]) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ConfigError::new(format!(
                "two keys of the JWK set cannot be told apart: both have the id {id:?}"
            )));
        }
        let usable: Vec<Key> = listed
            .into_iter()
            .filter_map(|listed| match listed.key {
                Ok(key) => Some(key),
                Err(error) => {
                    let cause = error.source().map(ToString::to_string);
                    tracing::warn!(%error, cause, "a key of the JWK set is passed over");
                    None
                }
            })
            .collect();
        if usable.is_empty() {
            return Err(ConfigError::new(
                "no key of the JWK set can be used; the log says of each key why",
            ));
        }
        Self::new(usable)
    }
}

/// A member of `keys`: a key, or why it is none.
struct Listed {
    id: Option<String>,
    is_for_signatures: bool,
    key: Result<Key, ConfigError>,
}

impl Listed {
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
        let name = id.as_ref().map_or("a JWK without `kid`".to_owned(), |id| format!("the JWK {id:?}"));
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
