//! An issuer on a socket, which answers what it is told to, byte for byte.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub(crate) struct Issuer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    reply: Reply,
    requests: Vec<String>,
    /// How much of an endless reply was sent.
    sent: usize,
}

#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes; then the connection is closed.
    Bytes(String),
    /// These bytes, and then nothing more.
    Hang(String),
    /// These bytes, and then white space without an end.
    Endless(String),
}

impl Issuer {
    pub(crate) async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { reply, requests: Vec::new(), sent: 0 }));
        let shared = state.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/jwks", self.address)
    }

    pub(crate) fn reply(&self, reply: Reply) {
        self.state.lock().unwrap().reply = reply;
    }

    /// The heads of the requests, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    pub(crate) fn sent(&self) -> usize {
        self.state.lock().unwrap().sent
    }
}

/// A whole response with these header lines.
pub(crate) fn ok(headers: &[&str], body: &str) -> Reply {
    let length = format!("content-length: {}", body.len());
    Reply::Bytes(head("200 OK", &[headers, &[&length]].concat()) + body)
}

/// A response without a body.
pub(crate) fn status(status: &str, headers: &[&str]) -> Reply {
    Reply::Bytes(head(status, &[headers, &["content-length: 0"]].concat()))
}

pub(crate) fn head(status: &str, headers: &[&str]) -> String {
    let status = format!("HTTP/1.1 {status}");
    [&[&*status], headers, &["connection: close", "", ""]].concat().join("\r\n")
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let reply = {
        let mut state = state.lock().unwrap();
        state.requests.push(String::from_utf8(head).unwrap().to_lowercase());
        state.reply.clone()
    };
    let (Reply::Bytes(bytes) | Reply::Hang(bytes) | Reply::Endless(bytes)) = &reply;
    let _ = stream.write_all(bytes.as_bytes()).await;
    match reply {
        Reply::Bytes(_) => {
            let _ = stream.shutdown().await;
        }
        // Until the client hangs up.
        Reply::Hang(_) => {
            let _ = stream.read_u8().await;
        }
        Reply::Endless(_) => {
            let piece = [b' '; 8 * 1024];
            while let Ok(sent) = stream.write(&piece).await {
                state.lock().unwrap().sent += sent;
            }
        }
    }
}
