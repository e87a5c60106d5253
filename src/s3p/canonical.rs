use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;

use super::{PublicUrl, header::HMAC_SHA1, params::Params};
use crate::{Rejection, Secret};

/// All but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is signed, and the steps to it: for those who want to see where two sides differ.
///
/// ```
/// use http::{HeaderMap, Method};
/// use portcullis::{Secret, s3p::{PublicUrl, SigningInput, Stamp}};
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
        let params = Params::of(method, target, headers, body)?;
        let own = [
            ("s3pAuth_nonce", stamp.nonce),
            ("s3pAuth_signature_method", HMAC_SHA1),
            ("s3pAuth_timestamp", stamp.timestamp),
            ("s3pAuth_token", stamp.token),
        ];
        let (before, after) = params.around_own();
        let before = before.iter().map(|(key, value)| (&**key, &**value));
        let after = after.iter().map(|(key, value)| (&**key, &**value));
        let mut parameter_string = String::with_capacity(256);
        for (key, value) in before.chain(own).chain(after) {
            if !parameter_string.is_empty() {
                parameter_string.push('&');
            }
            parameter_string.extend([key, "=", value]);
        }

        let mut base_string = String::with_capacity(64 + parameter_string.len() * 3 / 2);
        base_string.extend([method.as_str(), "&"]);
        base_string.extend(utf8_percent_encode(url.as_str(), RESERVED));
        base_string.extend(utf8_percent_encode(target.path(), RESERVED));
        base_string.push('&');
        base_string.extend(utf8_percent_encode(&parameter_string, RESERVED));
        Ok(Self { parameter_string, base_string })
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
}

/// Steps 1 and 2 hold the request's parameters, which may be private.
impl fmt::Debug for SigningInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningInput").finish_non_exhaustive()
    }
}

/// A secret whose key schedule is computed.
#[derive(Clone)]
pub(super) struct SigningKey(Hmac<Sha1>);

impl SigningKey {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(Hmac::new_from_slice(secret.expose()).expect("HMAC takes a key of any length"))
    }

    fn mac(&self, input: &SigningInput) -> Hmac<Sha1> {
        self.0.clone().chain_update(&input.base_string)
    }

    pub(super) fn sign(&self, input: &SigningInput) -> String {
        STANDARD.encode(self.mac(input).finalize().into_bytes())
    }

    /// In constant time.
    pub(super) fn verify(&self, input: &SigningInput, signature: &[u8; 20]) -> bool {
        self.mac(input).verify_slice(signature).is_ok()
    }
}
