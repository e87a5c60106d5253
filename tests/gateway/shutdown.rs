//! The end, when an operator asks for it.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
};

use crate::{
    GROUP, GROUP_XML,
    gateway_support::{Folder, Server, until},
};

#[tokio::test]
async fn a_request_under_way_is_answered_while_new_connections_are_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let mut caller = put_under_way(&server);
    server.signal("TERM");
    server.log_when_it_holds("stopping: no new connections");
    let address = ("127.0.0.1", server.port());
    until("nobody listens", async || {
        let refused = TcpStream::connect(address).err().map(|error| error.kind());
        refused == Some(ErrorKind::ConnectionRefused)
    })
    .await;
    caller.write_all(GROUP_XML.as_bytes()).unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains(" stopped") && !log.contains("ERROR"), "{log}");

    let server = Server::start(&folder, &[]);
    assert_eq!(server.get(GROUP, &[]).await.body, GROUP_XML, "what was answered was stored");
}

#[test]
fn an_interrupt_ends_it_as_gently() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    server.signal("INT");
    let (status, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopping: no new connections") && log.contains(" stopped"), "{log}");
}

/// A PUT whose body is awaited: the handler has asked for it.
fn put_under_way(server: &Server) -> TcpStream {
    let mut caller = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let (who, length) = (server.user_token(), GROUP_XML.len());
    let head = format!(
        "PUT {GROUP} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {who}\r\nContent-Type: \
         application/xml\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    );
    caller.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    caller.read_exact(&mut go_on).unwrap();
    assert_eq!(go_on, *b"HTTP/1.1 100 Continue\r\n\r\n");
    caller
}
