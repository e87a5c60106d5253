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

use std::{error::Error, time::UNIX_EPOCH};

use clap::{Args, Parser};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use portcullis::{
    Clock, Secret, SystemClock,
    s3p::{Dialect, PublicUrl, SignatureMethod, SigningInput, Stamp},
};

/// The dialects by name, the scheme's own first.
const DIALECTS: [(&str, Dialect); 8] = [
    ("STRICT", Dialect::STRICT),
    ("MAVIANCE_PHP", Dialect::MAVIANCE_PHP),
    ("MAVIANCE_NODEJS", Dialect::MAVIANCE_NODEJS),
    ("MAVIANCE_JAVA", Dialect::MAVIANCE_JAVA),
    ("NDOLE_GO", Dialect::NDOLE_GO),
    ("POSTMAN", Dialect::POSTMAN),
    ("POSTMAN_PHP", Dialect::POSTMAN_PHP),
    ("PYTHON", Dialect::PYTHON),
];

/// Shows how an S3P request is signed, step by step.
#[derive(Parser)]
enum Command {
    /// Signs a request.
    Sign {
        /// The access token.
        #[arg(long)]
        token: String,
        /// A nonce of one's own, instead of a random one.
        #[arg(long)]
        nonce: Option<String>,
        /// A time of one's own, in seconds, instead of now.
        #[arg(long)]
        timestamp: Option<String>,
        #[command(flatten)]
        request: Request,
    },
    /// Explains the signature of a request that was received.
    Explain {
        /// The `Authorization` header, as received.
        #[arg(long)]
        authorization: String,
        /// The base string that the client says it has signed.
        #[arg(long)]
        base_string: Option<String>,
        #[command(flatten)]
        request: Request,
    },
}

#[derive(Args)]
struct Request {
    /// The method.
    method: Method,
    /// The whole URL, as clients write it.
    url: Uri,
    /// The body.
    #[arg(long, default_value = "")]
    body: String,
    /// The type of the body.
    #[arg(long, default_value = "application/json")]
    content_type: HeaderValue,
    /// The secret.
    #[arg(long, env = "S3P_SECRET", hide_env_values = true)]
    secret: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    match Command::parse() {
        Command::Sign { token, nonce, timestamp, request } => {
            let mut random = [0; 16];
            getrandom::fill(&mut random)?;
            let nonce = nonce.unwrap_or_else(|| format!("{:032x}", u128::from_be_bytes(random)));
            let now = SystemClock.now().duration_since(UNIX_EPOCH)?.as_secs();
            let timestamp = timestamp.unwrap_or_else(|| now.to_string());
            let method = SignatureMethod::HmacSha1;
            let stamp = Stamp { nonce: &nonce, timestamp: &timestamp, token: &token, method };
            let signature = show_steps(&request, stamp)?;
            println!(
                "Authorization: s3pAuth,s3pAuth_nonce=\"{nonce}\",s3pAuth_signature=\"{signature}\",\
                 s3pAuth_signature_method=\"{}\",s3pAuth_timestamp=\"{timestamp}\",\
                 s3pAuth_token=\"{token}\"",
                method.as_str()
            );
        }
        Command::Explain { authorization, base_string, request } => {
            explain(&authorization, base_string.as_deref(), &request)?;
        }
    }
    Ok(())
}

fn explain(authorization: &str, theirs: Option<&str>, request: &Request) -> Result<(), Box<dyn Error>> {
    let field = |name: &str| {
        let start = format!("{name}=\"");
        let value = authorization.split_once(&start).and_then(|(_, rest)| rest.split_once('"'));
        value.map(|(value, _)| value).ok_or_else(|| format!("the header has no field {name}"))
    };
    let method = match field("s3pAuth_signature_method")? {
        "HMAC-SHA1" => SignatureMethod::HmacSha1,
        "HMAC-SHA256" => SignatureMethod::HmacSha256,
        other => return Err(format!("the signature method {other:?} is not known").into()),
    };
    let stamp = Stamp {
        nonce: field("s3pAuth_nonce")?,
        timestamp: field("s3pAuth_timestamp")?,
        token: field("s3pAuth_token")?,
        method,
    };
    let received = field("s3pAuth_signature")?;
    let ours = show_steps(request, stamp);
    println!("received          {received}");
    if let (Some(theirs), Ok(input)) = (theirs, input(Dialect::STRICT, request, stamp)) {
        show_difference(input.base_string(), theirs);
    }
    if ours.as_ref().is_ok_and(|ours| ours == received) {
        println!("The signature is the one that the scheme's page asks for.");
        return Ok(());
    }
    let secret = Secret::new(request.secret.as_str());
    let fits = |(_, dialect): &&(&str, Dialect)| {
        let input = input(*dialect, request, stamp);
        input.is_ok_and(|input| input.signature(&secret) == received)
    };
    match DIALECTS.iter().find(fits) {
        Some((name, _)) => println!("Dialect::{name} makes this signature: list it for the key."),
        None => println!("No dialect makes this signature: is it the same secret, URL and body?"),
    }
    Ok(())
}

fn show_steps(request: &Request, stamp: Stamp<'_>) -> Result<String, Box<dyn Error>> {
    let input = input(Dialect::STRICT, request, stamp).inspect_err(|error| println!("{error}"))?;
    let signature = input.signature(&Secret::new(request.secret.as_str()));
    println!("parameter string  {}", input.parameter_string());
    println!("base string       {}", input.base_string());
    println!("signature         {signature}");
    Ok(signature)
}

fn show_difference(ours: &str, theirs: &str) {
    let same = ours.bytes().zip(theirs.bytes()).take_while(|(one, other)| one == other).count();
    if ours == theirs {
        println!("The base strings are the same: only the secret can differ.");
    } else {
        println!("The base strings differ after {same} bytes:");
        println!("  here   …{}", ours.get(same..).unwrap_or_default());
        println!("  there  …{}", theirs.get(same..).unwrap_or_default());
    }
}

fn input(
    dialect: Dialect,
    request: &Request,
    stamp: Stamp<'_>,
) -> Result<SigningInput, Box<dyn Error>> {
    let Request { method, url, body, content_type, .. } = request;
    let authority = url.authority().ok_or("the URL is not absolute")?;
    let origin = format!("{}://{authority}", url.scheme_str().unwrap_or("https"));
    let origin = PublicUrl::parse(&origin)?;
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type.clone())]);
    Ok(SigningInput::in_dialect(dialect, method, &origin, url, &headers, body.as_bytes(), stamp)?)
}
