//! Where to look for the path of a route that axum's router has found.
//!
//! A short cut never leads to another rule than the whole table would. It is the part of the table whose
//! patterns begin with the same fixed text, up to the first parameter. If that text is what the path begins
//! with, and a pattern of the part matches the path, the whole table chooses the same one: whatever else
//! matches has a parameter where these have fixed text, and fixed text goes first. So it does not matter
//! whether what axum has left fits the path at all, and the path of a nested router is no special case.

use std::collections::{BTreeMap, HashMap};

use axum::extract::MatchedPath;
use matchit::{InsertError, Router};

use super::paths::Row;
use crate::Head;

pub(super) struct ShortCuts {
    /// By the patterns as they are written, which are axum's templates.
    parts: HashMap<String, usize>,
    routers: Vec<(String, Router<Row>)>,
}

impl ShortCuts {
    /// Of patterns as they are written and as they are seen.
    pub(super) fn new(patterns: &[(&str, &str, Row)]) -> Result<Self, InsertError> {
        let sorted: BTreeMap<_, _> = patterns.iter().map(|(_, seen, row)| (*seen, *row)).collect();
        let (mut parts, mut routers) = (HashMap::new(), Vec::new());
        let mut known = HashMap::new();
        for (written, seen, _) in patterns {
            let fixed = seen.split(['{', '}']).next().unwrap_or(seen);
            let part = *known.entry(fixed).or_insert(routers.len());
            if part == routers.len() {
                let mut router = Router::new();
                for (pattern, row) in
                    sorted.range(fixed..).take_while(|(other, _)| other.starts_with(fixed))
                {
                    router.insert(*pattern, *row)?;
                }
                routers.push((fixed.to_owned(), router));
            }
            parts.insert((*written).to_owned(), part);
        }
        Ok(Self { parts, routers })
    }

    pub(super) fn find(&self, head: &Head<'_>) -> Option<Row> {
        let template = head.extensions().get::<MatchedPath>()?;
        let (fixed, router) = &self.routers[*self.parts.get(template.as_str())?];
        let path = head.uri().path();
        let found = path.starts_with(&**fixed).then(|| router.at(path).ok()).flatten()?;
        Some(*found.value)
    }
}
