//! Mistakes that are found when the keys are set up.

use std::time::Duration;

use portcullis::jwt::{
    Algorithm::{ES256, HS256},
    remote::{JwksUrl, RemoteKeys, RemoteKeysBuilder},
};

use crate::{script::Script, set, told};

#[test]
fn an_address_is_https_or_on_this_machine() {
    for url in [
        "https://id.example.org/jwks",
        "HTTPS://id.example.org/jwks?tenant=a",
        "http://127.0.0.1/jwks",
        "http://127.255.0.1:8080/jwks",
        "http://[::1]:8080/jwks",
        "http://localhost/jwks",
    ] {
        assert!(JwksUrl::new(url).is_ok(), "{url}");
    }
    for url in [
        "http://id.example.org/jwks",
        "http://localhost.example.org/jwks",
        "http://127.0.0.1.example.org/jwks",
        "http://10.0.0.1/jwks",
        "http://0.0.0.0/jwks",
        "http://169.254.169.254/latest",
        "http://127.0.0.1@id.example.org/jwks",
    ] {
        assert!(JwksUrl::new(url).is_err(), "{url}");
    }
    assert!(JwksUrl::builder("http://id.example.org/jwks").dangerous_plain_http().build().is_ok());
    for url in [
        "",
        "id.example.org/jwks",
        "/jwks",
        "file:///etc/jwks",
        "ftp://id.example.org/jwks",
        "https://",
        "https://canary@id.example.org/jwks",
        "https://a:canary@id.example.org/jwks",
    ] {
        let refused = JwksUrl::builder(url).dangerous_plain_http().build().unwrap_err();
        assert!(!told(&refused).contains("canary"), "{url}: {}", told(&refused));
    }
}

#[test]
fn a_certificate_authority_must_be_a_certificate() {
    for pem in ["", "text", include_str!("../keys/p-256.public.pem")] {
        let source = JwksUrl::builder("https://id.example.org/jwks").root_certificates(pem);
        assert!(source.build().is_err(), "{pem}");
    }
}

type Change = fn(RemoteKeysBuilder, Duration) -> RemoteKeysBuilder;

#[tokio::test(start_paused = true)]
async fn times_that_do_not_fit_together_are_refused() {
    let second = Duration::from_secs(1);
    let hour = 3600 * second;
    let both: Change = |keys, time| keys.refresh_between(time, time);
    let refused: [(Change, Duration, &str); 11] = [
        (both, Duration::ZERO, "refresh_between"),
        (both, second / 2, "refresh_between"),
        (|keys, time| keys.refresh_between(time, time / 2), 60 * second, "wrong way round"),
        (RemoteKeysBuilder::cooldown, Duration::ZERO, "cooldown"),
        (RemoteKeysBuilder::max_stale, Duration::ZERO, "max_stale"),
        (RemoteKeysBuilder::max_stale, hour, "max_stale"),
        (RemoteKeysBuilder::max_stale, Duration::MAX, "max_stale"),
        (both, Duration::MAX, "max_stale"),
        (both, 7 * hour, "max_stale"),
        (RemoteKeysBuilder::time_limit, Duration::ZERO, "time_limit"),
        (RemoteKeysBuilder::time_limit, hour, "time_limit"),
    ];
    for (change, time, word) in refused {
        let script = Script::new(set(&[ES256]));
        let keys = || change(RemoteKeys::builder(script.clone()), time);
        let error = keys().connect_lazy().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
        assert!(keys().connect().await.is_err(), "{error}");
        assert_eq!(script.count(), 0, "{error}");
    }
    for (change, time) in [
        (both, second),
        (RemoteKeysBuilder::cooldown, second),
        (RemoteKeysBuilder::cooldown, Duration::MAX),
        (RemoteKeysBuilder::max_stale, hour + second),
    ] {
        let keys = change(RemoteKeys::builder(Script::new(set(&[ES256]))), time);
        assert!(keys.connect().await.is_ok(), "{time:?}");
    }
}

#[tokio::test]
async fn the_algorithm_of_rsa_keys_is_one_of_rsas() {
    for algorithm in [HS256, ES256] {
        let keys = RemoteKeys::builder(Script::new(set(&[ES256]))).rsa_algorithm(algorithm);
        assert!(keys.connect_lazy().is_err(), "{algorithm:?}");
    }
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let keys = || RemoteKeys::builder(Script::new(set(&[ES256])));
    assert!(keys().connect_lazy().unwrap_err().to_string().contains("tokio"));
    let mut connecting = Box::pin(keys().connect());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(answer) = connecting.as_mut().poll(&mut cx) else {
        panic!("there is nothing to wait for")
    };
    assert!(answer.is_err());
}
