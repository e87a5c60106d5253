//! What real clients send: curl as the documentation writes it, and two clients that are in use.

use std::{fs, process::Command};

use crate::{
    GROUP, GROUP_XML, SERVICE, SERVICE_XML,
    gateway_support::{Folder, Server, paste, run_with_input},
    group_of, write,
};

/// What clients do that works is to work in both modes.
const MODES: [&[&str]; 2] = [&[], &["--smp-preset", "phoss"]];

/// Runs curl as the documentation has it; the status, and the body.
fn curl(folder: &Folder, arguments: &[&str]) -> (u16, String) {
    fs::write(folder.path("service-group.xml"), GROUP_XML).unwrap();
    let said = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}"])
        .args(arguments)
        .current_dir(folder.path("."))
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said = String::from_utf8(said.stdout).unwrap();
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

#[test]
fn the_curl_lines_of_the_documentation_work() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let url = format!("{}/iso6523-actorid-upis%3A%3A0088%3A5060210000007", server.url);
    let xml = ["-H", "Content-Type: application/xml", "--data-binary", "@service-group.xml"];
    let put = |credentials: [&str; 2]| {
        curl(&folder, &[&["-X", "PUT", &url], &credentials[..], &xml[..]].concat())
    };

    let token = format!("Authorization: {}", server.user_token());
    assert_eq!(put(["-H", &token]), (200, String::new()));
    let alice = format!("alice@example.org:{}", server.demo("alice@example.org  password"));
    assert_eq!(put(["-u", &alice]), (200, String::new()));

    assert_eq!(curl(&folder, &[&url]), (200, GROUP_XML.to_owned()));
    assert_eq!(put(["-u", "alice@example.org:wrong"]).0, 401);
    assert_eq!(put(["-H", "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"]).0, 401);
    let bob = format!("bob@example.org:{}", server.demo("bob@example.org    password"));
    assert_eq!(put(["-u", &bob]).0, 403);
    assert_eq!(curl(&folder, &["-X", "DELETE", &url, "-u", &bob]).0, 403);
    assert_eq!(curl(&folder, &["-X", "DELETE", &url, "-u", &alice]), (200, String::new()));
    assert_eq!(curl(&folder, &["--head", &url]).0, 404);
}

#[test]
fn the_line_that_the_greeting_prints_works_and_so_do_a_delete_with_a_body_and_a_switch_of_phoss() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let greeting = server.greeting();
    let lines = greeting.lines().filter(|line| line.contains("9915%3Ademo"));
    let statuses: Vec<String> =
        lines.map(|line| paste(line).lines().next().unwrap().to_owned()).collect();
    let [put, get, delete] = &statuses[..] else { panic!("{statuses:?}") };
    assert!(put.contains(" 200 ") && get.contains(" 200 ") && delete.contains(" 403 "), "{statuses:?}");

    // phoss's own scripts send the document along with a DELETE, and its shell scripts have a switch.
    let url = format!("{}{GROUP}?create-in-sml=false", server.url);
    let alice = format!("alice@example.org:{}", server.demo("alice@example.org  password"));
    let data = ["-u", &alice, "-H", "Content-Type: text/xml", "--data-binary", "@service-group.xml"];
    for method in ["PUT", "DELETE"] {
        assert_eq!(curl(&folder, &[&["-X", method, &url], &data[..]].concat()), (200, String::new()));
    }
}

/// As recommand-peppol does: a bearer token, the participant's colons as they are, documents that its XML
/// library has indented.
#[tokio::test]
async fn a_client_that_leaves_the_colons_of_participants_as_they_are_works() {
    for mode in MODES {
        let folder = Folder::new();
        recommand(&Server::start(&folder, mode), mode.is_empty()).await;
    }
}

