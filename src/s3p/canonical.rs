use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Uri};
use percent_encoding::utf8_percent_encode;
use sha1::Sha1;
use sha2::Sha256;

use super::{
    PublicUrl,
    dialect::{Dialect, Encoding, Trim},
    params::{Sent, is_java_blank},
};
use crate::{Rejection, RejectionKind, Secret};

/// What is signed, and the steps to it: for those who want to see where two sides differ.
///
/// ```
/// use http::{HeaderMap, Method};
/// use portcullis::{Secret, s3p::{PublicUrl, SignatureMethod, SigningInput, Stamp}};
///
/// let input = SigningInput::of(
///     &Method::GET,
///     &PublicUrl::parse("https://dev.smobilpay.com/s3p")?,
///     &"/v2/bill?serviceNumber=TestId&merchant=TESTMERC&serviceid=99999".parse().unwrap(),
///     &HeaderMap::new(),
///     b"",
///     Stamp {
///         nonce: "634968823463411611",
///         timestamp: "1361281946",
///         token: "xvz1evFS4wEEPTGEFPHBog",
///         method: SignatureMethod::HmacSha1,
///     },
/// ).unwrap();
/// assert!(input.parameter_string().starts_with("merchant=TESTMERC&s3pAuth_nonce="));
/// assert_eq!(input.signature(&Secret::new("MySecretKey")), "wff4LW5sueJe0K4Uzk7fHrjElGk=");
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct SigningInput {
    parameter_string: String,
    base_string: String,
    method: SignatureMethod,
}

impl SigningInput {
    /// Of a request: its method, URL, headers (for the type of the body) and whole body; and of what goes
    /// with it.
    ///
    /// # Errors
    ///
    /// When the request is one that the scheme cannot cover, or that would be ambiguous; see the
    /// [module docs](crate::s3p).
    pub fn of(
        method: &Method,
        url: &PublicUrl,
        target: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        stamp: Stamp<'_>,
    ) -> Result<Self, Rejection> {
        Self::in_dialect(Dialect::STRICT, method, url, target, headers, body, stamp)
    }

    /// The same as a dialect signs it.
    ///
    /// # Errors
    ///
    /// The same; a value may have a text in one dialect and none in another.
    pub fn in_dialect(
        dialect: Dialect,
        method: &Method,
        url: &PublicUrl,
        target: &Uri,
        headers: &HeaderMap,
        body: &[u8],
        stamp: Stamp<'_>,
    ) -> Result<Self, Rejection> {
        let sent = Sent::of(method, target, headers, body)?;
        Self::of_sent(dialect, method, url, target.path(), &sent, stamp)
            .map_err(|reason| Rejection::new(RejectionKind::BadRequest, reason))
    }

    pub(super) fn of_sent(
        dialect: Dialect,
        method: &Method,
        url: &PublicUrl,
        path: &str,
        sent: &Sent<'_>,
        stamp: Stamp<'_>,
    ) -> Result<Self, &'static str> {
        let own = [
            ("s3pAuth_nonce", stamp.nonce),
            ("s3pAuth_signature_method", stamp.method.as_str()),
            ("s3pAuth_timestamp", stamp.timestamp),
            ("s3pAuth_token", stamp.token),
        ];
        let mut parameter_string = String::with_capacity(256);
        for (key, value) in sent.signed_in(dialect)?.with_own(own) {
            if !parameter_string.is_empty() {
                parameter_string.push('&');
            }
            parameter_string.extend([key, "=", value]);
        }
        if dialect.trim == Trim::WholeString {
            parameter_string = parameter_string.trim_matches(is_java_blank).to_owned();
        }

        let mut base_string = String::with_capacity(64 + parameter_string.len() * 3 / 2);
        base_string.extend([method.as_str(), "&"]);
        encode(url.as_str(), dialect.encoding, &mut base_string);
        encode(path, dialect.encoding, &mut base_string);
        base_string.push('&');
        encode(&parameter_string, dialect.encoding, &mut base_string);
        Ok(Self { parameter_string, base_string, method: stamp.method })
    }

    /// Step 1: all parameters, sorted and joined.
    pub fn parameter_string(&self) -> &str {
        &self.parameter_string
    }

    /// Step 2: method, URL and parameter string, encoded and joined.
    pub fn base_string(&self) -> &str {
        &self.base_string
    }

    /// Step 3: the signature by this secret.
    pub fn signature(&self, secret: &Secret) -> String {
        SigningKey::new(secret).sign(self)
    }
}

/// What makes a signature of one request, at one time, by one key.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'r> {
    /// The nonce: never used before with this token.
    pub nonce: &'r str,
    /// The time: seconds since 1970-01-01T00:00:00Z, in ten digits.
    pub timestamp: &'r str,
    /// The access token.
    pub token: &'r str,
    /// The method of the signature.
    pub method: SignatureMethod,
}

/// Steps 1 and 2 hold the request's parameters, which may be private.
impl fmt::Debug for SigningInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningInput").finish_non_exhaustive()
    }
}

/// How a signature is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureMethod {
    /// What the scheme prescribes.
    HmacSha1,
    /// For those who control both ends: the same with SHA-256.
    HmacSha256,
}

impl SignatureMethod {
    /// The name, as it is sent and signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::HmacSha1, Self::HmacSha256].into_iter().find(|method| method.as_str() == name)
    }

    /// How many bytes a signature has.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
        }
    }
}

/// A secret whose key schedules are computed.
#[derive(Clone)]
pub(super) struct SigningKey {
    sha1: Hmac<Sha1>,
    sha256: Hmac<Sha256>,
}

impl SigningKey {
    pub(super) fn new(secret: &Secret) -> Self {
        let any_length = "HMAC takes a key of any length";
        Self {
            sha1: Hmac::new_from_slice(secret.expose()).expect(any_length),
            sha256: Hmac::new_from_slice(secret.expose()).expect(any_length),
        }
    }

    pub(super) fn sign(&self, input: &SigningInput) -> String {
        let text = &input.base_string;
        match input.method {
            SignatureMethod::HmacSha1 => {
                STANDARD.encode(self.sha1.clone().chain_update(text).finalize().into_bytes())
            }
            SignatureMethod::HmacSha256 => {
                STANDARD.encode(self.sha256.clone().chain_update(text).finalize().into_bytes())
            }
        }
    }

    /// In constant time.
    pub(super) fn verify(&self, input: &SigningInput, signature: &[u8]) -> bool {
        let text = &input.base_string;
        match input.method {
            SignatureMethod::HmacSha1 => self.sha1.clone().chain_update(text).verify_slice(signature),
            SignatureMethod::HmacSha256 => {
                self.sha256.clone().chain_update(text).verify_slice(signature)
            }
        }
        .is_ok()
    }
}

fn encode(text: &str, encoding: Encoding, onto: &mut String) {
    let parts = utf8_percent_encode(text, encoding.reserved());
    match encoding {
        Encoding::GoQueryEscape => onto.extend(parts.map(|part| part.replace(' ', "+"))),
        _ => onto.extend(parts),
    }
}
