//! What a document has to be; if it is not, nothing is stored.

use std::{cell::Cell, convert::Infallible, pin::pin};

use bytes::Bytes;
use futures_util::future::{Either, select, select_all};

use crate::{
    CARD, CARD_XML, GROUP, GROUP_XML, SERVICE, SERVICE_XML,
    gateway_support::{Folder, Server, command, free_port, until},
    group_of, publish, token_of_bob, write,
};

/// Puts each document where there is nothing yet and where there is something: it is refused, and what was
/// there stays.
pub(crate) async fn refused(path: &str, good: &'static str, documents: &[Bytes]) {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (server.user_token(), token_of_bob(&folder));
    for document in documents {
        if path != GROUP {
            assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 200);
        }
        let shown = String::from_utf8_lossy(&document[..document.len().min(200)]);
        let reply = write(&server, ("PUT", path, document.clone()), &alice).await;
        assert_eq!(reply.status, 400, "{shown}");
        assert_eq!(server.get(path, &[]).await.status, 404, "{shown}");
        if path == GROUP {
            let others = write(&server, ("DELETE", path, ""), &bob).await;
            assert_eq!(others.status, 404, "the claim was given back: {shown}");
        }
    }
    write(&server, ("DELETE", GROUP, ""), &alice).await;
    publish(&server, &bob).await;
    for document in documents {
        assert_eq!(write(&server, ("PUT", path, document.clone()), &bob).await.status, 400);
        assert_eq!(server.get(path, &[]).await.body, good);
        assert_eq!(write(&server, ("PUT", path, good), &alice).await.status, 403, "still Bob's");
    }
}

/// What is wrong wherever it is sent.
fn wrong(good: &str) -> Vec<Bytes> {
    let (declaration, element) = good.split_at(good.find("?>").unwrap() + 2);
    let laughs = (1..10).map(|n| {
        let ten = format!("&l{};", n - 1).repeat(10);
        format!("<!ENTITY l{n} \"{ten}\">")
    });
    let laughs = laughs.collect::<Vec<_>>().concat();
    let laughs = format!("<!DOCTYPE x [<!ENTITY l0 \"ha\">{laughs}]>");
    let external = "<!DOCTYPE x [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    let with = |doctype: &str, entity: &str| {
        let element = element.replace("0088:5060210000007", &format!("0088:5060210000007{entity}"));
        format!("{declaration}{doctype}{element}")
    };
    let mut wrong: Vec<Bytes> = [
        String::new(),
        "not XML".to_owned(),
        "{\"ServiceGroup\":{}}".to_owned(),
        good[..good.len() - 5].to_owned(),
        format!("{good}<more/>"),
        format!("{good}text"),
        good.replace("0088:5060210000007", "0088:5060210000007&undefined;"),
        good.replace("0088:5060210000007", "0088:5060210000007&"),
        with("<!DOCTYPE x>", ""),
        with("<!DOCTYPE x SYSTEM \"http://127.0.0.1:1/x.dtd\">", ""),
        with(&laughs, "&l9;"),
        with(external, "&x;"),
        // Another participant, or none.
        good.replace("0088:5060210000007", "0088:5060210000008"),
        good.replace("0088:5060210000007", ""),
        good.replace("0088:5060210000007", "0088:5060210000007<x/>"),
        good.replace("iso6523-actorid-upis", "iso6523-actorid-other"),
        good.replace("iso6523-actorid-upis", "ISO6523-actorid-upis"),
        good.replace(" scheme=\"iso6523-actorid-upis\"", ""),
        good.replace("ParticipantIdentifier", "ParticipantIdentity"),
        // One of the ids is another's.
        second_participant(good),
        // Another document.
        "<x/>".to_owned(),
        format!("<x>{element}</x>"),
    ]
    .map(Bytes::from)
    .into();
    // Latin-1, UTF-16, and a control character.
    wrong.push(Bytes::from([b"<a>\xe9</a>", good.as_bytes()].concat()));
    wrong.push(good.encode_utf16().flat_map(u16::to_le_bytes).collect());
    wrong.push(Bytes::from(good.replace("0088:5060210000007", "0088:5060210000007\u{1}")));
    wrong
}

fn second_participant(good: &str) -> String {
    let end = good.find("ParticipantIdentifier>").unwrap() + "ParticipantIdentifier>".len();
    let start = good.find("ParticipantIdentifier").unwrap();
    let start = good[..start].rfind('<').unwrap();
    let element = &good[start..end];
    good.replace(element, &format!("{element}{}", element.replace("7</", "8</")))
}

#[tokio::test]
async fn a_service_group_is_well_formed_and_of_the_participant_in_the_path() {
    let mut documents = wrong(GROUP_XML);
    documents.extend([SERVICE_XML, CARD_XML].map(Bytes::from));
    // Colons moved from the value to the scheme.
    documents.push(group_of("iso6523-actorid-upis::0088:", "5060210000007").into());
    refused(GROUP, GROUP_XML, &documents).await;
}

