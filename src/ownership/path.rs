use std::{borrow::Cow, sync::Arc};

use http::{Method, Uri};
use matchit::Router;

use super::{Resource, Target, id::Id};
use crate::{ConfigError, Rejection, RejectionKind};

/// A path with a resource's id in it, in axum's syntax: `/groups/{id}`, `/{group}/{*rest}`.
#[derive(Clone, Debug)]
pub struct ResourcePath {
    kind: Arc<str>,
    pattern: String,
    param: String,
    tenant: Option<String>,
    creators: Vec<Method>,
    normalize: Option<fn(&str) -> Option<String>>,
}

impl ResourcePath {
    /// A path in which the parameter of this name is the id of a thing of this kind. Paths of one kind are
    /// about the same things.
    ///
    /// # Errors
    ///
    /// When the pattern is not one, or has no parameter of this name.
    pub fn new(kind: &str, pattern: &str, param: &str) -> Result<Self, ConfigError> {
        check_has_param(pattern, param)?;
        Ok(Self {
            kind: kind.into(),
            pattern: pattern.to_owned(),
            param: param.to_owned(),
            tenant: None,
            creators: Vec::new(),
            normalize: None,
        })
    }

    /// Makes the parameter of this name a part of the id, as [`Resource::of_tenant`] does: for ids that are
    /// unique for a tenant alone. All paths of a kind have a tenant, or none has.
    ///
    /// A tenant is compared byte for byte, and is not [normalized](Self::normalized_by).
    ///
    /// # Errors
    ///
    /// When the pattern has no parameter of this name.
    pub fn tenant(mut self, param: &str) -> Result<Self, ConfigError> {
        check_has_param(&self.pattern, param)?;
        self.tenant = Some(param.to_owned());
        Ok(self)
    }

    /// Turns every spelling of an id, percent-decoded already, into the one that is owned; `None` for
    /// what is no id at all: a write to that is answered 400.
    ///
    /// Without this, an id is any text without control characters, and is compared byte for byte; in either case it
    /// has at most 1,024 bytes. If the
    /// handler reads it otherwise (as a number, say, so that `7` and `007` are one), say so here, or
    /// everybody can claim the other spellings: [`integer`] and [`uuid`] are ready-made.
    pub fn normalized_by(mut self, normalize: fn(&str) -> Option<String>) -> Self {
        self.normalize = Some(normalize);
        self
    }

    /// Lets this method claim a resource that is nobody's.
    ///
    /// # Panics
    ///
    /// When the method is a safe one: it would never get as far.
    pub fn created_by(mut self, method: Method) -> Self {
        assert!(!is_safe(&method), "{method} is a safe method, and creates nothing");
        self.creators.push(method);
        self
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(super) fn has_tenant(&self) -> bool {
        self.tenant.is_some()
    }

    /// The pattern before its parameter, and behind it, if it is the only one and one segment.
    pub(super) fn around_param(&self) -> Option<(&str, &str)> {
        let (before, rest) = self.pattern.split_once('{')?;
        let (param, behind) = rest.split_once('}')?;
        (param == self.param && !behind.contains('{')).then_some((before, behind))
    }

    /// What a request of this method is about, by the decoded values of the parameters.
    pub(super) fn target<'v>(
        &self,
        method: &Method,
        uri: &Uri,
        param: impl Fn(&str) -> Result<Cow<'v, str>, Rejection>,
    ) -> Result<Target, Rejection> {
        let kind = self.kind.clone();
        let id = self.normalized(uri, param(&self.param)?)?;
        let resource = match &self.tenant {
            None => Resource::of(kind, id),
            Some(tenant) => {
                let tenant = param(tenant)?;
                check_printable(&tenant)?;
                Resource::of_tenant(kind, &tenant, &id)
            }
        };
        let target = Target::new(resource);
        Ok(if self.creators.contains(method) { target.may_create() } else { target })
    }

    fn normalized(&self, uri: &Uri, id: Cow<'_, str>) -> Result<Id, Rejection> {
        if let Some(normalize) = self.normalize {
            return normalize(&id).map(|id| Id::Text(id.into())).ok_or_else(no_id);
        }
        check_printable(&id)?;
        Ok(match (uri.path_and_query(), id) {
            (Some(path), Cow::Borrowed(id)) => Id::within(path, id),
            (_, id) => Id::Text(id.into()),
        })
    }
}

fn check_has_param(pattern: &str, param: &str) -> Result<(), ConfigError> {
    let refused = |why: String| Err(ConfigError::new(format!("the path pattern {pattern:?} {why}")));
    if !pattern.starts_with('/') || pattern.contains("{{") || pattern.contains("}}") {
        return refused("does not begin with `/`, or has escaped braces".to_owned());
    }
    let mut router = Router::new();
    if let Err(error) = router.insert(pattern, ()) {
        return refused(error.to_string());
    }
    // A pattern matches itself: so the router says which parameters there are.
    let params = router.at(pattern).map(|matched| matched.params);
    let named = params.iter().flat_map(matchit::Params::iter).filter(|(name, _)| *name == param);
    match named.count() {
        0 => refused(format!("has no parameter `{{{param}}}`")),
        1 => Ok(()),
        _ => refused(format!("has the parameter `{{{param}}}` more than once")),
    }
}

/// Whether a method is one of the safe ones of RFC 9110 section 9.2.1. Not those of a later registry: what
/// is not known here is a write.
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn check_printable(text: &str) -> Result<(), Rejection> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_plain || !text.contains(char::is_control) { Ok(()) } else { Err(no_id()) }
}

pub(super) fn no_id() -> Rejection {
    Rejection::new(RejectionKind::BadRequest, "ownership.resource_id")
}

/// For ids that are numbers: decimal digits, with no sign and no leading zero, up to `u64::MAX`. For
/// [`ResourcePath::normalized_by`].
pub fn integer(id: &str) -> Option<String> {
    let number: u64 = id.parse().ok()?;
    Some(number.to_string()).filter(|canonical| canonical == id)
}

/// For ids that are UUIDs: the hyphenated form (RFC 9562 section 4), in either case. For
/// [`ResourcePath::normalized_by`].
pub fn uuid(id: &str) -> Option<String> {
    let hyphens = [8, 13, 18, 23];
    let fits = |(at, byte): (usize, u8)| match byte {
        b'-' => hyphens.contains(&at),
        byte => byte.is_ascii_hexdigit() && !hyphens.contains(&at),
    };
    (id.len() == 36 && id.bytes().enumerate().all(fits)).then(|| id.to_ascii_lowercase())
}
