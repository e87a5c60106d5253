//! S3P on the example server: quotes and payments by signed requests, over a socket.
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "gateway_s3p/caller.rs"]
mod caller;
mod gateway_support;
#[path = "gateway_s3p/operator.rs"]
mod operator;
#[path = "gateway_s3p/payments.rs"]
mod payments;
#[path = "gateway_s3p/refusals.rs"]
mod refusals;
#[path = "gateway_s3p/replay.rs"]
mod replay;
