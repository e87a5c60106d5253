use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use hyper::body::Body as HttpBody;
use tower::BoxError;

use super::{
    AccessKey, AccessKeyStore, Body, Dialect, Nonce, NonceStore, PublicUrl, Recorded, SignatureMethod,
    TimestampUnit,
    body::collect,
    header::S3pCredentials,
    params::{Sent, check_body_to_come},
    signable::Signable,
    signing_key::SigningKey,
    trial::Trial,
};
#[cfg(feature = "axum")]
use crate::ConfigError;
use crate::{
    Clock, Head, NowOrLater, Principal, Rejection, RejectionKind, Scheme, Secret, StoreError,
    SystemClock,
    clock::{unix_milliseconds, unix_seconds},
};

/// How far a timestamp may be from now, either way, in seconds.
pub(crate) const WINDOW: i64 = 300;

/// Verifies signed requests. See the [module docs](crate::s3p) for the rules.
#[derive(Clone)]
pub struct S3pAuth(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    url: PublicUrl,
    keys: Arc<dyn AccessKeyStore>,
    nonces: Arc<dyn NonceStore>,
    /// Stands in for the keys of a token that is not known: for each method, one.
    nobody: [SigningKey; 2],
    max_body: usize,
    body_timeout: Duration,
    clock: Arc<dyn Clock>,
    #[cfg(feature = "axum")]
    nested_at: Option<Box<str>>,
}

/// Credentials whose timestamp is within the window.
pub(super) struct Timely<'h> {
    credentials: S3pCredentials<'h>,
    now: i64,
}

/// Credentials whose signature is right.
struct Proven<'h> {
    timely: Timely<'h>,
    key: AccessKey,
}

/// What a look-up has found, and the look-up.
type KeyFound = Result<Option<AccessKey>, StoreError>;
pub(super) type KeyLookup = NowOrLater<KeyFound>;

type Judgement = NowOrLater<Result<Principal, Rejection>>;

impl S3pAuth {
    /// For a service that clients reach under this URL, with these keys and nonces. Bodies have at
    /// most 64 KiB, many times what documented ones have, and 10 seconds to arrive.
    pub fn new(url: PublicUrl, keys: impl AccessKeyStore, nonces: impl NonceStore) -> Self {
        let mut random = [0; 32];
        crate::random::fill(&mut random);
        Self(Arc::new(Parts {
            url,
            keys: Arc::new(keys),
            nonces: Arc::new(nonces),
            nobody: [SignatureMethod::HmacSha1, SignatureMethod::HmacSha256]
                .map(|method| SigningKey::new(Secret::new(random), method)),
            max_body: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            clock: Arc::new(SystemClock),
            #[cfg(feature = "axum")]
            nested_at: None,
        }))
    }