async fn recommand(server: &Server, by_the_page: bool) {
    let token = server.user_token();
    let group = "/iso6523-actorid-upis::0208:0123456789";
    let document = "busdox-docid-qns%3A%3Aurn%3Aoasis%3Anames%3Aspecification%3Aubl%3Aschema%3Axsd%3A\
                    Invoice-2%3A%3AInvoice%23%23urn%3Acen.eu%3Aen16931%3A2017%23compliant%23urn%3Afdc%3A2.1";
    let service = format!("{group}/services/{document}");
    let card = format!("/businesscard{group}");
    let participant = "<id:ParticipantIdentifier scheme=\"iso6523-actorid-upis\">0208:0123456789\
                       </id:ParticipantIdentifier>";
    let namespaces = "xmlns:smp=\"http://busdox.org/serviceMetadata/publishing/1.0/\" \
                      xmlns:id=\"http://busdox.org/transport/identifiers/1.0/\"";
    let group_xml = format!(
        "<smp:ServiceGroup {namespaces}>\n  {participant}\n  \
         <smp:ServiceMetadataReferenceCollection></smp:ServiceMetadataReferenceCollection>\n\
         </smp:ServiceGroup>\n"
    );
    let service_xml = format!(
        "<smp:ServiceMetadata {namespaces}>\n  <smp:ServiceInformation>\n    {participant}\n    \
         <id:DocumentIdentifier scheme=\"busdox-docid-qns\">urn:oasis:names:specification:ubl:schema:xsd:\
         Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#urn:fdc:2.1</id:DocumentIdentifier>\n    \
         <smp:ProcessList></smp:ProcessList>\n  </smp:ServiceInformation>\n</smp:ServiceMetadata>\n"
    );
    let card_xml = format!(
        "<BusinessCard xmlns=\"http://www.peppol.eu/schema/pd/businesscard/20180621/\">\n  {}\n  \
         <BusinessEntity>\n    <Name language=\"en\">Example</Name>\n  </BusinessEntity>\n</BusinessCard>\n",
        participant.replace("id:", "")
    );
    for (path, body) in [(group, &group_xml), (&service, &service_xml), (&card, &card_xml)] {
        assert_eq!(write(server, ("PUT", path, body.clone()), &token).await.status, 200, "{path}");
        assert_eq!(server.get(path, &[]).await.body, *body);
    }
    let authorization = format!("authorization: {token}");
    assert_eq!(server.send("DELETE", &service, &[&authorization], "").await.status, 200);
    assert_eq!(server.send("DELETE", group, &[&authorization], "").await.status, 200);
    // It takes a group that is not there for deleted if the answer says so; the real program's does not.
    let gone = server.send("DELETE", group, &[&authorization], "").await;
    assert_eq!((gone.status.as_u16(), gone.body.contains("does not exist")), (404, by_the_page));
    // What it asks for when a participant moves is a talk with the network's locator, which is not here: it is told
    // so, and does not go on as if the network knew.
    let moved = format!("/migration/inbound{group}/key");
    let json = [authorization.as_str(), "content-type: application/json"];
    assert_eq!(server.send("PUT", &moved, &json, "").await.status, 404);
}

/// As qerds does: a password with every request, reads too, and everything percent-encoded.
#[tokio::test]
async fn a_client_that_encodes_everything_and_always_sends_its_password_works() {
    for mode in MODES {
        let folder = Folder::new();
        qerds(&Server::start(&folder, mode)).await;
    }
}

async fn qerds(server: &Server) {
    let group = "/iso6523-actorid-upis%3A%3A0088%3A1234567890123";
    let service = format!(
        "{group}/services/busdox-docid-qns%3A%3Aurn%3Aoasis%3Anames%3Aspecification%3Aubl%3Aschema%3Axsd%3A\
         Invoice-2%3A%3AInvoice%23%23UBL-2.1"
    );
    let group_xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <ServiceGroup xmlns=\"http://docs.oasis-open.org/bdxr/ns/SMP/2016/05\">\n    \
        <ParticipantIdentifier scheme=\"iso6523-actorid-upis\">0088:1234567890123</ParticipantIdentifier>\n    \
        <ServiceMetadataReferenceCollection/>\n</ServiceGroup>";
    let service_xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <ServiceMetadata xmlns=\"http://docs.oasis-open.org/bdxr/ns/SMP/2016/05\"><ServiceInformation>\
        <ParticipantIdentifier scheme=\"iso6523-actorid-upis\">0088:1234567890123</ParticipantIdentifier>\
        <DocumentIdentifier scheme=\"busdox-docid-qns\">urn:oasis:names:specification:ubl:schema:xsd:\
        Invoice-2::Invoice##UBL-2.1</DocumentIdentifier><ProcessList/></ServiceInformation></ServiceMetadata>";
    let alice = format!("authorization: {}", server.alice());
    let read = [alice.as_str(), "accept: application/xml"];
    assert_eq!(server.get(group, &read).await.status, 404);
    for (path, body) in [(group, group_xml), (&service, service_xml)] {
        assert_eq!(write(server, ("PUT", path, body), &server.alice()).await.status, 200, "{path}");
        assert_eq!(server.get(path, &read).await.body, body);
    }
    assert_eq!(write(server, ("PUT", group, group_xml), &server.bob()).await.status, 403);
    for path in [&service, group] {
        assert_eq!(server.send("DELETE", path, &[&alice], "").await.status, 200);
        assert_eq!(server.send("DELETE", path, &[&alice], "").await.status, 404);
    }
}

