//! A JSON object from somebody who is not to be trusted.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{Deserialize, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of a JSON object, in the order sent. No name occurs twice; the values are not looked
/// at, but are known to be [`Sound`].
pub(crate) struct Object<'j>(Vec<(Cow<'j, str>, &'j RawValue)>);

impl<'j> Object<'j> {
    /// Reads one object, with nothing after it but white space. `None` for any other JSON, and for
    /// what is none.
    pub(crate) fn parse(json: &'j [u8]) -> Option<Self> {
        let object: Self = serde_json::from_slice(json).ok()?;
        (!object.repeats_a_name()).then_some(object)
    }

    #[cfg(feature = "_jwt")]
    pub(crate) fn members(&self) -> &[(Cow<'j, str>, &'j RawValue)] {
        &self.0
    }

    #[cfg(feature = "s3p")]
    pub(crate) fn into_members(self) -> Vec<(Cow<'j, str>, &'j RawValue)> {
        self.0
    }

    /// By escapes, too: `"s\u0075b"` is `"sub"`.
    fn repeats_a_name(&self) -> bool {
        const FEW: usize = 16;
        let members = &self.0;
        if members.len() <= FEW {
            let earlier = |at: usize| members[..at].iter();
            let mut all = members.iter().enumerate();
            return all.any(|(at, (name, _))| earlier(at).any(|(other, _)| other == name));
        }
        let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }
}

impl<'j> Deserialize<'j> for Object<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// Takes a map and nothing else: derived structs would take an array as well.
struct Members;

impl<'j> Visitor<'j> for Members {
    type Value = Object<'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Object<'j>, A::Error> {
        let mut members = Vec::with_capacity(12);
        while let Some((Name(name), value)) = map.next_entry::<Name<'j>, &'j RawValue>()? {
            if Sound::may_fail(value) {
                serde_json::from_str::<Sound>(value.get()).map_err(A::Error::custom)?;
            }
            members.push((name, value));
        }
        Ok(Object(members))
    }
}

/// Any JSON that every reader understands: no half of a surrogate pair, no number beyond an `f64`
/// (RFC 7493 sections 2.1 and 2.2), at most 128 levels deep. A raw value may have all three.
struct Sound;

impl Sound {
    /// False for what is short and plain, as most values are.
    fn may_fail(value: &RawValue) -> bool {
        let text = value.get();
        match text.as_bytes()[0] {
            b'"' => text.contains('\\'),
            b'[' | b'{' => true,
            _ => text.len() > 100 || text.contains(['e', 'E']),
        }
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
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// A string; borrowed, if it has no escapes.
pub(crate) struct Name<'j>(pub(crate) Cow<'j, str>);

impl<'j> Deserialize<'j> for Name<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'j> Visitor<'j> for Text {
            type Value = Name<'j>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'j str) -> Result<Name<'j>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Name<'j>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// The value, if it is a string.
pub(crate) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get()).ok().map(|Name(text)| text)
}
