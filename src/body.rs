//! The one body that is either ours or somebody else's.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// Bytes at hand, or a body passed on untouched.
    #[derive(Debug)]
    #[project = HeldProjection]
    pub(crate) enum Held<B> {
        Bytes { #[pin] bytes: Full<Bytes> },
        Untouched { #[pin] body: B },
    }
}

impl<B> Held<B> {
    pub(crate) fn bytes(bytes: Bytes) -> Self {
        Self::Bytes { bytes: Full::new(bytes) }
    }

    pub(crate) fn untouched(body: B) -> Self {
        Self::Untouched { body }
    }
}

impl<B> Body for Held<B>
where
    B: Body,
    B::Data: From<Bytes>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.project() {
            HeldProjection::Bytes { bytes } => {
                let frame = ready!(bytes.poll_frame(cx));
                Poll::Ready(frame.map(|frame| match frame {
                    Ok(frame) => Ok(frame.map_data(Self::Data::from)),
                    Err(never) => match never {},
                }))
            }
            HeldProjection::Untouched { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes { bytes } => bytes.is_end_stream(),
            Self::Untouched { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes { bytes } => bytes.size_hint(),
            Self::Untouched { body } => body.size_hint(),
        }
    }
}

/// A public face of [`Held`]: a body type by name, with nothing of its own.
macro_rules! held_body {
    ($(#[$docs:meta])* $name:ident) => {
        pin_project_lite::pin_project! {
            $(#[$docs])*
            #[derive(Debug)]
            pub struct $name<B> {
                #[pin]
                held: $crate::body::Held<B>,
            }
        }

        impl<B> $name<B> {
            pub(crate) fn bytes(bytes: bytes::Bytes) -> Self {
                Self { held: $crate::body::Held::bytes(bytes) }
            }

            pub(crate) fn untouched(body: B) -> Self {
                Self { held: $crate::body::Held::untouched(body) }
            }
        }

        /// Empty, whatever the other body is.
        impl<B> Default for $name<B> {
            fn default() -> Self {
                Self::bytes(bytes::Bytes::new())
            }
        }

        impl<B> hyper::body::Body for $name<B>
        where
            B: hyper::body::Body,
            B::Data: From<bytes::Bytes>,
        {
            type Data = B::Data;
            type Error = B::Error;

            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<hyper::body::Frame<B::Data>, B::Error>>> {
                self.project().held.poll_frame(cx)
            }

            fn is_end_stream(&self) -> bool {
                self.held.is_end_stream()
            }

            fn size_hint(&self) -> hyper::body::SizeHint {
                self.held.size_hint()
            }
        }
    };
}

pub(crate) use held_body;
