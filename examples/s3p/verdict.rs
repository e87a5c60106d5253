use std::{
    convert::Infallible,
    error::Error,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body_util::Full;
use portcullis::{
    Identity, ManualClock, Rejection, S3pSignatureLayer,
    s3p::{AccessKey, Body, Dialect, MemoryAccessKeyStore, MemoryNonceStore, S3pAuth, SignatureMethod},
};
use tokio::runtime;
use tower::{Layer, ServiceExt, service_fn};

use crate::request::Request;

/// What the layer itself says of a request at a time, where there is one key: of this token, with these dialects.
/// `Err` holds why it was refused.
pub(crate) fn verdict(
    request: &Request,
    authorization: &[HeaderValue],
    token: &str,
    (method, dialects): (SignatureMethod, &[Dialect]),
    now: SystemTime,
) -> Result<Result<(), Rejection>, Box<dyn Error>> {
    let key = AccessKey::dangerous_short_secret(Identity::local("the client")?, request.secret());
    let keys = MemoryAccessKeyStore::new();
    keys.insert(token, key.method(method).dialects(dialects)?);
    let auth = S3pAuth::new(request.origin()?, keys, MemoryNonceStore::new(UNIX_EPOCH));
    let inner = service_fn(async |_: http::Request<Body<Full<Bytes>>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let service = S3pSignatureLayer::new(auth.clock(ManualClock::new(now))).layer(inner);
    let runtime = runtime::Builder::new_current_thread().enable_time().build()?;
    let response = runtime.block_on(service.oneshot(request.with(authorization)))?;
    Ok(response.extensions().get::<Rejection>().cloned().map_or(Ok(()), Err))
}
