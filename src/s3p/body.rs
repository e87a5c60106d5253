use std::{pin::pin, time::Duration};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;
use tokio::time;
use tower::BoxError;

use crate::{Rejection, RejectionKind, body::held_body};

held_body! {
    /// The body of a request behind an [`S3pSignatureLayer`](crate::S3pSignatureLayer): the bytes that
    /// were verified, or, where there was nothing to verify, the body as it came.
    Body
}

/// Reads a whole body, within bounds.
pub(super) async fn collect<B>(body: B, limit: usize, wait: Duration) -> Result<Bytes, Rejection>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    let too_large = || Rejection::new(RejectionKind::PayloadTooLarge, "s3p.body_length");
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match time::timeout(wait, read(body, limit)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(too_large()),
        Ok(Err(error)) => {
            Err(Rejection::new(RejectionKind::BadRequest, "s3p.body_read").caused_by(error))
        }
        Err(_) => Err(Rejection::new(RejectionKind::RequestTimeout, "s3p.body_time")),
    }
}

/// All of a body, in one piece however small its frames are; `None` if it is longer than the limit.
async fn read<B>(body: B, limit: usize) -> Result<Option<Bytes>, BoxError>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut bytes = Bytes::new();
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // What is not data is trailers, which nothing signs.
        if let Ok(mut data) = frame.map_err(Into::into)?.into_data() {
            let length = data.remaining();
            if length > limit - bytes.len() - more.len() {
                return Ok(None);
            }
            // What comes in one frame is not copied.
            if bytes.is_empty() && more.is_empty() {
                bytes = data.copy_to_bytes(length);
            } else {
                more.put(data);
            }
        }
    }
    if more.is_empty() {
        return Ok(Some(bytes));
    }
    Ok(Some([bytes, more.freeze()].concat().into()))
}
