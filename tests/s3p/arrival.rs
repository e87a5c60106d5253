//! How a body arrives: too long, too slow, broken off, in pieces.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use http::Request;
use http_body_util::StreamBody;
use hyper::body::{Body, Frame, SizeHint};
use portcullis::{
    S3pSignatureLayer,
    s3p::{MemoryNonceStore, S3pAuth},
};
use tokio::time;
use tower::{Layer, ServiceExt, service_fn};

use crate::{s3p_support::*, support::send};

type Pieces = StreamBody<Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, io::Error>> + Send>>>;

/// The request, with a body that arrives like this, its length untold.
fn arriving(
    draft: &Draft,
    pieces: impl Stream<Item = Result<Frame<Bytes>, io::Error>> + Send + 'static,
) -> Request<Pieces> {
    draft.request().map(|_| StreamBody::new(pieces.boxed()))
}

fn pieces(body: &Bytes, length: usize) -> impl Stream<Item = Result<Frame<Bytes>, io::Error>> + use<> {
    let pieces: Vec<_> = body.chunks(length).map(Bytes::copy_from_slice).collect();
    stream::iter(pieces).map(|piece| Ok(Frame::data(piece)))
}

fn limited(bytes: usize) -> S3pSignatureLayer {
    S3pSignatureLayer::new(auth().max_body(bytes))
}

/// A flat object of so many bytes.
fn json_of(length: usize) -> Draft {
    Draft::json(format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8)))
}

#[tokio::test]
async fn a_body_may_come_in_pieces() {
    for length in [1, 2, 7, 1000] {
        let draft = json_of(100);
        let answer = send(&layer(), arriving(&draft, pieces(&draft.body, length))).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"));
    }
    // None at all, though that is not known from the start.
    for draft in [Draft::get("/v2/ping"), Draft::new(http::Method::POST, "/v2/ping")] {
        let answer = send(&layer(), arriving(&draft, stream::empty())).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn a_body_has_at_most_so_many_bytes() {
    for (length, status) in [(99, 200), (100, 200), (101, 413), (10_000, 413)] {
        let draft = json_of(length);
        // The length is told; is found out; and is found out in a single piece.
        let answer = send(&limited(100), draft.request()).await;
        assert_eq!(answer.status.as_u16(), status, "{length}");
        for piece in [7, 20_000] {
            let answer = send(&limited(100), arriving(&draft, pieces(&draft.body, piece))).await;
            assert_eq!(answer.status.as_u16(), status, "{length} in {piece}");
        }
    }
    let answer = send(&limited(100), json_of(101).request()).await;
    assert_eq!((answer.reason(), &*answer.body), ("s3p.body_length", "body too large"));
    assert_eq!(send(&limited(0), Draft::get("/v2/ping").request()).await.status, 200);
    assert_eq!(send(&limited(0), Draft::json("{}").request()).await.status, 413);
}

#[tokio::test]
async fn a_body_has_at_most_64_kibibytes_unless_told_otherwise() {
    const MOST: usize = 64 * 1024;
    assert_eq!(send(&layer(), json_of(MOST).request()).await.status, 200);
    assert_eq!(send(&layer(), json_of(MOST + 1).request()).await.status, 413);
    assert_eq!(send(&limited(MOST + 1), json_of(MOST + 1).request()).await.status, 200);
}

#[tokio::test]
async fn no_more_is_read_of_a_body_than_may_be() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let endless = stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(Frame::data(Bytes::from_static(&[b' '; 10])))
    });
    let answer = send(&limited(100), arriving(&Draft::json("{}"), endless)).await;
    assert_eq!(answer.status, 413);
    assert_eq!(asked.load(Ordering::SeqCst), 11);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_in_time_is_given_up() {
    let draft = json_of(100);
    let never = pieces(&draft.body, 10).take(9).chain(stream::pending());
    let answer = send(&layer(), arriving(&draft, never)).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (408, "s3p.body_time"));

    // The time is for the whole: no drop starts it again.
    for (pause, status) in [(99, 200), (101, 408)] {
        let slow = pieces(&draft.body, 1).then(move |piece| async move {
            time::sleep(Duration::from_millis(pause)).await;
            piece
        });
        let answer = send(&layer(), arriving(&draft, slow)).await;
        assert_eq!(answer.status.as_u16(), status, "{pause}");
    }

    for (limit, status) in [(19, 408), (21, 200)] {
        let auth = auth().body_timeout(Duration::from_secs(limit));
        let late = pieces(&draft.body, 1000).then(|piece| async move {
            time::sleep(Duration::from_secs(20)).await;
            piece
        });
        let answer = send(&S3pSignatureLayer::new(auth), arriving(&draft, late)).await;
        assert_eq!(answer.status.as_u16(), status, "{limit}");
    }
}

