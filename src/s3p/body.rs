use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
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
    match time::timeout(wait, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            Err(Rejection::new(RejectionKind::BadRequest, "s3p.body_read").caused_by(error))
        }
        Err(_) => Err(Rejection::new(RejectionKind::RequestTimeout, "s3p.body_time")),
    }
}
