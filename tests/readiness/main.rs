//! Readiness, cancellation and cost, for every layer: over `ConcurrencyLimit`, `Buffer` and tower-test's
//! mock, with a decision that is there now and with one that comes later.
//!
//! The rule of tower: the instance that was polled ready is the one that is called, and what it has
//! reserved is given back when it is not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod buffer;
mod cancelled;
mod cases;
mod clones;
mod inner;
mod limit;
mod mock;
