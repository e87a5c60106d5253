//! What is refused, or said, when a layer is built.

use portcullis::introspection::HttpEndpoint;

use super::*;
use crate::support::Log;

#[test]
fn a_layer_that_checks_neither_issuer_nor_audience_says_so() {
    let endpoint = Saying::json(GOOD);
    let warned = |builder: IntrospectionAuthBuilder| {
        let log = Log::capture();
        builder.build().unwrap();
        log.text().contains("checks neither `iss` nor `aud`")
    };
    assert!(warned(bare(&endpoint)));
    assert!(warned(bare(&endpoint).identities_of(ISSUER)));
    assert!(!warned(bare(&endpoint).issuer(ISSUER)));
    assert!(!warned(bare(&endpoint).audience(AUDIENCE)));
}

#[test]
fn a_mistake_is_refused_when_the_layer_is_built() {
    let good = || builder(&Saying::json(GOOD));
    let seconds = Duration::from_secs;
    for (bad, named) in [
        (good().leeway(seconds(301)), "leeway"),
        (good().cache(seconds(31), 10), "30 seconds"),
        (good().cache(Duration::ZERO, 10), "30 seconds"),
        (good().cache(seconds(30), 0), "one or more"),
        (good().issuer(""), "empty"),
        (good().audience(""), "empty"),
        (good().identities_of(""), "empty"),
        (good().realm("a\r\nb"), "realm"),
        (good().resource_metadata("http://api.example.org/x"), "https"),
    ] {
        let error = bad.build().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    assert!(good().leeway(seconds(300)).cache(seconds(30), 1).build().is_ok());
}

#[tokio::test]
async fn challenges_name_the_realm_and_the_metadata() {
    let url = "https://api.example.org/.well-known/oauth-protected-resource";
    let auth = builder(&Saying::json(GOOD)).realm("vault").resource_metadata(url).build().unwrap();
    let answer = send(&AuthenticateLayer::new(auth), get("/")).await;
    assert_eq!(answer.challenges(), [format!(r#"Bearer realm="vault", resource_metadata="{url}""#)]);
}

#[test]
fn a_token_is_sent_over_tls_or_not_at_all() {
    for (url, good) in [
        ("https://id.example.org/introspect", true),
        ("https://id.example.org:8443/introspect?tenant=a", true),
        ("http://127.0.0.1:8080/introspect", true),
        ("http://[::1]/introspect", true),
        ("http://localhost/introspect", true),
        ("http://id.example.org/introspect", false),
        ("http://127.0.0.1.example.org/introspect", false),
        ("https://me:secret@id.example.org/introspect", false),
        ("https://id.example.org/introspect#x", false),
        ("id.example.org", false),
        ("", false),
    ] {
        assert_eq!(HttpEndpoint::basic(url, "me", "secret").is_ok(), good, "{url}");
        assert_eq!(HttpEndpoint::bearer(url, "secret").is_ok(), good, "{url}");
    }
    for token in ["", "a\n", "a\r\nx: y", "\0"] {
        assert!(HttpEndpoint::bearer("https://id.example.org", token).is_err(), "{token:?}");
    }
    // A form has room for everything.
    assert!(HttpEndpoint::basic("https://id.example.org", "a:b", "\n\u{e9}").is_ok());
}
