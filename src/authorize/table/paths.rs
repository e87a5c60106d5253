use matchit::{InsertError, Router};

#[cfg(feature = "axum")]
use super::short_cuts::ShortCuts;
#[cfg(feature = "axum")]
use crate::nested;
use crate::{ConfigError, Head};

/// Where a table has the rules of a pattern.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(super) first: usize,
    pub(super) end: usize,
}

/// Finds the pattern that axum's router would choose.
pub(super) struct Paths {
    router: Router<Row>,
    /// What is gone from the paths.
    #[cfg(feature = "axum")]
    prefix: String,
    #[cfg(feature = "axum")]
    short_cuts: ShortCuts,
}

impl Paths {
    /// Of patterns that begin with a prefix, which is gone from the paths that are to be found.
    pub(super) fn new<'p>(
        prefix: &str,
        rows: impl Iterator<Item = (&'p str, Row)>,
    ) -> Result<Self, ConfigError> {
        let mut router = Router::new();
        let mut patterns = Vec::new();
        for (written, row) in rows {
            let refused = |why| ConfigError::new(format!("the path pattern {written:?} {why}"));
            let seen = without_prefix(prefix, written).map_err(refused)?;
            check(seen).map_err(|why| refused(why.to_owned()))?;
            router.insert(seen, row).map_err(|error| refused(reason(&error)))?;
            patterns.push((written, seen, row));
        }
        Ok(Self {
            router,
            #[cfg(feature = "axum")]
            prefix: prefix.to_owned(),
            #[cfg(feature = "axum")]
            short_cuts: ShortCuts::new(&patterns)
                .map_err(|error| ConfigError::new(error.to_string()))?,
        })
    }

    pub(super) fn find(&self, path: &str) -> Option<Row> {
        self.router.at(path).ok().map(|found| *found.value)
    }

    /// The same, and sooner where axum's router has found a route. Nothing, where the prefix and the path are not what
    /// was sent to that router: its route is another one's.
    pub(super) fn find_for(&self, head: &Head<'_>) -> Option<Row> {
        #[cfg(feature = "axum")]
        if !nested::is_nested_at(head, &self.prefix).unwrap_or(self.prefix.is_empty()) {
            return None;
        } else if let Some(row) = self.short_cuts.find(head) {
            return Some(row);
        }
        self.find(head.uri().path())
    }
}

/// What is seen of a path inside of a router that is nested.
fn without_prefix<'p>(prefix: &str, written: &'p str) -> Result<&'p str, String> {
    match written.strip_prefix(prefix) {
        Some("") if !prefix.is_empty() => Ok("/"),
        Some(rest) if rest.starts_with('/') || prefix.is_empty() => Ok(rest),
        _ => Err(format!(
            "is not under {prefix:?}, where the router is nested: write it with that prefix"
        )),
    }
}

/// What `matchit` takes, and would never match or panics at.
fn check(pattern: &str) -> Result<(), &'static str> {
    if !pattern.starts_with('/') {
        return Err("does not begin with `/`");
    }
    if pattern.contains(['?', '#']) {
        return Err("has a `?` or a `#` in it, which no path has: leave the query away");
    }
    if pattern.split('/').any(|segment| segment.starts_with([':', '*'])) {
        return Err(
            "has a segment that begins with `:` or `*`: a parameter is `{name}`, and all the rest \
                    of a path is `{*name}`",
        );
    }
    if pattern.matches('{').count() > MOST_PARAMETERS {
        return Err("has more than 25 parameters");
    }
    Ok(())
}

/// Of one more, a panic: `matchit` names them by the letters of the alphabet.
const MOST_PARAMETERS: usize = 25;

fn reason(error: &InsertError) -> String {
    match error {
        InsertError::Conflict { with } => format!(
            "is in conflict with {with:?}, since no router can tell them apart: write both in one way if they \
             are one route, or change one of them in the router, too"
        ),
        InsertError::InvalidParamSegment => {
            "has something behind a parameter in one segment: a parameter goes up to the next `/`".to_owned()
        }
        InsertError::InvalidCatchAll => "has something behind a `{*name}`: that is the rest".to_owned(),
        _ => "has a brace too many or too few, or a parameter without a name: write `{name}` or `{*name}`, \
              and `{{` or `}}` for a brace that is meant as such"
            .to_owned(),
    }
}
