use std::{
    error::Error,
    fmt::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Args;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use portcullis::{
    Clock, Rejection, SystemClock,
    s3p::{Dialect, SignatureMethod},
};
use sha1::Sha1;
use sha2::Sha256;

use crate::{
    dialects::{Parts, nearest},
    difference::difference,
    fields::Fields,
    request::{Request, near, steps},
    verdict::verdict,
};

/// Explains the signature of a request that was received.
#[derive(Args, Clone)]
pub(crate) struct Explain {
    /// The `Authorization` header, as received; twice, if it was received twice.
    #[arg(long, required = true)]
    pub(crate) authorization: Vec<HeaderValue>,
    /// The base string that the client says it has signed.
    #[arg(long)]
    pub(crate) base_string: Option<String>,
    /// A dialect that the key lists, as the text that it has: `strict`, `maviance-php`; several times, if it lists
    /// several.
    #[arg(long, default_value = "strict")]
    pub(crate) dialect: Vec<Dialect>,
    /// The key takes HMAC-SHA256, and not HMAC-SHA1.
    #[arg(long)]
    pub(crate) sha256: bool,
    /// When it was received, in seconds since 1970, instead of now.
    #[arg(long)]
    pub(crate) received_at: Option<u64>,
    #[command(flatten)]
    pub(crate) request: Request,
}

impl Explain {
    /// What the layer says, then each step, then what would help.
    pub(crate) fn text(&self) -> Result<String, Box<dyn Error>> {
        let received_at = self.received_at.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        let received_at = received_at.unwrap_or_else(|| SystemClock.now());
        let header = self.authorization.first().and_then(|line| line.to_str().ok());
        let Some(fields) = header.and_then(Fields::read) else {
            let said = self.ask("", &self.dialect, received_at)?;
            let fault =
                "The header has not all five fields, or another method than HMAC-SHA1 and HMAC-SHA256.";
            return Ok(format!("{}{fault}\n", worded("verdict", &said)));
        };
        let token = fields.stamp.token;
        let mut said = self.ask(token, &self.dialect, received_at)?;
        let mut text = worded("verdict", &said);
        // What else there is to say is seen at the moment that the request itself names.
        let mut moment = received_at;
        if is_about_time(&said) {
            moment = fields.time().unwrap_or(received_at);
            said = self.ask(token, &self.dialect, moment)?;
            text += &worded("at its own time", &said);
        }
        let fitting = self.fitting(&fields)?;
        let shown = fitting.as_ref().map_or(Dialect::STRICT, |(dialect, _)| *dialect);
        match self.request.input(&self.request.origin()?, shown, fields.stamp) {
            Ok(input) => {
                text += &steps(&input, &self.request.secret());
                writeln!(text, "received          {}", fields.signature)?;
                if let Some(theirs) = &self.base_string {
                    text += &difference(input.base_string(), theirs);
                }
            }
            Err(rejection) => writeln!(text, "no parameter string: {}", rejection.reason())?,
        }
        text += &self.conclusion(&fields, &said, fitting, moment)?;
        Ok(text)
    }

    /// What would help.
    fn conclusion(
        &self,
        fields: &Fields<'_>,
        said: &Result<(), Rejection>,
        fitting: Option<(Dialect, String)>,
        moment: SystemTime,
    ) -> Result<String, Box<dyn Error>> {
        let Some((dialect, name)) = fitting else {
            if !self.is_of_their_base_string(fields) {
                return self.mistake(fields);
            }
            let text = "The signature is that of the base string which the client gives, by this secret: what \
                        differs is above.\n";
            return Ok(text.to_owned());
        };
        if said.is_ok() {
            return Ok(format!("The key accepts it, signed as {name} does.\n"));
        }
        Ok(match self.ask(fields.stamp.token, &[dialect], moment)? {
            Ok(()) => {
                format!("{name} accepts it: list it for the key. As a text, it is `{dialect}`.\n")
            }
            Err(other) => format!(
                "{name} makes this signature, but the request is refused in every dialect: {}.\n",
                other.reason()
            ),
        })
    }

    /// What the client has done, if it is one of the common mistakes.
    fn mistake(&self, fields: &Fields<'_>) -> Result<String, Box<dyn Error>> {
        for (what, request) in near(&self.request) {
            let near = Self { request, ..self.clone() };
            if let Some((_, name)) = near.fitting(fields)? {
                return Ok(format!("The client has {what}, as {name} does.\n"));
            }
        }
        Ok("No dialect makes this signature: is it the same secret, URL and body?\n".to_owned())
    }

    /// What the layer says, with these dialects.
    fn ask(
        &self,
        token: &str,
        dialects: &[Dialect],
        now: SystemTime,
    ) -> Result<Result<(), Rejection>, Box<dyn Error>> {
        let method = if self.sha256 { SignatureMethod::HmacSha256 } else { SignatureMethod::HmacSha1 };
        verdict(&self.request, &self.authorization, token, (method, dialects), now)
    }

    /// Of all dialects that make this signature, the one nearest to one with a name; and how it is written.
    fn fitting(&self, fields: &Fields<'_>) -> Result<Option<(Dialect, String)>, Box<dyn Error>> {
        let (origin, secret) = (self.request.origin()?, self.request.secret());
        let mut all = Parts::all();
        all.retain(|parts| {
            let input = self.request.input(&origin, parts.dialect(), fields.stamp);
            parts.has_unit(fields.unit())
                && input.is_ok_and(|input| input.signature(&secret) == fields.signature)
        });
        Ok(nearest(&all))
    }

    fn is_of_their_base_string(&self, fields: &Fields<'_>) -> bool {
        let any_length = "HMAC takes a key of any length";
        let (secret, theirs) = (self.request.secret.as_bytes(), self.base_string.as_deref());
        let theirs = theirs.unwrap_or_default();
        let signature = match fields.stamp.method {
            SignatureMethod::HmacSha1 => {
                let key = Hmac::<Sha1>::new_from_slice(secret).expect(any_length);
                STANDARD.encode(key.chain_update(theirs).finalize().into_bytes())
            }
            SignatureMethod::HmacSha256 => {
                let key = Hmac::<Sha256>::new_from_slice(secret).expect(any_length);
                STANDARD.encode(key.chain_update(theirs).finalize().into_bytes())
            }
        };
        signature == fields.signature
    }
}

fn is_about_time(said: &Result<(), Rejection>) -> bool {
    said.as_ref()
        .is_err_and(|rejection| matches!(rejection.reason(), "s3p.too_old" | "s3p.in_the_future"))
}

fn worded(when: &str, said: &Result<(), Rejection>) -> String {
    match said {
        Ok(()) => format!("{when:<17} accepted\n"),
        Err(rejection) => {
            let status = rejection.kind().status().as_u16();
            format!("{when:<17} refused: {status} {}\n", rejection.reason())
        }
    }
}
