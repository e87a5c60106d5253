use std::{fmt, sync::LazyLock};

use base64::Engine;
use memchr::{memchr, memrchr};

use super::{
    Keys,
    header::Header,
    keys::{Chosen, NO_KEY},
};
use crate::Rejection;

/// The longest token that [`Keys::verify`] looks at, in bytes.
pub(super) const MAX_LENGTH: usize = 8 * 1024;

/// The payload of a compact JWS (RFC 7515 section 7.1) whose signature was verified. Whether it holds
/// claims, and which, was not looked at.
pub struct VerifiedJws {
    payload: Vec<u8>,
}

impl VerifiedJws {
    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

impl fmt::Debug for VerifiedJws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedJws").finish_non_exhaustive()
    }
}

impl Keys {
    /// Verifies the signature of a compact JWS of up to 8,192 bytes, and nothing else: no claim is looked at, nor what
    /// the token is for (`typ`).
    ///
    /// # Errors
    ///
    /// [`RejectionKind::RefusedCredentials`](crate::RejectionKind::RefusedCredentials), with the reason as
    /// a code, when the token is longer, breaks the other rules of 2 to 4 of the [module docs](crate::jwt), or its
    /// signature is wrong.
    pub fn verify(&self, token: &str) -> Result<VerifiedJws, Rejection> {
        if token.len() > MAX_LENGTH {
            return Err(Rejection::refused("jwt.too_long"));
        }
        let mut scratch = Scratch::new();
        let jws = UnverifiedJws::open(self, token.as_bytes(), &mut scratch, |_| Ok(()));
        let verified = jws.and_then(|jws| jws.verify().map(|_| jws.payload.to_vec()));
        verified.map(|payload| VerifiedJws { payload }).map_err(Rejection::refused)
    }
}

/// Where the parts of a token are decoded to: on the stack, unless they are long.
pub(super) struct Scratch {
    payload: Decoded<1024>,
    signature: Decoded<512>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self { payload: Decoded::new(), signature: Decoded::new() }
    }
}

/// A compact JWS for which there is a key.
pub(super) struct UnverifiedJws<'k, 't> {
    keys: &'k Keys,
    chosen: Chosen<'k>,
    /// The first part, if its like has not been verified yet.
    new_header: Option<&'t [u8]>,
    message: &'t [u8],
    signature: &'t [u8],
    payload: &'t [u8],
}

/// That the signature of a token was verified: made nowhere else.
pub(super) struct SignatureVerified(());

impl<'k, 't> UnverifiedJws<'k, 't> {
    /// Takes a token apart, and finds the key for it. `admit` judges the `typ`. The error is a stable code.
    ///
    /// What passes is a `b64token` (RFC 6750 section 2.1): all parts are in an alphabet that is a part of its own.
    pub(super) fn open(
        keys: &'k Keys,
        token: &'t [u8],
        scratch: &'t mut Scratch,
        admit: impl FnOnce(Option<&str>) -> Result<(), &'static str>,
    ) -> Result<Self, &'static str> {
        let [header, payload, signature] = parts(token)?;
        let message = &token[..header.len() + 1 + payload.len()];
        let (chosen, new_header) = if let Some((chosen, typ)) = keys.recall(header) {
            admit(typ)?;
            (chosen, None)
        } else {
            let json = decode(header)?;
            let parsed = Header::parse(&json)?;
            admit(parsed.typ.as_deref())?;
            (keys.choose(&parsed)?, Some(header))
        };
        let signature = scratch.signature.decode(signature)?;
        let more_parts = |reason| if payload.contains(&b'.') { "jwt.parts" } else { reason };
        let payload = scratch.payload.decode(payload).map_err(more_parts)?;
        Ok(Self { keys, chosen, new_header, message, signature, payload })
    }

    /// What anybody may have written.
    pub(super) fn unverified_payload(&self) -> &'t [u8] {
        self.payload
    }

    pub(super) fn verify(&self) -> Result<SignatureVerified, &'static str> {
        if !self.chosen.key.verify(self.message, self.signature) {
            // The key that the header names may be a new one.
            return Err(if self.chosen.is_guess { NO_KEY } else { "jwt.signature" });
        }
        if let Some(encoded) = self.new_header.filter(|_| !self.chosen.is_guess) {
            let json = decode(encoded)?;
            self.keys.note(encoded, &Header::parse(&json)?, self.chosen);
        }
        Ok(SignatureVerified(()))
    }
}

/// The payload of a compact JWS that was not even looked at.
pub(super) fn unverified_payload(token: &[u8]) -> Result<Vec<u8>, &'static str> {
    let [_, payload, _] = parts(token)?;
    decode(payload)
}

/// What is before the first dot, between it and the last one, and after that. No part that can be decoded has
/// another dot in it.
fn parts(token: &[u8]) -> Result<[&[u8]; 3], &'static str> {
    match memchr(b'.', token).zip(memrchr(b'.', token)) {
        Some((first, last)) if first < last => {
            Ok([&token[..first], &token[first + 1..last], &token[last + 1..]])
        }
        _ => Err("jwt.parts"),
    }
}

/// By vectors, where the processor has them.
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
static BASE64URL: LazyLock<base64::engine::Simd> =
    LazyLock::new(|| base64::engine::Simd::url_safe(base64::engine::general_purpose::NO_PAD));
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
static BASE64URL: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::general_purpose::URL_SAFE_NO_PAD);

/// Strict: no padding, no stray bits, nothing outside of the alphabet (RFC 7515 section 2).
fn decode(part: &[u8]) -> Result<Vec<u8>, &'static str> {
    BASE64URL.decode(part).map_err(|_| "jwt.base64url")
}

/// The same, without an allocation for what has up to `N` bytes.
struct Decoded<const N: usize> {
    short: [u8; N],
    long: Vec<u8>,
}

impl<const N: usize> Decoded<N> {
    const fn new() -> Self {
        Self { short: [0; N], long: Vec::new() }
    }

    fn decode(&mut self, part: &[u8]) -> Result<&[u8], &'static str> {
        if base64::decoded_len_estimate(part.len()) > N {
            self.long = decode(part)?;
            return Ok(&self.long);
        }
        match BASE64URL.decode_slice(part, &mut self.short) {
            Ok(length) => Ok(&self.short[..length]),
            Err(_) => Err("jwt.base64url"),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn one_byte_anywhere_is_judged_by_vectors_as_it_is_without() {
        // Of all remainders, and longer than what vectors begin with.
        for length in 96..100 {
            let part = URL_SAFE_NO_PAD.encode((0..length).collect::<Vec<u8>>());
            for at in 0..part.len() {
                for byte in 0..=u8::MAX {
                    let mut other = part.clone().into_bytes();
                    other[at] = byte;
                    assert_eq!(decode(&other).ok(), URL_SAFE_NO_PAD.decode(&other).ok(), "{other:?}");
                }
            }
        }
    }
}
