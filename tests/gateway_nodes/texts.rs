//! Texts that PostgreSQL does not take are mistakes of the caller, and answered alike whatever the database is.

use form_urlencoded::Serializer;

use super::*;
use servers::Postgres;

/// A server on each.
fn on_sqlite_and_postgres() -> [(Cluster, Server); 2] {
    let sqlite = Folder::new();
    let file = format!("sqlite:{}", sqlite.path("gateway.db").display());
    let clusters =
        [Cluster { folder: sqlite, ..Cluster::new(file) }, Cluster::new(Postgres::shared().database())];
    clusters.map(|cluster| {
        let server = cluster.start();
        (cluster, server)
    })
}

#[tokio::test]
async fn a_nul_is_a_mistake_of_the_caller_to_smsgate() {
    for (_cluster, server) in on_sqlite_and_postgres() {
        let alice = server.alice();
        let message = json!({"phoneNumbers": ["+1234567890"], "textMessage": {"text": "a\0b"}});
        let mut of_device = message.clone();
        of_device["deviceId"] = "a\0b".into();
        let webhook =
            json!({"url": "https://example.org", "event": "sms:received", "deviceId": "a\0b"});
        for (method, path, body, expected) in [
            // What is stored as JSON may hold one.
            ("POST", "/messages", &message, 202),
            ("POST", "/messages", &of_device, 400),
            ("POST", "/webhooks", &webhook, 400),
            ("POST", "/messages", &json!({"id": "a\0b"}), 400),
            ("PATCH", "/settings", &json!({"a\0b": {}}), 400),
            ("POST", "/auth/token", &json!({"scopes": ["a\0b"]}), 400),
            ("GET", "/messages?deviceId=a%00b", &Value::Null, 400),
            ("GET", "/messages?state=a%00b", &Value::Null, 400),
            ("GET", "/messages/a%00b", &Value::Null, 400),
            ("DELETE", "/messages/a%00b", &Value::Null, 400),
            ("DELETE", "/devices/a%00b", &Value::Null, 400),
            ("DELETE", "/webhooks/a%00b", &Value::Null, 400),
            ("DELETE", "/auth/token/a%00b", &Value::Null, 400),
        ] {
            let (status, told) = ask(&server, method, &format!("{SMS}{path}"), &alice, body).await;
            assert_eq!(status, expected, "{method} {path} {body}: {told}");
        }
        assert_no_error(&server).await;
    }
}

#[tokio::test]
async fn a_nul_is_a_mistake_of_the_caller_to_s3p() {
    for (_cluster, server) in on_sqlite_and_postgres() {
        let key = Accounts::of(&server).key;
        for path in ["/verifytx?trid=a%00b", "/verifytx?ptn=%00"] {
            let signed = key.sign(&Method::GET, path, &HeaderMap::new(), "");
            let reply = server.get(&format!("/s3p/v2{path}"), &[&signed]).await;
            assert_eq!(reply.status, 400, "{path}: {reply:?}");
        }
        let wish = json!({"payItemId": "SPAY-DEV-20051-DEMOTEL-CUSTOM", "amount": 100});
        let (_, quote) = key.post(&server, "/quotestd", &wish).await;
        let order = json!({
            "quoteId": quote["quoteId"],
            "customerPhonenumber": "237699999999",
            "customerEmailaddress": "customer@example.org",
            "serviceNumber": "699999999",
        });
        for name in ["quoteId", "trid", "tag"] {
            let mut order = order.clone();
            order[name] = "a\0b".into();
            let (status, told) = key.post(&server, "/collectstd", &order).await;
            assert_eq!(status, 400, "{name}: {told}");
        }
        assert_eq!(key.post(&server, "/collectstd", &order).await.0, 200, "the quote is unused");
        assert_no_error(&server).await;
    }
}

