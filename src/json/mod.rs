//! A JSON object from somebody who is not to be trusted.

#[cfg(any(feature = "introspection", feature = "_jwt"))]
mod sound;

use std::{borrow::Cow, fmt};

#[cfg(any(feature = "introspection", feature = "_jwt"))]
use serde::de::MapAccess;
use serde::{
    Deserializer,
    de::{Deserialize, Error, Visitor},
};
use serde_json::value::RawValue;

#[cfg(any(feature = "introspection", feature = "_jwt"))]
pub(crate) use self::sound::Sound;

/// The members of a JSON object, in the order sent. No name occurs twice.
#[cfg(any(feature = "introspection", feature = "_jwt"))]
pub(crate) struct Object<'j>(Vec<(Cow<'j, str>, &'j RawValue)>);

#[cfg(any(feature = "introspection", feature = "_jwt"))]
impl<'j> Object<'j> {
    /// Reads one object, with nothing after it but white space, whose values are [`Sound`]. `None` for any
    /// other JSON, and for what is none.
    pub(crate) fn parse(json: &'j [u8]) -> Option<Self> {
        let object: Self = serde_json::from_slice(json).ok()?;
        let is_sound = object.0.iter().all(|(_, value)| Sound::holds_of(value));
        (is_sound && !object.repeats_a_name()).then_some(object)
    }

    /// Reads one object, with nothing after it but white space, and leaves the values to the caller.
    #[cfg(feature = "_jwt")]
    pub(crate) fn parse_names(json: &'j [u8]) -> Option<Self> {
        let object: Self = serde_json::from_slice(json).ok()?;
        (!object.repeats_a_name()).then_some(object)
    }

    pub(crate) fn members(&self) -> &[(Cow<'j, str>, &'j RawValue)] {
        &self.0
    }

    /// By escapes, too: `"s\u0075b"` is `"sub"`.
    fn repeats_a_name(&self) -> bool {
        repeats(&self.0, |(name, _)| name)
    }
}

/// Whether one of these has the name of another. Many cost no more than to sort them.
#[cfg(any(feature = "introspection", feature = "_jwt"))]
pub(crate) fn repeats<T>(named: &[T], name: impl Fn(&T) -> &str) -> bool {
    const FEW: usize = 16;
    if named.len() <= FEW {
        let earlier = |at: usize| named[..at].iter();
        let mut all = named.iter().enumerate();
        return all.any(|(at, one)| earlier(at).any(|other| name(other) == name(one)));
    }
    let mut names: Vec<&str> = named.iter().map(name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

#[cfg(any(feature = "introspection", feature = "_jwt"))]
impl<'j> Deserialize<'j> for Object<'j> {
    fn deserialize<D: Deserializer<'j>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// Takes a map and nothing else: derived structs would take an array as well.
#[cfg(any(feature = "introspection", feature = "_jwt"))]
struct Members;

#[cfg(any(feature = "introspection", feature = "_jwt"))]
impl<'j> Visitor<'j> for Members {
    type Value = Object<'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Object<'j>, A::Error> {
        let mut members = Vec::with_capacity(12);
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Object(members))
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
#[cfg(any(feature = "_jwt", feature = "s3p"))]
pub(crate) fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(value.get()).ok().map(|Name(text)| text)
}
