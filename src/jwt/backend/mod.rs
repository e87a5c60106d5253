//! Who computes. HMAC is RustCrypto's. For signatures there is a module for each feature, with the same items; with both
//! features, it is aws-lc-rs, and RustCrypto's is not compiled.
//!
//! Each module takes any key that fits the algorithm's type and curve; [`admission`](super::admission)
//! says which of them are good enough.

#[cfg(feature = "jwt")]
mod aws_lc;
#[cfg(not(feature = "jwt"))]
mod rust_crypto;
mod shared;

#[cfg(feature = "jwt")]
pub(super) use self::aws_lc::PublicKey;
#[cfg(not(feature = "jwt"))]
pub(super) use self::rust_crypto::PublicKey;
pub(super) use self::shared::SharedKey;
