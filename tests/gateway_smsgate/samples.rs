//! The `curl` samples of the documentation, as they are printed there: only the host and the placeholders
//! are replaced.

use serde_json::Value;

use super::{gateway_support::paste, *};

const HOST: &str = "https://api.sms-gate.app";
const LOGIN: &str = "username:password";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...";
const ID: &str = "w8pxz0a4Fwa4xgzyCvSeC";

const GENERATE: &str = r#"curl -X POST "https://api.sms-gate.app/3rdparty/v1/auth/token" \
  -u "username:password" \
  -H "Content-Type: application/json" \
  -d '{
    "ttl": 3600,
    "scopes": [
      "messages:send",
      "messages:read",
      "devices:list"
    ]
  }'"#;

const GENERATE_SHORTER: &str = r#"curl -X POST "https://api.sms-gate.app/3rdparty/v1/auth/token" \
  -u "username:password" \
  -H "Content-Type: application/json" \
  -d '{
    "ttl": 3600,
    "scopes": ["messages:send", "messages:read"]
  }'"#;

const SEND: &str = r#"curl -X POST "https://api.sms-gate.app/3rdparty/v1/messages" \
  -H "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..." \
  -H "Content-Type: application/json" \
  -d '{
    "phoneNumbers": ["+1234567890"],
    "textMessage": {
      "text": "Hello from JWT!"
    }
  }'"#;

const LIST: &str = r#"curl -X GET "https://api.sms-gate.app/3rdparty/v1/messages" \
  -H "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...""#;

const REVOKE: &str = r#"curl -X DELETE "https://api.sms-gate.app/3rdparty/v1/auth/token/w8pxz0a4Fwa4xgzyCvSeC" \
  -H "Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...""#;

/// Runs a sample in a shell; the status, and what was answered.
fn run_sample(sample: &str, replaced: &[(&str, &str)]) -> (u16, Value) {
    let sample = replaced.iter().fold(sample.to_owned(), |sample, (from, to)| {
        assert!(sample.contains(from), "{sample}");
        sample.replace(from, to)
    });
    let line = format!("{sample} --silent --show-error --write-out '\\n%{{http_code}}'");
    let printed = paste(&line);
    let (body, status) = printed.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
}

fn login(server: &Server) -> String {
    format!("alice@example.org:{}", server.demo("alice@example.org  password"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_generated_and_sends_a_message() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let login = login(&server);
    for sample in [GENERATE, GENERATE_SHORTER] {
        let (status, answer) = run_sample(sample, &[(HOST, &server.url), (LOGIN, &login)]);
        assert_eq!(status, 201, "{answer}");
        let token = answer["access_token"].as_str().unwrap();
        let claims = claims(&answer["access_token"]);
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
        let (status, answer) = run_sample(SEND, &[(HOST, &server.url), (TOKEN, token)]);
        assert_eq!((status, &answer["state"]), (202, &"Pending".into()));
        let (status, answer) = run_sample(LIST, &[(HOST, &server.url), (TOKEN, token)]);
        assert_eq!((status, &answer["message"]), (403, &"scope required: messages:list".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lists_messages_and_is_revoked() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    // The page does not say which scopes the token of these two samples has.
    let request = GENERATE.replace("messages:send", "messages:list");
    let request = request.replace("messages:read", "tokens:manage");
    let login = login(&server);
    let (status, answer) = run_sample(&request, &[(HOST, &server.url), (LOGIN, &login)]);
    assert_eq!(status, 201);
    let (token, id) = (answer["access_token"].as_str().unwrap(), answer["id"].as_str().unwrap());
    let (status, answer) = run_sample(LIST, &[(HOST, &server.url), (TOKEN, token)]);
    assert_eq!((status, answer), (200, Value::Array(Vec::new())));
    let (status, _) = run_sample(REVOKE, &[(HOST, &server.url), (TOKEN, token), (ID, id)]);
    assert_eq!(status, 204);
    let (status, answer) = run_sample(LIST, &[(HOST, &server.url), (TOKEN, token)]);
    assert_eq!((status, &answer["message"]), (401, &"Unauthorized".into()));
}
