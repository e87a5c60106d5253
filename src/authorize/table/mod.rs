//! One table for a whole service: method and path, or gRPC method, and what each needs.
//!
//! A [`ScopeTable`] is a [`Policy`], for an [`AuthorizeLayer`](crate::AuthorizeLayer) behind any
//! authenticating layer; `JwtScopeLayer::table` authenticates and asks the table in one. The rules, in the
//! order in which they are applied:
//!
//! 1. The path is the one that the layer sees, byte for byte: nothing is decoded, no slash is added or
//!    taken away, no dot segment is resolved, case counts. The query is not looked at.
//! 2. The pattern is the one that axum's router would choose among the patterns of the table: `{name}` is one
//!    segment that is not empty, `{*name}` is all the rest and not empty, and what is written out goes before
//!    both. (It is the same code: `matchit`, in the version that axum has.)
//! 3. Of the pattern's rules, the one of the method; for `HEAD`, else the one of `GET`; else the one for any
//!    method. Case counts: `get` is not `GET`.
//! 4. What is [open](Requirement::open) goes onward, with or without a principal.
//! 5. Without a principal: 401.
//! 6. What no pattern matches, and a method that the pattern has no rule for: 403, with the reason
//!    `scope.unlisted_path` or `scope.unlisted_method`.
//! 7. What is [for who is authenticated](Requirement::authenticated) goes onward.
//! 8. The scopes decide: onward, or 403 `insufficient_scope`, which names the scopes that would do.
//! 9. In a [dry run](ScopeTableBuilder::dangerous_dry_run), 6 and 8 are only reported. 5 never is.
//!
//! ```
//! use http::Method;
//! use portcullis::{AuthorizeLayer, Requirement, Scope, ScopePolicy, ScopeTable};
//!
//! const LIST: Scope = Scope::from_static("messages:list");
//! const SEND: Scope = Scope::from_static("messages:send");
//!
//! let table = ScopeTable::builder()
//!     .route(Method::GET, "/messages", ScopePolicy::any_of([LIST, SEND]))
//!     .route(Method::POST, "/messages", SEND)
//!     .route(Method::GET, "/me", Requirement::authenticated())
//!     .route(Method::GET, "/health", Requirement::open())
//!     .any_method("/admin/{*path}", Scope::from_static("admin"))
//!     .build()?;
//! assert_eq!(
//!     table.to_string(),
//!     "(any) /admin/{*path} admin\n\
//!      GET   /health        open\n\
//!      GET   /me            authenticated\n\
//!      GET   /messages      messages:list or messages:send\n\
//!      POST  /messages      messages:send\n\
//!      all else is refused\n"
//! );
//! let layer = AuthorizeLayer::new(table);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! The authenticating layer outside has to be optional, or nobody without credentials gets as far as what is
//! open.
//!
//! # gRPC
//!
//! ```
//! use portcullis::{Requirement, Scope, ScopeTable};
//!
//! let table = ScopeTable::builder()
//!     .grpc_service("vault.v1.Vault", Scope::from_static("vault:read"))
//!     .grpc_method("vault.v1.Vault/Open", Scope::from_static("vault:open"))
//!     .grpc_service("grpc.health.v1.Health", Requirement::open())
//!     .grpc_service("grpc.reflection.v1.ServerReflection", Requirement::open())
//!     .build()?;
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! A gRPC method is `POST` of `/service/method`. A rule for a method goes before the one for its service. A
//! stream is judged when it begins.
//!
//! # axum
//!
//! * Write the table as the routes are written, and it has an answer for each route. What the table has and the
//!   router does not is harmless. What the router has and the table does not is refused: unless another pattern
//!   of the table matches the path, so beware of `{name}` beside routes that only the router knows.
//! * `Router::layer` also covers the fallback: with the table, an unknown path is 403, not 404. With
//!   `Router::route_layer`, it stays 404. A rule for a fallback that serves something is one of `/{*rest}`, and
//!   one of `/`, which that does not match.
//! * Inside `Router::nest` and `Router::nest_service` the prefix is gone from the path. Write the patterns with
//!   it all the same, and name it: `nested_at`, with the feature `axum`. Written as the rest of the paths, they match
//!   nothing: what was sent to the router has to be the prefix and the path that is seen, or it is refused. Of
//!   `/api//health` axum leaves `/health`, but the route that it has found is that of `/api/{*rest}`; and a table
//!   of the whole site would take the `/health` of `/api/health` for its own.
//! * A layer that rewrites the path belongs outside of the router, as axum says. Behind it, axum serves the route
//!   that it has found before: so what was rewritten there is refused.
//!
//! Behind axum's router, and with the feature `axum`, the route that it has found tells the table where to look:
//! so a large table costs what a small one costs. This is a short cut, and never another answer: if it does not
//! lead to a rule, the whole table is searched.
//!
//! # Caveats
//!
//! Method override (`X-HTTP-Method-Override`, `_method`) is not looked at; if something behind the table honours
//! it, the method that was judged is not the one that runs. Put it outside.

mod builder;
mod paths;
mod rule;
#[cfg(feature = "axum")]
mod short_cuts;

pub use self::{
    builder::ScopeTableBuilder,
    rule::{Requirement, Rule},
};

use std::{fmt, sync::Arc};

use http::Method;

use self::paths::{Paths, Row};
use super::{Permit, Policy};
use crate::{Head, NowOrLater, Principal, Rejection, RejectionKind};

