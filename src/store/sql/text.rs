//! PostgreSQL takes any text but one with NUL in it. Such a text is stored in other words, so that it can be asked
//! for: what a stranger sends is unknown then, and not an error.

use super::Error;
use crate::Identity;

/// No character: Unicode keeps it for the inside of programs.
const ESCAPE: char = '\u{10FFFF}';

/// As a text is stored.
pub(super) fn text(plain: &str) -> String {
    if !plain.contains(['\0', ESCAPE]) {
        return plain.to_owned();
    }
    plain.replace(ESCAPE, "\u{10FFFF}1").replace('\0', "\u{10FFFF}0")
}

/// What was stored as this text.
pub(super) fn plain(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    text.replace("\u{10FFFF}0", "\0").replace("\u{10FFFF}1", "\u{10FFFF}")
}

/// An identity that was stored as these texts.
pub(super) fn identity(issuer: String, subject: String) -> Result<Identity, Error> {
    Ok(Identity::new(plain(issuer), plain(subject))?)
}
