use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// An answer that is there now, or comes later.
///
/// Everything that may have to wait returns this type: [`Authenticator`], [`Policy`] and every
/// store trait. An answer at hand ([`NowOrLater::now`]) costs no allocation; one that needs I/O or a
/// password hash ([`NowOrLater::later`]) is boxed. The traits stay usable as `dyn` without a
/// macro, and a future is never started twice.
///
/// ```
/// use portcullis::NowOrLater;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(NowOrLater::now(1).into_now().ok(), Some(1));
/// assert_eq!(NowOrLater::later(async { 1 }).map(|n| n + 1).await, 2);
/// # });
/// ```
///
/// [`Authenticator`]: crate::Authenticator
/// [`Policy`]: crate::Policy
#[must_use = "a decision that nobody looks at decides nothing"]
pub struct NowOrLater<T>(Answer<T>);

enum Answer<T> {
    /// `None` once it was taken by a poll.
    Now(Option<T>),
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> NowOrLater<T> {
    /// An answer that is there.
    pub const fn now(answer: T) -> Self {
        Self(Answer::Now(Some(answer)))
    }

    /// An answer that comes later. The future owns what it needs.
    pub fn later(answer: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Answer::Later(Box::pin(answer)))
    }

    /// The answer, if it is there.
    ///
    /// # Errors
    ///
    /// Gives itself back when the answer comes later: poll it then.
    pub fn into_now(self) -> Result<T, Self> {
        match self.0 {
            Answer::Now(Some(answer)) => Ok(answer),
            other => Err(Self(other)),
        }
    }

    /// A look at the answer, if it is there.
    pub fn as_now(&self) -> Option<&T> {
        match &self.0 {
            Answer::Now(answer) => answer.as_ref(),
            Answer::Later(_) => None,
        }
    }

    /// Changes the answer, now or when it comes.
    pub fn map<U>(self, change: impl FnOnce(T) -> U + Send + 'static) -> NowOrLater<U>
    where
        T: Send + 'static,
    {
        match self.into_now() {
            Ok(answer) => NowOrLater::now(change(answer)),
            Err(later) => NowOrLater::later(async move { change(later.await) }),
        }
    }

    /// Asks the next question with the answer, now or when it comes.
    pub fn then<U>(self, next: impl FnOnce(T) -> NowOrLater<U> + Send + 'static) -> NowOrLater<U>
    where
        T: Send + 'static,
        U: Send + 'static,
    {
        match self.into_now() {
            Ok(answer) => next(answer),
            Err(later) => NowOrLater::later(async move { next(later.await).await }),
        }
    }
}

/// # Panics
///
/// When polled again after it was ready, as futures may.
impl<T> Future for NowOrLater<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            Answer::Now(answer) => Poll::Ready(answer.take().expect("polled after it was ready")),
            Answer::Later(future) => future.as_mut().poll(cx),
        }
    }
}

/// The answer itself is never pinned: it is moved out.
impl<T> Unpin for NowOrLater<T> {}

impl<T: fmt::Debug> fmt::Debug for NowOrLater<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Answer::Now(answer) => f.debug_tuple("Now").field(answer).finish(),
            Answer::Later(_) => f.write_str("Later"),
        }
    }
}