#[tokio::test]
async fn service_metadata_is_well_formed_and_of_the_ids_in_the_path() {
    let mut documents = wrong(SERVICE_XML);
    documents.extend(
        [
            GROUP_XML.to_owned(),
            CARD_XML.to_owned(),
            SERVICE_XML.replace("Invoice##", "CreditNote##"),
            SERVICE_XML.replace("Invoice##", "invoice##"),
            SERVICE_XML.replace("busdox-docid-qns", "peppol-doctype-wildcard"),
            SERVICE_XML.replace("DocumentIdentifier", "DocumentIdentity"),
            SERVICE_XML.replace("ServiceInformation", "ServiceInfo"),
            SERVICE_XML
                .replace("</smp:ServiceInformation>", "</smp:ServiceInformation><smp:Redirect/>"),
            SERVICE_XML.replace(
                "</smp:ServiceInformation>",
                "</smp:ServiceInformation><smp:ServiceInformation/><smp:Redirect/>",
            ),
            "<ServiceMetadata/>".to_owned(),
            "<ServiceMetadata><Redirect/><Redirect/></ServiceMetadata>".to_owned(),
        ]
        .map(Bytes::from),
    );
    refused(SERVICE, SERVICE_XML, &documents).await;
}

#[tokio::test]
async fn a_business_card_is_well_formed_and_of_the_participant_in_the_path() {
    let mut documents = wrong(CARD_XML);
    documents.extend([GROUP_XML, SERVICE_XML].map(Bytes::from));
    refused(CARD, CARD_XML, &documents).await;
}

#[tokio::test]
async fn a_document_has_at_most_a_mebibyte_and_is_served_as_it_came() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = server.user_token();
    let padded = |length: usize| format!("{GROUP_XML}{}", " ".repeat(length - GROUP_XML.len()));
    let headers = [&*format!("authorization: {alice}"), "content-type: application/xml"];
    let answer = server.send_too_long(&format!("PUT {GROUP}"), &headers, 1024 * 1024);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &server.bob()).await.status, 404, "not claimed");
    for document in
        [padded(1024 * 1024), format!("\u{feff}{GROUP_XML}"), GROUP_XML.replace('\n', "\r\n")]
    {
        assert_eq!(write(&server, ("PUT", GROUP, document.clone()), &alice).await.status, 200);
        let reply = server.get(GROUP, &[]).await;
        assert!(reply.body == document, "{} bytes", reply.body.len());
    }
}

#[tokio::test]
async fn a_document_made_to_cost_the_parser_dear_does_not() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = server.user_token();
    let numbered = |each: &dyn Fn(usize) -> String| (0..40_000).map(each).collect::<String>();
    let deep = format!("{}{}", "<a>".repeat(140_000), "</a>".repeat(140_000));
    for (extension, status) in [
        (deep, 200),
        ("<a/>".repeat(250_000), 200),
        ("a<![CDATA[b]]>".repeat(70_000), 200),
        ("&lt;".repeat(250_000), 200),
        (format!("<a{}/>", numbered(&|n| format!(" a{n}=\"\""))), 400),
        (format!("<a{}/>", numbered(&|n| format!(" xmlns:a{n}=\"b\""))), 400),
        (numbered(&|n| format!("<a xmlns=\"{n}\"/>")), 400),
    ] {
        let extension = format!("<Extension>{extension}</Extension></smp:ServiceGroup>");
        let document = GROUP_XML.replace("</smp:ServiceGroup>", &extension);
        let shown: String = extension.chars().take(60).collect();
        let reply = write(&server, ("PUT", GROUP, document), &alice).await;
        assert_eq!(reply.status, status, "{shown}");
    }
}

#[tokio::test]
async fn while_long_documents_are_parsed_other_requests_are_answered() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = command();
    // Fewer threads that serve requests than documents, on every machine.
    command.env("TOKIO_WORKER_THREADS", "2").args(["--listen", &format!("127.0.0.1:{port}")]);
    let server = Server::launch(&folder, port, command.current_dir(folder.path("")));
    let alice = server.user_token();
    let attributes: Vec<_> = (0..500).map(|n| format!(" a{n}=''")).collect();
    let element = format!("<a{}/>", attributes.concat());
    let long = Bytes::from(format!("<x>{}</x>", element.repeat(60)));
    // Three at the most if the documents are parsed where requests are served, however often it is tried; if not,
    // hundreds, and fewer where the machine has others to serve.
    until("twenty are answered before the first document is", async || {
        pings_while_parsed(&server, &long, &alice).await >= 20
    })
    .await;
}

/// How many requests are answered from when eight documents are sent until the first of them is answered.
async fn pings_while_parsed(server: &Server, document: &Bytes, who: &str) -> usize {
    let writes = (0..8).map(|_| Box::pin(write(server, ("PUT", GROUP, document.clone()), who)));
    let pings = Cell::new(0);
    let all_pings = pin!(async {
        loop {
            assert_eq!(server.get("/ping", &[]).await.status, 200);
            pings.update(|pings| pings + 1);
        }
    });
    let first: Either<_, (Infallible, _)> = select(select_all(writes), all_pings).await;
    let Either::Left(((reply, ..), _)) = first;
    assert_eq!(reply.status, 400);
    pings.get()
}
