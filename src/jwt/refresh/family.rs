//! The ids of tokens that belong together.

use super::super::issue::random_id;

/// 72 random bits: no two families have one id.
const FAMILY: usize = 12;
/// 54 more: no two tokens of a family have one id.
const TOKEN: usize = 9;

/// The id of a new token of this family, or of the first of a new one: 21 characters, as of every
/// token that an [`Issuer`](crate::jwt::Issuer) issues.
pub(super) fn new_id(family: Option<&str>) -> String {
    let id = random_id();
    match family {
        Some(family) => format!("{family}{}", &id[..TOKEN]),
        None => id,
    }
}

/// The family of a token, by its id.
pub(crate) fn of(id: &str) -> Option<&str> {
    if id.len() == FAMILY + TOKEN { id.get(..FAMILY) } else { None }
}

/// The family of a token, by its id or by the family's own.
pub(super) fn named_by(id: &str) -> Option<&str> {
    if id.len() == FAMILY { Some(id) } else { of(id) }
}
