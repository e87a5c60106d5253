//! `require_https`, with each evidence.

use std::net::{IpAddr, SocketAddr};

use http::{Request, header};
use portcullis::{AuthenticateLayer, HttpsEvidence, PeerAddr, RejectionKind, SecureTransport};

use crate::{
    fixtures::{BEARER, Spoken, When},
    support::{Answer, get_with, send},
};

type Body = http_body_util::Full<bytes::Bytes>;

fn layer(evidence: HttpsEvidence) -> AuthenticateLayer {
    AuthenticateLayer::new(Spoken::new(BEARER, When::Now)).require_https(evidence)
}

fn request() -> Request<Body> {
    get_with("/", "Bearer alice")
}

fn check(answer: &Answer, secure: bool, case: &str) {
    if secure {
        assert_eq!(answer.body, "alice", "{case}");
    } else {
        assert_eq!(answer.status, 403, "{case}");
        assert_eq!(answer.kind(), RejectionKind::HttpsRequired, "{case}");
        assert!(!answer.headers.contains_key(header::WWW_AUTHENTICATE), "{case}");
    }
}

#[tokio::test]
async fn the_servers_mark_is_believed_and_nothing_that_a_stranger_sends() {
    let mut marked = request();
    marked.extensions_mut().insert(SecureTransport);
    check(&send(&layer(HttpsEvidence::marker()), marked).await, true, "marked");

    let mut absolute = request();
    *absolute.uri_mut() = "https://vault.example/".parse().unwrap();
    absolute.headers_mut().insert("x-forwarded-proto", "https".parse().unwrap());
    absolute.headers_mut().insert("forwarded", "proto=https".parse().unwrap());
    check(&send(&layer(HttpsEvidence::marker()), absolute).await, false, "an https target");
}

#[tokio::test]
async fn a_forwarded_header_is_believed_from_a_trusted_proxy_alone() {
    const PROXY: &str = "10.0.0.7:4000";
    const PROXY_6: &str = "[2001:db8::7]:4000";
    for (peer, protos, secure) in [
        (Some(PROXY), &["https"][..], true),
        (Some(PROXY), &["HTTPS"], true),
        (Some(PROXY_6), &["https"], true),
        // A socket of both families shows an IPv4 peer like this.
        (Some("[::ffff:10.0.0.7]:4000"), &["https"], true),
        (Some("[::ffff:10.0.0.8]:4000"), &["https"], false),
        (Some("[::10.0.0.7]:4000"), &["https"], false),
        (Some("10.0.0.8:4000"), &["https"], false),
        (Some("192.0.2.1:443"), &["https"], false),
        (None, &["https"], false),
        (Some(PROXY), &[], false),
        (Some(PROXY), &["http"], false),
        (Some(PROXY), &[""], false),
        (Some(PROXY), &["https", "https"], false),
        (Some(PROXY), &["http", "https"], false),
        (Some(PROXY), &["https", "http"], false),
        (Some(PROXY), &["https,http"], false),
        (Some(PROXY), &["https, https"], false),
        (Some(PROXY), &["https;"], false),
        (Some(PROXY), &["httpss"], false),
    ] {
        let trusted: [IpAddr; 2] = ["10.0.0.7", "2001:db8::7"].map(|ip| ip.parse().unwrap());
        let mut request = request();
        if let Some(peer) = peer {
            request.extensions_mut().insert(PeerAddr(peer.parse::<SocketAddr>().unwrap()));
        }
        for proto in protos {
            request.headers_mut().append("x-forwarded-proto", proto.parse().unwrap());
        }
        let evidence = HttpsEvidence::forwarded_proto(trusted, PeerAddr::of);
        check(&send(&layer(evidence), request).await, secure, &format!("{peer:?} {protos:?}"));
    }
}

#[tokio::test]
async fn a_proxy_may_be_named_in_its_mapped_form() {
    let trusted: [IpAddr; 1] = ["::ffff:10.0.0.7".parse().unwrap()];
    let mut request = request();
    request.extensions_mut().insert(PeerAddr("10.0.0.7:1".parse().unwrap()));
    request.headers_mut().insert("x-forwarded-proto", "https".parse().unwrap());
    let evidence = HttpsEvidence::forwarded_proto(trusted, PeerAddr::of);
    check(&send(&layer(evidence), request).await, true, "mapped");
}

#[tokio::test]
async fn a_function_may_say_what_is_secure() {
    for secure in [true, false] {
        let evidence = HttpsEvidence::from_fn(move |_| secure);
        check(&send(&layer(evidence), request()).await, secure, "from_fn");
    }
}

#[tokio::test]
async fn over_plain_http_no_credentials_are_asked_for_or_looked_at() {
    let spoken = Spoken::new(BEARER, When::Now);
    let insecure = || HttpsEvidence::from_fn(|_| false);
    let plain = AuthenticateLayer::new(spoken.clone()).require_https(insecure());
    let mut bodies = Vec::new();
    for layer in [plain.clone(), plain.optional().skip_authenticated().allow_cors_preflight()] {
        for authorization in ["Bearer alice", "Bearer mallory", "Digest x", ""] {
            let mut request = get_with("/", authorization);
            *request.method_mut() = http::Method::OPTIONS;
            for name in [header::ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD] {
                request.headers_mut().insert(name, "GET".parse().unwrap());
            }
            let answer = send(&layer, request).await;
            check(&answer, false, authorization);
            bodies.push(answer.body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies, ["https required"]);
    assert_eq!(spoken.asked(), 0);
}
