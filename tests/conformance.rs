//! Vectors that others have published. They are not part of this project: `PORTCULLIS_CONFORMANCE` names
//! the folder that holds them. `tests/run` runs these tests where it is set, and says so where it is not.

#![cfg(feature = "_jwt")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[cfg(feature = "basic")]
#[path = "conformance/basic.rs"]
mod basic;
#[path = "conformance/cookbook.rs"]
mod cookbook;
#[path = "conformance/json.rs"]
mod json;
mod jwt_support;
mod support;
#[path = "conformance/wycheproof.rs"]
mod wycheproof;

use std::{env, fs, path::PathBuf};

use jsonwebtoken::jwk::Jwk;
use portcullis::{
    ConfigError,
    jwt::{Algorithm, Key, Keys},
};
use serde_json::Value;

/// How many there are of each kind. `tests/run` reads it, too, to say what it has not run.
const VECTORS: &str = include_str!("conformance/vectors.txt");

fn assert_counted(vectors: usize, kind: &str) {
    let listed = VECTORS.lines().find_map(|line| line.split_once(' ').filter(|(_, it)| *it == kind));
    let (count, _) = listed.unwrap_or_else(|| panic!("{kind} are not listed"));
    assert_eq!(vectors.to_string(), count, "{kind}");
}

fn path(name: &str) -> PathBuf {
    let folder = env::var_os("PORTCULLIS_CONFORMANCE");
    let folder = folder.expect("PORTCULLIS_CONFORMANCE names the folder with the vectors");
    PathBuf::from(folder).join(name)
}

fn read(name: &str) -> Value {
    let path = path(name);
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("`{name}` in {value}"))
}

/// A key as it was published; for the algorithm that a token names, if the key names none.
fn key(jwk: &Value, token: &str) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(jwk.clone()).ok()?;
    Key::from_jwk(&jwk).or_else(|error| without_alg(&jwk, token).ok_or(error)).ok()
}

fn without_alg(jwk: &Jwk, token: &str) -> Option<Key> {
    if jwk.common.key_algorithm.is_some() {
        return None;
    }
    let header = jsonwebtoken::decode_header(token).ok()?;
    Key::from_jwk_for(header.alg, jwk).ok()
}

fn verifies(keys: Result<Keys, ConfigError>, token: &str) -> bool {
    keys.is_ok_and(|keys| keys.verify(token).is_ok())
}

/// Whether the header names an algorithm that is on offer.
fn is_offered(algorithm: &str) -> bool {
    algorithm.parse::<Algorithm>().is_ok()
}
