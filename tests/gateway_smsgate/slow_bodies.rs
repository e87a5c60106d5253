//! The body of a request comes long after its head: what has happened in between counts.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use super::*;

const REQUEST: &str = r#"{"scopes":["logs:read"]}"#;

/// A request for tokens of whose body at most one byte was sent.
struct Slow(TcpStream);

impl Slow {
    fn begin(caller: &Caller<'_>) -> Self {
        let mut socket = Self::send_head(caller, "Expect: 100-continue\r\n");
        // The server asks for the body once the caller is let through.
        let mut answer = [0; 25];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
        socket.write_all(&REQUEST.as_bytes()[..1]).unwrap();
        Self(socket)
    }

    fn send_head(caller: &Caller<'_>, expect: &str) -> TcpStream {
        let address = caller.server.url.strip_prefix("http://").unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST {BASE}/auth/token HTTP/1.1\r\nHost: {address}\r\n{}\r\n{JSON}\r\n\
             Content-Length: {}\r\nConnection: close\r\n{expect}\r\n",
            caller.authorization,
            REQUEST.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket
    }

    /// Sends the rest; the whole answer.
    fn finish(mut self) -> String {
        self.0.write_all(&REQUEST.as_bytes()[1..]).unwrap();
        self.answer()
    }

    fn answer(mut self) -> String {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// The answer to a body that has come too late is the one that the layer gives to the same caller from now on, but
/// for the time; and the log tells them apart.
async fn assert_no_token(answer: &str, caller: &Caller<'_>) {
    let by_layer = Slow(Slow::send_head(caller, "")).answer();
    let undated = |answer: &str| {
        let lines = answer.lines().filter(|line| !line.starts_with("date: "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(undated(answer), undated(&by_layer));
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"message\":\"Unauthorized\"}"), "{answer}");
    let log = caller.server.log().await;
    assert!(log.contains("status=401 refused=\"smsgate.credential_ended\""), "{log}");
}

#[tokio::test]
async fn a_body_that_takes_its_time_is_waited_for() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let manager = alice.pair(&["all:any"]).await.access;
    for caller in [&alice, &manager] {
        let answer = Slow::begin(caller).finish();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
}

#[tokio::test]
async fn a_password_that_is_replaced_before_the_body_is_there_gives_no_token() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let slow = Slow::begin(&alice);
    let new = password(&folder, &["user", "passwd", "alice@example.org"]);
    assert_no_token(&slow.finish(), &alice).await;
    // The new one does at once.
    let again = Caller::new(&server, gateway_support::basic("alice@example.org", &new));
    again.pair(&["logs:read"]).await;
}

#[tokio::test]
async fn a_user_who_is_disabled_before_the_body_is_there_gets_no_token() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let slow = Slow::begin(&alice);
    assert!(run(&folder, &["user", "disable", "alice@example.org"]).status.success());
    assert_no_token(&slow.finish(), &alice).await;
}

#[tokio::test]
async fn a_token_that_is_revoked_before_the_body_is_there_gives_no_token() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let pair = alice.pair(&["tokens:manage", "logs:read"]).await;
    let slow = Slow::begin(&pair.access);
    assert_eq!(alice.delete(&format!("/auth/token/{}", pair.id)).await.status, 204);
    assert_no_token(&slow.finish(), &pair.access).await;
}

/// The program has the system's clock, and no other: the time is the shortest.
#[tokio::test]
async fn a_body_that_never_comes_is_given_up() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--body-timeout", "0"]);
    // It may be over before the server has asked for the body: so it is not waited for that.
    let answer = Slow(Slow::send_head(&Caller::new(&server, server.alice()), "")).answer();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let said = r#"{"message":"the body took too long to arrive"}"#;
    assert!(answer.ends_with(said), "{answer}");
}
