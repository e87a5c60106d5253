use std::sync::Arc;

use http::Method;

use super::{
    Requirement, Rule, ScopeTable, Table,
    paths::{Paths, Row},
};
use crate::{ConfigError, secure_url};

/// Builds a [`ScopeTable`].
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ScopeTableBuilder {
    rules: Vec<Rule>,
    /// What the layer does not see of a path.
    prefix: String,
    resource_metadata: Option<String>,
    dry_run: bool,
    /// The first one, for when the table is built.
    mistake: Option<String>,
}

impl ScopeTableBuilder {
    /// Adds a rule for a method and a path, in the syntax of axum 0.8: `/messages/{id}`, `/files/{*path}`, with
    /// `{{` and `}}` for braces that are meant as such.
    ///
    /// One for `GET` is one for `HEAD`, unless that has its own.
    pub fn route(self, method: Method, pattern: &str, needs: impl Into<Requirement>) -> Self {
        self.rule(Some(method), pattern.to_owned(), needs.into())
    }

    /// Adds a rule for each method that has none of its own at this path.
    pub fn any_method(self, pattern: &str, needs: impl Into<Requirement>) -> Self {
        self.rule(None, pattern.to_owned(), needs.into())
    }

    /// Adds a rule for a gRPC method, by its full name: `package.Service/Method`.
    pub fn grpc_method(self, name: &str, needs: impl Into<Requirement>) -> Self {
        let whole = name
            .split_once('/')
            .filter(|(service, method)| service.split('.').all(is_identifier) && is_identifier(method));
        if whole.is_none() {
            return self
                .mistaken(format!("{name:?} is not a gRPC method: write `package.Service/Method`"));
        }
        self.rule(Some(Method::POST), format!("/{name}"), needs.into())
    }

    /// Adds a rule for each method of a gRPC service that has none of its own: `package.Service`.
    pub fn grpc_service(self, name: &str, needs: impl Into<Requirement>) -> Self {
        if !name.split('.').all(is_identifier) {
            return self.mistaken(format!("{name:?} is not a gRPC service: write `package.Service`"));
        }
        self.rule(Some(Method::POST), format!("/{name}/{{method}}"), needs.into())
    }

    /// Says that the layer stands inside a router that is nested at this prefix (axum's `Router::nest` and
    /// `nest_service`), which is gone from the paths that it sees. The patterns are written with the prefix, as
    /// the client writes it; of routers nested in each other, all of it. `{name}` in it is any one segment.
    ///
    /// `prefix` and `prefix/` are one path there, the root, and so can have but one rule for a method. A path
    /// with a slash too many behind the prefix is refused: axum takes it away, but not before it has found the
    /// route. So is all that no axum router has handed on, or that one has under another prefix.
    #[cfg(feature = "axum")]
    pub fn nested_at(mut self, prefix: &str) -> Self {
        prefix.trim_end_matches('/').clone_into(&mut self.prefix);
        self
    }

    /// Says in the challenges of missing scopes where the metadata of the resource is (RFC 9728 section 5.1), for
    /// every rule: as of nested policies, the outermost says it.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }

    /// Makes all of it a dry run: a principal that would be refused is let through, also to what the table
    /// lacks, and an event of the level `INFO` has the reason, the rule and the principal. Which request it was
    /// is told by the span around it, such as that of tower-http's `TraceLayer`.
    ///
    /// Without a principal, a request is refused all the same, unless a rule opens it.
    pub fn dangerous_dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Checks the rules.
    ///
    /// # Errors
    ///
    /// When there is no rule; when a pattern is not one, is in conflict with another, or is not under the
    /// prefix; when a method has two rules at one pattern; when a gRPC name is not one; when the URL of the
    /// metadata is not `https` (loopback may be `http`), or has a query or a fragment.
    pub fn build(self) -> Result<ScopeTable, ConfigError> {
        let Self { mut rules, prefix, resource_metadata, dry_run, mistake } = self;
        if let Some(mistake) = mistake {
            return Err(ConfigError::new(mistake));
        }
        if rules.is_empty() {
            return Err(ConfigError::new(
                "a scope table without a rule would refuse every request: add a rule for each route",
            ));
        }
        let any_last = |rule: &Rule| rule.method().is_none();
        rules.sort_by(|a, b| {
            let key = |rule| (Rule::pattern(rule), any_last(rule), Rule::method_name(rule));
            key(a).cmp(&key(b))
        });
        let twice = rules.chunk_by(same).find(|chunk| chunk.len() > 1);
        if let Some([twice, ..]) = twice {
            return Err(ConfigError::new(format!(
                "{twice} is in the scope table twice: keep one of the rules; one that needs several scopes, or \
                 one of several, is a `ScopePolicy`"
            )));
        }
        if let Some(url) = resource_metadata {
            secure_url::check_without_query("the URL of the resource's metadata", &url)?;
            rules.iter_mut().try_for_each(|rule| rule.set_resource_metadata(&url))?;
        }
        let paths = Paths::new(&prefix, rows(&rules))?;
        let any_open = rules.iter().any(|rule| rule.requirement().is_open());
        Ok(ScopeTable(Arc::new(Table { rules, paths, any_open, dry_run })))
    }

    fn rule(mut self, method: Option<Method>, pattern: String, needs: Requirement) -> Self {
        self.rules.push(Rule::new(method, pattern, needs));
        self
    }

    fn mistaken(mut self, mistake: String) -> Self {
        self.mistake.get_or_insert(mistake);
        self
    }
}

fn same(one: &Rule, other: &Rule) -> bool {
    (one.pattern(), one.method()) == (other.pattern(), other.method())
}

/// The patterns, and where the rules of each are.
fn rows(rules: &[Rule]) -> impl Iterator<Item = (&str, Row)> {
    let mut end = 0;
    rules.chunk_by(|one, other| one.pattern() == other.pattern()).map(move |chunk| {
        let first = end;
        end += chunk.len();
        (chunk[0].pattern(), Row { first, end })
    })
}

/// A name of Protocol Buffers.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|other| other.is_ascii_alphanumeric() || other == '_')
}