/// A body that must not be read, of which so much is known.
struct Untouchable(SizeHint);

impl Body for Untouchable {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("it is read")
    }

    fn size_hint(&self) -> SizeHint {
        self.0
    }
}

#[tokio::test]
async fn a_body_that_is_announced_as_empty_is_not_waited_for_and_has_no_type() {
    for draft in [Draft::get("/v2/ping"), Draft::new(http::Method::POST, "/v2/ping")] {
        let mut request = draft.request().map(|_| Untouchable(SizeHint::with_exact(0)));
        request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        assert_eq!(send(&layer(), request).await.status, 200);
    }
}

#[tokio::test]
async fn a_body_that_would_be_refused_whatever_it_is_is_not_waited_for() {
    let json = ("content-type", "application/json");
    for (method, target, (name, value), bytes, reason) in [
        ("POST", "/v2/pay", ("content-type", "text/plain"), 0, "s3p.content_type"),
        ("POST", "/v2/pay", ("accept", "*/*"), 1, "s3p.content_type"),
        ("POST", "/v2/pay", ("content-encoding", "gzip"), 1, "s3p.content_encoding"),
        ("POST", "/v2/pay?b=2", json, 0, "s3p.query_on_post"),
        ("GET", "/v2/ping", json, 1, "s3p.body_on_get"),
        ("PURGE", "/v2/ping", json, 0, "s3p.method"),
    ] {
        let known = Draft::new(method.parse().unwrap(), target);
        let unknown = known.authorization().replace(TOKEN, "no-such-token");
        assert_ne!(unknown, known.authorization());
        for authorization in [known.authorization(), unknown] {
            let mut at_least = SizeHint::new();
            at_least.set_lower(bytes);
            let mut request = known.request_with(authorization).map(|_| Untouchable(at_least));
            request.headers_mut().insert(name, value.parse().unwrap());
            let answer = send(&layer(), request).await;
            assert_eq!(answer.reason(), reason, "{method} {target}");
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_request() {
    let draft = json_of(100);
    let broken = pieces(&draft.body, 10).take(5).chain(stream::iter([Err(io::Error::other("reset"))]));
    let answer = send(&layer(), arriving(&draft, broken)).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (400, "s3p.body_read"));
    assert!(!answer.body.contains("reset"));
}

#[tokio::test]
async fn half_a_body_is_not_the_body() {
    let draft = Draft::form("a=1&b=2");
    let half = pieces(&draft.body.slice(..3), 10);
    assert_eq!(send(&layer(), arriving(&draft, half)).await.reason(), "s3p.signature");
    let draft = Draft::json(r#"{"a":1}"#);
    assert_eq!(send(&layer(), arriving(&draft, stream::empty())).await.reason(), "s3p.signature");
}

#[tokio::test]
async fn the_time_that_a_body_takes_counts_for_the_timestamp() {
    // In time when the head came, not when all was there: its nonce would be forgotten at once.
    for (seconds, status) in [(300, 200), (301, 401)] {
        let clock = clock();
        let auth = S3pAuth::new(url(), keys(), MemoryNonceStore::new(UNIX_EPOCH)).clock(clock.clone());
        let draft = json_of(100);
        let meanwhile = pieces(&draft.body, 50).inspect(move |_| {
            let late = Duration::from_secs(NOW + seconds);
            clock.set(UNIX_EPOCH + late);
        });
        let answer = send(&S3pSignatureLayer::new(auth), arriving(&draft, meanwhile)).await;
        assert_eq!(answer.status.as_u16(), status, "{seconds}");
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_on_the_way_has_not_used_up_its_nonce() {
    let layer = layer();
    let draft = Draft::json("{}");
    let service =
        layer.layer(service_fn(async |_| Ok::<_, Infallible>(http::Response::new(String::new()))));
    let waiting = service.oneshot(arriving(&draft, stream::pending()));
    assert!(waiting.now_or_never().is_none(), "it is there before its body");
    assert_eq!(send(&layer, draft.request()).await.status, 200);
}
