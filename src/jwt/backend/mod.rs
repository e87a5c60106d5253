//! Who computes: a module for each feature, with the same items. With both features, it is aws-lc-rs, and
//! RustCrypto is not compiled.
//!
//! Each module takes any key that fits the algorithm's type and curve; [`admission`](super::admission)
//! says which of them are good enough.

#[cfg(feature = "jwt")]
mod aws_lc;
#[cfg(not(feature = "jwt"))]
mod rust_crypto;

#[cfg(feature = "jwt")]
pub(super) use self::aws_lc::{PublicKey, SharedKey};
#[cfg(not(feature = "jwt"))]
pub(super) use self::rust_crypto::{PublicKey, SharedKey};
