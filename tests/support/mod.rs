//! What the tests share.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use portcullis::{Anonymous, Principal, Rejection, RejectionKind};
use tower::{Layer, Service, ServiceExt};
use tracing::{Dispatch, level_filters::LevelFilter};

/// The inner service: answers with the subject of the principal, or `anonymous`, or `nobody`. It counts
/// how often it is called.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    calls: Arc<AtomicUsize>,
}

impl Echo {
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl<B> Service<Request<B>> for Echo {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let extensions = request.extensions();
        let body = match (extensions.get::<Principal>(), extensions.get::<Anonymous>()) {
            (Some(principal), _) => principal.subject().to_owned(),
            (None, Some(_)) => "anonymous".to_owned(),
            (None, None) => "nobody".to_owned(),
        };
        std::future::ready(Ok(Response::new(Full::from(body))))
    }
}

/// A response, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: String,
    pub rejection: Option<Rejection>,
}

impl Answer {
    pub async fn of<B>(response: Response<B>) -> Self
    where
        B: Body,
        B::Error: std::fmt::Debug,
    {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
            rejection: parts.extensions.get::<Rejection>().cloned(),
        }
    }

    /// The stable code of the refusal.
    pub fn reason(&self) -> &'static str {
        self.rejection.as_ref().expect("a refusal").reason()
    }

    pub fn kind(&self) -> RejectionKind {
        self.rejection.as_ref().expect("a refusal").kind()
    }

    pub fn challenges(&self) -> Vec<&str> {
        let lines = self.headers.get_all(header::WWW_AUTHENTICATE).iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    }
}

/// Sends one request through a layer around an [`Echo`], and checks what holds for every answer: a
/// refusal is not cached, carries its rejection, and has not reached the inner service; a 401 has a
/// challenge; a 429 and a 503 say when to try again.
pub async fn send<L, B>(layer: &L, request: Request<B>) -> Answer
where
    L: Layer<Echo>,
    L::Service: Service<Request<B>, Error = Infallible>,
    <L::Service as Service<Request<B>>>::Response: IntoAnswer,
{
    let echo = Echo::default();
    let response = layer.layer(echo.clone()).oneshot(request).await.unwrap();
    let answer = response.into_answer().await;
    if answer.rejection.is_some() {
        assert_eq!(echo.calls(), 0, "a refused request has reached the inner service");
        check_refusal(&answer);
    } else {
        assert_eq!(echo.calls(), 1, "an accepted request is served once");
    }
    answer
}

/// A response of any body.
pub trait IntoAnswer {
    fn into_answer(self) -> impl Future<Output = Answer>;
}

impl<B> IntoAnswer for Response<B>
where
    B: Body,
    B::Error: std::fmt::Debug,
{
    async fn into_answer(self) -> Answer {
        Answer::of(self).await
    }
}

/// What holds for every refusal over plain HTTP.
pub fn check_refusal(answer: &Answer) {
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{answer:?}");
    if answer.status == StatusCode::UNAUTHORIZED {
        assert!(!answer.challenges().is_empty(), "a 401 without a challenge: {answer:?}");
    }
    if matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        assert!(answer.headers.contains_key(header::RETRY_AFTER), "{answer:?}");
    }
}

/// The `Authorization` value of HTTP Basic.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).body(Full::default()).unwrap()
}

pub fn get_with(path: &str, authorization: impl AsRef<[u8]>) -> Request<Full<Bytes>> {
    let mut request = get(path);
    let value = http::HeaderValue::from_bytes(authorization.as_ref()).unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

/// Collects what is logged while it lives, on this thread, at every level.
pub struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Log {
    pub fn capture() -> Self {
        // While there is but one subscriber, tracing asks the thread that meets a call site first, and
        // remembers its "no" for all threads. A second one, kept for good, makes it ask them all.
        static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| {
            Dispatch::new(tracing_subscriber::fmt().with_max_level(LevelFilter::OFF).finish())
        });
        LazyLock::force(&ANOTHER);
        let text = Arc::new(Mutex::new(Vec::new()));
        let writer = text.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || LogWriter(writer.clone()))
            .finish();
        Self { text, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }
}

struct LogWriter(Arc<Mutex<Vec<u8>>>);

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether this process finds no certificate authority. If it does, the test of this name is run once more, in one
/// that does not.
pub fn trusts_no_authority(test: &str) -> bool {
    const NOWHERE: &str = "/nowhere";
    if std::env::var_os("SSL_CERT_FILE").is_some_and(|file| file == NOWHERE) {
        return true;
    }
    let again = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .envs([("SSL_CERT_FILE", NOWHERE), ("SSL_CERT_DIR", NOWHERE)])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && printed.contains("1 passed"), "{printed}");
    false
}
