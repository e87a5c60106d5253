//! What is measured, by layer.

pub mod basic;
pub mod engine;
pub mod jwt;
pub mod nonces;
pub mod ownership;
pub mod recorded;
pub mod refusals;
pub mod s3p;
pub mod server;
pub mod stack;
pub mod table;
pub mod user_tokens;