/// One table of method and path, or gRPC method, and what each needs. What it lacks is refused. A clone is the
/// same table.
///
/// Its `Display` lists the rules for a person to read. See the [module docs](crate::authorize::table) for how a
/// rule is found, and for examples.
#[derive(Clone)]
pub struct ScopeTable(Arc<Table>);

struct Table {
    /// By pattern, then by method; the one for any method is a pattern's last.
    rules: Vec<Rule>,
    paths: Paths,
    /// Whether it is worth a look which requests are open.
    any_open: bool,
    dry_run: bool,
}

/// What a table has for a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Entry {
    #[default]
    UnlistedPath,
    UnlistedMethod(Row),
    /// The rule at this place.
    Rule(usize),
}

impl ScopeTable {
    /// A table without rules, to add some.
    pub fn builder() -> ScopeTableBuilder {
        ScopeTableBuilder::default()
    }

    /// The rules, by pattern and then by method, whatever the order in which they were added.
    pub fn rules(&self) -> &[Rule] {
        &self.0.rules
    }

    /// The rule for a request of this method to this path, as the layer would see it: without a query, and
    /// without the prefix of `nested_at`. For tests of one's own table: that
    /// each route has a rule, and the right one.
    pub fn rule(&self, method: &Method, path: &str) -> Option<&Rule> {
        match self.0.entry(method, self.0.paths.find(path)) {
            Entry::Rule(at) => Some(&self.0.rules[at]),
            Entry::UnlistedPath | Entry::UnlistedMethod(_) => None,
        }
    }

    pub(crate) fn entry(&self, head: &Head<'_>) -> Entry {
        self.0.entry(head.method(), self.0.paths.find_for(head))
    }

    pub(crate) fn opens(&self, entry: Entry) -> bool {
        matches!(entry, Entry::Rule(at) if self.0.rules[at].requirement().is_open())
    }

    /// Judges a principal.
    pub(crate) fn check(&self, entry: Entry, principal: &Principal) -> Result<(), Rejection> {
        let table = &*self.0;
        let Err(rejection) = table.verdict(entry, principal) else { return Ok(()) };
        let rule = match entry {
            Entry::Rule(at) => Some(&table.rules[at]),
            Entry::UnlistedPath | Entry::UnlistedMethod(_) => None,
        };
        if !table.dry_run && !rule.is_some_and(|rule| rule.requirement().is_dry_run()) {
            return Err(rejection);
        }
        tracing::info!(
            reason = rejection.reason(),
            rule = rule.map(tracing::field::display),
            needs = rule.map(|rule| tracing::field::display(rule.requirement())),
            cause = std::error::Error::source(&rejection).map(tracing::field::display),
            subject = principal.subject(),
            issuer = principal.issuer(),
            "dry run: request would be refused"
        );
        Ok(())
    }
}

impl Table {
    fn entry(&self, method: &Method, row: Option<Row>) -> Entry {
        let Some(row) = row else { return Entry::UnlistedPath };
        let of = |wanted: Option<&Method>| {
            let mut rules = self.rules[row.first..row.end].iter();
            rules.position(|rule| rule.method() == wanted).map(|at| row.first + at)
        };
        let as_get = || if *method == Method::HEAD { of(Some(&Method::GET)) } else { None };
        let found = of(Some(method)).or_else(as_get).or_else(|| of(None));
        found.map_or(Entry::UnlistedMethod(row), Entry::Rule)
    }

    fn verdict(&self, entry: Entry, principal: &Principal) -> Result<(), Rejection> {
        let refused = |reason, cause: String| {
            Err(Rejection::new(RejectionKind::Forbidden, reason).caused_by(cause))
        };
        match entry {
            Entry::Rule(at) => self.rules[at].requirement().check(principal),
            Entry::UnlistedMethod(row) => {
                let pattern = self.rules[row.first].pattern();
                let cause = format!("the scope table has no rule for this method at {pattern}");
                refused("scope.unlisted_method", cause)
            }
            Entry::UnlistedPath => {
                let cause = "the scope table has no rule for this path, or stands in another nest than \
                             `nested_at` names, or behind a layer that has rewritten the path";
                refused("scope.unlisted_path", cause.to_owned())
            }
        }
    }
}

impl Policy for ScopeTable {
    fn is_open(&self, head: &Head<'_>) -> bool {
        self.0.any_open && self.opens(self.entry(head))
    }

    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        NowOrLater::now(self.check(self.entry(head), principal).map(|()| Permit::granted()))
    }
}

/// A line for each rule, and one for all else.
impl fmt::Display for ScopeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules();
        let methods = rules.iter().map(|rule| rule.method_name().len()).max().unwrap_or(0);
        let patterns = rules.iter().map(|rule| rule.pattern().len()).max().unwrap_or(0);
        for rule in rules {
            let (method, pattern) = (rule.method_name(), rule.pattern());
            writeln!(f, "{method:methods$} {pattern:patterns$} {}", rule.requirement())?;
        }
        f.write_str(if self.0.dry_run {
            "all is a dry run: who is authenticated may do what is refused here, and all else\n"
        } else {
            "all else is refused\n"
        })
    }
}

impl fmt::Debug for ScopeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { rules, dry_run, .. } = &*self.0;
        f.debug_struct("ScopeTable")
            .field("rules", rules)
            .field("dry_run", dry_run)
            .finish_non_exhaustive()
    }
}
