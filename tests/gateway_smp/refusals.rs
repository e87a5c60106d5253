//! What a refused caller gets to see.

use crate::{
    CARD, GROUP, GROUP_XML, PUSH, SERVICE,
    gateway_support::{Folder, GRPC, Reply, Server, basic},
    publish, write,
};

const MISSING: &str = "Missing required HTTP header 'Authorization' for user authentication";
const REFUSED: &str = "Username, password or token is invalid";
const MALFORMED: &str = "The HTTP header 'Authorization' is malformed";
const NOT_OWNER: &str = "The authenticated user does not own this service group";
const NOT_FOUND: &str = "Not found: it does not exist on this SMP";
const BAD: &str = "Bad request: the identifiers in the path or the XML document cannot be accepted";
const MEDIA_TYPE: &str = "Unsupported media type: send XML as application/xml or text/xml";
const TOO_LARGE: &str = "Payload too large: a document has at most 1 MiB";

fn challenges(reply: &Reply) -> Vec<&str> {
    reply.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn each_unauthorized_request_is_asked_for_a_token_or_a_password() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    let password = server.demo("alice@example.org  password");
    let revoked = format!("Bearer pct_{:048x}", 0);
    let bearer = ["Bearer realm=\"SMP\"", "Bearer realm=\"SMP\", error=\"invalid_token\""];
    for (who, text, bearer) in [
        (None, MISSING, bearer[0]),
        (Some("Digest username=\"alice@example.org\"".to_owned()), REFUSED, bearer[0]),
        (Some(basic("alice@example.org", "wrong")), REFUSED, bearer[0]),
        (Some(basic("nobody@example.org", &password)), REFUSED, bearer[0]),
        (Some(basic("Alice@example.org", &password)), REFUSED, bearer[0]),
        (Some(basic("", "")), REFUSED, bearer[0]),
        (Some("Basic !".to_owned()), MALFORMED, bearer[0]),
        (Some("Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9".to_owned()), REFUSED, bearer[1]),
        (Some(revoked), REFUSED, bearer[1]),
    ] {
        let credentials = who.as_ref().map(|who| format!("authorization: {who}"));
        let headers: Vec<&str> = credentials.iter().map(String::as_str).collect();
        for (method, path) in [("PUT", GROUP), ("DELETE", GROUP), ("POST", PUSH), ("DELETE", CARD)] {
            let reply = server.send(method, path, &headers, GROUP_XML).await;
            assert_eq!((reply.status.as_u16(), reply.body.as_str()), (401, text), "{who:?}");
            let [first, last] = challenges(&reply)[..] else { panic!("two challenges: {reply:?}") };
            assert_eq!(first, bearer, "{who:?}");
            assert!(last.starts_with("Basic realm=\"SMP\""), "{last}");
            assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
            assert_eq!(reply.header("cache-control"), "no-store");
        }
    }
    assert_eq!(server.get(GROUP, &[]).await.body, GROUP_XML);
}

#[tokio::test]
async fn a_read_does_not_look_at_credentials() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    let alice = server.alice();
    let revoked = format!("Bearer pct_{:048x}", 0);
    let wrong = basic("alice@example.org", "wrong");
    let digest = "Digest username=\"alice@example.org\"";
    for who in [&alice, &wrong, &revoked, digest, "Digest x", "Basic !", "Bearer two words", ""] {
        let header = format!("authorization: {who}");
        let twice = [header.as_str(), header.as_str()];
        for headers in [&twice[..1], &twice] {
            for path in [GROUP, SERVICE, CARD] {
                assert_eq!(server.get(path, headers).await.status, 200, "{path} {who}");
                let head = server.send("HEAD", path, headers, "").await;
                assert_eq!(head.status, 200, "{path} {who}");
            }
            assert_eq!(server.get("/a%3A%3Ab", headers).await.status, 404, "{who}");
            assert_eq!(server.get(PUSH, headers).await.status, 405, "{who}");
        }
    }
}

