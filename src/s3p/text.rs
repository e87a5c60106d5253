use super::Encoding;

/// How many bytes there are room for on the stack: for an ordinary request without a body.
const SHORT: usize = 512;

/// A text under way: on the stack, unless it is long.
pub(super) struct Text {
    short: [u8; SHORT],
    /// Of the short one; all of it, if there is a long one.
    length: usize,
    long: Vec<u8>,
}

impl Text {
    pub(super) fn new() -> Self {
        Self { short: [0; SHORT], length: 0, long: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
        self.long.clear();
    }

    pub(super) fn push(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        if let Some(room) = self.short.get_mut(self.length..end) {
            room.copy_from_slice(part);
            self.length = end;
            return;
        }
        if self.long.is_empty() {
            self.move_to_long();
        }
        self.long.extend_from_slice(part);
    }

    #[cold]
    fn move_to_long(&mut self) {
        self.long.reserve(4 * SHORT);
        self.long.extend_from_slice(&self.short[..self.length]);
        // Nothing fits from now on.
        self.length = SHORT;
    }

    /// Percent-encodes. What is left as it is, is copied as a whole.
    pub(super) fn encode(&mut self, text: &str, encoding: Encoding) {
        let is_left = encoding.left();
        let mut rest = text.as_bytes();
        loop {
            let (left, after) = rest.split_at(run(rest, is_left));
            self.push(left);
            let Some((byte, after)) = after.split_first() else {
                return;
            };
            self.push(encoding.escape(*byte));
            rest = after;
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.length] } else { &self.long }
    }
}

/// How many bytes there are before the first that is not left: eight at a time, which is faster than one by one.
fn run(text: &[u8], is_left: &[bool; 256]) -> usize {
    let is_left = |byte: &u8| is_left[usize::from(*byte)];
    let all_left = |bytes: &&[u8]| bytes.iter().fold(true, |all, byte| all & is_left(byte));
    let start = 8 * text.chunks_exact(8).take_while(all_left).count();
    start + text[start..].iter().take_while(|byte| is_left(byte)).count()
}
