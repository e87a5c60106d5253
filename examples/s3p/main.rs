//! What a person needs when a signature does not match.
//!
//! ```sh
//! export S3P_SECRET=…
//! cargo run --example s3p -- sign --token T GET 'https://pay.example.org/s3p/v2/bill?serviceid=1'
//! cargo run --example s3p -- explain --authorization 's3pAuth,…' POST https://… --body '{"amount":1000}'
//! ```
//!
//! The secret comes from the environment, so that no list of processes shows it, and is never printed.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

mod dialects;
mod difference;
mod explain;
mod fields;
mod request;
mod sign;
mod verdict;

use std::error::Error;

use clap::Parser;

/// Shows how an S3P request is signed, step by step.
#[derive(Parser)]
enum Command {
    /// Signs a request.
    Sign(sign::Sign),
    /// Explains the signature of a request that was received.
    Explain(explain::Explain),
}

fn main() -> Result<(), Box<dyn Error>> {
    let text = match Command::parse() {
        Command::Sign(sign) => sign.text(),
        Command::Explain(explain) => explain.text(),
    };
    print!("{}", text?);
    Ok(())
}
