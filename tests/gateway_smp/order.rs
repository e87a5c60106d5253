//! What is refused first when several things are wrong: 401, then 403 or 404, then 415, then 400.

use crate::{
    CARD, CARD_XML, GROUP, GROUP_XML, SERVICE, SERVICE_XML, WRITES,
    gateway_support::{Folder, Server},
    publish, write,
};

/// As different as can be from what the path wants.
const WRONG: &str = "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;";

#[tokio::test]
async fn credentials_come_before_everything() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    let unknown = "/iso6523-actorid-upis%3A%3A0088%3Aunknown";
    for path in [GROUP, SERVICE, CARD, unknown, "/no-id", "/no-id/services/x", "/%FF"] {
        let wrong = ["authorization: Bearer wrong", "content-type: text/plain"];
        assert_eq!(server.send("PUT", path, &wrong[1..], WRONG).await.status, 401, "{path}");
        assert_eq!(server.send("PUT", path, &wrong, WRONG).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn ownership_comes_before_the_content_type_and_the_document() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    let bob = format!("authorization: {}", server.bob());
    for content_type in ["content-type: text/plain", "content-type: application/xml"] {
        for (method, path, _) in WRITES {
            let reply = server.send(method, path, &[&bob, content_type], WRONG).await;
            assert_eq!(reply.status, 403, "{method} {path}");
        }
        let document = SERVICE.strip_prefix(GROUP).unwrap();
        for (method, path) in [
            ("DELETE", "/a%3A%3Ab".to_owned()),
            ("PUT", format!("/a%3A%3Ab{document}")),
            ("DELETE", format!("/a%3A%3Ab{document}")),
            ("PUT", "/businesscard/a%3A%3Ab".to_owned()),
            ("DELETE", "/businesscard/a%3A%3Ab".to_owned()),
            ("POST", "/businesscard/a%3A%3Ab/push".to_owned()),
        ] {
            let reply = server.send(method, &path, &[&bob, content_type], WRONG).await;
            assert_eq!(reply.status, 404, "{method} {path}");
        }
    }
    // Somebody else's group is refused even to whoever names no document type.
    let no_document = format!("{GROUP}/services/no-id");
    assert_eq!(server.send("PUT", &no_document, &[&bob], "").await.status, 403);
    for (path, stored) in [(GROUP, GROUP_XML), (SERVICE, SERVICE_XML), (CARD, CARD_XML)] {
        assert_eq!(server.get(path, &[]).await.body, stored);
    }
}

#[tokio::test]
async fn the_content_type_comes_before_the_document() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    let alice = format!("authorization: {}", server.alice());
    let no_document = format!("{GROUP}/services/no-id");
    for content_type in [
        "text/plain",
        "application/json",
        "application/x-www-form-urlencoded",
        "application/soap+xml",
        "application/xml-dtd",
        "text/xml2",
        "xml",
        ";",
        "text/plain; x=application/xml",
    ] {
        let content_type = format!("content-type: {content_type}");
        for path in [GROUP, SERVICE, CARD, &no_document] {
            let reply = server.send("PUT", path, &[&alice, &content_type], WRONG).await;
            assert_eq!(reply.status, 415, "{path} {content_type}");
        }
    }
    for path in [GROUP, SERVICE, CARD, &no_document] {
        assert_eq!(server.send("PUT", path, &[&alice], WRONG).await.status, 415, "{path}");
    }
    for content_type in
        ["text/xml", "Text/XML; charset=iso-8859-1", "application/xml;charset=utf-8;q=1"]
    {
        let content_type = format!("content-type: {content_type}");
        let headers = [alice.as_str(), content_type.as_str()];
        assert_eq!(server.send("PUT", GROUP, &headers, WRONG).await.status, 400, "{content_type}");
        assert_eq!(server.send("PUT", &no_document, &headers, SERVICE_XML).await.status, 400);
        assert_eq!(server.send("PUT", GROUP, &headers, GROUP_XML).await.status, 200, "{content_type}");
    }
    // A body is not asked of whoever has none to send.
    assert_eq!(write(&server, ("DELETE", GROUP, WRONG), &server.alice()).await.status, 200);
}