/// As phoss's own scripts do: a password as a header, a participant in both cases, the document by `-d`, which
/// takes the line breaks away, and a `DELETE` with a body.
#[test]
fn the_scripts_of_phoss_work() {
    for mode in MODES {
        let folder = Folder::new();
        let added = ["user", "add", "admin@helger.com", "--password-stdin"];
        assert!(run_with_input(&folder, &added, "password\n").status.success());
        let server = Server::start(&folder, mode);
        let url = |id: &str| format!("{}/iso6523-actorid-upis::9999:{id}", server.url);
        let send = |method, id, data| {
            let (url, xml) = (url(id), "Content-Type: application/xml");
            let who = "Authorization: Basic YWRtaW5AaGVsZ2VyLmNvbTpwYXNzd29yZA==";
            curl(&folder, &["-X", method, "-H", xml, "-H", who, "-d", data, &url])
        };
        let group = group_of("iso6523-actorid-upis", "9999:test1");
        fs::write(folder.path("group.xml"), group.replace("><", ">\n<")).unwrap();
        assert_eq!(send("PUT", "test1", "@group.xml"), (200, String::new()));
        assert_eq!(send("PUT", "TEST1", "@group.xml"), (200, String::new()));
        assert_eq!(curl(&folder, &[&url("Test1")]), (200, group));
        let id = "iso6523-actorid-upis::9999:TEST1";
        assert_eq!(send("DELETE", "test1", id), (200, String::new()));
        assert_eq!(send("DELETE", "TEST1", id).0, 404);
    }
}

/// The documents that phoss sends in its own tests and scripts are taken, and served byte for byte.
#[tokio::test]
async fn the_documents_of_phoss_own_tests_are_taken_as_they_are() {
    const GROUP: &str = "/iso6523-actorid-upis%3A%3A9915%3Axxx";
    let service = format!(
        "{GROUP}/services/busdox-docid-qns%3A%3Aurn%3Aoasis%3Anames%3Aspecification%3Aubl%3Aschema%3Axsd%3A\
         Invoice-2%3A%3AInvoice%23%23urn%3Acen.eu%3Aen16931%3A2017%23compliant%23urn%3Afdc%3Apeppol.eu%3A2017\
         %3Apoacc%3Abilling%3A3.0%3A%3A2.1"
    );
    let documents = [
        (GROUP.to_owned(), include_str!("../smp-xml/phoss/peppol-service-group.xml")),
        (service, include_str!("../smp-xml/phoss/peppol-service-metadata.xml")),
        (format!("/businesscard{GROUP}"), include_str!("../smp-xml/phoss/peppol-business-card-v3.xml")),
        (
            "/iso6523-actorid-upis::9999:TEST1".to_owned(),
            include_str!("../smp-xml/phoss/sg-9999-test1.xml"),
        ),
    ];
    for mode in MODES {
        let folder = Folder::new();
        let server = Server::start(&folder, mode);
        for (path, document) in documents.clone() {
            let put = write(&server, ("PUT", &path, document), &server.alice()).await;
            assert_eq!((put.status.as_u16(), put.body.as_str()), (200, ""), "{path}");
            assert_eq!(server.get(&path, &[]).await.body, document, "{path}");
        }
        // A placeholder in one of them is what its programs replace.
        let other = write(&server, ("PUT", GROUP, documents[3].1), &server.alice()).await;
        assert_eq!(other.status, 400);
    }
}

/// As a script that is on the web does: a password, no entry in the locator, colons and hashes encoded.
#[test]
fn a_script_that_sets_up_a_local_network_works() {
    for mode in MODES {
        let folder = Folder::new();
        let server = Server::start(&folder, mode);
        let user = format!("alice@example.org:{}", server.demo("alice@example.org  password"));
        fs::write(folder.path("service.xml"), SERVICE_XML).unwrap();
        let xml = ["-u", &user, "-H", "Content-Type: application/xml", "-X", "PUT"];
        for (path, file) in [
            (format!("{GROUP}?create-in-sml=false"), "service-group.xml"),
            (SERVICE.to_owned(), "service.xml"),
        ] {
            let (url, file) = (format!("{}{path}", server.url), format!("@{file}"));
            let rest = ["--data-binary", file.as_str(), url.as_str()];
            assert_eq!(curl(&folder, &[&xml[..], &rest].concat()), (200, String::new()), "{path}");
        }
    }
}
