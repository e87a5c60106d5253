//! Short stands for long texts, under a key that nobody else knows.

use std::hash::{Hash, Hasher};

/// Makes fingerprints under a key that was drawn for it alone.
///
/// It is NH of UMAC (Black, Halevi, Krawczyk, Krovetz and Rogaway, "UMAC: Fast and Secure Message Authentication",
/// CRYPTO '99) with words of 64 bits, twice, the second time over the key shifted by two words (Toeplitz): two
/// texts of one length have one fingerprint with a probability of at most 2⁻¹²⁸, whatever they are, as long as
/// who chooses them sees neither the key nor a fingerprint.
pub(crate) struct Fingerprints {
    key: Box<[u64]>,
}

/// The stand of a text: a text with another one is another text.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Fingerprint {
    sums: [u128; 2],
    length: usize,
}

/// Two words: what is multiplied together.
const BLOCK: usize = 16;

impl Fingerprints {
    /// For texts of up to so many bytes.
    pub(crate) fn new(longest: usize) -> Self {
        let words = 2 * longest.div_ceil(BLOCK) + 2;
        let mut bytes = vec![[0; 8]; words];
        crate::random::fill(bytes.as_flattened_mut());
        Self { key: bytes.into_iter().map(u64::from_ne_bytes).collect() }
    }

    /// `None`: the text is longer.
    pub(crate) fn of(&self, text: &[u8]) -> Option<Fingerprint> {
        let words = 2 * text.len().div_ceil(BLOCK);
        let (once, _) = self.key.get(..words)?.as_chunks::<2>();
        let (shifted, _) = self.key.get(2..words + 2)?.as_chunks::<2>();
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let mut sums = [0; 2];
        for ((block, key), shifted) in blocks.iter().zip(once).zip(shifted) {
            add(&mut sums, *block, [key, shifted]);
        }
        if !rest.is_empty() {
            let mut last = [0; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            add(&mut sums, last, [&once[blocks.len()], &shifted[blocks.len()]]);
        }
        Some(Fingerprint { sums, length: text.len() })
    }
}

fn add(sums: &mut [u128; 2], block: [u8; BLOCK], keys: [&[u64; 2]; 2]) {
    let [a, b] = halves(u128::from_le_bytes(block));
    for (sum, key) in sums.iter_mut().zip(keys) {
        let product = u128::from(a.wrapping_add(key[0])) * u128::from(b.wrapping_add(key[1]));
        *sum = sum.wrapping_add(product);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
const fn halves(whole: u128) -> [u64; 2] {
    [whole as u64, (whole >> 64) as u64]
}

/// For a table: the upper halves of sums of products are as good as random.
impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [one, other] = self.sums.map(|sum| halves(sum)[1]);
        state.write_u64(one ^ other.rotate_left(32));
    }
}