#[tokio::test]
async fn a_nul_is_a_mistake_of_the_caller_to_the_page() {
    for (_cluster, server) in on_sqlite_and_postgres() {
        let password = server.demo("bob@example.org    password");
        let bob = [("name", BOB), ("password", &*password)];
        let reply = send_form(&server, "sign-in", "", &bob).await;
        let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        let page = server.get("/secure/user-tokens", &[&format!("cookie: {cookie}")]).await;
        let (_, token) = page.body.split_once("name=\"form_token\" value=\"").unwrap();
        let token = token.split('"').next().unwrap();
        for (form, field, expected) in [
            ("sign-in", "name", 403),
            ("user-tokens", "name", 400),
            ("user-tokens", "scope", 400),
            ("revoke-user-token", "id", 404),
            ("s3p-keys", "name", 400),
            ("rotate-s3p-key", "token", 404),
            ("revoke-s3p-key", "token", 404),
        ] {
            let fields = [("form_token", token), ("once", form), (field, "a\0b")];
            let reply = send_form(&server, form, &cookie, &fields).await;
            assert_eq!(reply.status, expected, "{form} {field}: {reply:?}");
        }
        assert_no_error(&server).await;
    }
}

#[tokio::test]
async fn an_id_of_smp_has_at_most_1024_bytes_and_no_noncharacter() {
    for (_cluster, server) in on_sqlite_and_postgres() {
        let token = server.user_token();
        let write = async |method, path: &str, body| {
            let headers = [&*format!("authorization: {token}"), "content-type: application/xml"];
            server.send(method, path, &headers, body).await.status.as_u16()
        };
        let put_group = async |name: &str| put_group(&server, name, &token).await;
        let longest = unpackable(1_024 - "iso6523-actorid-upis::9915:".len());
        assert_eq!([put_group(&longest).await, put_group(&longest).await], [200, 200]);
        for no_id in [&*format!("{longest}0"), "a\u{10FFFF}", "\u{10FFFF}1"] {
            assert_eq!([put_group(no_id).await, put_group(no_id).await], [400, 400], "{no_id:?}");
        }
        let services = async |value: &str| {
            let service = format!(
                "<ServiceMetadata><ServiceInformation><ParticipantIdentifier scheme=\"iso6523-actorid-upis\">\
                 9915:{longest}</ParticipantIdentifier><DocumentIdentifier scheme=\"scheme\">{value}\
                 </DocumentIdentifier></ServiceInformation></ServiceMetadata>"
            );
            let path = format!("{}/services/scheme%3A%3A{value}", group(&longest));
            let put = write("PUT", &path, service).await;
            let read = server.get(&path, &[]).await.status.as_u16();
            [put, read, write("DELETE", &path, String::new()).await]
        };
        let longest = unpackable(1_024 - "scheme::".len());
        assert_eq!(services(&longest).await, [200, 200, 200]);
        for no_id in [&*unpackable(4_096), &format!("{longest}0"), "a\u{10FFFF}"] {
            assert_eq!(services(no_id).await, [400, 404, 400], "{no_id:?}");
        }
        assert_no_error(&server).await;
    }
}

/// So many bytes, of which PostgreSQL makes no fewer.
fn unpackable(length: usize) -> String {
    let mut random = vec![0; length];
    getrandom::fill(&mut random).unwrap();
    random
        .iter()
        .map(|byte| char::from(b"0123456789abcdefghijklmnopqrstuv"[usize::from(byte % 32)]))
        .collect()
}

async fn send_form(server: &Server, form: &str, cookie: &str, fields: &[(&str, &str)]) -> Reply {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    let cookie = format!("cookie: {cookie}");
    let headers = ["content-type: application/x-www-form-urlencoded", &*cookie];
    server.send("POST", &format!("/secure/{form}"), &headers, body).await
}

/// Nobody is called at night for it.
async fn assert_no_error(server: &Server) {
    let log = server.log().await;
    assert!(!log.contains("ERROR"), "{log}");
}
