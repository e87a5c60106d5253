//! What the operator reads: a line for each request, and no secret.

use crate::{
    GROUP, GROUP_XML, Key, ask_for_jwt,
    gateway_support::{Folder, Server, basic},
    s3p, smp, smsgate,
};

#[tokio::test]
async fn each_request_is_one_line_with_method_path_status_and_reason() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = server.alice();
    server.get("/health/live", &[]).await;
    smp(&server, &alice).await;
    server.get("/3rdparty/v1/messages?limit=5&note=in-the-query", &[]).await;
    smsgate(&server, &basic("alice@example.org", "wrong-password")).await;
    server.get("/s3p/v2/ping?note=in-the-query", &[]).await;
    server.get("/no/such/path", &[]).await;
    let lines = requests(server);
    let expected = [
        ("GET", "/health/live", "204", None),
        ("PUT", GROUP, "200", None),
        ("GET", "/3rdparty/v1/messages", "401", Some("authorization.missing")),
        ("GET", "/3rdparty/v1/messages", "401", Some("basic.wrong_password")),
        ("GET", "/s3p/v2/ping", "401", Some("authorization.missing")),
        ("GET", "/no/such/path", "404", None),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, (method, path, status, reason)) in lines.iter().zip(expected) {
        assert_eq!(field(line, "method"), Some(method), "{line}");
        assert_eq!(field(line, "path"), Some(&*format!("{path:?}")), "{line}");
        assert_eq!(field(line, "status"), Some(status), "{line}");
        // Less than a microsecond is what a clock shows that is too coarse for it.
        assert!(field(line, "took_us").unwrap().parse::<u64>().unwrap() > 0, "{line}");
        match (field(line, "refused"), reason) {
            (None, None) => {}
            (Some(refused), Some(reason)) => assert_eq!(refused, format!("{reason:?}"), "{line}"),
            _ => panic!("not {reason:?}: {line}"),
        }
    }
}

#[tokio::test]
async fn no_secret_query_header_or_body_is_in_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--error-details"]);
    let (alice, token, key) = (server.alice(), server.user_token(), Key::of_demo(&server));
    let pair = ask_for_jwt(&server, &alice, "messages:list").await.json();
    let jwt = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    let signed = key.ping(&server.url);
    let wrong = [
        basic("alice@example.org", "wrong-password"),
        "Bearer pct_0123456789abcdef0123456789abcdef0123456789abcdef".to_owned(),
        format!("{jwt}x"),
    ];
    for who in [&alice, &token, &jwt].into_iter().chain(&wrong) {
        let headers =
            [&*format!("authorization: {who}"), "cookie: in-a-header", "user-agent: in-a-header"];
        for path in [GROUP, "/3rdparty/v1/messages", "/s3p/v2/ping"] {
            server.get(&format!("{path}?key=in-the-query"), &headers).await;
            server.send("PUT", path, &headers, "in-the-body").await;
        }
    }
    for _ in 0..2 {
        server.get("/s3p/v2/ping", &[&signed]).await;
    }
    let forged = Key { secret: "in-a-secret".repeat(3), ..key.clone() };
    assert_eq!(s3p(&server, &forged).await, 401);

    let mut secrets = vec![
        server.demo("alice@example.org  password"),
        server.demo("bob@example.org    password"),
        key.secret,
        "in-a-".to_owned(),
        "in-the-".to_owned(),
        "wrong-password".to_owned(),
    ];
    let values = [&alice, &token, &jwt].into_iter().chain(&wrong);
    secrets.extend(values.map(|value| value.split_once(' ').unwrap().1.to_owned()));
    secrets.push(pair["refresh_token"].as_str().unwrap().to_owned());
    secrets.extend(signed.split('"').filter(|part| part.len() > 20).map(str::to_owned));
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(log.contains("path=\"/s3p/v2/ping\""), "{log}");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret:?} is in {log}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_write_lines_of_their_own() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    server.get("/a%0Astatus=200%1b[31m\"status=200", &[]).await;
    let headers = ["authorization: Basic YTpiCg==", "content-type: application/xml"];
    server.send("PUT", GROUP, &headers, GROUP_XML).await;
    let lines = requests(server);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert_eq!(field(&lines[0], "path"), Some(r#""/a%0Astatus=200%1b[31m\"status=200""#), "{lines:#?}");
    assert_eq!(field(&lines[0], "status"), Some("404"), "{lines:#?}");
}

/// The lines about requests, when all are written.
fn requests(server: Server) -> Vec<String> {
    server.signal("TERM");
    let (_, log) = server.wait();
    log.lines().filter(|line| line.contains(" request method=")).map(str::to_owned).collect()
}

fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
}
