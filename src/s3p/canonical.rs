use std::fmt;

use http::{HeaderMap, Method, Uri};

use super::{
    Dialect, PublicUrl, params::Sent, signable::Signable, signing_key::SigningKey, text::Text,
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
        let mut sent = Sent::new();
        sent.read(method, target, headers, body)?;
        let request =
            Signable { method, url, path: target.path(), sent: &sent, stamp, has_plain_stamp: false };
        let mut base_string = Text::new();
        request
            .write_base_string(dialect, &mut base_string)
            .map_err(|reason| Rejection::new(RejectionKind::BadRequest, reason))?;
        Ok(Self {
            parameter_string: request.parameter_string(dialect),
            base_string: String::from_utf8_lossy(base_string.as_bytes()).into_owned(),
            method: stamp.method,
        })
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
        self.signature_by(&SigningKey::new(secret.clone(), self.method))
    }

    /// The same by a key of this method.
    pub(super) fn signature_by(&self, key: &SigningKey) -> String {
        key.sign(self.base_string.as_bytes())
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
