//! The layers in front of plain hyper servers, driven with bytes that no client library sends.
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod hyper_support;
mod schemes;
mod support;

use std::net::SocketAddr;

use http::Method;
use hyper::body::Incoming;
use hyper_support::{
    Calls, Protocol, basic, gates, greeter,
    raw::{Connection, Reply, exchange},
    s3p, serve,
};
use portcullis::{S3pSignatureLayer, s3p::Body};
use tower::Layer;

const JSON: &str = "content-type: application/json\r\n";

/// The head of a request; `lines` are whole header lines.
fn head(start: &str, lines: &str) -> String {
    format!("{start} HTTP/1.1\r\nhost: vault.example.org\r\n{lines}\r\n")
}

fn authorization(value: &str) -> String {
    format!("authorization: {value}\r\n")
}

/// The header lines of a signed `POST /` of this JSON, without those for its length.
fn signed_json(body: &str) -> String {
    let value = schemes::signed(&Method::POST, "/", Some("application/json"), body);
    format!("{JSON}{}", authorization(&value))
}

fn json_of(length: usize) -> String {
    let json = format!(r#"{{"a":"{}"}}"#, "b".repeat(length - 8));
    assert_eq!(json.len(), length);
    json
}

fn seen(reply: &Reply) -> (u16, &str) {
    (reply.status, &reply.body)
}

#[tokio::test]
async fn the_same_bytes_are_served_once() {
    let gate = s3p(Protocol::Http1).await;
    let get = head("GET /", &authorization(&(gate.good)()));
    let body = json_of(64);
    let post = head("POST /", &format!("content-length: 64\r\n{}", signed_json(&body))) + &body;
    for bytes in [&get, &post] {
        assert_eq!(exchange(gate.address, bytes).await.status, 200);
        for _ in 0..2 {
            let reply = exchange(gate.address, bytes).await;
            assert_eq!(seen(&reply), (401, "credentials refused"));
        }
    }
    // On one connection as well.
    let mut connection = Connection::open(gate.address).await;
    let get = head("GET /", &authorization(&(gate.good)()));
    connection.send(get.repeat(3)).await;
    for status in [200, 401, 401] {
        assert_eq!(connection.reply().await.unwrap().status, status);
    }
    assert_eq!(gate.calls.count(), 3);
}

#[tokio::test]
async fn no_stray_byte_in_the_header_gets_through() {
    for gate in gates(Protocol::Http1).await {
        let good = (gate.good)();
        let (scheme, credentials) = good.split_at(good.find([' ', ',']).unwrap());
        let (first, second) = credentials.split_at(credentials.len() / 2);
        for byte in (0..=0x20).chain(0x7F..=0xFF) {
            let middle = [scheme.as_bytes(), first.as_bytes(), &[byte], second.as_bytes()].concat();
            let name = [scheme.as_bytes(), &[byte], credentials.as_bytes()].concat();
            let first = [&[byte], good.as_bytes()].concat();
            for (place, value) in [("middle", middle), ("name", name), ("first", first)] {
                let what = format!("{} {place} {byte:#04x}", gate.name);
                let blank = matches!(byte, b' ' | b'\t');
                if blank && place != "middle" {
                    // Blanks around a value are not part of it (RFC 9110 section 5.5), and more than
                    // one may follow the scheme's name.
                    continue;
                }
                let start = format!("{} {}", gate.method, gate.path);
                let mut bytes = head(&start, "authorization: ").into_bytes();
                bytes.truncate(bytes.len() - 2);
                bytes.extend(value);
                bytes.extend(b"\r\nconnection: close\r\n\r\n");
                let reply = exchange(gate.address, bytes).await;
                // HTTP itself forbids the control characters (RFC 9110 section 5.5): there, the
                // server refuses. The rest is for the layer.
                let control = byte < 0x20 && !blank || byte == 0x7F;
                assert_eq!(reply.is_challenge(), !control, "{what}: {reply:?}");
                assert!(matches!(reply.status, 400 | 401), "{what}: {reply:?}");
                if !control && place == "middle" {
                    assert_eq!(seen(&reply), (gate.malformed, "credentials malformed"), "{what}");
                }
            }
        }
        for line in [
            format!("authorization: {scheme}\r\n {}", credentials.trim_start()),
            format!("authorization : {good}"),
            format!(" authorization: {good}"),
            format!("authorization\0: {good}"),
        ] {
            let start = format!("{} {}", gate.method, gate.path);
            let reply = exchange(gate.address, head(&start, &format!("{line}\r\n"))).await;
            assert!(matches!(reply.status, 400 | 401), "{} {line}: {reply:?}", gate.name);
        }
        assert_eq!(gate.calls.count(), 0, "{}", gate.name);
    }
}

#[tokio::test]
async fn neither_the_host_nor_the_form_of_the_target_opens_anything() {
    for gate in gates(Protocol::Http1).await {
        let (method, path) = (&gate.method, gate.path);
        let targets = [
            format!("{method} http://vault.example.org{path} HTTP/1.1\r\nhost: vault.example.org\r\n"),
            format!("{method} http://evil.example{path} HTTP/1.1\r\nhost: vault.example.org\r\n"),
            format!("{method} {path} HTTP/1.1\r\nhost: evil.example\r\n"),
            format!("{method} {path} HTTP/1.1\r\nhost:\r\n"),
            format!("{method} {path} HTTP/1.1\r\n"),
            format!("{method} {path} HTTP/1.0\r\n"),
        ];
        for start in &targets {
            let close = "connection: close\r\n";
            let none = exchange(gate.address, &format!("{start}{close}\r\n")).await;
            assert_eq!(seen(&none), (401, "credentials required"), "{} {start}", gate.name);
            let good = authorization(&(gate.good)());
            let let_in = exchange(gate.address, &format!("{start}{close}{good}\r\n")).await;
            assert_eq!(let_in.status, 200, "{} {start}", gate.name);
        }
        let before = gate.calls.count();
        for start in ["OPTIONS *", "CONNECT vault.example.org:80", "BREW /"] {
            for lines in [String::new(), authorization(&gate.refused.last().unwrap().0)] {
                let reply = exchange(gate.address, head(start, &lines)).await;
                assert!(matches!(reply.status, 400..=403), "{} {start}: {reply:?}", gate.name);
            }
        }
        assert_eq!(gate.calls.count(), before, "{}", gate.name);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_answered_before_it_has_arrived() {
    let gate = s3p(Protocol::Http1).await;
    let over = json_of(1025);
    let by_length = head("POST /", &format!("content-length: 1025\r\n{}", signed_json(&over)));
    let chunked = head("POST /", &format!("transfer-encoding: chunked\r\n{}", signed_json(&over)));
    // Of the first, not one byte of the body; of the others, no end.
    let chunk = format!("401\r\n{over}\r\n");
    for bytes in [by_length.clone(), by_length + &over, chunked.clone() + &chunk] {
        let reply = exchange(gate.address, bytes).await;
        assert_eq!(seen(&reply), (413, "body too large"));
        assert!(!reply.is_challenge());
    }
    // A client that goes on sending, as long as it is let.
    let mut connection = Connection::open(gate.address).await;
    connection.send(&chunked).await;
    connection.send(chunk.repeat(1000)).await;
    assert_eq!(connection.reply().await.unwrap().status, 413);
    assert_eq!(gate.calls.count(), 0);

    // At the limit it passes, in chunks of any length.
    let at = json_of(1024);
    let lines = signed_json(&at);
    let head = head("POST /", &format!("transfer-encoding: chunked\r\n{lines}"));
    let chunks = [&at[..1000], &at[1000..], ""].map(|part| format!("{:x}\r\n{part}\r\n", part.len()));
    let reply = exchange(gate.address, head + &chunks.concat()).await;
    assert_eq!(reply.body, format!("dave POST / {at}"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_waited_for_so_long() {
    let gate = s3p(Protocol::Http1).await;
    let lines = format!("content-length: 64\r\n{}", signed_json(&json_of(64)));
    let reply = exchange(gate.address, head("POST /", &lines) + r#"{"a":"#).await;
    assert_eq!(seen(&reply), (408, "request timed out"));
    assert_eq!(gate.calls.count(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_served() {
    use tokio::io::AsyncWriteExt;
    let gate = s3p(Protocol::Http1).await;
    let lines = format!("content-length: 64\r\n{}", signed_json(r#"{"a":"b"}"#));
    let mut connection = Connection::open(gate.address).await;
    connection.send(head("POST /", &lines) + r#"{"a":"b"}"#).await;
    connection.socket.shutdown().await.unwrap();
    let reply = connection.reply().await;
    assert!(reply.is_none_or(|reply| reply.status == 400));
    assert_eq!(gate.calls.count(), 0);
}

/// Sends the head of a `POST /` of JSON that asks whether to go on; the first response.
async fn ask(address: SocketAddr, length: usize, value: &str) -> (Connection, Reply) {
    let authorization = if value.is_empty() { String::new() } else { authorization(value) };
    let lines = format!("expect: 100-continue\r\ncontent-length: {length}\r\n{JSON}{authorization}");
    let mut connection = Connection::open(address).await;
    connection.send(head("POST /", &lines)).await;
    let first = connection.reply().await.unwrap();
    (connection, first)
}

#[tokio::test]
async fn a_body_is_asked_for_only_when_the_head_is_good() {
    let gate = s3p(Protocol::Http1).await;
    let body = json_of(64);
    let good = || schemes::signed(&Method::POST, "/", Some("application/json"), &body);
    for (length, value, status) in [
        (64, "", 401),
        (64, "s3pAuth,", 401),
        (64, &*schemes::s3p_line(schemes::NOW - 301), 401),
        (64, &*support::basic("alice", "sesame"), 401),
        (1025, &*good(), 413),
    ] {
        let (_, first) = ask(gate.address, length, value).await;
        assert_eq!(first.status, status, "{value}");
    }
    // One who does not know the key of a token is not told whether there is one.
    let unknown = schemes::s3p_line(schemes::NOW).replace("\"token\"", "\"nobody's\"");
    for (value, status) in [(unknown, 401), (schemes::s3p_line(schemes::NOW), 401), (good(), 200)] {
        let (mut connection, first) = ask(gate.address, 64, &value).await;
        assert_eq!(first.status, 100, "{value}");
        connection.send(&body).await;
        assert_eq!(connection.reply().await.unwrap().status, status, "{value}");
    }
    // A password needs no body at all.
    let gate = basic(Protocol::Http1).await;
    let (_, first) = ask(gate.address, 64, &support::basic("alice", "simsalabim")).await;
    assert_eq!(first.status, 401);
    assert_eq!(gate.calls.count(), 0);
}

/// Without its key nothing can be verified: rule 3 of the scheme comes before rule 4.
#[tokio::test]
async fn no_body_is_asked_for_while_the_key_store_is_down() {
    let calls = Calls::default();
    let layer = S3pSignatureLayer::new(schemes::s3p(schemes::Down).max_body(1024));
    let address = serve(Protocol::Http1, layer.layer(greeter::<Body<Incoming>>(&calls))).await;
    for length in [64, 1025] {
        let (_, first) = ask(address, length, &schemes::s3p_line(schemes::NOW)).await;
        assert_eq!(seen(&first), (503, "try again later"), "{length}");
    }
    assert_eq!(calls.count(), 0);
}

#[tokio::test]
async fn a_connection_outlives_its_refusals() {
    for gate in gates(Protocol::Http1).await {
        let start = format!("{} {}", gate.method, gate.path);
        let mut connection = Connection::open(gate.address).await;
        for round in 0..3 {
            for (line, status, body) in &gate.refused {
                connection.send(head(&start, &authorization(line))).await;
                let reply = connection.reply().await.unwrap();
                assert_eq!(seen(&reply), (*status, *body), "{} {line}", gate.name);
            }
            connection.send(head(&start, &authorization(&(gate.good)()))).await;
            assert_eq!(connection.reply().await.unwrap().status, 200, "{} {round}", gate.name);
        }
        assert_eq!(gate.calls.count(), 3);
    }
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_not_read_as_a_request() {
    for gate in gates(Protocol::Http1).await {
        let start = format!("{} {}", gate.method, gate.path);
        let smuggled = head(&start, &authorization(&(gate.good)()));
        let lines = format!("content-length: {}\r\n", smuggled.len());
        let good = head(&start, &authorization(&(gate.good)()));
        let mut connection = Connection::open(gate.address).await;
        connection.send(head("POST /notes/1", &lines) + &smuggled + &good).await;
        assert_eq!(connection.reply().await.unwrap().status, 401, "{}", gate.name);
        // The next answer, if the connection is kept, is to the next request.
        let answered = usize::from(connection.reply().await.is_some_and(|reply| reply.status == 200));
        assert_eq!(gate.calls.count(), answered, "{}", gate.name);
    }
}
