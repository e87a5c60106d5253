//! Plain hyper servers on real sockets, each with a layer in front of one `service_fn`.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod raw;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Body, Incoming},
    server::conn::{http1, http2},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use portcullis::{
    BasicAuthLayer, Identity, JwtScopeLayer, OwnershipLayer, Principal, S3pSignatureLayer,
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
    s3p,
};
use tokio::net::TcpListener;
use tower::{BoxError, Layer, Service, service_fn};

use crate::{schemes, support};

#[derive(Clone, Copy, Debug)]
pub enum Protocol {
    Http1,
    /// By prior knowledge.
    Http2,
}

/// How often the innermost service was called.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<AtomicUsize>);

impl Calls {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// The innermost service: answers with the subject of the principal, the target and the body.
pub fn greeter<B>(
    calls: &Calls,
) -> impl Service<Request<B>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static
where
    B: Body<Error: std::fmt::Debug, Data: Send> + Send + 'static,
{
    let calls = calls.clone();
    service_fn(move |request: Request<B>| {
        calls.0.fetch_add(1, Ordering::SeqCst);
        async move {
            let (head, body) = request.into_parts();
            let subject = head.extensions.get().map_or("nobody", Principal::subject);
            let body = body.collect().await.unwrap().to_bytes();
            let body = String::from_utf8_lossy(&body);
            Ok(Response::new(Full::from(format!("{subject} {} {} {body}", head.method, head.uri))))
        }
    })
}

/// Serves on a socket of its own.
pub async fn serve<S, R>(protocol: Protocol, service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    R: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    serve_on(listener, protocol, service);
    address
}

pub fn serve_on<S, R>(listener: TcpListener, protocol: Protocol, service: S)
where
    S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    R: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            let socket = TokioIo::new(listener.accept().await.unwrap().0);
            let service = TowerToHyperService::new(service.clone());
            // How a connection ends is seen by the client.
            tokio::spawn(async move {
                let _ = match protocol {
                    Protocol::Http1 => http1::Builder::new().serve_connection(socket, service).await,
                    Protocol::Http2 => {
                        http2::Builder::new(TokioExecutor::new())
                            .serve_connection(socket, service)
                            .await
                    }
                };
            });
        }
    });
}

/// A served layer, with a request that it lets through.
pub struct Gate {
    pub name: &'static str,
    pub address: SocketAddr,
    pub calls: Calls,
    pub method: Method,
    pub path: &'static str,
    /// Good credentials for one request of that method and path.
    pub good: fn() -> String,
    /// What is answered to two `Authorization` lines, and to a line that is broken.
    pub malformed: u16,
    /// Other lines, and what is answered.
    pub refused: Vec<(String, u16, &'static str)>,
}

/// One server for each of the four layers.
pub async fn gates(protocol: Protocol) -> [Gate; 4] {
    [basic(protocol).await, jwt(protocol).await, s3p(protocol).await, ownership(protocol).await]
}

pub async fn basic(protocol: Protocol) -> Gate {
    let calls = Calls::default();
    let layer = BasicAuthLayer::new(schemes::by_password(schemes::users()));
    Gate {
        name: "BasicAuthLayer",
        address: serve(protocol, layer.layer(greeter::<Incoming>(&calls))).await,
        calls,
        method: Method::GET,
        path: "/",
        good: || support::basic("alice", "sesame"),
        malformed: 401,
        refused: vec![
            ("Basic !!!!".to_owned(), 401, "credentials malformed"),
            (support::basic("alice", "simsalabim"), 401, "credentials refused"),
            (support::basic("mallory", "sesame"), 401, "credentials refused"),
            (schemes::good_token(), 401, "credentials refused"),
        ],
    }
}

pub async fn jwt(protocol: Protocol) -> Gate {
    let calls = Calls::default();
    let jwt = schemes::by_token(schemes::manual_clock());
    let layer = JwtScopeLayer::new(jwt, schemes::OPENING);
    Gate {
        name: "JwtScopeLayer",
        address: serve(protocol, layer.layer(greeter::<Incoming>(&calls))).await,
        calls,
        method: Method::GET,
        path: "/",
        good: schemes::good_token,
        malformed: 400,
        refused: vec![
            ("Bearer a b".to_owned(), 400, "credentials malformed"),
            ("Bearer a.b.c".to_owned(), 401, "credentials refused"),
            (schemes::bearer("carol", "vault:open", schemes::NOW - 61), 401, "credentials refused"),
            (schemes::bearer("carol", "", schemes::NOW + 600), 403, "scope missing"),
        ],
    }
}

pub async fn s3p(protocol: Protocol) -> Gate {
    let calls = Calls::default();
    let layer = S3pSignatureLayer::new(schemes::s3p(schemes::keys()).max_body(1024));
    let of_another_path = schemes::signed(&Method::GET, "/another", None, "");
    Gate {
        name: "S3pSignatureLayer",
        address: serve(protocol, layer.layer(greeter::<s3p::Body<Incoming>>(&calls))).await,
        calls,
        method: Method::GET,
        path: "/",
        good: || schemes::signed(&Method::GET, "/", None, ""),
        malformed: 401,
        refused: vec![
            ("s3pAuth,".to_owned(), 401, "credentials malformed"),
            (schemes::s3p_line(schemes::NOW), 401, "credentials refused"),
            (schemes::s3p_line(schemes::NOW - 301), 401, "credentials refused"),
            (of_another_path, 401, "credentials refused"),
        ],
    }
}

/// Behind a layer that authenticates: who owns needs to be known.
pub async fn ownership(protocol: Protocol) -> Gate {
    let calls = Calls::default();
    let owners = MemoryOwnershipStore::new();
    owners.insert(Resource::new("note", "1"), Identity::local("alice").unwrap());
    let path = ResourcePath::new("note", "/notes/{id}", "id").unwrap();
    let may = OwnershipLayer::new(Ownership::new(owners, [path]).unwrap());
    let who = BasicAuthLayer::new(schemes::by_password(schemes::users()));
    Gate {
        name: "OwnershipLayer",
        address: serve(protocol, who.layer(may.layer(greeter::<Incoming>(&calls)))).await,
        calls,
        method: Method::PUT,
        path: "/notes/1",
        good: || support::basic("alice", "sesame"),
        malformed: 401,
        refused: vec![
            (support::basic("bob", "sesame"), 403, "forbidden"),
            (support::basic("alice", "simsalabim"), 401, "credentials refused"),
        ],
    }
}
