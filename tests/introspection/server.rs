//! An authorization server that answers every question with the same bytes, whatever they are.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[derive(Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What a server does with a connection when it has written its bytes.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    Closes,
    Stays,
}

impl Server {
    /// Answers with these bytes, and closes the connection.
    pub(crate) async fn start(reply: impl Into<Vec<u8>>) -> Self {
        Self::start_and(reply, Then::Closes).await
    }

    pub(crate) async fn start_and(reply: impl Into<Vec<u8>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (reply, seen) = (Arc::new(reply.into()), requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, reply.clone(), then, seen.clone()));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far: each with its head, and its body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A response of 200 and JSON.
    pub(crate) fn ok(json: &str) -> Vec<u8> {
        Self::status("200 OK", json)
    }

    pub(crate) fn status(status: &str, json: &str) -> Vec<u8> {
        let head = "content-type: application/json;charset=UTF-8\r\nconnection: close";
        format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{json}", json.len()).into()
    }
}

async fn serve(mut stream: TcpStream, reply: Arc<Vec<u8>>, then: Then, seen: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    seen.lock().unwrap().push(String::from_utf8(request).unwrap());
    let _ = stream.write_all(&reply).await;
    if let Then::Stays = then {
        std::future::pending::<()>().await;
    }
}

/// Whether the head and a body of the length that it announces are there.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}
