//! A real server: axum on two threads, 64 connections that are kept alive.
//!
//! All servers run at once, each on threads of its own, and are sent requests by turns. What counts is
//! the time that the server's threads have spent on a processor, as the kernel says.

use std::{
    fs,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use axum::{Router, body::Body as AxumBody, http::StatusCode, routing::put};
use http::{HeaderMap, Method};
use jsonwebtoken::Algorithm;
use portcullis::{
    Identity as Who, JwtScopeLayer, OwnershipLayer, Scope, ScopeTable,
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::Mutex,
    task::JoinSet,
};
use tower::layer::{layer_fn, util::Identity};

use crate::{
    paired::median,
    peers::{self, MaySend},
    requests::{ISSUER, SCOPE, Signing, authorized, template},
    results::{Goal, Results, short},
};

const CONNECTIONS: usize = 64;
const TURNS: usize = 12;
const TURN: Duration = Duration::from_millis(400);

pub fn rows(results: &mut Results) {
    let signings = [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256].map(Signing::new);
    let mut servers = vec![Server::start(0, router(), &signings[0])];
    for signing in &signings {
        servers.push(Server::start(servers.len(), ours(signing), signing));
        servers.push(Server::start(servers.len(), theirs(signing), signing));
    }
    // What axum asks for any layer.
    let idle = servers.len();
    servers.push(Server::start(idle, router().route_layer(Identity::new()), &signings[0]));
    let client = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    for server in &mut servers {
        client.block_on(server.connect());
        server.turn(&client);
    }
    let turns: Vec<Vec<Turn>> =
        (0..TURNS).map(|_| servers.iter().map(|server| server.turn(&client)).collect()).collect();
    let over = |of: fn(&Turn) -> f64, one: usize, other: usize| {
        median(turns.iter().map(|turn| of(&turn[one]) / of(&turn[other])).collect())
    };
    let each = |of: fn(&Turn) -> f64, at: usize| {
        short(median(turns.iter().map(|turn| of(&turn[at])).collect()))
    };

    let percent = (over(Turn::cpu, 1, 0) - 1.0) * 100.0;
    let figures = format!(
        "{} µs against {}; with a layer that does nothing {}",
        each(Turn::cpu, 1),
        each(Turn::cpu, 0),
        each(Turn::cpu, idle),
    );
    let row = "axum server: CPU of a request with cached JWT, table, ownership, in % over bare";
    results.add(row, Goal::AtMost { must: 8.0, stretch: 5.0 }, percent, figures);
    let goals = [(1.7, 1.9), (3.3, 3.6), (6.0, 6.5)];
    for (at, (signing, (must, stretch))) in signings.iter().zip(goals).enumerate() {
        let (ours, theirs) = (1 + 2 * at, 2 + 2 * at);
        let figures = format!(
            "{} requests/s against {}; CPU {} µs against {}",
            each(Turn::rate, ours),
            each(Turn::rate, theirs),
            each(Turn::cpu, ours),
            each(Turn::cpu, theirs),
        );
        let row = format!(
            "axum server, {:?}: requests/s, ours ÷ tower-oauth2-resource-server",
            signing.algorithm
        );
        let goal = Goal::AtLeast { must, stretch };
        results.add(row, goal, over(Turn::rate, ours, theirs), figures);
    }
}

fn router() -> Router {
    Router::new().route("/groups/{id}", put(async || StatusCode::OK))
}

fn ours(signing: &Signing) -> Router {
    let jwt = signing.builder().cache(1_000).build().expect("an authenticator");
    let table = ScopeTable::builder().route(Method::PUT, "/groups/{id}", Scope::from_static(SCOPE));
    let table = table.build().expect("a table");
    let owners = MemoryOwnershipStore::new();
    let alice = Who::new(ISSUER, "9b1deb4d-3b7d-4bad-9bdd-000000000001").expect("an identity");
    owners.insert(Resource::new("group", "37"), alice);
    let path = ResourcePath::new("group", "/groups/{id}", "id").expect("a path");
    let ownership = Ownership::new(owners, [path]).expect("a policy");
    router().route_layer((JwtScopeLayer::table(jwt, table), OwnershipLayer::new(ownership)))
}

fn theirs(signing: &Signing) -> Router {
    router().route_layer((peers::resource_server(signing).into_layer::<AxumBody>(), layer_fn(MaySend)))
}

struct Server {
    name: String,
    address: SocketAddr,
    request: Arc<[u8]>,
    connections: Vec<Arc<Mutex<TcpStream>>>,
    _runtime: Runtime,
}

/// What a turn was good for.
struct Turn {
    requests: f64,
    took: Duration,
    /// In nanoseconds.
    cpu: f64,
}

impl Turn {
    /// Microseconds for a request.
    fn cpu(&self) -> f64 {
        self.cpu / self.requests / 1e3
    }

    /// Requests in a second.
    fn rate(&self) -> f64 {
        self.requests / self.took.as_secs_f64()
    }
}

impl Server {
    fn start(at: usize, router: Router, signing: &Signing) -> Self {
        let name = format!("server{at}");
        let mut runtime = Builder::new_multi_thread();
        let runtime =
            runtime.worker_threads(2).thread_name(&name).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move { axum::serve(listener, router).await });
        let value = format!("Bearer {}", signing.token(1));
        let request = written(authorized(template("/groups/37"), &value).headers());
        Self { name, address, request: request.into(), connections: Vec::new(), _runtime: runtime }
    }

    async fn connect(&mut self) {
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(self.address).await.expect("the server listens");
            stream.set_nodelay(true).expect("a socket");
            self.connections.push(Arc::new(Mutex::new(stream)));
        }
    }

    /// Requests over all connections, as fast as they are answered.
    fn turn(&self, client: &Runtime) -> Turn {
        let (before, start) = (self.cpu(), Instant::now());
        let requests = client.block_on(async {
            let mut tasks = JoinSet::new();
            for connection in &self.connections {
                let (connection, request) = (connection.clone(), self.request.clone());
                tasks.spawn(async move {
                    let mut connection = connection.lock().await;
                    let mut many = 0_u32;
                    while start.elapsed() < TURN {
                        exchange(&mut connection, &request).await;
                        many += 1;
                    }
                    many
                });
            }
            tasks.join_all().await.into_iter().sum::<u32>()
        });
        Turn { requests: f64::from(requests), took: start.elapsed(), cpu: self.cpu() - before }
    }

    /// The nanoseconds that the server's threads have run.
    fn cpu(&self) -> f64 {
        // What they did last is written down when they sleep.
        thread::sleep(Duration::from_millis(2));
        let tasks = fs::read_dir("/proc/self/task").expect("a Linux");
        let named = tasks.filter_map(Result::ok).filter(|task| {
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            name.trim_end() == self.name
        });
        let times = named.filter_map(|task| {
            let times = fs::read_to_string(task.path().join("schedstat")).ok()?;
            times.split(' ').next()?.parse::<f64>().ok()
        });
        times.sum()
    }
}

fn written(headers: &HeaderMap) -> Vec<u8> {
    let mut request = b"PUT /groups/37 HTTP/1.1\r\ncontent-length: 0\r\n".to_vec();
    for (name, value) in headers {
        request.extend_from_slice(name.as_ref());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// A request, and its answer, which has no body.
async fn exchange(connection: &mut TcpStream, request: &[u8]) {
    connection.write_all(request).await.expect("the server reads");
    let (mut answer, mut filled) = ([0; 512], 0);
    while !answer[..filled].ends_with(b"\r\n\r\n") {
        let read = connection.read(&mut answer[filled..]).await.expect("the server answers");
        assert!(read > 0, "the server hung up");
        filled += read;
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..filled]));
}