    /// The longest body that is read, in bytes. It is read, and its signature computed, for whoever sends one in
    /// time: what is allowed costs that much of everybody's.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.parts().max_body = bytes;
        self
    }

    /// How long a body may take to arrive.
    pub fn body_timeout(mut self, limit: Duration) -> Self {
        self.parts().body_timeout = limit;
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.parts().clock = Arc::new(clock);
        self
    }

    /// The prefix at which axum's router nests this layer, where a proxy has put it in the place of another: behind one
    /// that hands `https://pay.example.org/v2/…` on as `/s3p/v2/…`, that is `/s3p/v2`; and nothing (`""`), if it is not
    /// nested. Unless told otherwise, the path of the [`PublicUrl`] ends with what axum takes away, so that a proxy may
    /// have taken the rest: where a router is nested at several such ends, a signature is good at each of them, and this
    /// says which one is meant.
    ///
    /// # Errors
    ///
    /// When it begins without a slash, ends with one, or has a `{parameter}`: one signature would be good for
    /// whatever stands there.
    #[cfg(feature = "axum")]
    pub fn nested_at(mut self, prefix: &str) -> Result<Self, ConfigError> {
        let begins = prefix.is_empty() || prefix.starts_with('/');
        if !begins || prefix.ends_with('/') || prefix.contains(['{', '}']) {
            return Err(ConfigError::new(format!(
                "{prefix:?} is not a prefix like `/s3p/v2`, with a slash before each part, none at the end, and no \
                 parameter"
            )));
        }
        self.parts().nested_at = Some(prefix.into());
        Ok(self)
    }

    fn parts(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }

    fn nobody(&self, method: SignatureMethod) -> &SigningKey {
        let [by_sha1, by_sha256] = &self.0.nobody;
        match method {
            SignatureMethod::HmacSha1 => by_sha1,
            SignatureMethod::HmacSha256 => by_sha256,
        }
    }

    /// Rules 1 and 2: what needs neither a key nor the body.
    pub(super) fn timely<'h>(&self, credentials: &'h [u8]) -> Result<Timely<'h>, Rejection> {
        let credentials = S3pCredentials::parse(credentials)
            .map_err(|reason| Rejection::new(RejectionKind::MalformedCredentials, reason))?;
        let time = self.0.clock.now();
        let now = unix_seconds(time);
        let (ahead, window) = match credentials.unit() {
            TimestampUnit::Seconds => (credentials.unix_timestamp.saturating_sub(now), WINDOW),
            TimestampUnit::Milliseconds => {
                let now = unix_milliseconds(time);
                (credentials.unix_timestamp.saturating_sub(now), WINDOW * 1000)
            }
        };
        match ahead {
            ahead if ahead < -window => Err(Rejection::refused("s3p.too_old")),
            ahead if ahead > window => Err(Rejection::refused("s3p.in_the_future")),
            _ => Ok(Timely { credentials, now }),
        }
    }

    /// Rule 3.
    pub(super) fn look_up(&self, timely: &Timely<'_>) -> KeyLookup {
        self.0.keys.access_key(timely.credentials.token)
    }

    /// Rules 4 to 7 for a request that has no body.
    pub(super) fn decide(&self, head: &Head<'_>, timely: Timely<'_>, key: KeyFound) -> Judgement {
        let proven = found(key).and_then(|key| {
            self.check_path(head)?;
            self.prove(head, timely, key, b"")
        });
        match proven {
            Ok(proven) => self.conclude(proven),
            Err(rejection) => NowOrLater::now(Err(rejection)),
        }
    }

    /// Rules 4 to 7 for a request that has a body, or whose key comes later. The credentials are read
    /// a second time: the request is owned now, and they cannot be kept beside it.
    pub(super) async fn admit<B>(
        self,
        request: Request<B>,
        key: KeyLookup,
    ) -> Result<(Request<Body<B>>, Principal), Rejection>
    where
        B: HttpBody,
        B::Error: Into<BoxError>,
    {
        let key = found(key.await)?;
        // Of one that was announced as empty, the end may still be on its way.
        let body = request.body();
        let has_ended = body.is_end_stream() || body.size_hint().exact() == Some(0);
        self.check_path(&Head::new(&request))?;
        if !has_ended {
            let comes_for_sure = body.size_hint().lower() > 0;
            check_body_to_come(request.method(), request.uri(), request.headers(), comes_for_sure)?;
        }
        let (head, body) = request.into_parts();
        let bytes = if has_ended {
            Bytes::new()
        } else {
            collect(body, self.0.max_body, self.0.body_timeout).await?
        };
        let body = Body::bytes(bytes.clone());
        let request = Request::from_parts(head, body);
        let judgement = {
            let head = Head::new(&request);
            let credentials = head.credentials(Scheme::S3P.as_str()).unwrap_or_default();
            let timely = self.timely(credentials)?;
            self.conclude(self.prove(&head, timely, key, &bytes)?)
        };
        let principal = judgement.await?;
        Ok((request, principal))
    }

    /// That the path which is signed is the one that was sent: by routers, it may have become that of another.
    #[cfg(feature = "axum")]
    fn check_path(&self, head: &Head<'_>) -> Result<(), Rejection> {
        let refused = |reason| Rejection::new(RejectionKind::BadRequest, reason);
        let taken = crate::nested::taken(head).map_err(|_| refused("s3p.changed_path"))?;
        let Some(taken) = taken else { return Ok(()) };
        let is_ours = match &self.0.nested_at {
            Some(prefix) => taken == &**prefix,
            None => self.0.url.path().ends_with(taken),
        };
        if is_ours {
            return Ok(());
        }
        Err(refused("s3p.other_prefix").caused_by(
            "the prefix that axum's routers have taken from the path is not how the path of the public URL ends: \
             name it there, or by `nested_at`",
        ))
    }

    #[cfg(not(feature = "axum"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "with axum, there is something to check"
    )]
    fn check_path(&self, _head: &Head<'_>) -> Result<(), Rejection> {
        Ok(())
    }

    /// Rules 4 and 5.
    fn prove<'h>(
        &self,
        head: &Head<'_>,
        timely: Timely<'h>,
        key: Option<AccessKey>,
        body: &[u8],
    ) -> Result<Proven<'h>, Rejection> {
        let mut sent = Sent::new();
        sent.read(head.method(), head.uri(), head.headers(), body)?;
        let credentials = &timely.credentials;
        let request = Signable {
            method: head.method(),
            url: &self.0.url,
            path: path(head),
            sent: &sent,
            stamp: credentials.stamp(),
            has_plain_stamp: credentials.is_plain,
        };
        let nobody = self.nobody(credentials.method);
        let mut trial = Trial::new(request, credentials.unit(), credentials.signature(), nobody);
        let key = trial.judge(key).map_err(|reason| refusal(&sent, reason))?;
        Ok(Proven { timely, key })
    }

    /// Rules 6 and 7.
    fn conclude(&self, proven: Proven<'_>) -> Judgement {
        let Proven { timely: Timely { credentials, now }, key } = proven;
        let recorded = self.0.nonces.record(Nonce {
            token: credentials.token,
            nonce: credentials.nonce,
            expires: credentials.unix_seconds() + WINDOW,
            now,
        });
        let principal = key.principal(credentials.token);
        recorded.map(move |recorded| {
            match recorded.map_err(|error| Rejection::unavailable("s3p.nonce_store", error))? {
                Recorded::Fresh => Ok(principal),
                Recorded::Replayed => Err(Rejection::refused("s3p.replayed")),
                Recorded::TokenFull => Err(Rejection::new(RejectionKind::Throttled, "s3p.token_full")),
                Recorded::StoreFull => {
                    Err(Rejection::new(RejectionKind::Unavailable, "s3p.store_full"))
                }
            }
        })
    }
}

/// The path behind the part that belongs to the public URL, as it was sent.
fn path<'a>(head: &Head<'a>) -> &'a str {
    #[cfg(feature = "axum")]
    return crate::nested::path(head);
    #[cfg(not(feature = "axum"))]
    head.uri().path()
}

/// What is answered when no signature fits: what the strict form alone would be answered, for a key of any
/// dialects and for none, so that nobody learns which keys there are.
fn refusal(sent: &Sent<'_>, reason: &'static str) -> Rejection {
    match sent.signed_in(Dialect::STRICT).is_signed() {
        Ok(()) => Rejection::refused(reason),
        Err(ambiguous) => Rejection::new(RejectionKind::BadRequest, ambiguous),
    }
}

/// The end of rule 3: without an answer there is nothing to verify with, and no body is read.
fn found(key: KeyFound) -> Result<Option<AccessKey>, Rejection> {
    key.map_err(|error| Rejection::unavailable("s3p.key_store", error))
}

impl fmt::Debug for S3pAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3pAuth").field("url", &self.0.url).finish_non_exhaustive()
    }
}
