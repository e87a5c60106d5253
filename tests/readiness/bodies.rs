//! Bodies of any type: the layers ask nothing of them but to be bodies.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use axum::{Router, body::Body as AxumBody, routing::any};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, SizeHint};
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, BasicAuthLayer, JwtScopeLayer, OwnershipLayer,
    S3pSignatureLayer, Scope, UserTokenLayer, s3p,
};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::cases::{
    CASES, Case, Which, headers, known, ownership, passwords, signatures, signed, tokens, user_tokens,
};

/// A body that is neither `Send` nor `Sync`, `Clone`, `Default` or `Debug`, with an error to match.
struct Odd {
    frames: Vec<&'static str>,
    _thread: OneThread,
}

struct Torn {
    _thread: OneThread,
}

/// Keeps what holds it on one thread.
type OneThread = PhantomData<Rc<()>>;

impl Body for Odd {
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        Poll::Ready(self.frames.pop().map(|frame| match frame {
            "torn" => Err(Torn { _thread: PhantomData }),
            frame => Ok(Frame::data(frame.into())),
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.frames.iter().map(|frame| frame.len() as u64).sum())
    }
}

fn odd() -> Odd {
    Odd { frames: vec!["world", "hello "], _thread: PhantomData }
}

/// Sends a request's body back.
#[derive(Clone)]
struct Back;

impl<B> Service<Request<B>> for Back {
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Ready<Result<Response<B>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(Response::new(request.into_body())))
    }
}

/// Reads a body to its end, or to where it is torn.
async fn read(body: impl Body<Data = Bytes, Error = Torn>) -> Option<Bytes> {
    Some(body.collect().await.ok()?.to_bytes())
}

async fn odd_through<L, ResBody>(layer: L, case: Case)
where
    L: Layer<Back>,
    L::Service: Service<Request<Odd>, Response = Response<ResBody>, Error = Infallible>,
    ResBody: Body<Data = Bytes, Error = Torn>,
{
    let mut service = layer.layer(Back);
    let mut send = async |body: Odd| {
        let request = case.request().map(|_| body);
        service.ready().await.unwrap().call(request).await.unwrap()
    };
    let whole = send(odd()).await;
    assert_eq!(whole.status().is_success(), case.passes, "{case:?}");
    if case.passes {
        assert_eq!(whole.body().size_hint().exact(), Some(11), "{case:?}");
        assert_eq!(read(whole.into_body()).await.unwrap(), "hello world", "{case:?}");
        let torn = send(Odd { frames: vec!["torn", "hello"], ..odd() }).await;
        assert!(read(torn.into_body()).await.is_none(), "{case:?}: an error comes through");
    } else {
        let length = whole.body().size_hint().exact().unwrap();
        let text = read(whole.into_body()).await.unwrap();
        assert!(!text.is_empty(), "{case:?}");
        assert_eq!(text.len() as u64, length, "{case:?}");
    }
}

#[tokio::test]
async fn a_body_of_any_type_passes_both_ways_untouched() {
    for case in CASES {
        match case.layer {
            Which::Authenticate => odd_through(AuthenticateLayer::new(case), case).await,
            Which::Authorize => odd_through(AuthorizeLayer::new(case), case).await,
            Which::Basic => odd_through(BasicAuthLayer::new(passwords()), case).await,
            Which::Jwt => {
                let layer = JwtScopeLayer::new(tokens(), Scope::from_static("read"));
                odd_through(layer, case).await;
            }
            Which::Ownership => odd_through(OwnershipLayer::new(ownership(case.later)), case).await,
            Which::Strip => odd_through(headers(), case).await,
            Which::UserToken => {
                odd_through(UserTokenLayer::new(user_tokens(case.later)), case).await;
            }
            // Reads the body of a request on its own terms; see below.
            Which::S3p => {}
        }
    }
}

#[tokio::test]
async fn a_signed_requests_body_is_handed_on_and_the_responses_may_be_of_any_type() {
    const BODY: &[u8] = br#"{"amount":"1000"}"#;
    let inner = service_fn(async |request: Request<s3p::Body<Full<Bytes>>>| {
        assert_eq!(request.body().size_hint().exact(), Some(BODY.len() as u64));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, BODY);
        Ok::<_, Infallible>(Response::new(odd()))
    });
    let service = S3pSignatureLayer::new(signatures(known())).layer(inner);
    let response = service.oneshot(signed(BODY)).await.unwrap();
    assert_eq!(read(response.into_body()).await.unwrap(), "hello world");
}

#[tokio::test]
async fn every_layer_fits_an_axum_router() {
    for case in CASES {
        let router = Router::new().route("/{*rest}", any(async || "hello world"));
        let router = match case.layer {
            Which::Authenticate => router.layer(AuthenticateLayer::new(case)),
            Which::Authorize => router.layer(AuthorizeLayer::new(case)),
            Which::Basic => router.layer(BasicAuthLayer::new(passwords())),
            Which::Jwt => router.layer(JwtScopeLayer::new(tokens(), Scope::from_static("read"))),
            Which::Ownership => router.layer(OwnershipLayer::new(ownership(case.later))),
            Which::S3p => router.layer(S3pSignatureLayer::new(signatures(known()))),
            Which::Strip => router.layer(headers()),
            Which::UserToken => router.layer(UserTokenLayer::new(user_tokens(case.later))),
        };
        let response = router.oneshot(case.request().map(AxumBody::new)).await.unwrap();
        assert_eq!(response.status().is_success(), case.passes, "{case:?}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body == "hello world", case.passes, "{case:?}");
    }
}

#[tokio::test]
async fn a_body_whose_chunks_are_of_another_type_passes_too() {
    /// Chunks that can be made of bytes, and are not.
    struct Chunk(Bytes);

    impl From<Bytes> for Chunk {
        fn from(bytes: Bytes) -> Self {
            Self(bytes)
        }
    }

    impl bytes::Buf for Chunk {
        fn remaining(&self) -> usize {
            self.0.remaining()
        }

        fn chunk(&self) -> &[u8] {
            self.0.chunk()
        }

        fn advance(&mut self, count: usize) {
            self.0.advance(count);
        }
    }

    for case in CASES.into_iter().filter(|case| case.layer == Which::Authenticate) {
        let inner = service_fn(async |_: Request<()>| {
            let body = Full::new(Bytes::from_static(b"hello world")).map_frame(|f| f.map_data(Chunk));
            Ok::<_, Infallible>(Response::new(body))
        });
        let service = AuthenticateLayer::new(case).layer(inner);
        let response = service.oneshot(case.request().map(drop)).await.unwrap();
        let text = if case.passes { "hello world" } else { "forbidden" };
        assert_eq!(response.status() == StatusCode::OK, case.passes);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), text);
    }
}
