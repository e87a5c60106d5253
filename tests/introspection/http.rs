//! [`HttpEndpoint`] against a server on a socket that does what it should not.

use std::net::SocketAddr;

use axum::{Router, extract::ConnectInfo};
use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis::introspection::HttpEndpoint;
use tokio::sync::Barrier;

use super::{
    server::{Server, Then},
    *,
};
use crate::support::trusts_no_authority;

#[tokio::test]
async fn the_question_is_a_form_and_says_who_asks() {
    let server = Server::start(Server::ok(GOOD)).await;
    let url = server.url("/introspect?tenant=a");
    let basic = HttpEndpoint::basic(&url, "me & you", "a:b+c/\u{e9}~").unwrap();
    let bearer = HttpEndpoint::bearer(&url, "our.own.token").unwrap();
    for endpoint in [basic, bearer] {
        let auth = builder(&endpoint.time_limit(PATIENCE)).build().unwrap();
        assert_eq!(judge(&auth, "a-._~+/z==").await.unwrap().subject(), "alice");
    }
    // RFC 6749 section 2.3.1: each part encoded as in a form, then RFC 7617.
    let basic = format!("basic {}", STANDARD.encode("me+%26+you:a%3Ab%2Bc%2F%C3%A9%7E"));
    let requests = server.requests();
    for (request, authorization) in requests.iter().zip([&*basic, "bearer our.own.token"]) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "token=a-._%7E%2B%2Fz%3D%3D");
        assert!(head.starts_with("POST /introspect?tenant=a HTTP/1.1\r\n"), "{head}");
        let field = |name: &str| {
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        assert_eq!(field("accept"), Some("application/json"));
        assert_eq!(field("content-type"), Some("application/x-www-form-urlencoded"));
        let sent = field("authorization").unwrap();
        let (scheme, credentials) = sent.split_once(' ').unwrap();
        assert_eq!(format!("{} {credentials}", scheme.to_lowercase()), authorization);
        assert_eq!((field("referer"), field("cookie")), (None, None));
    }
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_503_and_never_a_wrong_token() {
    let typed = |content_type: &str| {
        let head = format!("HTTP/1.1 200 OK\r\n{content_type}connection: close");
        format!("{head}\r\ncontent-length: {}\r\n\r\n{GOOD}", GOOD.len()).into_bytes()
    };
    let short = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{GOOD}"
    );
    for (reply, cause) in [
        (Server::ok(""), "boolean `active`"),
        (Server::ok("<html>Sign in</html>"), "boolean `active`"),
        (Server::ok(r#"{"active":"true"}"#), "boolean `active`"),
        (Server::status("500 Internal Server Error", GOOD), "500"),
        (Server::status("503 Service Unavailable", GOOD), "503"),
        (Server::status("401 Unauthorized", r#"{"active":false}"#), "401"),
        (Server::status("403 Forbidden", r#"{"active":false}"#), "403"),
        (Server::status("404 Not Found", GOOD), "404"),
        (Server::status("201 Created", GOOD), "201"),
        (Server::status("204 No Content", ""), "204"),
        (typed(""), "application/json"),
        (typed("content-type: text/html\r\n"), "application/json"),
        (typed("content-type: application/jsonp\r\n"), "application/json"),
        (typed("content-type: application/token-introspection+jwt\r\n"), "application/json"),
        (Vec::new(), "error sending request"),
        (b"nonsense\r\n\r\n".to_vec(), "error sending request"),
        (b"HTTP/1.1 200".to_vec(), "error sending request"),
        (short.into_bytes(), "error"),
    ] {
        let text = String::from_utf8_lossy(&reply).into_owned();
        let server = Server::start(reply).await;
        assert_unavailable(endpoint(&server), cause, &text).await;
        assert_eq!(server.requests().len(), 1, "{text}");
    }
    let nobody = endpoint_at("http://127.0.0.1:1/");
    assert_unavailable(nobody, "error sending request", "nobody listens").await;
}

#[tokio::test]
async fn a_server_whose_certificate_nobody_trusts_gets_no_token() {
    let certificate = include_bytes!("../keys/p-256.certificate.pem").to_vec();
    let key = include_bytes!("../keys/p-256.private.pem").to_vec();
    let tls = axum_server::tls_rustls::RustlsConfig::from_pem(certificate, key).await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let app = Router::new().fallback(async move || {
        count.fetch_add(1, Ordering::SeqCst);
        ([("content-type", "application/json")], GOOD)
    });
    let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
    tokio::spawn(server.serve(app.into_make_service()));

    let endpoint = endpoint_at(&format!("https://{address}/"));
    assert_unavailable(endpoint, "certificate", "its own certificate").await;
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_redirect_takes_the_token_elsewhere() {
    let elsewhere = Server::start(Server::ok(GOOD)).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!("HTTP/1.1 {status}\r\nlocation: {}\r\n", elsewhere.url("/x"));
        let server = Server::start(location + "content-length: 0\r\nconnection: close\r\n\r\n").await;
        assert_unavailable(endpoint(&server), &status[..3], status).await;
    }
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let padded = |length: usize| GOOD.replace('}', &format!(r#","x":"{}"}}"#, "x".repeat(length)));
    let at = GOOD.len() + r#","x":"""#.len();
    for (padding, good) in [(1000 - at, true), (1001 - at, false), (1 << 24, false)] {
        let json = padded(padding);
        let in_chunks = |length: usize| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            let chunks = json.as_bytes().chunks(length).map(|chunk| {
                format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap())
            });
            let body: String = chunks.collect();
            format!("{head}\r\ntransfer-encoding: chunked\r\n\r\n{body}0\r\n\r\n").into_bytes()
        };
        for reply in [Server::ok(&json), in_chunks(json.len()), in_chunks(100)] {
            let endpoint = endpoint(&Server::start(reply).await).max_length(1000);
            if good {
                assert_eq!(refusal(builder(&endpoint)).await, None);
            } else {
                assert_unavailable(endpoint, "1000 bytes", "huge").await;
            }
        }
    }
}

#[tokio::test]
async fn a_slow_answer_is_not_waited_for() {
    let limit = Duration::from_millis(50);
    let half = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{GOOD}"
    );
    for reply in [Vec::new(), b"HTTP/1.1 200 OK\r\n".to_vec(), half.into_bytes()] {
        let server = Server::start_and(reply, Then::Stays).await;
        assert_unavailable(endpoint(&server).time_limit(limit), "no answer within 50ms", "slow").await;
    }
}

#[tokio::test]
async fn this_machine_is_asked_though_it_trusts_no_authority() {
    if trusts_no_authority("http_endpoint::this_machine_is_asked_though_it_trusts_no_authority") {
        assert!(
            HttpEndpoint::basic("https://id.example.org/", "me", "secret").is_err(),
            "there is one"
        );
        let server = Server::start(Server::ok(GOOD)).await;
        assert_eq!(refusal(builder(&endpoint(&server))).await, None);
    }
}

/// The server answers when two questions are there, and so would wait for ever if there was but one.
#[tokio::test]
async fn no_more_tokens_are_asked_about_at_once_than_was_configured() {
    let (pair, there) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, high) = (there, most.clone());
    let url = serve(Router::new().fallback(async move || {
        high.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        pair.wait().await;
        now.fetch_sub(1, Ordering::SeqCst);
        ([("content-type", "application/json")], GOOD)
    }));
    let endpoint = endpoint_at(&url.await);
    let auth = builder(&endpoint.max_concurrent(2)).build().unwrap();
    let asked = (0..10).map(|n| {
        let (auth, token) = (auth.clone(), format!("token-{n}"));
        async move { judge(&auth, &token).await }
    });
    let verdicts = futures_util::future::join_all(asked).await;
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let url = serve(Router::new().fallback(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| {
        let json = response(&[("sub", &format!("{:?}", peer.to_string()))]);
        ([("content-type", "application/json")], json)
    }));
    let endpoint = endpoint_at(&url.await);
    let auth = builder(&endpoint).build().unwrap();
    let first = judge(&auth, TOKEN).await.unwrap();
    let second = judge(&auth, TOKEN).await.unwrap();
    assert_eq!(first.subject(), second.subject(), "the peer's port is the same");
}

/// Serves on a socket, and says where.
async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    url
}

fn endpoint(server: &Server) -> HttpEndpoint {
    endpoint_at(&server.url("/introspect"))
}

fn endpoint_at(url: &str) -> HttpEndpoint {
    HttpEndpoint::basic(url, "me", "secret").unwrap().time_limit(PATIENCE)
}

/// Fails unless the answer is 503 with `Retry-After`, and the operator is told the cause.
async fn assert_unavailable(endpoint: HttpEndpoint, cause: &str, case: &str) {
    let layer = AuthenticateLayer::new(builder(&endpoint).build().unwrap());
    let answer = send(&layer, get_with("/", format!("Bearer {TOKEN}"))).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (503, "try again later"), "{case}");
    assert!(answer.challenges().is_empty() && answer.headers.contains_key("retry-after"), "{case}");
    let mut text = String::new();
    let mut error: Option<&dyn std::error::Error> = answer.rejection.as_ref().map(|r| r as _);
    while let Some(level) = error {
        text.push_str(&level.to_string());
        error = level.source();
    }
    assert!(text.contains(cause), "{case}: {text}");
}
