//! A gRPC call in HTTP/2 frames written by hand, for what no client library sends.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Served;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

impl Served {
    /// Calls a method with an empty message, and waits until the server answers, resets the stream
    /// or hangs up: a minute at most.
    pub async fn raw(&self, path: &str, authorization: &str) {
        let mut headers = Vec::new();
        for (name, value) in [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "vault.example.org"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("authorization", authorization),
        ] {
            // A literal without indexing, its name too (RFC 7541 section 6.2.2).
            headers.push(0);
            for text in [name, value] {
                headers.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap());
                headers.extend(text.as_bytes());
            }
        }
        let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        sent.extend(frame(SETTINGS, 0, 0, &[]));
        sent.extend(frame(HEADERS, END_HEADERS, 1, &headers));
        sent.extend(frame(DATA, END_STREAM, 1, &[0; 5]));
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(&sent).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(60), end_of_first_stream(socket)).await;
        ended.expect("the server goes on without an answer");
    }
}

async fn end_of_first_stream(mut socket: TcpStream) {
    loop {
        let mut head = [0; 9];
        if socket.read_exact(&mut head).await.is_err() {
            return;
        }
        let [high, mid, low, kind, _, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, mid, low]) as usize];
        let whole = socket.read_exact(&mut payload).await.is_ok();
        let answered = stream == [0, 0, 0, 1] && matches!(kind, HEADERS | RST_STREAM);
        if !whole || answered || kind == GOAWAY {
            return;
        }
    }
}

/// RFC 9113 section 4.1.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [high, mid, low] = [payload.len() >> 16, payload.len() >> 8, payload.len()]
        .map(|part| u8::try_from(part & 0xFF).unwrap());
    [&[high, mid, low, kind, flags, 0, 0, 0, stream], payload].concat()
}
