//! Things that are timed in turns, so that a slow spell of the machine meets all of them.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    marker::PhantomData,
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

pub type Body = Full<Bytes>;

/// For what cannot be answered on the spot.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
});

/// How many requests are timed together at the most: reading the clock costs as much as the bare service.
const MOST: u32 = 32;
/// How long they may take together, in nanoseconds: in more time somebody else gets the processor.
const LONGEST: f64 = 200_000.0;
/// How many go before, untimed: what the others have left in the caches is not anybody's cost.
const WARM_UP: u32 = 8;

/// Answers at once, with a body of this type.
pub struct Bare<R = Body>(PhantomData<fn() -> R>);

impl<R> Bare<R> {
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R> Clone for Bare<R> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<B, R: Default> Service<Request<B>> for Bare<R> {
    type Response = Response<R>;
    type Error = Infallible;
    type Future = Ready<Result<Response<R>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        black_box(request);
        ready(Ok(Response::new(R::default())))
    }
}

/// Does something so many times, and says how long one of them took, in nanoseconds.
pub type Work = Box<dyn FnMut(u32) -> f64>;

/// The work of a service that answers such requests with this status. They are made outside of the time.
pub fn service<S, R>(
    mut service: S,
    mut request: impl FnMut() -> Request<Body> + 'static,
    status: u16,
) -> Work
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible> + 'static,
{
    assert_eq!(serve(&mut service, request()).status(), status);
    Box::new(move |times| {
        let requests: Vec<_> = (0..times).map(|_| request()).collect();
        let start = Instant::now();
        for request in requests {
            black_box(serve(&mut service, request));
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(times)
    })
}

/// The work of a function, whose input is made outside of the time.
pub fn function<I, O>(
    mut input: impl FnMut() -> I + 'static,
    mut function: impl FnMut(I) -> O + 'static,
) -> Work {
    Box::new(move |times| {
        let inputs: Vec<_> = (0..times).map(|_| input()).collect();
        let start = Instant::now();
        for input in inputs {
            black_box(function(black_box(input)));
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(times)
    })
}

/// Polls once, and goes to the runtime only if there is something to wait for.
pub fn serve<S, R>(service: &mut S, request: Request<Body>) -> Response<R>
where
    S: Service<Request<Body>, Response = Response<R>, Error = Infallible>,
{
    let mut answer = pin!(async { service.ready().await?.call(request).await });
    let answer = match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => RUNTIME.block_on(answer),
    };
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// What takes turns.
#[derive(Default)]
pub struct Turns(Vec<Turn>);

struct Turn {
    over: Option<usize>,
    work: Work,
    batch: u32,
    took: Vec<f64>,
}

/// One that takes turns with others.
#[derive(Clone, Copy)]
pub struct Id(usize);

impl Turns {
    /// Something that is measured as it is.
    pub fn whole(&mut self, work: Work) -> Id {
        self.push(None, work)
    }

    /// Something of which only that counts which it costs more than another.
    pub fn over(&mut self, bare: Id, work: Work) -> Id {
        self.push(Some(bare.0), work)
    }

    fn push(&mut self, over: Option<usize>, mut work: Work) -> Id {
        let one = (0..5).map(|_| work(1)).fold(f64::INFINITY, f64::min);
        let batch = (1..=MOST).rev().find(|many| f64::from(*many) * one <= LONGEST).unwrap_or(1);
        self.0.push(Turn { over, work, batch, took: Vec::new() });
        Id(self.0.len() - 1)
    }

    /// Lets everything have so many turns. Who begins changes, since who does finds the caches colder.
    pub fn take(mut self, rounds: usize) -> Times {
        let many = self.0.len();
        for round in 0..rounds {
            for at in 0..many {
                let turn = &mut self.0[(at + round) % many];
                (turn.work)(turn.batch.min(WARM_UP));
                turn.took.push((turn.work)(turn.batch));
            }
        }
        let medians = self.0.iter().map(|turn| match turn.over {
            None => median(turn.took.clone()),
            Some(bare) => {
                let pairs = turn.took.iter().zip(&self.0[bare].took);
                median(pairs.map(|(layered, bare)| layered - bare).collect())
            }
        });
        Times(medians.collect())
    }
}

/// What came of it: medians over all rounds.
pub struct Times(Vec<f64>);

impl Times {
    /// Nanoseconds.
    pub fn ns(&self, id: Id) -> f64 {
        self.0[id.0]
    }

    /// How many times the second the first takes.
    pub fn ratio(&self, many: Id, one: Id) -> f64 {
        self.ns(many) / self.ns(one).max(0.1)
    }

    /// The fastest of them.
    pub fn best(&self, ids: &[(&'static str, Id)]) -> (&'static str, Id) {
        let best = ids.iter().min_by(|one, other| self.ns(one.1).total_cmp(&self.ns(other.1)));
        *best.expect("one at least")
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
