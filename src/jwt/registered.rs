//! The registered claims (RFC 7519 section 4.1) and those of scopes, read in one pass.

use std::{borrow::Cow, fmt, time::Duration};

use serde::{
    Deserializer,
    de::{Error, MapAccess, Visitor},
};

use super::plain;
use crate::{
    claim::{Texts, Value},
    json::{Name, repeats},
};

/// The claims that are looked at, before they are judged. Absent is not the same as of a wrong type: that is
/// an error.
#[derive(Default)]
pub(super) struct Registered<'j> {
    /// All of it.
    pub(super) json: &'j str,
    pub(super) iss: Option<Cow<'j, str>>,
    pub(super) sub: Option<Cow<'j, str>>,
    pub(super) aud: Option<Texts<'j>>,
    pub(super) exp: Option<Duration>,
    pub(super) nbf: Option<Duration>,
    pub(super) iat: Option<Duration>,
    pub(super) jti: Option<Cow<'j, str>>,
    pub(super) client_id: Option<Cow<'j, str>>,
    pub(super) scope: Option<Cow<'j, str>>,
    pub(super) scopes: Option<Vec<Cow<'j, str>>>,
    pub(super) scp: Option<Texts<'j>>,
    /// The names of all others.
    others: Vec<Cow<'j, str>>,
    /// What is wrong with one of them: a stable code.
    fault: Option<&'static str>,
}

impl<'j> Registered<'j> {
    /// Reads the claims, believing none, in time that grows with their length alone. The error is a stable code.
    pub(super) fn parse(json: &'j [u8]) -> Result<Self, &'static str> {
        let json = str::from_utf8(json).map_err(|_| "jwt.claims")?;
        let mut found = Self { json, ..Self::default() };
        if plain::read(json, |name, value| found.put(Cow::Borrowed(name), value)).is_none() {
            found = Self { json, ..Self::default() };
            let mut reader = serde_json::Deserializer::from_str(json);
            let read = reader.deserialize_map(Claims(&mut found)).and_then(|()| reader.end());
            read.map_err(|_| "jwt.claims")?;
        }
        if repeats(&found.others, |name| name) {
            return Err("jwt.claims");
        }
        found.fault.map_or(Ok(found), Err)
    }

    /// Puts a claim where it belongs; `None`: it is there already.
    fn put(&mut self, name: Cow<'j, str>, value: Value<'j>) -> Option<()> {
        match self.place(&name) {
            Some(place) if place.is_taken() => return None,
            Some(place) => {
                if !place.take(value) {
                    self.fault.get_or_insert("jwt.claim_type");
                }
            }
            None => {
                // Good only with a proof that this layer does not look at (RFC 7800 section 3).
                if name == "cnf" {
                    self.fault = Some("jwt.bound");
                }
                self.others.push(name);
            }
        }
        Some(())
    }

    /// Where a claim of this name belongs.
    fn place(&mut self, name: &str) -> Option<Place<'_, 'j>> {
        Some(match name {
            "iss" => Place::Text(&mut self.iss),
            "sub" => Place::Text(&mut self.sub),
            "aud" => Place::TextOrList(&mut self.aud),
            "exp" => Place::Date(&mut self.exp),
            "nbf" => Place::Date(&mut self.nbf),
            "iat" => Place::Date(&mut self.iat),
            "jti" => Place::Text(&mut self.jti),
            "client_id" => Place::Text(&mut self.client_id),
            "scope" => Place::Text(&mut self.scope),
            "scopes" => Place::List(&mut self.scopes),
            "scp" => Place::TextOrList(&mut self.scp),
            _ => return None,
        })
    }
}

enum Place<'r, 'j> {
    Text(&'r mut Option<Cow<'j, str>>),
    List(&'r mut Option<Vec<Cow<'j, str>>>),
    TextOrList(&'r mut Option<Texts<'j>>),
    Date(&'r mut Option<Duration>),
}

impl<'j> Place<'_, 'j> {
    fn is_taken(&self) -> bool {
        match self {
            Self::Text(place) => place.is_some(),
            Self::List(place) => place.is_some(),
            Self::TextOrList(place) => place.is_some(),
            Self::Date(place) => place.is_some(),
        }
    }

    /// Whether the value is of the type that belongs there.
    fn take(self, value: Value<'j>) -> bool {
        match (self, value) {
            (Self::Text(place), Value::Text(text)) => *place = Some(text),
            (Self::List(place), Value::List(list)) => *place = Some(list),
            (Self::TextOrList(place), Value::Text(text)) => *place = Some(Texts::One(text)),
            (Self::TextOrList(place), Value::List(list)) => *place = Some(Texts::Many(list)),
            (Self::Date(place), Value::Date(date)) => *place = Some(date),
            _ => return false,
        }
        true
    }
}

/// Takes a map and nothing else.
struct Claims<'r, 'j>(&'r mut Registered<'j>);

impl<'j> Visitor<'j> for Claims<'_, 'j> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Name(name), value)) = map.next_entry()? {
            self.0.put(name, value).ok_or_else(|| A::Error::custom("a name occurs twice"))?;
        }
        Ok(())
    }
}
