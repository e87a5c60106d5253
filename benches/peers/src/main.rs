//! portcullis and its peers on the same requests, in one process.
//!
//! `benches/run` prints the table and writes `benches/RESULTS.md`; `benches/instructions` has the cases
//! counted by callgrind.

mod instructions;
mod paired;
mod peers;
mod requests;
mod results;
mod rows;

use std::{env, hint::black_box, path::Path};

use results::Results;

fn main() {
    // Which of its backends jsonwebtoken uses is not left to who else has switched one on.
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().expect("nobody was faster");
    let _entered = paired::RUNTIME.enter();
    let args: Vec<_> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["count", case, times] => {
            let times = times.parse().expect("a number");
            black_box(instructions::case(case)(times));
        }
        ["bytes-of-a-nonce"] => println!("{}", rows::nonces::bytes_of_one()),
        ref only => measure(only),
    }
}

/// All rows, or those of the topics that are named.
fn measure(only: &[&str]) {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut results = Results::default();
    let topics: [(&str, fn(&mut Results)); 11] = [
        ("engine", rows::engine::rows),
        ("jwt", rows::jwt::rows),
        ("refusals", rows::refusals::rows),
        ("s3p", rows::s3p::rows),
        ("basic", rows::basic::rows),
        ("user_tokens", rows::user_tokens::rows),
        ("ownership", rows::ownership::rows),
        ("table", rows::table::rows),
        ("stack", rows::stack::rows),
        ("nonces", rows::nonces::rows),
        ("server", rows::server::rows),
    ];
    for (name, rows) in topics {
        if only.is_empty() || only.contains(&name) {
            rows(&mut results);
        }
    }
    rows::recorded::rows(&mut results, &benches);
    if only.is_empty() {
        results.write(&benches.join("RESULTS.md"));
    }
}
