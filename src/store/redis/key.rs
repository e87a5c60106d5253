use sha2::{Digest, Sha256};

use super::Redis;

/// What a text is known by: of one length, so that two beside each other never run together.
pub(super) type Known = [u8; 16];

pub(super) fn digest(text: &str) -> Known {
    let whole: [u8; 32] = Sha256::digest(text).into();
    std::array::from_fn(|at| whole[at])
}

impl Redis {
    /// The key of this kind. Keys of one tag are in one slot.
    pub(super) fn key(&self, kind: &str, tag: Known) -> String {
        format!("{}:{kind}:{{{}}}", self.0.prefix, hex(tag))
    }

    /// The key of something within a tag.
    pub(super) fn key_within(&self, kind: &str, tag: Known, within: Known) -> String {
        self.key(kind, tag) + &hex(within)
    }
}

fn hex(known: Known) -> String {
    format!("{:032x}", u128::from_be_bytes(known))
}
