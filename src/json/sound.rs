use std::fmt;

use serde::{
    Deserializer,
    de::{Deserialize, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Name, repeats};

/// Any JSON that every reader understands in one way: no half of a surrogate pair, no number beyond an `f64`, no name
/// twice in an object (RFC 7493 sections 2.1 to 2.3), at most 128 levels deep. A raw value may have all four.
pub(crate) struct Sound;

impl Sound {
    pub(super) fn holds_of(value: &RawValue) -> bool {
        let text = value.get();
        let is_plain = match text.as_bytes()[0] {
            b'"' => !text.contains('\\'),
            b'[' | b'{' => false,
            _ => text.len() <= 100 && !text.contains(['e', 'E']),
        };
        is_plain || serde_json::from_str::<Self>(text).is_ok()
    }
}

impl<'j> Deserialize<'j> for Sound {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'j> Visitor<'j> for Sound {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = Vec::new();
        while let Some((Name(name), Self)) = map.next_entry()? {
            names.push(name);
        }
        if repeats(&names, |name| name) {
            return Err(A::Error::custom("a name occurs twice"));
        }
        Ok(self)
    }
}
