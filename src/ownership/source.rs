//! Where a policy finds the resource of a request.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use matchit::Router;
use memchr::memchr;
use percent_encoding::percent_decode_str;

use super::{ResourcePath, Target, path::no_id};
use crate::{ConfigError, Head, Rejection, RejectionKind};

#[derive(Clone)]
pub(super) enum Source {
    Paths(Arc<ResourcePaths>),
    #[cfg(feature = "axum")]
    Routes(Arc<ResourcePaths>),
    Function(Arc<Find>),
}

/// The longest id, in bytes. No database's index takes a key of any length: what it refuses would look like one
/// that is down.
const MAX_ID: usize = 1024;

type Find = dyn Fn(&Head<'_>) -> Option<Target> + Send + Sync;

impl Source {
    pub(super) fn find(&self, head: &Head<'_>) -> Result<Target, Rejection> {
        let target = self.look(head)?;
        if target.resource().id().len() > MAX_ID { Err(no_id()) } else { Ok(target) }
    }

    fn look(&self, head: &Head<'_>) -> Result<Target, Rejection> {
        match self {
            Self::Paths(paths) => paths.in_target(head),
            #[cfg(feature = "axum")]
            Self::Routes(paths) => paths.in_route(head),
            Self::Function(find) => find(head).ok_or_else(|| {
                tracing::warn!(
                    "a request in which the function of the ownership policy finds no resource is \
                     refused: put the layer around fewer routes"
                );
                Rejection::new(RejectionKind::Forbidden, "ownership.no_resource")
            }),
        }
    }
}

/// All paths of a policy.
pub(super) struct ResourcePaths {
    router: Router<ResourcePath>,
    /// If it is the only one: what stands before and behind its parameter, and itself.
    only: Option<(String, String, ResourcePath)>,
}

impl ResourcePaths {
    pub(super) fn new(paths: impl IntoIterator<Item = ResourcePath>) -> Result<Self, ConfigError> {
        let mut router = Router::new();
        let mut tenants = HashMap::new();
        let paths: Vec<ResourcePath> = paths.into_iter().collect();
        let only = match &paths[..] {
            [only] => only
                .around_param()
                .map(|(before, behind)| (before.to_owned(), behind.to_owned(), only.clone())),
            _ => None,
        };
        for path in paths {
            let pattern = path.pattern().to_owned();
            let has_tenant = path.has_tenant();
            if *tenants.entry(path.kind().to_owned()).or_insert(has_tenant) != has_tenant {
                return Err(ConfigError::new(format!(
                    "the path pattern {pattern:?} and another one of its kind differ in whether they have \
                     a tenant: name the tenant's parameter in all of them, or in none"
                )));
            }
            router.insert(pattern.as_str(), path).map_err(|error| {
                ConfigError::new(format!("the path pattern {pattern:?} cannot be added: {error}"))
            })?;
        }
        if tenants.is_empty() {
            return Err(ConfigError::new(
                "an ownership policy without a path would refuse every write",
            ));
        }
        Ok(Self { router, only })
    }

    fn in_target(&self, head: &Head<'_>) -> Result<Target, Rejection> {
        #[cfg(feature = "axum")]
        if crate::nested::taken(head).is_err() {
            return Err(changed_path());
        }
        let (method, uri) = (head.method(), head.uri());
        if let Some((before, behind, path)) = &self.only {
            let segment = uri.path().strip_prefix(&**before).and_then(|id| id.strip_suffix(&**behind));
            let segment = segment.filter(|id| !id.is_empty() && !id.contains('/'));
            let segment = segment.ok_or_else(unmatched)?;
            return path.target(method, uri, |_| decoded(segment));
        }
        let matched = self.router.at(uri.path()).map_err(|_| unmatched())?;
        let param = |name: &str| decoded(matched.params.get(name).ok_or_else(no_parameter)?);
        matched.value.target(method, uri, param)
    }

    #[cfg(feature = "axum")]
    fn in_route(&self, head: &Head<'_>) -> Result<Target, Rejection> {
        let route = head.route().ok_or_else(|| {
            misconfigured(
                "ownership.no_route",
                "no axum router has matched the request, or the layer does not look: put an \
                 `OwnershipLayer` inside of the router (`Router::layer` or `route_layer`); an \
                 `AuthorizeLayer` needs `matched_routes`, too",
            )
        })?;
        let pattern = route.pattern().ok_or_else(unmatched)?;
        // A pattern matches itself; and others may match it, too.
        let found = self.router.at(pattern).ok().filter(|found| found.value.pattern() == pattern);
        let path = found.ok_or_else(unmatched)?.value;
        path.target(head.method(), head.uri(), |name| {
            let decoded = route.param(name).map_err(|()| bad_encoding())?;
            decoded.map(Into::into).ok_or_else(no_parameter)
        })
    }
}

/// Percent-decoded, once.
fn decoded(encoded: &str) -> Result<Cow<'_, str>, Rejection> {
    if memchr(b'%', encoded.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(encoded));
    }
    percent_decode_str(encoded).decode_utf8().map_err(|_| bad_encoding())
}

fn unmatched() -> Rejection {
    tracing::warn!(
        "a write to a path that no `ResourcePath` of the ownership policy matches is refused: add the \
         path, or put the layer around fewer routes"
    );
    Rejection::new(RejectionKind::Forbidden, "ownership.unmatched_path")
}

#[cfg(feature = "axum")]
fn changed_path() -> Rejection {
    Rejection::new(RejectionKind::Forbidden, "ownership.changed_path").caused_by(
        "axum has found the route by another path than the one that is seen here: a slash too many behind the \
         prefix of a nest is lost, or the path was rewritten; `Ownership::of_routes` asks the router",
    )
}

fn bad_encoding() -> Rejection {
    Rejection::new(RejectionKind::BadRequest, "ownership.percent_encoding")
}

fn no_parameter() -> Rejection {
    misconfigured(
        "ownership.no_parameter",
        "the route has no parameter, or more than one, of the name that its `ResourcePath` gives",
    )
}

fn misconfigured(reason: &'static str, what_to_do: &'static str) -> Rejection {
    Rejection::new(RejectionKind::Misconfigured, reason).caused_by(what_to_do)
}
