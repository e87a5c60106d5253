//! Names that a caller may choose: they are stored, and some are put into a path or a header.

use super::answer::Refusal;
use crate::database::new_id;

/// The longest id of a message, a webhook or a device.
pub const LONGEST_ID: usize = 36;

/// The caller's id, or a new one if there is none.
pub fn or_new(id: Option<&str>) -> Result<String, Refusal> {
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        return Ok(new_id());
    };
    // As a segment of a path, a dot and two dots are other places.
    if !is_plain(id, LONGEST_ID) || id == "." || id == ".." {
        return Err(Refusal::bad_request(format!(
            "failed to validate: id: 1 to {LONGEST_ID} letters, digits, `-`, `.` and `_` are allowed, \
             but not `.` and `..`"
        )));
    }
    Ok(id.to_owned())
}

pub fn is_plain(name: &str, longest: usize) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=longest).contains(&name.len()) && name.bytes().all(is_plain)
}
