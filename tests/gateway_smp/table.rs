//! The table of endpoints: who may call what, and what comes back.

use crate::{
    CARD, CARD_XML, GROUP, GROUP_XML, PUSH, REDIRECT_XML, SERVICE, SERVICE_XML, WRITES,
    gateway_support::{Folder, Server},
    publish, write,
};

const READS: [(&str, &str); 3] = [(GROUP, GROUP_XML), (SERVICE, SERVICE_XML), (CARD, CARD_XML)];

#[tokio::test]
async fn the_status_is_json_and_the_ping_is_answered_with_and_without_a_slash() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for path in ["/smp-status", "/smp-status/"] {
        let reply = server.get(path, &[]).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/json"));
        assert_eq!(reply.json()["smp.publicurl"], server.url);
        assert_eq!(reply.json()["smp.writable-rest-api.enabled"], true);
    }
    for path in ["/ping", "/ping/"] {
        let reply = server.get(path, &[]).await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, "pong"));
        // These two do not look at credentials at all.
        assert_eq!(server.get(path, &["authorization: Bearer wrong"]).await.status, 200);
    }
}

#[tokio::test]
async fn a_path_or_a_method_that_is_not_in_the_table_is_told_so_in_a_line_of_text() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for (method, path, status, text) in [
        ("GET", "/no/such/path", 404, "Not found: it does not exist on this SMP"),
        ("GET", "//", 404, "Not found: it does not exist on this SMP"),
        ("PUT", "/a::b/services", 404, "Not found: it does not exist on this SMP"),
        ("PATCH", GROUP, 405, "Method not allowed on this path"),
        ("GET", PUSH, 405, "Method not allowed on this path"),
        ("DELETE", "/ping/", 405, "Method not allowed on this path"),
        ("POST", "/health/live", 405, "Method not allowed on this path"),
        ("POST", "/", 405, "Method not allowed on this path"),
    ] {
        let reply = server.send(method, path, &[], "").await;
        assert_eq!((reply.status.as_u16(), &*reply.body), (status, text), "{method} {path}");
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(reply.headers.contains_key("allow"), status == 405, "{reply:?}");
    }
}

#[tokio::test]
async fn who_knows_the_address_alone_is_led_to_the_page_for_people() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let reply = server.get("/", &[]).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "secure/"));
    assert_eq!(server.get("/secure/", &[]).await.status, 303);
    assert_eq!(server.get("/secure/sign-in", &[]).await.status, 200);
}

#[tokio::test]
async fn tokens_and_passwords_write_every_row_of_the_table_and_all_may_read() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for who in [server.user_token(), server.alice()] {
        for (path, _) in READS {
            assert_eq!(server.get(path, &[]).await.status, 404, "{path}");
        }
        for (method, path, body) in WRITES {
            let reply = write(&server, (method, path, body), &who).await;
            assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, ""), "{method} {path}");
            let read = READS.iter().find(|(read, _)| *read == path && method == "PUT");
            let Some((_, stored)) = read else { continue };
            for headers in [&[][..], &[&*format!("authorization: {}", server.bob())]] {
                let reply = server.get(path, headers).await;
                assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, *stored), "{path}");
                assert_eq!(reply.header("content-type"), "text/xml; charset=UTF-8");
                assert_eq!(reply.header("cache-control"), "no-store");
            }
        }
        for (path, _) in READS {
            assert_eq!(server.get(path, &[]).await.status, 404, "{path} is deleted");
        }
    }
}

#[tokio::test]
async fn no_row_is_written_without_credentials() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for owned in [false, true] {
        if owned {
            publish(&server, &server.alice()).await;
        }
        for (method, path, body) in WRITES {
            let reply = server.send(method, path, &["content-type: application/xml"], body).await;
            assert_eq!(reply.status, 401, "{method} {path}");
        }
        for (path, _) in READS {
            assert_eq!(server.get(path, &[]).await.status, if owned { 200 } else { 404 });
        }
    }
}

#[tokio::test]
async fn a_head_is_a_get_without_the_body() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    for (path, body) in [READS[0], READS[1], READS[2], ("/ping/", "pong")] {
        let reply = server.send("HEAD", path, &[], "").await;
        assert_eq!((reply.status.as_u16(), reply.body.as_str()), (200, ""), "{path}");
        assert_eq!(reply.header("content-length"), body.len().to_string(), "{path}");
    }
}

#[tokio::test]
async fn a_group_goes_with_its_services_its_card_and_its_owner() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &server.alice()).await.status, 200);
    for (path, _) in READS {
        assert_eq!(server.get(path, &[]).await.status, 404, "{path}");
    }
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &server.alice()).await.status, 404);
    // It is Bob's now, and has nothing of what was Alice's.
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &server.bob()).await.status, 200);
    assert_eq!(server.get(SERVICE, &[]).await.status, 404);
    assert_eq!(server.get(CARD, &[]).await.status, 404);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &server.alice()).await.status, 403);
}

#[tokio::test]
async fn writing_again_replaces_a_redirect_may_stand_for_metadata_and_only_a_card_is_pushed() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = server.user_token();
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 200);
    assert_eq!(write(&server, ("POST", PUSH, ""), &alice).await.status, 404, "no card yet");
    assert_eq!(write(&server, ("DELETE", CARD, ""), &alice).await.status, 404);
    assert_eq!(write(&server, ("DELETE", SERVICE, ""), &alice).await.status, 404);
    publish(&server, &alice).await;

    assert_eq!(write(&server, ("PUT", SERVICE, REDIRECT_XML), &alice).await.status, 200);
    assert_eq!(server.get(SERVICE, &[]).await.body, REDIRECT_XML);
    let again =
        GROUP_XML.replace("Collection/>", "Collection></smp:ServiceMetadataReferenceCollection>");
    assert_eq!(write(&server, ("PUT", GROUP, again.clone()), &alice).await.status, 200);
    assert_eq!(server.get(GROUP, &[]).await.body, again);
    assert_eq!(server.get(SERVICE, &[]).await.body, REDIRECT_XML, "it stays");
    assert_eq!(pushed(&folder).await, None);
    assert_eq!(write(&server, ("POST", PUSH, ""), &alice).await.status, 200);
    assert!(pushed(&folder).await.is_some());
    assert_eq!(write(&server, ("PUT", CARD, CARD_XML), &alice).await.status, 200);
    assert_eq!(pushed(&folder).await, None, "this card is a new one");
    assert_eq!(write(&server, ("DELETE", CARD, ""), &alice).await.status, 200);
    assert_eq!(write(&server, ("POST", PUSH, ""), &alice).await.status, 404);
}

/// When the one card was pushed.
async fn pushed(folder: &Folder) -> Option<i64> {
    let mut database = folder.database().await;
    let pushed = sqlx::query_scalar("SELECT pushed FROM smp_business_cards");
    pushed.fetch_one(&mut database).await.unwrap()
}
