//! What the signature's layer refuses, in S3P's own words.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use super::{
    caller::{AIRTIME, Caller, FORM, JSON, Signed, order, unix_now, verdict},
    gateway_support::{Folder, GRPC, Reply, Server},
};

/// Everything that is refused as not authenticated.
async fn unauthenticated(server: &Server, folder: &Folder) -> Vec<(&'static str, Reply)> {
    let (alice, bob) = (Caller::alice(server), Caller::bob(server, folder));
    let ping = |caller: &Caller| caller.request("GET", "/ping", "", "");
    let with = |authorization: String| Signed { authorization, ..ping(&alice) };
    let body = json!({"payItemId": AIRTIME, "amount": 1000});
    let quote = alice.request("POST", "/quotestd", JSON, &body.to_string());
    let replayed = ping(&alice);
    assert_eq!(replayed.send(server).await.status, 200);

    let requests = [
        ("another scheme", with(server.alice())),
        ("a user token", with(server.user_token())),
        ("no fields", with("s3pAuth".into())),
        ("no signature", with("s3pAuth s3pAuth_nonce=\"1\"".into())),
        ("another method", with(ping(&alice).authorization.replace("HMAC-SHA1", "HMAC-SHA256"))),
        (
            "a wrong secret",
            ping(&Caller {
                secret: "a wrong secret, as long as it needs to be".into(),
                ..alice.clone()
            }),
        ),
        ("an unknown token", ping(&Caller { token: "unknown".into(), ..alice.clone() })),
        ("the secret of another", ping(&Caller { secret: bob.secret, ..alice.clone() })),
        ("another host", ping(&Caller { url: "http://example.org".into(), ..alice.clone() })),
        ("too old", alice.request_at(-301, "/ping")),
        ("in the future", alice.request_at(400, "/ping")),
        ("another path", Signed { path: "/account".into(), ..ping(&alice) }),
        ("a query that was added", Signed { path: "/ping?a=1".into(), ..ping(&alice) }),
        ("another amount", Signed { body: quote.body.replace("1000", "100"), ..quote }),
        ("seen before", replayed),
        ("an unknown path, not signed", Signed { path: "/nothing".into(), ..with("s3pAuth".into()) }),
    ];
    let mut replies = vec![("nothing at all", server.get("/s3p/v2/ping", &[]).await)];
    for (what, request) in requests {
        replies.push((what, request.send(server).await));
    }
    replies
}

const ACCESS_TOKEN_INVALID: &str = r#"{"devMsg":"Access token invalid","link":"http://support.maviance.com/","respCode":4009,"usrMsg":"Authentication error when connecting to service"}"#;

#[tokio::test]
async fn whatever_is_not_authenticated_gets_one_answer() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for (what, reply) in unauthenticated(&server, &folder).await {
        assert_eq!((reply.status.as_u16(), &*reply.body), (401, ACCESS_TOKEN_INVALID), "{what}");
        assert_eq!(reply.header("www-authenticate"), "s3pAuth realm=\"S3P\"", "{what}");
        assert_eq!(reply.header("cache-control"), "no-store", "{what}");
        assert_eq!(reply.header("content-type"), JSON, "{what}");
    }
}

#[tokio::test]
async fn the_status_is_400_if_the_operator_says_so() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--s3p-http-400"]);
    for (what, reply) in unauthenticated(&server, &folder).await {
        assert_eq!((reply.status.as_u16(), &*reply.body), (400, ACCESS_TOKEN_INVALID), "{what}");
    }
    assert_eq!(Caller::alice(&server).get(&server, "/ping").await.status, 200);
}

#[tokio::test]
async fn the_reason_is_told_if_the_operator_says_so() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--error-details"]);
    let alice = Caller::alice(&server);
    let old = alice.request_at(-301, "/ping").send(&server).await;
    assert_eq!(verdict(&old), (401, 4009));
    assert_eq!(old.json()["devMsg"], "Access token invalid (s3p.too_old)");
    let posted = Signed { path: "/quotestd?a=1".into(), ..alice.request("POST", "/quotestd", "", "") };
    assert_eq!(posted.send(&server).await.json()["devMsg"], "bad request (s3p.query_on_post)");
}

