//! Who calls: signs by portcullis' own client side.
#![allow(unreachable_pub, reason = "a test has no public API")]

use std::{process::Output, sync::Arc};

use http::{HeaderMap, Method};
use portcullis::{Clock, ManualClock, SystemClock, s3p::Signer};
use serde_json::{Value, json};

use super::gateway_support::{Folder, Reply, Server, run};

pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Any amount is fine, of hundreds.
pub const AIRTIME: &str = "SPAY-DEV-20051-DEMOTEL-CUSTOM";

#[derive(Clone)]
pub struct Caller {
    /// Under which clients reach the server.
    pub url: String,
    pub token: String,
    pub secret: String,
}

impl Caller {
    /// Alice, with the key that the server has printed.
    pub fn alice(server: &Server) -> Self {
        let (token, secret) = (server.demo("access token"), server.demo("  secret"));
        Self { url: server.url.clone(), token, secret }
    }

    /// Bob, with a key that the operator has made.
    pub fn bob(server: &Server, folder: &Folder) -> Self {
        let made = run(folder, &["s3p-key", "add", "bob@example.org"]);
        let (token, secret) =
            (printed(&made, "access token: "), printed(&made, "secret (shown once): "));
        Self { url: server.url.clone(), token, secret }
    }

    pub fn signer(&self) -> Signer {
        Signer::new(&self.token, self.secret.as_str()).unwrap()
    }

    /// A signed request, `path` with its query and without `/s3p/v2`.
    pub fn request(&self, method: &str, path: &str, content_type: &str, body: &str) -> Signed {
        self.signed_by(&self.signer(), method, path, content_type, body)
    }

    /// Signed at another time, in seconds from now.
    pub fn request_at(&self, offset: i64, path: &str) -> Signed {
        let at = u64::try_from(unix_now() + offset).unwrap();
        let signer = self.signer().clock(Arc::new(ManualClock::at_unix(at)));
        self.signed_by(&signer, "GET", path, "", "")
    }

    fn signed_by(
        &self,
        signer: &Signer,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Signed {
        let mut headers = HeaderMap::new();
        if !content_type.is_empty() {
            headers.insert("content-type", content_type.parse().unwrap());
        }
        let url = format!("{}/s3p/v2{path}", self.url).parse().unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let authorization = signer.sign(&method, &url, &headers, body.as_bytes()).unwrap();
        Signed {
            method: method.to_string(),
            path: path.to_owned(),
            authorization: authorization.to_str().unwrap().to_owned(),
            content_type: content_type.to_owned(),
            body: body.to_owned(),
        }
    }

    pub async fn get(&self, server: &Server, path: &str) -> Reply {
        self.request("GET", path, "", "").send(server).await
    }

    pub async fn post(&self, server: &Server, path: &str, body: &Value) -> Reply {
        self.request("POST", path, JSON, &body.to_string()).send(server).await
    }

    /// A quote that was not refused: its id.
    pub async fn quote(&self, server: &Server, item: &str, amount: i64) -> String {
        let body = json!({"payItemId": item, "amount": amount});
        let reply = self.post(server, "/quotestd", &body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["quoteId"].as_str().unwrap().to_owned()
    }

    pub async fn balance(&self, server: &Server) -> i64 {
        let reply = self.get(server, "/account").await;
        reply.json()["balance"].as_i64().unwrap_or_else(|| panic!("{reply:?}"))
    }

    /// The numbers of all that was paid.
    pub async fn paid(&self, server: &Server) -> Vec<String> {
        let always = "/historystd?timestamp_from=2001-01-01&timestamp_to=2200-01-01";
        let reply = self.get(server, always).await;
        let payments = reply.json();
        let payments = payments.as_array().unwrap_or_else(|| panic!("{reply:?}"));
        payments.iter().map(|payment| payment["ptn"].as_str().unwrap().to_owned()).collect()
    }
}

/// A request with its signature. It can be sent again, and be changed after it was signed.
#[derive(Clone)]
pub struct Signed {
    pub method: String,
    pub path: String,
    pub authorization: String,
    pub content_type: String,
    pub body: String,
}

impl Signed {
    pub async fn send(&self, server: &Server) -> Reply {
        let authorization = format!("authorization: {}", self.authorization);
        let content_type = format!("content-type: {}", self.content_type);
        let mut headers = vec![authorization.as_str()];
        if !self.content_type.is_empty() {
            headers.push(&content_type);
        }
        let path = format!("/s3p/v2{}", self.path);
        server.send(&self.method, &path, &headers, self.body.clone()).await
    }
}

/// The body of `collectstd`.
pub fn order(quote: &str) -> Value {
    json!({
        "quoteId": quote,
        "customerPhonenumber": "237699999999",
        "customerEmailaddress": "customer@example.org",
        "serviceNumber": "699999999",
        "trid": "order 1",
    })
}

/// Status and `respCode`.
pub fn verdict(reply: &Reply) -> (u16, u64) {
    let json = reply.json();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["devMsg", "link", "respCode", "usrMsg"], "{reply:?}");
    assert_eq!(reply.header("content-type"), JSON);
    (reply.status.as_u16(), json["respCode"].as_u64().unwrap())
}

/// Of what a subcommand has printed: the line that begins with these words.
pub fn printed(output: &Output, words: &str) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(words));
    line.unwrap_or_else(|| panic!("no {words:?}: {output:?}")).to_owned()
}

pub fn unix_now() -> i64 {
    let since = SystemClock.now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
