//! What the benchmarks and those of the peers send alike.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

/// The key of the S3P scheme's page, its request, and what that signs.
pub const TOKEN: &str = "xvz1evFS4wEEPTGEFPHBog";
pub const SECRET: &str = "MySecretKey";
pub const TARGET: &str = "/v2/bill?serviceNumber=TestId&merchant=TESTMERC&serviceid=99999";
pub const BASE_STRING: &str = "GET&https%3A%2F%2Fdev.smobilpay.com%2Fs3p%2Fv2%2Fbill&merchant%3DTESTMERC%26\
    s3pAuth_nonce%3D634968823463411611%26s3pAuth_signature_method%3DHMAC-SHA1%26\
    s3pAuth_timestamp%3D1361281946%26s3pAuth_token%3Dxvz1evFS4wEEPTGEFPHBog%26\
    serviceNumber%3DTestId%26serviceid%3D99999";

/// A request with seven ordinary headers.
pub fn template(target: &str) -> Request<Full<Bytes>> {
    Request::get(target)
        .header("host", "api.example.org")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header("accept", "application/json")
        .header("accept-encoding", "gzip, deflate, br")
        .header("accept-language", "en-GB,en;q=0.7")
        .header("cache-control", "no-cache")
        .header("x-request-id", "5f0c1f6e-5b0a-4a53-9d4b-0d4f0f5ac1b2")
        .body(Full::default())
        .expect("a request")
}
