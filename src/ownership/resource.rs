use std::{borrow::Borrow, fmt, sync::Arc};

use http::Method;
use matchit::Router;
use percent_encoding::percent_decode_str;

use crate::{ConfigError, Rejection, RejectionKind};

/// The id of a resource: a parameter of the path, percent-decoded once.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Resource(Arc<str>);

impl Resource {
    /// A resource of this id.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Resource {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A path with a resource's id in it, in axum's syntax: `/groups/{id}`, `/{group}/{*rest}`.
#[derive(Clone, Debug)]
pub struct ResourcePath {
    pattern: String,
    param: String,
    creators: Vec<Method>,
    normalize: fn(&str) -> Option<String>,
}

impl ResourcePath {
    /// A path whose parameter of this name is the id.
    ///
    /// # Errors
    ///
    /// When the pattern is not one, or has no parameter of this name.
    pub fn new(pattern: &str, param: &str) -> Result<Self, ConfigError> {
        let refused = |why: String| ConfigError::new(format!("the path pattern {pattern:?} {why}"));
        if !pattern.starts_with('/') {
            return Err(refused("does not begin with `/`".to_owned()));
        }
        Router::new().insert(pattern, ()).map_err(|error| refused(error.to_string()))?;
        if !pattern.contains(&format!("{{{param}}}")) && !pattern.contains(&format!("{{*{param}}}")) {
            return Err(refused(format!("has no parameter `{{{param}}}`")));
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            param: param.to_owned(),
            creators: Vec::new(),
            normalize: |id| Some(id.to_owned()),
        })
    }

    /// Turns every spelling of an id, percent-decoded already, into the one that is owned; `None` for
    /// what is no id at all: a write to that is answered 400.
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
        assert!(!method.is_safe(), "{method} is a safe method, and creates nothing");
        self.creators.push(method);
        self
    }
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
        Ok(Found { resource: Resource::new(id), may_create })
    }
}
