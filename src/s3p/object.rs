use std::fmt;

use serde::{
    Deserializer,
    de::{Deserialize, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    params::{MOST_PARAMETERS, Pairs},
    value::Value,
};
use crate::json::Name;

/// Reads a flat JSON object, with nothing after it but white space: at most one member more than there may be.
/// The error is a stable code.
pub(super) fn members(json: &[u8]) -> Result<Pairs<'_>, &'static str> {
    let broken = "s3p.json";
    let text = str::from_utf8(json).map_err(|_| broken)?;
    let Members { pairs, flaw } = serde_json::from_str(text).map_err(|_| broken)?;
    flaw.map_or(Ok(pairs), Err)
}

struct Members<'j> {
    pairs: Pairs<'j>,
    /// Of the first value that no client has a text for. What is no JSON is told before: all of it is read.
    flaw: Option<&'static str>,
}

impl<'j> Deserialize<'j> for Members<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

/// Takes a map and nothing else.
struct Reader;

impl<'j> Visitor<'j> for Reader {
    type Value = Members<'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Members<'j>, A::Error> {
        let mut members = Members { pairs: Pairs::new(), flaw: None };
        while let Some((Name(name), value)) = map.next_entry::<Name<'j>, &'j RawValue>()? {
            match Value::of(value) {
                Ok(_) if members.pairs.len() > MOST_PARAMETERS => {}
                Ok(value) => members.pairs.push((name, value)),
                Err(flaw) => _ = members.flaw.get_or_insert(flaw),
            }
        }
        Ok(members)
    }
}
