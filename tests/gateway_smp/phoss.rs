//! The table of the SMP part: what the page says, and with the preset, what the real program says.

use crate::{
    CARD, CARD_XML, GROUP, GROUP_XML, PUSH, SERVICE, SERVICE_XML,
    gateway_support::{Folder, Reply, Server, basic, run},
    group_of, publish, write,
};

const PRESET: [&str; 2] = ["--smp-preset", "phoss"];
const DETAILS: [&str; 3] = ["--smp-preset", "phoss", "--error-details"];

const MISSING: &str = "Missing required HTTP header 'Authorization' for user authentication";
const MALFORMED: &str =
    "The HTTP header 'Authorization' is malformed. Contains neither a Bearer Token nor Basic Auth";
const REFUSED: &str = "Username and/or password are invalid!";
const NOT_OWNER: &str =
    "User 'bob@example.org' does not own 'iso6523-actorid-upis::0088:5060210000007'";

fn is_as_phoss_says(reply: &Reply, text: &str, case: &str) {
    assert_eq!((reply.status.as_u16(), reply.body.as_str()), (403, text), "{case}");
    assert_eq!(reply.headers.get("www-authenticate"), None, "{case}");
    assert_eq!(reply.header("content-type"), "text/plain;charset=UTF-8", "{case}");
    assert_eq!(reply.header("cache-control"), "no-store", "{case}");
    assert_eq!(reply.header("content-length"), text.len().to_string(), "{case}");
}

#[tokio::test]
async fn who_is_not_let_in_gets_401_by_the_page_and_403_with_the_preset() {
    let (alice, unknown_token) = ("alice@example.org", format!("Bearer pct_{:048x}", 0));
    let unknown = "Unknown user 'nobody@example.org'";
    for (arguments, is_preset, details) in
        [(&[][..], false, false), (&PRESET, true, false), (&DETAILS, true, true)]
    {
        let folder = Folder::new();
        let server = Server::start(&folder, arguments);
        let revoked = server.user_token();
        let list = run(&folder, &["token", "list", alice]).stdout;
        let id = String::from_utf8(list).unwrap().split_whitespace().next().unwrap().to_owned();
        assert!(run(&folder, &["token", "revoke", &id]).status.success());
        let told = |text| if details { text } else { REFUSED };
        let cases = [
            ("no credentials", None, 401, MISSING),
            ("another scheme", Some("Digest username=\"alice\"".to_owned()), 401, MALFORMED),
            ("malformed Basic", Some("Basic !".to_owned()), 401, MALFORMED),
            ("malformed Bearer", Some("Bearer two words".to_owned()), 401, MALFORMED),
            ("no name", Some(basic("", "x")), 401, if details { "Unknown user ''" } else { REFUSED }),
            ("unknown user", Some(basic("nobody@example.org", "x")), 401, told(unknown)),
            ("wrong password", Some(basic(alice, "wrong")), 401, REFUSED),
            ("unknown token", Some(unknown_token.clone()), 401, told("Unknown Bearer token")),
            (
                "no form of a token",
                Some("Bearer eyJhbGci".to_owned()),
                401,
                told("Unknown Bearer token"),
            ),
            ("revoked token", Some(revoked), 401, told("Unknown Bearer token")),
        ];
        for (case, who, page, phoss) in cases {
            let header = who.map(|who| format!("authorization: {who}"));
            let headers: Vec<&str> = header.iter().map(String::as_str).collect();
            // What else is wrong with it is not looked at: credentials come first.
            for (method, path, body) in [
                ("PUT", GROUP, GROUP_XML),
                ("PUT", GROUP, "<bad>"),
                ("PUT", CARD, CARD_XML),
                ("PUT", "/no-id", ""),
                ("PUT", "/%FF", ""),
                ("DELETE", SERVICE, ""),
                ("POST", PUSH, ""),
            ] {
                let reply = server.send(method, path, &headers, body).await;
                let case = format!("{case}: {method} {path}");
                if is_preset {
                    is_as_phoss_says(&reply, phoss, &case);
                } else {
                    assert_eq!(reply.status, page, "{case}");
                }
            }
        }
        // The one header that the real program would look at is Alice's.
        let alice = format!("authorization: {}", server.alice());
        let twice = server.send("PUT", GROUP, &[&alice, "authorization: Basic !"], GROUP_XML).await;
        if is_preset {
            is_as_phoss_says(&twice, MALFORMED, "twice");
        } else {
            assert_eq!(twice.status, 401);
        }
        assert_eq!(server.get(GROUP, &[]).await.status, 404, "nothing was written");
    }
}