#[tokio::test]
async fn what_the_signature_cannot_cover_is_refused_and_the_reason_is_not_told() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let ping = alice.request("GET", "/ping", "", "");
    let quote = alice.request("POST", "/quotestd", "", "");
    let get = |path: &str| Signed { path: path.into(), ..ping.clone() };
    let post = |content_type: &str, body: &str| Signed {
        content_type: content_type.into(),
        body: body.into(),
        ..quote.clone()
    };
    let mut texts: Vec<Value> = Vec::new();
    for (request, expected) in [
        (get("/bill?merchant=A&merchant=B"), (400, 40000)),
        (get("/bill?merchant=%zz"), (400, 40000)),
        (get("/verifytx?s3pAuth_token=1"), (400, 40000)),
        (get("/verifytx?trid=1%26zeta%3D2"), (400, 40000)),
        (Signed { body: "a=1".into(), content_type: FORM.into(), ..ping.clone() }, (400, 40000)),
        (Signed { path: "/quotestd?amount=1".into(), ..quote.clone() }, (400, 40000)),
        (Signed { method: "TRACE".into(), ..ping.clone() }, (400, 40000)),
        (post(JSON, r#"{"amount":1,"amount":1000}"#), (400, 40000)),
        (post(JSON, r#"{"amount":null}"#), (400, 40000)),
        (post(JSON, r#"{"amount":{"a":1}}"#), (400, 40000)),
        (post(JSON, "[]"), (400, 40000)),
        (post(JSON, "{"), (400, 40000)),
        (post("text/plain", "amount=1"), (415, 41500)),
        (post("", "amount=1"), (415, 41500)),
    ] {
        let reply = request.send(&server).await;
        assert_eq!(verdict(&reply), expected, "{} {}", request.path, request.body);
        texts.push(reply.json()["devMsg"].clone());
    }
    texts.dedup();
    assert_eq!(texts, ["bad request", "body type not supported"]);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_sent() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let request = Caller::alice(&server).request("POST", "/quotestd", "", "");
    let mut connection = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    write!(
        connection,
        "POST /s3p/v2/quotestd HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         authorization: {}\r\ncontent-type: {JSON}\r\ncontent-length: 1048577\r\n\r\n",
        request.authorization
    )
    .unwrap();
    let mut reply = String::new();
    connection.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains(r#""respCode":41300,"#), "{reply}");
}

#[tokio::test]
async fn only_a_signed_request_learns_which_paths_there_are() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    for (method, path, expected) in [
        ("GET", "/nothing", (404, 40400)),
        ("GET", "/ping/", (404, 40400)),
        ("POST", "/nothing", (404, 40400)),
        ("GET", "/quotestd", (405, 40500)),
        ("POST", "/ping", (405, 40500)),
        ("DELETE", "/account", (405, 40500)),
    ] {
        let request = alice.request(method, path, "", "");
        assert_eq!(verdict(&request.send(&server).await), expected, "{method} {path}");
        let unsigned = server.send(method, &format!("/s3p/v2{path}"), &[], "").await;
        assert_eq!(verdict(&unsigned), (401, 4009), "{method} {path}");
    }
    for path in ["/s3p/v2", "/s3p/v2/"] {
        for method in ["GET", "POST", "DELETE"] {
            let unsigned = server.send(method, path, &[], "").await;
            assert_eq!(verdict(&unsigned), (401, 4009), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_with_too_many_nonces_has_to_wait_and_others_need_not() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::alice(&server), Caller::bob(&server, &folder));
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) \
         INSERT INTO portcullis_nonces SELECT ?, 'n' || i, ? FROM n",
    )
    .bind(&alice.token)
    .bind(unix_now() + 300)
    .execute(&mut folder.database().await)
    .await
    .unwrap();
    let refused = alice.get(&server, "/ping").await;
    assert_eq!(verdict(&refused), (429, 42900));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(bob.get(&server, "/ping").await.status, 200);
}

#[tokio::test]
async fn a_database_that_cannot_answer_is_a_503_and_nothing_is_let_through() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let quote = alice.quote(&server, AIRTIME, 1000).await;
    let mut database = folder.database().await;
    for (broken, whole) in [
        ("ALTER TABLE s3p_collections RENAME TO gone", "ALTER TABLE gone RENAME TO s3p_collections"),
        (
            "ALTER TABLE portcullis_nonces RENAME TO gone",
            "ALTER TABLE gone RENAME TO portcullis_nonces",
        ),
        (
            "ALTER TABLE portcullis_access_keys RENAME TO gone",
            "ALTER TABLE gone RENAME TO portcullis_access_keys",
        ),
    ] {
        sqlx::query(broken).execute(&mut database).await.unwrap();
        let refused = alice.post(&server, "/collectstd", &order(&quote)).await;
        assert_eq!(verdict(&refused), (503, 50300), "{broken}");
        assert_eq!(refused.header("retry-after"), "1");
        assert_eq!(refused.json()["devMsg"], "try again later");
        sqlx::query(whole).execute(&mut database).await.unwrap();
    }
    assert_eq!(alice.paid(&server).await, [""; 0]);
    assert_eq!(alice.post(&server, "/collectstd", &order(&quote)).await.status, 200);
}

#[tokio::test]
async fn a_content_type_of_grpc_is_answered_like_any_other() {
    for (arguments, status) in [(&[][..], 401), (&["--s3p-http-400"], 400)] {
        let folder = Folder::new();
        let server = Server::start(&folder, arguments);
        let signed = Caller::alice(&server).request("POST", "/quotestd", "", "");
        for content_type in GRPC {
            let with = |authorization: &str| Signed {
                authorization: authorization.to_owned(),
                content_type: content_type.to_owned(),
                body: "amount=1".to_owned(),
                ..signed.clone()
            };
            for unsigned in ["", "s3pAuth", "Basic YTpi"] {
                let reply = with(unsigned).send(&server).await;
                assert_eq!((reply.status.as_u16(), &*reply.body), (status, ACCESS_TOKEN_INVALID));
            }
            let reply = with(&signed.authorization).send(&server).await;
            assert_eq!(verdict(&reply), (415, 41500), "{content_type}");
        }
    }
}
