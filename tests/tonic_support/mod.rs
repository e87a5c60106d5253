//! A small gRPC service, with what `protoc` would have generated for it written by hand:
//!
//! ```proto
//! package portcullis.test;
//!
//! service Vault {
//!   rpc Open(Ask) returns (Reply);
//!   rpc Watch(Ask) returns (stream Reply);
//!   rpc Store(stream Ask) returns (Reply);
//! }
//! ```

#![allow(unreachable_pub, reason = "it is a module of a test binary")]

mod raw;

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;
use portcullis::Principal;
use tokio::{net::TcpListener, sync::Notify};
use tokio_stream::{Stream, StreamExt, wrappers::TcpListenerStream};
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client,
    metadata::MetadataValue,
    server::{self, NamedService},
    service::Routes,
    transport::{Channel, Endpoint, Server},
};
use tonic_prost::ProstCodec;
use tower::{BoxError, Layer, Service, service_fn};

pub const OPEN: &str = "/portcullis.test.Vault/Open";
pub const WATCH: &str = "/portcullis.test.Vault/Watch";
pub const STORE: &str = "/portcullis.test.Vault/Store";

#[derive(Clone, PartialEq, prost::Message)]
pub struct Ask {
    /// Whether the stream waits for [`Vault::go_on`] after its first message.
    #[prost(bool, tag = "1")]
    pub wait: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Reply {
    /// The subject of the principal.
    #[prost(string, tag = "1")]
    pub subject: String,
}

/// The handlers. They answer with the subject of the principal, and count how often they are called.
#[derive(Clone, Debug, Default)]
pub struct Vault {
    calls: Arc<AtomicUsize>,
    go_on: Arc<Notify>,
}

type Replies = Pin<Box<dyn Stream<Item = Result<Reply, Status>> + Send>>;

impl Vault {
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Lets one stream that waits go on.
    pub fn go_on(&self) {
        self.go_on.notify_one();
    }

    fn reply<T>(&self, request: &Request<T>) -> Reply {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let principal = request.extensions().get::<Principal>();
        Reply { subject: principal.map_or("nobody", Principal::subject).to_owned() }
    }

    /// Reads all that is sent.
    async fn store(&self, request: Request<Streaming<Ask>>) -> Result<Response<Reply>, Status> {
        let reply = self.reply(&request);
        let sent = request.into_inner().collect::<Result<Vec<_>, _>>().await?;
        assert_eq!(sent.len(), 2);
        Ok(Response::new(reply))
    }

    fn watch(&self, request: &Request<Ask>) -> Replies {
        let reply = self.reply(request);
        let first = tokio_stream::once(Ok(reply.clone()));
        if !request.get_ref().wait {
            return Box::pin(first.chain(tokio_stream::once(Ok(reply))));
        }
        let go_on = self.go_on.clone();
        let second = futures_util::stream::once(async move {
            go_on.notified().await;
            Ok(reply)
        });
        Box::pin(first.chain(second))
    }
}

/// What `protoc` would have generated for the server.
impl<B> Service<http::Request<B>> for Vault
where
    B: HttpBody + Send + 'static,
    B::Error: Into<BoxError> + Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let vault = self.clone();
        Box::pin(async move {
            let mut grpc = server::Grpc::new(ProstCodec::<Reply, Ask>::default());
            Ok(match request.uri().path() {
                OPEN => {
                    let open = service_fn(|ask| {
                        std::future::ready(Ok::<_, Status>(Response::new(vault.reply(&ask))))
                    });
                    grpc.unary(open, request).await
                }
                WATCH => {
                    let watch = service_fn(|ask| {
                        std::future::ready(Ok::<_, Status>(Response::new(vault.watch(&ask))))
                    });
                    grpc.server_streaming(watch, request).await
                }
                STORE => {
                    let store = service_fn(|asks| {
                        let vault = vault.clone();
                        async move { vault.store(asks).await }
                    });
                    grpc.client_streaming(store, request).await
                }
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

impl NamedService for Vault {
    const NAME: &'static str = "portcullis.test.Vault";
}

/// A server on a real socket, with a layer in front of all its services.
#[derive(Debug)]
pub struct Served {
    pub address: SocketAddr,
    pub vault: Vault,
}

impl Served {
    pub async fn behind<L, R>(layer: L) -> Self
    where
        L: Layer<Routes> + Clone + Send + 'static,
        L::Service: Service<http::Request<Body>, Response = http::Response<R>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        <L::Service as Service<http::Request<Body>>>::Future: Send + 'static,
        R: HttpBody<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let vault = Vault::default();
        let (_, health) = tonic_health::server::health_reporter();
        let reflection = tonic_reflection::server::Builder::configure().build_v1().unwrap();
        let router = Server::builder()
            .layer(layer)
            .add_service(vault.clone())
            .add_service(health)
            .add_service(reflection);
        tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { address, vault }
    }

    /// Calls a method with these `authorization` lines; what the replies say.
    pub async fn call(&self, method: &str, authorization: &[&str]) -> Result<Vec<String>, Status> {
        let mut request = Request::new(Ask { wait: false });
        for line in authorization {
            request.metadata_mut().append("authorization", MetadataValue::try_from(*line).unwrap());
        }
        self.send(method, request).await
    }

    pub async fn send(&self, method: &str, request: Request<Ask>) -> Result<Vec<String>, Status> {
        let replies = match method {
            OPEN => vec![self.open(request).await?],
            WATCH => self.watch(request).await?.collect::<Result<Vec<_>, _>>().await?,
            STORE => vec![self.store(request).await?],
            _ => panic!("{method}?"),
        };
        Ok(replies.into_iter().map(|reply| reply.subject).collect())
    }

    async fn open(&self, request: Request<Ask>) -> Result<Reply, Status> {
        let path = PathAndQuery::from_static(OPEN);
        let reply = self.client().await.unary(request, path, ProstCodec::<Ask, Reply>::default()).await;
        reply.map(Response::into_inner)
    }

    pub async fn watch(&self, request: Request<Ask>) -> Result<Streaming<Reply>, Status> {
        let path = PathAndQuery::from_static(WATCH);
        let codec = ProstCodec::<Ask, Reply>::default();
        let replies = self.client().await.server_streaming(request, path, codec).await;
        replies.map(Response::into_inner)
    }

    /// Sends it twice, in a stream.
    async fn store(&self, request: Request<Ask>) -> Result<Reply, Status> {
        let path = PathAndQuery::from_static(STORE);
        let codec = ProstCodec::<Ask, Reply>::default();
        let request = request.map(|ask| tokio_stream::iter([ask.clone(), ask]));
        let reply = self.client().await.client_streaming(request, path, codec).await;
        reply.map(Response::into_inner)
    }

    async fn client(&self) -> client::Grpc<Channel> {
        let mut client = client::Grpc::new(self.channel().await);
        client.ready().await.unwrap();
        client
    }

    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// A request of a client that does not speak gRPC, over HTTP/2; the answer, with its body.
    pub async fn plain(&self, mut request: http::Request<String>) -> http::Response<String> {
        use hyper_util::{client::legacy::Client, rt::TokioExecutor};
        let client: Client<_, String> =
            Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        let url = format!("http://{}{}", self.address, request.uri());
        *request.uri_mut() = url.parse().unwrap();
        let (parts, body) = client.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        http::Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
    }
}
