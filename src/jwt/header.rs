use std::borrow::Cow;

use super::admission::LONGEST_ID;
use crate::json::{self, Object};

/// The part of a JOSE header (RFC 7515 section 4) that is looked at.
pub(super) struct Header<'j> {
    pub(super) alg: Cow<'j, str>,
    pub(super) kid: Option<Cow<'j, str>>,
    pub(super) typ: Option<Cow<'j, str>>,
}

impl<'j> Header<'j> {
    /// Reads a header. The error is a stable code.
    pub(super) fn parse(json: &'j [u8]) -> Result<Self, &'static str> {
        let object = Object::parse(json).ok_or("jwt.header")?;
        let (mut alg, mut kid, mut typ) = (None, None, None);
        for (name, value) in object.members() {
            let text = || json::string(value).ok_or("jwt.header_type");
            match &**name {
                "alg" => alg = Some(text()?),
                "kid" => kid = Some(text()?),
                "typ" => typ = Some(text()?),
                // No extension is understood, so none may be critical (RFC 7515 section 4.1.11).
                "crit" => return Err("jwt.crit"),
                "b64" => return Err("jwt.b64"),
                "zip" => return Err("jwt.zip"),
                _ => {}
            }
        }
        if kid.as_ref().is_some_and(|kid| kid.len() > LONGEST_ID) {
            return Err("jwt.kid");
        }
        Ok(Self { alg: alg.ok_or("jwt.no_alg")?, kid, typ })
    }
}
