use sha2::{Digest, Sha256};

use super::Redis;

impl Redis {
    /// The key of this kind. Keys of one tag are in one slot.
    pub(super) fn key(&self, kind: &str, tag: &[u8; 16], rest: &[u8]) -> Vec<u8> {
        let mut key = format!("{}:{kind}:{{", self.0.prefix).into_bytes();
        key.extend(hex(tag));
        key.push(b'}');
        key.extend(hex(rest));
        key
    }
}

/// What a text is known by, or several that belong together: each is hashed with its length, so that
/// ("ab", "c") is not ("a", "bc").
pub(super) fn digest<const N: usize>(parts: [&str; N]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let whole: [u8; 32] = hash.finalize().into();
    std::array::from_fn(|at| whole[at])
}

fn hex(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let digit = |number: u8| b"0123456789abcdef"[usize::from(number)];
    bytes.iter().flat_map(move |byte| [digit(byte >> 4), digit(byte & 15)])
}
