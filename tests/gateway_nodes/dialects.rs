//! A key for a client that signs in its own way, which the operator makes.

use std::process::Output;

use http::Uri;
use jiff::Timestamp;
use portcullis::s3p::{Dialect, PublicUrl, SignatureMethod, SigningInput, Stamp};

use super::*;
use servers::Postgres;

/// How a request of this key is answered, signed in this dialect and by this method.
async fn ping(server: &Server, key: &Key, dialect: Dialect, method: SignatureMethod) -> u16 {
    let (now, nonce) = (Timestamp::now().as_second().to_string(), format!("{dialect}{method}"));
    let stamp = Stamp { method, nonce: &nonce, timestamp: &now, token: &key.token };
    let url = PublicUrl::parse(&format!("{PUBLIC_URL}/s3p/v2")).unwrap();
    let uri = Uri::from_static("/ping?note=%20a%20b!");
    let headers = HeaderMap::new();
    let input = SigningInput::in_dialect(dialect, &Method::GET, &url, &uri, &headers, b"", stamp);
    let signature = input.unwrap().signature(&key.secret.as_str().into());
    let signed = format!(
        "authorization: s3pAuth,s3pAuth_nonce=\"{nonce}\",s3pAuth_signature=\"{signature}\",\
         s3pAuth_signature_method=\"{method}\",s3pAuth_timestamp=\"{now}\",s3pAuth_token=\"{}\"",
        key.token
    );
    server.get(&format!("/s3p/v2{uri}"), &[&signed]).await.status.as_u16()
}

/// A key of Alice's, or what the program says instead.
fn add_key(cluster: &Cluster, flags: &[&str]) -> Result<Key, Output> {
    let output = cluster.run(&[&["s3p-key", "add", ALICE], flags].concat());
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    let after = |words: &str| printed.lines().find_map(|line| line.strip_prefix(words));
    let key = after("access token: ").zip(after("secret (shown once): "));
    key.map(|(token, secret)| Key { token: token.into(), secret: secret.into() }).ok_or(output)
}

#[tokio::test]
async fn a_key_is_made_for_the_dialects_and_the_method_of_its_client() {
    use SignatureMethod::{HmacSha1, HmacSha256};

    let cluster = Cluster::new(Postgres::shared().database());
    let server = cluster.start();
    let made = |flags: &[&str]| add_key(&cluster, flags);
    let strict = made(&[]).unwrap();
    let flags =
        ["--dialect", "maviance-nodejs", "--dialect", "go-query-escape", "--method", "HMAC-SHA256"];
    let own = made(&flags).unwrap();
    for (dialect, of_strict, of_own) in [
        (Dialect::STRICT, 200, 401),
        (Dialect::MAVIANCE_NODEJS, 401, 200),
        (Dialect::NDOLE_GO, 401, 200),
        (Dialect::PYTHON, 401, 401),
    ] {
        assert_eq!(ping(&server, &strict, dialect, HmacSha1).await, of_strict, "{dialect}");
        assert_eq!(ping(&server, &own, dialect, HmacSha256).await, of_own, "{dialect}");
        for (key, other) in [(&strict, HmacSha256), (&own, HmacSha1)] {
            assert_eq!(ping(&server, key, dialect, other).await, 401, "{dialect}");
        }
    }
    let before = cluster.run(&["s3p-key", "list"]).stdout;
    let listed = String::from_utf8(before.clone()).unwrap();
    for signs in ["  HMAC-SHA1 strict  ", "  HMAC-SHA256 untrimmed+"] {
        assert!(listed.contains(signs), "{listed}");
    }
    for (flags, told) in [
        (&["--dialect", "klingon"][..], "is no S3P dialect"),
        (&["--method", "HMAC-MD5"], "is no S3P signature method"),
        (&["--dialect", "strict"].repeat(5), "between 1 and 4 dialects"),
    ] {
        let refused = made(flags).err().unwrap();
        assert!(!refused.status.success());
        assert!(String::from_utf8(refused.stderr).unwrap().contains(told), "{told}");
    }
    assert_eq!(cluster.run(&["s3p-key", "list"]).stdout, before, "what is refused is not made");
}

#[tokio::test]
async fn a_key_that_is_there_is_told_anew_how_its_client_signs() {
    let cluster = Cluster::new(Postgres::shared().database());
    let server = cluster.start();
    let key = add_key(&cluster, &[]).unwrap();
    let tell = |arguments: &[&str]| cluster.run(&[&["s3p-key", "dialects"], arguments].concat());
    assert!(tell(&[&key.token, "python"]).status.success());
    for (dialect, status) in [(Dialect::STRICT, 401), (Dialect::PYTHON, 200)] {
        let answered = ping(&server, &key, dialect, SignatureMethod::HmacSha1).await;
        assert_eq!(answered, status, "{dialect}");
    }
    for (arguments, told) in [
        (vec!["nobodys", "strict"], "there is no access key with the token \"nobodys\""),
        ([&[&*key.token], &["strict"; 5][..]].concat(), "between 1 and 4 dialects"),
    ] {
        let refused = tell(&arguments);
        assert!(!refused.status.success());
        assert!(String::from_utf8(refused.stderr).unwrap().contains(told), "{told}");
    }
}
