use std::sync::Arc;

use http::Method;
use matchit::Router;
use percent_encoding::percent_decode_str;

use crate::{ConfigError, Rejection, RejectionKind};

/// A resource: what kind of thing it is, and its id. Note 7 is not group 7.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Resource {
    kind: Arc<str>,
    id: Arc<str>,
}

impl Resource {
    /// A resource of this kind and id.
    pub fn new(kind: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The id: unique for its kind.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// A path with a resource's id in it, in axum's syntax: `/groups/{id}`, `/{group}/{*rest}`.
#[derive(Clone, Debug)]
pub struct ResourcePath {
    kind: Arc<str>,
    pattern: String,
    param: String,
    creators: Vec<Method>,
    normalize: fn(&str) -> Option<String>,
}

impl ResourcePath {
    /// A path in which the parameter of this name is the id of a thing of this kind. Paths of one kind are
    /// about the same things.
    ///
    /// # Errors
    ///
    /// When the pattern is not one, or has no parameter of this name.
    pub fn new(kind: &str, pattern: &str, param: &str) -> Result<Self, ConfigError> {
        let refused = |why: String| ConfigError::new(format!("the path pattern {pattern:?} {why}"));
        if !pattern.starts_with('/') || pattern.contains("{{") || pattern.contains("}}") {
            return Err(refused("does not begin with `/`, or has escaped braces".to_owned()));
        }
        let mut router = Router::new();
        router.insert(pattern, ()).map_err(|error| refused(error.to_string()))?;
        // A pattern matches itself: so the router says which parameters there are.
        let params = router.at(pattern).map(|matched| matched.params);
        let named = params.iter().flat_map(matchit::Params::iter).filter(|(name, _)| *name == param);
        match named.count() {
            0 => return Err(refused(format!("has no parameter `{{{param}}}`"))),
            1 => {}
            _ => return Err(refused(format!("has the parameter `{{{param}}}` more than once"))),
        }
        Ok(Self {
            kind: kind.into(),
            pattern: pattern.to_owned(),
            param: param.to_owned(),
            creators: Vec::new(),
            normalize: printable,
        })
    }

    /// Turns every spelling of an id, percent-decoded already, into the one that is owned; `None` for
    /// what is no id at all: a write to that is answered 400.
    ///
    /// Without this, an id is any text without control characters, and is compared byte for byte. If the
    /// handler reads it otherwise (as a number, say, so that `7` and `007` are one), say so here, or
    /// everybody can claim the other spellings: [`integer`] and [`uuid`] are ready-made.
    pub fn normalized_by(mut self, normalize: fn(&str) -> Option<String>) -> Self {
        self.normalize = normalize;
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
}

/// Whether a method is one of the safe ones of RFC 9110 section 9.2.1. Not those of a later registry: what
/// is not known here is a write.
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

fn printable(id: &str) -> Option<String> {
    (!id.contains(char::is_control)).then(|| id.to_owned())
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

/// All paths of a policy.
pub(super) struct ResourcePaths(Router<ResourcePath>);

/// What a path has in it.
pub(super) struct Found {
    pub(super) resource: Resource,
    pub(super) may_create: bool,
}

impl ResourcePaths {
    pub(super) fn new(paths: impl IntoIterator<Item = ResourcePath>) -> Result<Self, ConfigError> {
        let mut router = Router::new();
        let mut any = false;
        for path in paths {
            any = true;
            let pattern = path.pattern.clone();
            router.insert(pattern.as_str(), path).map_err(|error| {
                ConfigError::new(format!("the path pattern {pattern:?} cannot be added: {error}"))
            })?;
        }
        if !any {
            return Err(ConfigError::new(
                "an ownership policy without a path would refuse every write",
            ));
        }
        Ok(Self(router))
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Result<Found, Rejection> {
        let Ok(matched) = self.0.at(path) else {
            tracing::warn!(
                "a write to a path that no `ResourcePath` of the ownership policy matches is refused: \
                 add the path, or put the layer around fewer routes"
            );
            return Err(Rejection::new(RejectionKind::Forbidden, "ownership.unmatched_path"));
        };
        let id = matched.params.get(&matched.value.param);
        let id =
            id.ok_or_else(|| Rejection::new(RejectionKind::Misconfigured, "ownership.no_parameter"))?;
        let bad = |reason| Rejection::new(RejectionKind::BadRequest, reason);
        let id = percent_decode_str(id).decode_utf8();
        let id = id.map_err(|_| bad("ownership.percent_encoding"))?;
        let id = (matched.value.normalize)(&id).ok_or_else(|| bad("ownership.resource_id"))?;
        let may_create = matched.value.creators.contains(method);
        Ok(Found { resource: Resource::new(matched.value.kind.clone(), id), may_create })
    }
}
