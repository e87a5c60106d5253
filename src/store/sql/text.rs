//! PostgreSQL takes any text but one with NUL in it, and no long one into an index. Such a text is stored in other
//! words, so that it can be asked for: what a stranger sends is unknown then, and not an error.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};

use super::Error;
use crate::Identity;

/// No character: Unicode keeps it for the inside of programs.
const ESCAPE: char = '\u{10FFFF}';

/// How many bytes a text has, at the most, by which rows are found. Two of them fit into an index of PostgreSQL, which
/// takes some 2,700 bytes.
pub(super) const MOST: usize = 1_024;

/// As a text is stored by which rows are found, and which is not read back: a long one by its SHA-256.
pub(super) fn text(plain: &str) -> String {
    by_digest_if_long(whole(plain))
}

/// The same, of what is [`whole`] by now.
pub(super) fn by_digest_if_long(whole: String) -> String {
    if whole.len() <= MOST {
        return whole;
    }
    let mut text = format!("{ESCAPE}2");
    for byte in digest(&SHA256, whole.as_bytes()).as_ref() {
        // A text takes whatever is written.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// As a text is stored that is read back.
pub(super) fn whole(plain: &str) -> String {
    if !plain.contains(['\0', ESCAPE]) {
        return plain.to_owned();
    }
    plain.replace(ESCAPE, "\u{10FFFF}1").replace('\0', "\u{10FFFF}0")
}

/// What was stored as this text, whole.
pub(super) fn plain(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    text.replace("\u{10FFFF}0", "\0").replace("\u{10FFFF}1", "\u{10FFFF}")
}

/// An identity that was stored as these texts, whole.
pub(super) fn identity(issuer: String, subject: String) -> Result<Identity, Error> {
    Ok(Identity::new(plain(issuer), plain(subject))?)
}