#[tokio::test]
async fn a_disabled_user_is_told_so_if_the_operator_wants_it() {
    const ALICE: &str = "alice@example.org";
    for (arguments, text) in [(&PRESET[..], REFUSED), (&DETAILS, "User is disabled!")] {
        let folder = Folder::new();
        let server = Server::start(&folder, arguments);
        let (alice, token) = (server.alice(), server.user_token());
        for (refuse, allow) in [
            (&["user", "disable", ALICE][..], &["user", "enable", ALICE][..]),
            (&["user", "lock", ALICE], &["user", "unlock", ALICE]),
            (&["user", "expire", ALICE, "2001-01-01"], &["user", "expire", ALICE, "never"]),
        ] {
            assert!(run(&folder, refuse).status.success());
            for who in [&alice, &token] {
                let reply = write(&server, ("PUT", GROUP, GROUP_XML), who).await;
                is_as_phoss_says(&reply, text, who);
            }
            // Who cannot sign in is told nothing of the account.
            let guess = write(&server, ("PUT", GROUP, GROUP_XML), &basic(ALICE, "wrong")).await;
            is_as_phoss_says(&guess, REFUSED, "a guess");
            assert!(run(&folder, allow).status.success());
            assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &token).await.status, 200);
        }
        // A token that is revoked is unknown, whatever its user is.
        let list = String::from_utf8(run(&folder, &["token", "list", ALICE]).stdout).unwrap();
        assert!(run(&folder, &["token", "revoke", list.split(' ').next().unwrap()]).status.success());
        assert!(run(&folder, &["user", "disable", ALICE]).status.success());
        let reply = write(&server, ("PUT", GROUP, GROUP_XML), &token).await;
        let unknown = if arguments == DETAILS { "Unknown Bearer token" } else { REFUSED };
        is_as_phoss_says(&reply, unknown, "revoked");
    }
}

#[tokio::test]
async fn a_document_of_another_is_named_with_the_preset_as_the_program_names_it() {
    const ID: &str = "iso6523-actorid-upis::0088:5060210000007";
    const DOCUMENT: &str = "busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##\
                            urn:example:billing::2.1";
    let group = |id: &str| {
        format!(
            "Service Group Inconsistency. The URL points to '{ID}' whereas the Service Group contains {id}"
        )
    };
    let card = format!(
        "Participant Inconsistency. The URL points to '{ID}' whereas the BusinessCard contains 'Other::X'"
    );
    let service = |what: &str, id: &str, sent: &str| {
        format!(
            "Save Service Metadata was called with inconsistent values.\nService {what} ID: '{id}'\nURL \
             parameter value: '{sent}'"
        )
    };
    for arguments in [&[][..], &PRESET] {
        let folder = Folder::new();
        let server = Server::start(&folder, arguments);
        let (alice, url) = (server.user_token(), &server.url);
        publish(&server, &alice).await;
        let of_x =
            |document: &str| document.replace("iso6523-actorid-upis\">0088:5060210000007", "Other\">X");
        let long = group_of("long", &"x".repeat(100_000));
        for (path, document, text) in [
            (GROUP, group_of("Other", "X"), group("'Other::X'")),
            (
                GROUP,
                group_of("iso6523-actorid-upis", "0088:UPPER"),
                group("'iso6523-actorid-upis::0088:upper'"),
            ),
            (GROUP, "<ServiceGroup/>".to_owned(), group("<none>")),
            (GROUP, long, group(&format!("'long::{}'", "x".repeat(250)))),
            (CARD, of_x(CARD_XML), card.clone()),
            (SERVICE, of_x(SERVICE_XML), service("Infoformation Participant", "Other::X", ID)),
            (
                SERVICE,
                SERVICE_XML.replace("billing::2.1", "billing::2.2"),
                service("Information Document Type", &DOCUMENT.replace("::2.1", "::2.2"), DOCUMENT),
            ),
        ] {
            let reply = write(&server, ("PUT", path, document), &alice).await;
            let text = if arguments.is_empty() {
                "Bad request: the identifiers in the path or the XML document cannot be accepted"
                    .to_owned()
            } else {
                format!("Bad request: {text} at '{url}{path}'")
            };
            assert_eq!((reply.status.as_u16(), reply.body), (400, text));
        }
        assert_eq!(server.get(GROUP, &[]).await.body, GROUP_XML, "nothing is stored");
    }
}