#[tokio::test]
async fn a_write_with_a_header_that_is_malformed_or_sent_twice_is_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    let alice = format!("authorization: {}", server.alice());
    for headers in [&["authorization: Bearer two words"][..], &[&alice, &alice]] {
        let bad = server.send("DELETE", GROUP, headers, "").await;
        assert_eq!((bad.status.as_u16(), bad.body.as_str()), (401, MALFORMED), "{headers:?}");
        let [first, last] = challenges(&bad)[..] else { panic!("two challenges: {bad:?}") };
        assert_eq!(first, "Bearer realm=\"SMP\", error=\"invalid_request\"");
        assert!(last.starts_with("Basic realm=\"SMP\""), "{last}");
    }
    assert_eq!(server.get(GROUP, &[]).await.status, 200);
}

/// Runs into every refusal there is.
async fn every_refusal(server: &Server) -> Vec<(u16, String)> {
    let (alice, bob) = (server.user_token(), server.bob());
    let alice_says = format!("authorization: {alice}");
    let nobody = basic("nobody@example.org", "x");
    let text = [alice_says.as_str(), "content-type: text/plain"];
    publish(server, &alice).await;
    let replies = [
        server.send("PUT", GROUP, &[], "").await,
        write(server, ("PUT", GROUP, GROUP_XML), &nobody).await,
        write(server, ("PUT", GROUP, GROUP_XML), &bob).await,
        write(server, ("DELETE", "/a%3A%3Ab", ""), &bob).await,
        server.get("/a%3A%3Ab", &[]).await,
        server.send("PUT", GROUP, &text, GROUP_XML).await,
        write(server, ("PUT", "/no-id", GROUP_XML), &alice).await,
        write(server, ("PUT", GROUP, "<x>"), &alice).await,
        write(server, ("PUT", GROUP, "<!DOCTYPE x><x/>"), &alice).await,
        write(server, ("PUT", GROUP, vec![b' '; 1024 * 1024 + 1]), &alice).await,
    ];
    replies.into_iter().map(|reply| (reply.status.as_u16(), reply.body)).collect()
}

#[tokio::test]
async fn a_refused_caller_is_told_what_and_not_why() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let expected = [
        (401, MISSING),
        (401, REFUSED),
        (403, NOT_OWNER),
        (404, NOT_FOUND),
        (404, NOT_FOUND),
        (415, MEDIA_TYPE),
        (400, BAD),
        (400, BAD),
        (400, BAD),
        (413, TOO_LARGE),
    ];
    let expected = expected.map(|(status, text)| (status, text.to_owned()));
    assert_eq!(every_refusal(&server).await, expected);
}

#[tokio::test]
async fn a_refused_caller_is_told_why_if_the_operator_wants_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--error-details"]);
    let expected = [
        (401, MISSING, "authorization.missing"),
        (401, REFUSED, "basic.unknown_user"),
        (403, NOT_OWNER, "ownership.not_owner"),
        (404, NOT_FOUND, "ownership.unknown"),
        (404, NOT_FOUND, "smp.missing"),
        (415, MEDIA_TYPE, "smp.content_type"),
        (400, BAD, "ownership.resource_id"),
        (400, BAD, "smp.xml.not_well_formed"),
        (400, BAD, "smp.xml.doctype"),
        (413, TOO_LARGE, "smp.body.long"),
    ];
    let expected = expected.map(|(status, text, reason)| (status, format!("{text} ({reason})")));
    assert_eq!(every_refusal(&server).await, expected);
}

#[tokio::test]
async fn a_content_type_of_grpc_is_answered_like_any_other() {
    for mode in [&[][..], &["--smp-preset", "phoss"]] {
        let folder = Folder::new();
        let server = Server::start(&folder, mode);
        publish(&server, &server.alice()).await;
        let wrong = basic("alice@example.org", "wrong");
        for who in [String::new(), wrong, "Bearer two words".to_owned(), server.bob()] {
            let post = async |path: &str, content_type: &str| {
                let content_type = format!("content-type: {content_type}");
                let headers = [&*format!("authorization: {who}"), &content_type];
                let reply = server.send("POST", path, &headers, "").await;
                (reply.status.as_u16(), reply.body)
            };
            for path in [PUSH, "/businesscard/a%3A%3Ab/push", "/businesscard/no-id/push", GROUP] {
                let plain = post(path, "text/plain").await;
                assert!(plain.0 >= 400, "{plain:?}");
                for grpc in GRPC {
                    assert_eq!(post(path, grpc).await, plain, "{path} {who} {grpc}");
                }
            }
        }
    }
}
