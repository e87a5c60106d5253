//! What a person needs when a signature does not match.
//!
//! ```sh
//! export S3P_SECRET=…
//! cargo run --example s3p -- sign --token T GET 'https://pay.example.org/s3p/v2/bill?serviceid=1'
//! cargo run --example s3p -- explain --authorization 's3pAuth,…' POST https://… --body '{"amount":1000}'
//! ```
//!
//! The secret is best given in the environment, as above: a list of processes shows what is given by `--secret`. It is
//! never printed.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "printing is what it is for")]

mod dialects;
mod difference;
mod explain;
mod fields;
mod request;
mod sign;
mod verdict;

use std::{error::Error, iter::successors, process::ExitCode};

use clap::Parser;

/// Shows how an S3P request is signed, step by step.
#[derive(Parser)]
enum Command {
    /// Signs a request.
    Sign(sign::Sign),
    /// Explains the signature of a request that was received.
    Explain(explain::Explain),
}

fn main() -> ExitCode {
    let text = match Command::parse() {
        Command::Sign(sign) => sign.text(),
        Command::Explain(explain) => explain.text(),
    };
    match text {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let causes = successors(Some(&*error as &dyn Error), |&error| error.source());
            let told: Vec<String> = causes.map(ToString::to_string).collect();
            eprintln!("error: {}", told.join(": "));
            ExitCode::FAILURE
        }
    }
}