/// The real program answers such a PUT with 200, and makes the group the caller's.
#[tokio::test]
async fn a_group_is_taken_over_neither_by_the_page_nor_with_the_preset() {
    for arguments in [&[][..], &PRESET, &DETAILS] {
        let folder = Folder::new();
        let server = Server::start(&folder, arguments);
        publish(&server, &server.alice()).await;
        let bobs = crate::token_of_bob(&folder);
        let stolen = format!("{GROUP_XML}<!-- Bob's -->");
        for who in [server.bob(), bobs] {
            for (method, path, body) in [
                ("PUT", GROUP, stolen.as_str()),
                ("PUT", &GROUP.replace("%3A", ":"), &stolen),
                ("PUT", SERVICE, SERVICE_XML),
                ("PUT", CARD, CARD_XML),
                ("POST", PUSH, ""),
                ("DELETE", CARD, ""),
                ("DELETE", SERVICE, ""),
                ("DELETE", GROUP, ""),
            ] {
                let reply = write(&server, (method, path, body.to_owned()), &who).await;
                if arguments.is_empty() {
                    assert_eq!(reply.status, 403, "{method} {path}");
                } else {
                    is_as_phoss_says(&reply, NOT_OWNER, &format!("{method} {path}"));
                }
            }
        }
        assert_eq!(server.get(GROUP, &[]).await.body, GROUP_XML);
        assert_eq!(write(&server, ("DELETE", GROUP, ""), &server.alice()).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_missing_or_no_id_is_named_with_the_preset() {
    const UPPER: &str = "/Iso6523-actorid-upis%3A%3A0088%3AX";
    const DOCUMENT: &str = "busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##\
                            urn:example:billing::2.1";
    const ID: &str = "iso6523-actorid-upis::0088:5060210000007";
    for is_preset in [false, true] {
        let folder = Folder::new();
        let server = Server::start(&folder, if is_preset { &PRESET } else { &[] });
        let (url, alice) = (&server.url, server.user_token());
        let made = write(&server, ("PUT", GROUP, GROUP_XML), &alice).await;
        assert_eq!((made.status.as_u16(), made.body.as_str()), (200, ""));
        let x = "Iso6523-actorid-upis::0088:X";
        let unknown = format!("Service Group '{x}' is not registered on this SMP");
        let no_card = format!("No Business Card assigned to Service Group '{ID}' at {url}{CARD}");
        let no_service = format!(
            "Service Group '{ID}' doesn't support the document type ID '{DOCUMENT}' at {url}{SERVICE}"
        );
        let push = format!("The provided Service Group ID '{ID}' has no BusinessCard on this SMP");
        let no_type = format!("{GROUP}/services/no-type");
        let card_of_x = format!("/businesscard{UPPER}");
        let no_id =
            |path: &str, id| format!("Failed to parse Service Group ID '{id}' at '{url}{path}'");
        let no_document = format!("Failed to parse Document Type ID 'no-type' at '{url}{no_type}'");
        for (method, path, page, phoss, text) in [
            ("GET", UPPER, 404, 404, format!("{unknown} at {url}{UPPER}")),
            ("GET", &card_of_x, 404, 404, format!("{unknown} at {url}{card_of_x}")),
            ("GET", SERVICE, 404, 404, no_service.clone()),
            ("GET", CARD, 404, 404, no_card.clone()),
            ("DELETE", UPPER, 404, 404, unknown.clone()),
            ("DELETE", &card_of_x, 404, 404, unknown.clone()),
            ("DELETE", SERVICE, 404, 404, no_service),
            ("DELETE", CARD, 404, 404, no_card),
            ("POST", PUSH, 404, 400, format!("{push} at '{url}{PUSH}'")),
            ("GET", "/no-id", 404, 400, no_id("/no-id", "no-id")),
            ("GET", "/%FF", 404, 400, no_id("/%FF", "")),
            ("DELETE", "/no%2Did", 400, 400, no_id("/no%2Did", "no-id")),
            ("DELETE", "/%FF", 400, 400, no_id("/%FF", "")),
            ("GET", &no_type, 404, 400, no_document.clone()),
            ("DELETE", &no_type, 400, 400, no_document),
        ] {
            let reply = match method {
                "GET" => server.get(path, &[]).await,
                _ => write(&server, (method, path, ""), &alice).await,
            };
            if is_preset {
                let kind = if phoss == 404 { "Not found" } else { "Bad request" };
                assert_eq!(reply.body, format!("{kind}: {text}"), "{method} {path}");
            }
            let status = if is_preset { phoss } else { page };
            assert_eq!(reply.status, status, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_the_preset_has_no_words_for_is_as_by_the_page() {
    let folder = Folder::new();
    let server = Server::start(&folder, &PRESET);
    let alice = server.user_token();
    let header = format!("authorization: {alice}");
    let other = group_of("iso6523-actorid-upis", "0088:other");
    for (content_type, body, status) in [
        ("text/plain", GROUP_XML.to_owned(), 415),
        ("text/xml", other, 400),
        ("text/xml", "<bad>".to_owned(), 400),
        ("text/xml", " ".repeat(1024 * 1024 + 1), 413),
        ("text/xml", GROUP_XML.to_owned(), 200),
    ] {
        let content_type = format!("content-type: {content_type}");
        let reply = server.send("PUT", GROUP, &[&header, &content_type], body).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
    // The names of schemes have no case (RFC 9110 section 11.1): in both modes.
    let lower = alice.replace("Bearer", "bearer");
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &lower).await.status, 200);
}

#[tokio::test]
async fn the_callers_own_words_are_shown_as_text() {
    let folder = Folder::new();
    let server = Server::start(&folder, &DETAILS);
    let script = basic("<script>alert(1)</script>", "x");
    let reply = write(&server, ("DELETE", GROUP, ""), &script).await;
    is_as_phoss_says(&reply, "Unknown user '<script>alert(1)</script>'", "script");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
}
