//! What the crate does and the bare work, measured in turns in one process: the median of the differences is the overhead.
//! A slow spell of the machine meets both.
#![allow(dead_code, unreachable_pub, reason = "each benchmark uses a part of it")]

pub mod alike;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
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
/// How long they may take together, in nanoseconds: in more time somebody else gets the processor.
const LONGEST: f64 = 200_000.0;
/// How many differences there are to take the median of.
const PAIRS: usize = 201;

/// Takes these benchmarks, prints what criterion has to say, and then the table.
pub fn measure(cases: impl FnOnce(&mut Cases<'_>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let criterion = Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .configure_from_args();
    let mut all = Cases { criterion, runtime: &runtime, rows: Vec::new() };
    cases(&mut all);
    all.finish();
}

/// What is measured, and what came of it.
pub struct Cases<'r> {
    criterion: Criterion,
    pub runtime: &'r Runtime,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    /// In nanoseconds.
    bare: f64,
    overhead: f64,
}

impl Cases<'_> {
    /// Measures a service with such requests, which it answers with this status, beside the bare one.
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
        let bare = |request| serve(runtime, &mut Bare, request);
        self.pair(name, request, bare, |request| serve(runtime, &mut service, request));
    }

    /// Measures what is done with such inputs, beside the bare work on the same.
    pub fn pair<I, O, P>(
        &mut self,
        name: &str,
        mut input: impl FnMut() -> I,
        mut bare: impl FnMut(I) -> O,
        mut ours: impl FnMut(I) -> P,
    ) {
        let one = timed(&mut bare, vec![input()]).max(timed(&mut ours, vec![input()]));
        let many = (1..=BATCH).rev().find(|many| f64::from(*many) * one <= LONGEST).unwrap_or(1);
        let mut group = self.criterion.benchmark_group(name);
        let batch = BatchSize::NumIterations(u64::from(many));
        group.bench_function("bare", |bencher| bencher.iter_batched(&mut input, &mut bare, batch));
        group.bench_function("ours", |bencher| bencher.iter_batched(&mut input, &mut ours, batch));
        group.finish();
        if is_measuring() {
            self.rows.push(in_turns(name, many, &mut input, &mut bare, &mut ours));
        }
    }

    /// Prints the table.
    #[expect(clippy::print_stdout, reason = "the table is what is asked for")]
    fn finish(self) {
        self.criterion.final_summary();
        if self.rows.is_empty() {
            return;
        }
        println!("{:50} {:>12} {:>14}", "median, in ns", "bare", "overhead");
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

/// Lets both take turns.
fn in_turns<I, O, P>(
    name: &str,
    many: u32,
    input: &mut impl FnMut() -> I,
    bare: &mut impl FnMut(I) -> O,
    ours: &mut impl FnMut(I) -> P,
) -> Row {
    let mut inputs = || (0..many).map(|_| input()).collect::<Vec<_>>();
    let (mut bare_took, mut differences) = (Vec::with_capacity(PAIRS), Vec::with_capacity(PAIRS));
    for _ in 0..PAIRS {
        // Each goes first once: who does finds the caches colder.
        let (one, other) = (inputs(), inputs());
        let (bare_first, ours_second) = (timed(bare, one), timed(ours, other));
        let (one, other) = (inputs(), inputs());
        let (ours_first, bare_second) = (timed(ours, one), timed(bare, other));
        let took = f64::midpoint(bare_first, bare_second);
        bare_took.push(took);
        differences.push(f64::midpoint(ours_first, ours_second) - took);
    }
    Row { name: name.to_owned(), bare: median(bare_took), overhead: median(differences) }
}

/// The nanoseconds that one took, in the mean of a batch.
#[expect(clippy::disallowed_methods, reason = "no request is judged by this clock")]
fn timed<I, O>(work: &mut impl FnMut(I) -> O, inputs: Vec<I>) -> f64 {
    let many = u32::try_from(inputs.len()).expect("a batch");
    let start = Instant::now();
    for input in inputs {
        black_box(work(black_box(input)));
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(many)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn serve<S, R>(runtime: &Runtime, service: &mut S, request: Request<Body>) -> Response<R>
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible>,
{
    match answer(runtime, async { service.ready().await?.call(request).await }) {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Polls once, and goes to the runtime only if there is something to wait for.
pub fn answer<T>(runtime: &Runtime, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => runtime.block_on(work),
    }
}
