//! A flood of wrong passwords, over real connections.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http2::SendRequest, server::conn::http2};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use portcullis::{
    BasicAuthLayer,
    basic::{BasicAuth, HashingPool},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower::{Layer, ServiceExt, service_fn};

use super::{aladdin, basic, pool::Turnstile};

/// A server whose `/open` needs no password, with a pool of two places.
struct Server {
    address: SocketAddr,
    hashes: Turnstile,
    in_flight: InFlight,
}

/// How many requests have begun, and neither been answered nor given up.
#[derive(Clone, Default)]
struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    fn begin(&self) -> Begun {
        self.0.fetch_add(1, Ordering::SeqCst);
        Begun(self.clone())
    }

    async fn falls_to(&self, requests: usize) {
        while self.0.load(Ordering::SeqCst) > requests {
            tokio::task::yield_now().await;
        }
    }

    async fn rises_to(&self, requests: usize) {
        while self.0.load(Ordering::SeqCst) < requests {
            tokio::task::yield_now().await;
        }
    }
}

/// One request, given back on drop.
struct Begun(InFlight);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Server {
    const AT_ONCE: usize = 2;

    async fn start() -> Self {
        let (hashes, in_flight) = (Turnstile::default(), InFlight::default());
        let begun = in_flight.clone();
        let pool = HashingPool::new(Self::AT_ONCE).queue(500).wait_limit(Duration::from_secs(3600));
        let auth = BasicAuth::new("cave", aladdin()).unwrap();
        let layer = BasicAuthLayer::new(auth.verifier(hashes.clone()).hashing_pool(pool));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (layer, begun) = (layer.clone(), begun.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (layer, begun) = (layer.clone(), begun.begin());
                    async move {
                        let _begun = begun;
                        let open = service_fn(async |_| Ok(Response::new(Full::<Bytes>::from("open"))));
                        let answer = if request.uri().path() == "/open" {
                            open.oneshot(request).await.map(|answer| answer.map(BodyExt::boxed))
                        } else {
                            let closed = layer.layer(open).oneshot(request).await;
                            closed.map(|answer| answer.map(BodyExt::boxed))
                        };
                        answer as Result<_, Infallible>
                    }
                });
                let connection = http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
                tokio::spawn(connection);
            }
        });
        Self { address, hashes, in_flight }
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = TokioIo::new(TcpStream::connect(self.address).await.unwrap());
        let (client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// Opens the turnstile at the end, also of a test that fails: the runtime waits for the hashes.
impl Drop for Server {
    fn drop(&mut self) {
        self.hashes.open();
    }
}

async fn ask(mut client: SendRequest<Full<Bytes>>, path: &'static str) -> StatusCode {
    let request = Request::get(format!("http://cave{path}"))
        .header("authorization", basic("aladdin", "wrong"))
        .body(Full::default());
    client.ready().await.unwrap();
    client.send_request(request.unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn of_500_parallel_wrong_passwords_so_many_are_hashed_at_once_and_other_routes_answer() {
    let server = Server::start().await;
    let mut flood = JoinSet::new();
    for _ in 0..5 {
        let client = server.connect().await;
        for _ in 0..100 {
            flood.spawn(ask(client.clone(), "/"));
        }
    }
    server.hashes.running(Server::AT_ONCE).await;
    // On a connection of the flood's kind, while every place is taken.
    let other = server.connect().await;
    for _ in 0..20 {
        assert_eq!(ask(other.clone(), "/open").await, 200);
    }
    assert_eq!((server.hashes.count().running, flood.try_join_next().is_none()), (2, true));
    server.hashes.open();
    let statuses = flood.join_all().await;
    assert!(statuses.len() == 500 && statuses.iter().all(|status| *status == 401));
    let count = server.hashes.count();
    assert_eq!((count.most, count.done), (Server::AT_ONCE, 500));
}

#[tokio::test]
async fn of_100_requests_that_are_given_up_no_more_are_hashed_at_once_and_the_places_come_back() {
    let server = Server::start().await;
    let client = server.connect().await;
    let mut flood = JoinSet::new();
    for _ in 0..100 {
        flood.spawn(ask(client.clone(), "/"));
    }
    server.in_flight.rises_to(100).await;
    server.hashes.running(Server::AT_ONCE).await;
    flood.shutdown().await;
    server.in_flight.falls_to(0).await;
    let mut again = JoinSet::new();
    for _ in 0..10 {
        again.spawn(ask(client.clone(), "/"));
    }
    server.in_flight.rises_to(10).await;
    assert_eq!(ask(client.clone(), "/open").await, 200);
    assert_eq!(server.hashes.count().running, Server::AT_ONCE, "a hash that has begun is not stopped");
    server.hashes.open();
    assert!(again.join_all().await.iter().all(|status| *status == 401));
    let count = server.hashes.count();
    assert_eq!(count.most, Server::AT_ONCE);
    // The two that had begun, and those who have waited to the end.
    assert_eq!(count.done, Server::AT_ONCE + 10);
}
