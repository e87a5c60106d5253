//! Signed requests: the Smobilpay S3P Authorization Standard.
//!
//! Each request carries a nonce, a timestamp, an access token, and an HMAC-SHA1 over its method, its
//! URL and all its parameters. [`S3pSignatureLayer`] verifies, [`SignLayer`] signs; both follow the
//! scheme's page as it is written, and settle what it leaves open so that **no two requests with
//! different parameters have one signature**: they may differ in blanks around a value, and in its JSON
//! type, and in nothing else. (Where a key lists a dialect with other texts for what is no string, a number may be
//! written in another way, too; and PHP's text of `false` and of `null` is the empty one.)
//!
//! # What is signed
//!
//! ```text
//! parameter string   k=v joined by `&`, sorted by key in ASCII order; values trimmed, nothing encoded
//! base string        METHOD & pct(URL) & pct(parameter string)             pct: RFC 3986 section 2.3
//! signature          base64(HMAC-SHA1(secret, base string))
//! ```
//!
//! The parameters are the request's own and `s3pAuth_nonce`, `s3pAuth_signature_method`,
//! `s3pAuth_timestamp`, `s3pAuth_token`. The URL is the [`PublicUrl`] that the layer is told, and the
//! path as it was received. Of a `GET`, `HEAD`, `DELETE` or `OPTIONS`, the parameters are the query's,
//! and there may be no body. Of a `POST`, `PUT` or `PATCH`, they are the body's, and there may be no
//! query; the body is a flat JSON object (strings as decoded, numbers as written) or a form, or empty.
//!
//! # The rules, in the order in which they are applied
//!
//! 1. The header has the five fields, each once and quoted, in any order; after `s3pAuth`, a comma or
//!    a blank. The method is `HMAC-SHA1` or `HMAC-SHA256`. Otherwise: 401 *malformed*.
//! 2. The timestamp has ten digits (thirteen, in milliseconds, for a dialect that says so), and is at most 300
//!    seconds from now, either way: else 401.
//! 3. The key is looked up. For a token that is not known, all goes on with a key that nobody has, so
//!    that the answers cannot be told apart. A store that cannot answer: 503.
//! 4. The body is read, up to a length (413; 64 KiB, if not told otherwise) and a time (408). Its type is JSON or a
//!    form, and not compressed: else 415. What is ambiguous, or not in the scheme, is a 400 (below). What the head
//!    alone says of all this is refused before any of the body is read: by its type, whatever may come, unless it is
//!    known to be empty.
//! 5. The method is the one that the key is set to: `HMAC-SHA1`, if not told otherwise. The signature is
//!    compared in constant time, with the key's present and previous secret: else 401. A key may list
//!    [`Dialect`]s of clients that depart from the page; what they sign differently is tried, too. Whoever fails
//!    has cost the same, whether or not there is such a token, a previous secret or a list: two HMACs of one
//!    text; of four, if any dialect would sign this request in another way.
//! 6. Only now is the nonce recorded, under its token, until `timestamp + 300 s`. Seen before: 401. The
//!    token has too many live ones: 429. The store is full, or cannot answer: 503.
//! 7. The [`Principal`](crate::Principal) of the key goes onward with the request, whose body is, byte
//!    for byte, the one that was verified.
//!
//! # What is refused because it is ambiguous
//!
//! The scheme joins keys and values without encoding them. A 400 answers:
//!
//! * a parameter that occurs twice, has an empty name, or whose name holds `=`, `&` or outer blanks; and more than
//!   256 parameters;
//! * a parameter whose name begins with `s3pAuth_`;
//! * a query on a request with a body, and a body on a request with a query;
//! * a value with `&name=` in it, if the whole could be read as having as many parameters, or more: in sorted
//!   order, and with the first name and the scheme's own where they are. `1&b=2` as the only value, that of `a`,
//!   could be. The `order` of `callbackUrl=https://shop.example/?shop=7&order=1` could be a parameter of its
//!   own only in the place of all that stand between the two; so it passes beside `customerEmailaddress` and
//!   `customerPhonenumber`. A client whose callbacks are refused escapes their `&` as `%26`;
//! * a value with `&s3pAuth_…=` in it;
//! * nested JSON: clients sign `Array` or `[object Object]` for it, and leave its content unsigned;
//! * `true`, `false` and `null`, which the page has no text for: a [`Dialect`] may; and, where a dialect does not
//!   sign numbers as they are written, those for which its language prints another number;
//! * percent-encoding that is broken, or is not of UTF-8;
//! * behind axum's router, with the feature `axum`: a path that is not what the client has sent, since axum's
//!   `nest` takes a slash too many away with the prefix, but finds the route by the path as it was; and a path
//!   from which a prefix was taken that the [`PublicUrl`] does not end with, as by `nest("/{tenant}", …)`, or by a
//!   second nest of the same router.
//!
//! ```
//! use portcullis::{
//!     Clock, Identity, S3pSignatureLayer, SystemClock,
//!     s3p::{AccessKey, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth},
//! };
//!
//! let keys = MemoryAccessKeyStore::new();
//! let alice = Identity::local("alice")?;
//! keys.insert("xvz1evFS4wEEPTGEFPHBog", AccessKey::new(alice, "a secret of 16 bytes or more")?);
//! let url = PublicUrl::parse("https://pay.example.org/s3p")?;
//! // What was signed before the process has started may have been accepted before.
//! let nonces = MemoryNonceStore::new(SystemClock.now());
//! let layer = S3pSignatureLayer::new(S3pAuth::new(url, keys, nonces));
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! Beside other schemes on one route, with a smaller body:
//!
//! ```
//! # use portcullis::{Clock, SystemClock};
//! # use portcullis::s3p::{MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth};
//! use portcullis::{S3pSignatureLayer, basic::{BasicAuth, MemoryUserStore}};
//!
//! # let url = PublicUrl::parse("https://pay.example.org/s3p")?;
//! # let (keys, users) = (MemoryAccessKeyStore::new(), MemoryUserStore::new());
//! let auth = S3pAuth::new(url, keys, MemoryNonceStore::new(SystemClock.now())).max_body(16 * 1024);
//! let layer = S3pSignatureLayer::new(auth).or(BasicAuth::new("payments", users)?);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! A key whose client has its own way of signing, and whose secret was changed yesterday:
//!
//! ```
//! # use portcullis::{Identity, s3p::{AccessKey, MemoryAccessKeyStore}};
//! use portcullis::s3p::Dialect;
//!
//! # let (keys, alice) = (MemoryAccessKeyStore::new(), Identity::local("alice")?);
//! let key = AccessKey::new(alice, "the new secret, of 16 bytes or more")?
//!     .previous_secret("the old secret, of 16 bytes or more")?
//!     .dialects([Dialect::STRICT, Dialect::MAVIANCE_NODEJS])?;
//! keys.insert("xvz1evFS4wEEPTGEFPHBog", key);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! When a signature does not match: `cargo run --example s3p -- explain …` says what the layer itself says, shows
//! each step, part by part beside the client's, and finds the dialect that would accept it.
//!
//! # Caveats
//!
//! * **The URL is configured.** Neither `Host` nor a forwarded header is believed. The path is the one
//!   that the layer sees: inside axum's `nest`, the prefix belongs into the [`PublicUrl`], or, where a proxy has put
//!   it there, into [`nested_at`](S3pAuth::nested_at). Without the feature
//!   `axum`, put the layer outside of the nest: of `/s3p//a`, it would see `/a` inside, and of `/s3p` the slash
//!   that it sees of `/s3p/`.
//! * **Limits belong outside.** A request with a body is kept for the inner service that was ready when it came: a
//!   permit of an inner `concurrency_limit` is held while the body is read, which takes as long as
//!   [`body_timeout`](S3pAuth::body_timeout) allows, whoever sends it. Put such a limit around this layer.
//! * The scheme signs no header, no response, and not the types of values: `1000` and `"1000"` are one.
//!   It wants https, see [`require_https`](S3pSignatureLayer::require_https).
//! * HMAC-SHA1 has no known break; new systems still have better choices (RFC 9421).

mod auth;
mod body;
mod canonical;
mod dialect;
mod form;
mod header;
mod key;
mod layer;
mod names;
mod nonce;
mod object;
mod params;
mod reading;
mod sign;
mod signable;
mod signing_key;
mod text;
mod trial;
mod url;
mod value;
#[cfg(test)]
mod work;

pub(crate) use self::auth::WINDOW;
#[cfg(feature = "sql")]
pub(crate) use self::key::check_length;
pub use self::{
    auth::S3pAuth,
    body::Body,
    canonical::{SignatureMethod, SigningInput, Stamp},
    dialect::{Dialect, Encoding, Order, TimestampUnit, Trim, Values},
    key::{AccessKey, AccessKeyStore},
    layer::{Entrant, S3pSignature, S3pSignatureLayer},
    nonce::{Nonce, NonceStore, Recorded},
    sign::{Sign, SignError, SignLayer, Signer},
    url::PublicUrl,
};
pub use crate::store::{MemoryAccessKeyStore, MemoryNonceStore};
