//! The README's example is the program that is tested here.

// Its function is private, as it is in the README: included, so that it can be called.
include!("readme_app.rs");

use super::ask;
use crate::support::{basic, get as request, get_with};

const README: &str = include_str!("../../README.md");
const SOURCE: &str = include_str!("readme_app.rs");

#[test]
fn the_readme_shows_this_program() {
    let blocks: Vec<_> = README
        .split("```rust\n")
        .skip(1)
        .map(|rest| {
            let block = rest.split("```").next().unwrap();
            // Lines that rustdoc hides make a test of it, and are no part of what is shown.
            let shown = block.lines().filter(|line| *line != "#" && !line.starts_with("# "));
            shown.collect::<Vec<_>>().join("\n").trim().to_owned()
        })
        .collect();
    assert!(blocks.contains(&SOURCE.trim().to_owned()), "{blocks:#?}");
}

#[tokio::test]
async fn the_readmes_program_answers_401_without_and_200_with_credentials() {
    let app = app().unwrap();
    let answer = ask(&app, request("/")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenges(), [r#"Basic realm="cave", charset="UTF-8""#]);

    let answer = ask(&app, get_with("/", basic("aladdin", "open sesame"))).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "hello, aladdin\n"));
    let answer = ask(&app, get_with("/", basic("aladdin", "open barley"))).await;
    assert_eq!(answer.status, 401);
}
