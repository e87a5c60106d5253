use std::{
    error::Error,
    time::{Duration, UNIX_EPOCH},
};

use clap::Args;
use portcullis::{
    ManualClock,
    s3p::{Dialect, Signer},
};

use crate::{
    fields::Fields,
    request::{Request, steps},
};

/// Signs a request.
#[derive(Args)]
pub(crate) struct Sign {
    /// The access token.
    #[arg(long)]
    token: String,
    /// A nonce of one's own, instead of a random one.
    #[arg(long)]
    nonce: Option<String>,
    /// A time of one's own, in seconds, instead of now.
    #[arg(long)]
    timestamp: Option<u64>,
    #[command(flatten)]
    request: Request,
}

impl Sign {
    pub(crate) fn text(&self) -> Result<String, Box<dyn Error>> {
        let Self { token, nonce, timestamp, request } = self;
        let mut signer = Signer::dangerous_short_secret(token, request.secret())?;
        if let Some(nonce) = nonce.clone() {
            signer = signer.nonces(move || nonce.clone());
        }
        if let Some(seconds) = timestamp {
            signer = signer.clock(ManualClock::new(UNIX_EPOCH + Duration::from_secs(*seconds)));
        }
        let body = request.body.as_bytes();
        let authorization = signer.sign(&request.method, &request.url, &request.headers(), body)?;
        let authorization = authorization.to_str()?;
        let fields = Fields::read(authorization).ok_or("a signer writes all five fields")?;
        let input = request.input(&request.origin()?, Dialect::STRICT, fields.stamp)?;
        Ok(format!("{}Authorization: {authorization}\n", steps(&input, &request.secret())))
    }
}
