use std::fmt;

use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_encode;
use smallvec::SmallVec;

use super::{
    PublicUrl,
    dialect::{Dialect, Encoding, is_encoded_variously},
    params::Sent,
    signing_key::SigningKey,
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
        let request = Signable { method, url, path: target.path(), sent: &sent, stamp };
        let mut base_string = Text::new();
        request
            .write_base_string(dialect, &mut base_string)
            .map_err(|reason| Rejection::new(RejectionKind::BadRequest, reason))?;
        Ok(Self {
            parameter_string: request.parameter_string(dialect),
            base_string: String::from_utf8_lossy(&base_string).into_owned(),
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

    /// The same by a key of the method.
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

/// A base string, as bytes; on the stack, unless it is long.
pub(super) type Text = SmallVec<[u8; 512]>;

/// All of a request that is signed, before a dialect makes a text of it.
#[derive(Clone, Copy)]
pub(super) struct Signable<'r, 's> {
    pub(super) method: &'r Method,
    pub(super) url: &'r PublicUrl,
    /// Behind the URL.
    pub(super) path: &'r str,
    pub(super) sent: &'r Sent<'s>,
    pub(super) stamp: Stamp<'r>,
}

impl Signable<'_, '_> {
    /// Step 1, for people to read.
    fn parameter_string(&self, dialect: Dialect) -> String {
        let Stamp { nonce, timestamp, token, method } = self.stamp;
        let own = [
            ("s3pAuth_nonce", nonce),
            ("s3pAuth_signature_method", method.as_str()),
            ("s3pAuth_timestamp", timestamp),
            ("s3pAuth_token", token),
        ];
        let params = self.sent.signed_in(dialect);
        let text = |(key, value): (&str, &str)| format!("{key}={value}");
        let pairs = params.before().chain(own).chain(params.after());
        pairs.map(text).collect::<Vec<_>>().join("&")
    }

    /// Step 2. The error is the stable code of why this text is signed by nobody: it is as long as if it was.
    pub(super) fn write_base_string(
        &self,
        dialect: Dialect,
        onto: &mut Text,
    ) -> Result<(), &'static str> {
        #[cfg(test)]
        super::work::count_text();
        let Stamp { nonce, timestamp, token, method } = self.stamp;
        let encoding = dialect.encoding;
        let params = self.sent.signed_in(dialect);
        onto.extend_from_slice(self.method.as_str().as_bytes());
        onto.push(b'&');
        encode(self.url.as_str(), encoding, onto);
        encode(self.path, encoding, onto);
        onto.push(b'&');
        for (key, value) in params.before() {
            write_pair(key, value, encoding, onto);
            onto.extend_from_slice(b"%26");
        }
        // Of the scheme's own, all but nonce and token is the same in every encoding.
        onto.extend_from_slice(b"s3pAuth_nonce%3D");
        encode(nonce, encoding, onto);
        onto.extend_from_slice(b"%26s3pAuth_signature_method%3D");
        onto.extend_from_slice(method.as_str().as_bytes());
        onto.extend_from_slice(b"%26s3pAuth_timestamp%3D");
        onto.extend_from_slice(timestamp.as_bytes());
        onto.extend_from_slice(b"%26s3pAuth_token%3D");
        encode(token, encoding, onto);
        for (key, value) in params.after() {
            onto.extend_from_slice(b"%26");
            write_pair(key, value, encoding, onto);
        }
        params.is_signed()
    }

    /// Whether two dialects may sign this request as two texts. They may not, if not.
    pub(super) fn differs(&self, one: Dialect, other: Dialect) -> bool {
        (one.trim != other.trim && self.sent.has_outer_blanks())
            || (one.encoding != other.encoding && self.has_encoded_variously())
            || (one.order != other.order && self.sent.has_key_within_key())
            || (one.values != other.values && self.sent.has_value_of_various_texts())
    }

    /// Whether every dialect signs this request as the same text.
    pub(super) fn is_alike_in_all(&self) -> bool {
        !(self.sent.has_outer_blanks()
            || self.has_encoded_variously()
            || self.sent.has_key_within_key()
            || self.sent.has_value_of_various_texts())
    }

    /// Whether anything has a character that one encoding leaves, or encodes in another way.
    fn has_encoded_variously(&self) -> bool {
        let Stamp { nonce, token, .. } = self.stamp;
        let texts = [self.url.as_str(), self.path, nonce, token];
        texts.into_iter().chain(self.sent.texts()).any(|text| text.bytes().any(is_encoded_variously))
    }
}

fn write_pair(key: &str, value: &str, encoding: Encoding, onto: &mut Text) {
    encode(key, encoding, onto);
    onto.extend_from_slice(b"%3D");
    encode(value, encoding, onto);
}

fn encode(text: &str, encoding: Encoding, onto: &mut Text) {
    let from = onto.len();
    for part in percent_encode(text.as_bytes(), encoding.reserved()) {
        onto.extend_from_slice(part.as_bytes());
    }
    if encoding == Encoding::GoQueryEscape {
        onto[from..].iter_mut().filter(|byte| **byte == b' ').for_each(|blank| *blank = b'+');
    }
}
