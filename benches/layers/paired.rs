//! A layered service and the bare one, measured in turns.
#![allow(unreachable_pub, reason = "it is a module of a benchmark")]

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use http::{Request, Response};
use http_body_util::Full;
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

pub type Body = Full<Bytes>;

/// Answers at once.
#[derive(Clone, Copy)]
pub struct Bare;

impl<B> Service<Request<B>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        black_box(request);
        ready(Ok(Response::new(Body::default())))
    }
}

/// How many requests are timed together: reading the clock costs as much as the bare service.
const BATCH: u32 = 32;
/// How many differences there are to take the median of.
const PAIRS: usize = 201;

/// What is measured, and what came of it.
pub struct Cases<'r> {
    criterion: Criterion,
    runtime: &'r Runtime,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    /// In nanoseconds for one request.
    bare: f64,
    overhead: f64,
}

impl<'r> Cases<'r> {
    pub fn new(criterion: Criterion, runtime: &'r Runtime) -> Self {
        Self { criterion, runtime, rows: Vec::new() }
    }

    /// Measures a service with such requests, which it answers with this status.
    pub fn add<S, R>(
        &mut self,
        name: &str,
        mut service: S,
        mut request: impl FnMut() -> Request<Body>,
        status: u16,
    ) where
        S: Service<Request<Body>, Response = Response<R>, Error = Infallible>,
    {
        let runtime = self.runtime;
        let answer = serve(runtime, &mut service, request());
        assert_eq!(answer.status(), status, "{name}");
        self.criterion.bench_function(name, |bencher| {
            let batch = BatchSize::NumIterations(u64::from(BATCH));
            bencher.iter_batched(&mut request, |request| serve(runtime, &mut service, request), batch);
        });
        if is_measuring() {
            self.rows.push(paired(runtime, name, &mut service, &mut request));
        }
    }

    /// Prints the table.
    #[expect(clippy::print_stdout, reason = "the table is what is asked for")]
    pub fn finish(self) {
        self.criterion.final_summary();
        if self.rows.is_empty() {
            return;
        }
        println!("{:50} {:>12} {:>14}", "median, in ns for one request", "bare", "overhead");
        for Row { name, bare, overhead } in &self.rows {
            // Of a zero, no sign.
            let overhead = overhead.round() + 0.0;
            println!("{name:50} {bare:12.0} {overhead:14}");
        }
    }
}

/// `cargo test` only wants to know whether the benchmarks run.
fn is_measuring() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

/// Lets the bare service and the layered one take turns.
fn paired<S, R>(
    runtime: &Runtime,
    name: &str,
    service: &mut S,
    request: &mut impl FnMut() -> Request<Body>,
) -> Row
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible>,
{
    let (mut bare, mut differences) = (Vec::with_capacity(PAIRS), Vec::with_capacity(PAIRS));
    for _ in 0..PAIRS {
        // Each goes first once: who does finds the caches colder.
        let [one, other] = batches(request);
        let (bare_first, layered_second) =
            (timed(runtime, &mut Bare, one), timed(runtime, service, other));
        let [one, other] = batches(request);
        let (layered_first, bare_second) =
            (timed(runtime, service, one), timed(runtime, &mut Bare, other));
        let bare_took = f64::midpoint(bare_first, bare_second);
        bare.push(bare_took);
        differences.push(f64::midpoint(layered_first, layered_second) - bare_took);
    }
    Row { name: name.to_owned(), bare: median(bare), overhead: median(differences) }
}

fn batches(request: &mut impl FnMut() -> Request<Body>) -> [Vec<Request<Body>>; 2] {
    [(); 2].map(|()| (0..BATCH).map(|_| request()).collect())
}

/// The nanoseconds that one request took, in the mean of a batch.
#[expect(clippy::disallowed_methods, reason = "no request is judged by this clock")]
fn timed<S, R>(runtime: &Runtime, service: &mut S, requests: Vec<Request<Body>>) -> f64
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible>,
{
    let start = Instant::now();
    for request in requests {
        black_box(serve(runtime, service, request));
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Polls once, and goes to the runtime only if there is something to wait for.
fn serve<S, R>(runtime: &Runtime, service: &mut S, request: Request<Body>) -> Response<R>
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible>,
{
    let mut answer = pin!(async { service.ready().await?.call(request).await });
    let answer = match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => runtime.block_on(answer),
    };
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
