use std::fmt::{self, Write};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What every token begins with.
const PREFIX: &str = "pct_";
/// How many random bytes a token has.
const RANDOM: usize = 20;
/// How many bytes of checksum a token has.
const CHECKSUM: usize = 4;

/// A user token: to be shown once, and not stored.
#[derive(Clone)]
pub struct UserToken(Zeroizing<String>);

impl UserToken {
    /// A regular expression for what looks like a token: for the scanners that find leaked ones.
    pub const PATTERN: &str = r"\bpct_[0-9a-f]{48}\b";

    /// A new token, from the system's random numbers.
    pub fn generate() -> Self {
        let mut random = [0; RANDOM];
        crate::random::fill(&mut random);
        Self::from_random(&random)
    }

    fn from_random(random: &[u8; RANDOM]) -> Self {
        // Room for all of it: growing would leave a copy behind.
        let mut text = String::with_capacity(PREFIX.len() + 2 * (RANDOM + CHECKSUM));
        text.push_str(PREFIX);
        for byte in random.iter().chain(&checksum(random)) {
            let _ = write!(text, "{byte:02x}");
        }
        Self(Zeroizing::new(text))
    }

    /// The token itself. Each use of this method is a place to look at.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }
}

/// An id for a record: it names a token, and says nothing of it.
pub(super) fn random_id() -> String {
    let mut random = [0; 16];
    crate::random::fill(&mut random);
    hex(&random)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// No part of the token is printed.
impl fmt::Debug for UserToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserToken(** redacted **)")
    }
}

/// The SHA-256 of a token: what a store keeps. A token has 160 random bits, so no slower hash is needed.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of a token that was sent, if it has the form of one and its checksum is right.
    pub(super) fn of_sent(token: &str) -> Option<Self> {
        let hex = token.strip_prefix(PREFIX)?.as_bytes();
        let mut bytes = [0; RANDOM + CHECKSUM];
        if hex.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = digit(digits[0])? << 4 | digit(digits[1])?;
        }
        let (random, sum) = bytes.split_first_chunk::<RANDOM>()?;
        (checksum(random) == sum).then(|| Self::of(token))
    }

    /// Of the digest that a store has kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What a store keeps.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(** redacted **)")
    }
}

fn checksum(random: &[u8; RANDOM]) -> [u8; CHECKSUM] {
    let digest: [u8; 32] = Sha256::digest(random).into();
    [digest[0], digest[1], digest[2], digest[3]]
}

/// Lower case only: a token has one spelling.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_form_and_checksum() {
        let token = UserToken::generate();
        assert_eq!(token.expose().len(), 52);
        assert_eq!(TokenDigest::of_sent(token.expose()), Some(token.digest()));
        assert_ne!(UserToken::generate().digest(), token.digest());
    }

    #[test]
    fn a_token_that_is_spelled_otherwise_is_none() {
        let token = UserToken::from_random(&[0xAB; RANDOM]);
        let text = token.expose();
        let mut twins = vec![
            String::new(),
            text.to_uppercase(),
            text[..51].to_owned(),
            format!("{text}0"),
            text.replace("pct_", "pat_"),
            text.replace("ab", "aé"),
        ];
        for at in 4..text.len() {
            let flipped = if &text[at..=at] == "0" { "1" } else { "0" };
            twins.push(format!("{}{flipped}{}", &text[..at], &text[at + 1..]));
        }
        for twin in twins {
            assert_eq!(TokenDigest::of_sent(&twin), None, "{twin}");
        }
    }
}
