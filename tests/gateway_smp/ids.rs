//! One participant, however its id is spelled; and what is no id.

use crate::{
    GROUP, GROUP_XML, SERVICE, SERVICE_XML,
    gateway_support::{Folder, Server},
    group_of, publish, write,
};

#[tokio::test]
async fn every_spelling_of_an_id_is_the_same_group() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let spellings = [
        "/iso6523-actorid-upis::9930:de123abc",
        "/iso6523-actorid-upis%3A%3A9930%3Ade123abc",
        "/iso6523-actorid-upis%3a%3a9930%3ade123abc",
        "/iso6523-actorid-upis:%3A9930:DE123ABC",
        "/iso6523-actorid-upis::9930:De123aBc",
        "/iso6523-actorid-upis%3A%3A9930%3A%44%45123abc",
        "/%69so6523-actorid-upis::9930:de123abc",
        "/%20iso6523-actorid-upis::9930:de123abc%20",
        "/iso6523-actorid-upis::9930:de123abc?create-in-sml=false",
    ];
    let written = [
        group_of("iso6523-actorid-upis", "9930:DE123ABC"),
        group_of("iso6523-actorid-upis", "\n  9930:de123<!-- -->abc\n  "),
        group_of("iso6523-actorid-upis", "<![CDATA[9930:De123]]>a&#98;c"),
    ];
    assert_eq!(
        write(&server, ("PUT", spellings[0], written[0].clone()), &server.alice()).await.status,
        200
    );
    for (path, body) in spellings.iter().zip(written.iter().cycle()) {
        let others = write(&server, ("PUT", path, body.clone()), &server.bob()).await;
        assert_eq!(others.status, 403, "{path}");
        assert_eq!(write(&server, ("DELETE", path, ""), &server.bob()).await.status, 403, "{path}");
        let own = write(&server, ("PUT", path, body.clone()), &server.user_token()).await;
        assert_eq!(own.status, 200, "{path} {body}");
        for path in spellings {
            assert_eq!(server.get(path, &[]).await.body, *body, "{path}");
        }
    }
    assert_eq!(write(&server, ("DELETE", spellings[4], ""), &server.alice()).await.status, 200);
    assert_eq!(server.get(spellings[1], &[]).await.status, 404);
}

#[tokio::test]
async fn ids_that_differ_are_different_groups() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let ids = [
        ("/iso6523-actorid-upis::0088:a", "iso6523-actorid-upis", "0088:a"),
        // Case matters in every other scheme, and in the scheme itself.
        ("/Iso6523-actorid-upis::0088:a", "Iso6523-actorid-upis", "0088:a"),
        ("/example-scheme::0088:a", "example-scheme", "0088:a"),
        ("/example-scheme::0088:A", "example-scheme", "0088:A"),
        // A plus is a plus, decoding is done once, and a slash in an id does not end it.
        ("/example-scheme::a+b", "example-scheme", "a+b"),
        ("/example-scheme::a%20b", "example-scheme", "a b"),
        ("/example-scheme::a%252Bb", "example-scheme", "a%2Bb"),
        ("/example-scheme::a%2Fservices%2Fb", "example-scheme", "a/services/b"),
        ("/example-scheme::a::b", "example-scheme", "a::b"),
        ("/ping::a", "ping", "a"),
    ];
    for (path, scheme, value) in ids {
        let body = group_of(scheme, value);
        let reply = write(&server, ("PUT", path, body), &server.user_token()).await;
        assert_eq!(reply.status, 200, "{path}");
    }
    for (path, scheme, value) in ids {
        assert_eq!(server.get(path, &[]).await.body, group_of(scheme, value), "{path}");
    }
}

#[tokio::test]
async fn the_case_of_a_document_type_matters_and_its_spelling_does_not() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    let raw = SERVICE.replace("%3A", ":");
    let small = SERVICE.replace("%3A", "%3a");
    for path in [SERVICE, &raw, &small] {
        assert_eq!(server.get(path, &[]).await.body, SERVICE_XML, "{path}");
        let put = write(&server, ("PUT", path, SERVICE_XML), &server.user_token()).await;
        assert_eq!(put.status, 200, "{path}");
    }
    let other = SERVICE.replace("Invoice", "invoice");
    assert_eq!(server.get(&other, &[]).await.status, 404);
    assert_eq!(write(&server, ("DELETE", &other, ""), &server.alice()).await.status, 404);
    assert_eq!(write(&server, ("PUT", &other, SERVICE_XML), &server.alice()).await.status, 400);
    assert_eq!(server.get(SERVICE, &[]).await.body, SERVICE_XML);
}

#[tokio::test]
async fn fixed_segments_and_what_is_no_id_never_become_groups() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let segments = [
        "businesscard",
        "3rdparty",
        "api",
        "s3p",
        "public",
        "error",
        "logout",
        "stream",
        "ajax",
        "favicon.ico",
        "robots.txt",
        "resbundle",
        "smp-cspreporting",
        "health",
        "list",
        "complete",
        "0088:a",
        "no-scheme",
        "::value",
        "scheme::",
        "%20::value",
        "scheme::%20",
        "::",
        "a%00::b",
        "a::b%0A%0Dc",
        "%FF::a",
        "iso6523-actorid-upis%253A%253A0088%253Aa",
    ];
    for segment in segments {
        for path in [format!("/{segment}"), format!("/businesscard/{segment}")] {
            let put = write(&server, ("PUT", &path, GROUP_XML), &server.user_token()).await;
            assert_eq!(put.status, 400, "{path}");
            let delete = write(&server, ("DELETE", &path, ""), &server.user_token()).await;
            assert_eq!(delete.status, 400, "{path}");
            assert_eq!(server.get(&path, &[]).await.status, 404, "{path}");
            assert_eq!(server.send("PUT", &path, &[], "").await.status, 401, "{path}");
        }
    }
    for path in [
        "/secure",
        "/secure/",
        "/",
        "/ping",
        "/ping/",
        "/smp-status",
        "/smp-status/",
        "/health/live",
        "/health/ready",
    ] {
        let put = write(&server, ("PUT", path, GROUP_XML), &server.user_token()).await;
        assert_eq!(put.status, 405, "{path}");
    }
    for path in ["//", "/a::b/", "/a::b/services", "/a::b/services/", "/migration/inbound/a::b/key"] {
        let put = write(&server, ("PUT", path, GROUP_XML), &server.user_token()).await;
        assert_eq!(put.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_document_type_that_is_no_id_is_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    for document in ["urn:example", "::a", "a::", "%FF::a", "a::b%00"] {
        let path = format!("{GROUP}/services/{document}");
        for (method, status) in [("PUT", 400), ("DELETE", 400), ("GET", 404)] {
            let reply = write(&server, (method, &path, SERVICE_XML), &server.user_token()).await;
            assert_eq!(reply.status, status, "{method} {path}");
        }
    }
}
