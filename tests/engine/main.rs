//! The two engines, `AuthenticateLayer` and `AuthorizeLayer`, and the words that they are made of,
//! with authenticators and policies whose answers each test chooses.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod authorize;
mod challenge;
mod combine;
mod dispatch;
mod fixtures;
mod forged;
mod grpc;
mod https;
mod kinds;
mod log;
mod optional;
mod preflight;
mod repeated;
mod scopes;
mod strip;
mod values;
mod wording;
