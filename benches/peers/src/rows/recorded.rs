//! Instructions and allocations, as they are recorded beside.

use std::{collections::HashMap, fs, path::Path};

use crate::results::{Goal, Results};

pub fn rows(results: &mut Results, benches: &Path) {
    let instructions = recorded(&benches.join("instructions.txt"));
    let allocations = recorded(&benches.join("allocations.txt"));
    let mut add = |row: &str, recorded: &HashMap<_, f64>, name: &str, must, stretch| {
        if let Some(measured) = recorded.get(name) {
            let figures = "recorded".to_owned();
            results.add(row, Goal::AtMost { must, stretch }, *measured, figures);
        }
    };
    for (row, name, must, stretch) in [
        ("AuthorizeLayer, yes: instructions", "authorize, yes", 60.0, 30.0),
        ("Whole stack: instructions", "stack", 2_500.0, 2_000.0),
    ] {
        add(row, &instructions, name, must, stretch);
    }
    for (row, name, must, stretch) in [
        ("AuthorizeLayer, yes: allocations", "authorize, yes", 0.0, 0.0),
        ("JWT HS256, no cache: allocations", "jwt, no cache", 5.0, 3.0),
        ("S3P GET: allocations", "s3p get", 3.0, 3.0),
        (
            "Ownership, a write, without its insertion: allocations",
            "ownership, a write, without its insertion",
            0.0,
            0.0,
        ),
        ("Whole stack: allocations", "stack", 4.0, 3.0),
        ("Whole stack, extensions filled: allocations", "stack behind a router", 4.0, 1.0),
    ] {
        add(row, &allocations, name, must, stretch);
    }
}

/// Lines of `name: figure`; others are remarks.
fn recorded(path: &Path) -> HashMap<String, f64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let figures = lines.filter_map(|line| {
        let (name, figure) = line.rsplit_once(": ")?;
        Some((name.to_owned(), figure.trim().parse().ok()?))
    });
    figures.collect()
}
