//! HTTP/1.1 by hand, for what no client library sends.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One connection.
pub struct Connection {
    pub socket: TcpStream,
    /// What was received and not yet looked at.
    received: Vec<u8>,
}

/// A response, as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    /// Whether it is from a layer: the server's own refusals have no such line.
    pub fn is_challenge(&self) -> bool {
        self.head.contains("\r\nwww-authenticate: ")
    }
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        Self { socket: TcpStream::connect(address).await.unwrap(), received: Vec::new() }
    }

    /// Sends; a server that has answered may have hung up, and that is seen by reading.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.socket.write_all(bytes.as_ref()).await;
    }

    /// The next response; `None` when the server has hung up instead.
    pub async fn reply(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(at) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.receive().await?;
        };
        let head = String::from_utf8(self.received.drain(..end).collect()).unwrap();
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).unwrap();
        let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        while self.received.len() < length {
            self.receive().await?;
        }
        let body = String::from_utf8(self.received.drain(..length).collect()).unwrap();
        Some(Reply { status: status.parse().unwrap(), head, body })
    }

    async fn receive(&mut self) -> Option<()> {
        let count = self.socket.read_buf(&mut self.received).await.unwrap_or(0);
        (count > 0).then_some(())
    }
}

/// Sends these bytes over a connection of their own, and reads the response.
pub async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Reply {
    let mut connection = Connection::open(address).await;
    connection.send(&bytes).await;
    let reply = connection.reply().await;
    reply.unwrap_or_else(|| panic!("no answer to {}", String::from_utf8_lossy(bytes.as_ref())))
}
