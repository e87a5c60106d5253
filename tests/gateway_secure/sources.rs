//! Behind a proxy: where requests come from, and whether over https, is what one's own proxies say.

use http::{HeaderMap, HeaderValue};

use crate::{
    ALICE, BOB,
    gateway_support::{Folder, Reply, Server, basic, run},
    password_of,
    proxies::{Network, Proxies},
    sign_in,
};

fn proxies(networks: &[&str]) -> Proxies {
    Proxies(networks.iter().map(|network| network.parse().unwrap()).collect())
}

fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
    lines
        .iter()
        .map(|line| (name.parse().unwrap(), HeaderValue::from_bytes(line.as_bytes()).unwrap()))
        .collect()
}

#[test]
fn the_last_hop_that_is_no_proxy_of_ones_own_has_sent_a_request() {
    let trusted = proxies(&["10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48"]);
    for (peer, lines, client) in [
        // Whoever is no trusted proxy says nothing.
        ("203.0.113.9", &["198.51.100.7"][..], "203.0.113.9"),
        ("192.0.2.2", &["198.51.100.7"], "192.0.2.2"),
        ("11.0.0.1", &["198.51.100.7"], "11.0.0.1"),
        ("2001:db8::1", &["198.51.100.7"], "2001:db8::1"),
        ("10.1.2.3", &["198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.1.2.3", &["198.51.100.7"], "198.51.100.7"),
        ("2001:db8:ffff::5", &["2001:db8::7"], "2001:db8::7"),
        // What a stranger has put there stands to the left of himself.
        ("10.1.2.3", &["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
        ("10.1.2.3", &["10.9.9.9, 198.51.100.7"], "198.51.100.7"),
        ("10.1.2.3", &["1.1.1.1", "198.51.100.7"], "198.51.100.7"),
        ("10.1.2.3", &["1.1.1.1, 2.2.2.2", "198.51.100.7,10.0.0.9"], "198.51.100.7"),
        // Through several proxies.
        ("192.0.2.1", &["198.51.100.7, 10.0.0.9"], "198.51.100.7"),
        ("192.0.2.1", &["198.51.100.7\t ,\t10.0.0.9 "], "198.51.100.7"),
        ("192.0.2.1", &["198.51.100.7", "10.0.0.9", "2001:db8:ffff::5"], "198.51.100.7"),
        // The proxy itself, or one before it.
        ("10.1.2.3", &[], "10.1.2.3"),
        ("10.1.2.3", &["10.0.0.9"], "10.0.0.9"),
        // With a port, and as IPv6 is written.
        ("10.1.2.3", &["198.51.100.7:4711"], "198.51.100.7"),
        ("10.1.2.3", &["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.1.2.3", &["[2001:db8::7]"], "2001:db8::7"),
        ("10.1.2.3", &["::ffff:198.51.100.7"], "198.51.100.7"),
        // What is no address is followed no further.
        ("10.1.2.3", &[""], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.7,"], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.7, unknown"], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.7, unknown, 10.0.0.9"], "10.0.0.9"),
        ("10.1.2.3", &["for=198.51.100.7"], "10.1.2.3"),
        ("10.1.2.3", &["\"198.51.100.7\""], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.7 198.51.100.8"], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.07"], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100"], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.7/32"], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.7:65536"], "10.1.2.3"),
        ("10.1.2.3", &["[198.51.100.7]"], "10.1.2.3"),
        ("10.1.2.3", &["2001:db8::7]"], "10.1.2.3"),
        ("10.1.2.3", &["fe80::1%eth0"], "10.1.2.3"),
        ("10.1.2.3", &["198.51.100.7\u{e9}"], "10.1.2.3"),
    ] {
        let found = trusted.client(peer.parse().unwrap(), &headers("x-forwarded-for", lines));
        assert_eq!(found.to_string(), client, "{peer} {lines:?}");
    }
    let nobody = Proxies::default();
    assert!(nobody.is_empty() && !trusted.is_empty());
    let found = nobody.client("10.1.2.3".parse().unwrap(), &headers("x-forwarded-for", &["1.1.1.1"]));
    assert_eq!(found.to_string(), "10.1.2.3");
}

#[test]
fn over_https_is_what_a_trusted_proxy_says_once() {
    let trusted = proxies(&["10.0.0.0/8"]);
    for (peer, lines, is_https) in [
        ("10.1.2.3", &["https"][..], true),
        ("10.1.2.3", &["HTTPS"], true),
        ("10.1.2.3", &["http"], false),
        ("10.1.2.3", &[], false),
        ("10.1.2.3", &["https", "https"], false),
        ("10.1.2.3", &["https, http"], false),
        ("203.0.113.9", &["https"], false),
    ] {
        let said = trusted.say_https(peer.parse().unwrap(), &headers("x-forwarded-proto", lines));
        assert_eq!(said, is_https, "{peer} {lines:?}");
    }
}

#[test]
fn a_network_is_an_address_and_how_many_bits_of_it_count() {
    for good in ["192.0.2.7", "192.0.2.7/32", "10.0.0.0/8", "0.0.0.0/0", "::1", "2001:db8::/32", "::/0"]
    {
        assert!(good.parse::<Network>().is_ok(), "{good}");
    }
    for (bad, reason) in [
        ("", "neither an address nor a network"),
        ("localhost", "neither"),
        ("10.0.0.0/", "neither"),
        ("10.0.0.0/33", "neither"),
        ("10.0.0.0/+8", "neither"),
        ("10.0.0.0/-1", "neither"),
        ("10.0.0.0/8/8", "neither"),
        ("10.0.0/8", "neither"),
        ("2001:db8::/129", "neither"),
        ("10.0.0.7/8", "more bits than the 8"),
        ("2001:db8::1/32", "more bits than the 32"),
        ("::ffff:10.0.0.1", "write it as one"),
    ] {
        let told = bad.parse::<Network>().unwrap_err();
        assert!(told.contains(reason), "{bad}: {told}");
    }
    let folder = Folder::new();
    let told = run(&folder, &["--trusted-proxy", "10.0.0.7/8"]);
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("--trusted-proxy") && told.contains("more bits"), "{told}");
}

/// Asks the SMP to delete what is not there, as somebody; by way of a proxy.
async fn ask(server: &Server, forwarded: &str, name: &str, password: &str) -> Reply {
    let headers =
        [format!("authorization: {}", basic(name, password)), format!("x-forwarded-for: {forwarded}")];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    server.send("DELETE", "/iso6523-actorid-upis::9915:none", &headers, "").await
}

/// Guesses until it is told to wait: each attempt that is let through beyond the limit doubles the wait, so that it
/// comes to that on the slowest machine.
async fn exhaust(most: usize, refused: u16, guess: impl AsyncFn(usize) -> Reply) -> usize {
    for guesses in 0..most + 8 {
        let reply = guess(guesses).await;
        if reply.status == 429 {
            return guesses;
        }
        assert_eq!(reply.status, refused, "{reply:?}");
    }
    panic!("nobody was told to wait")
}

#[tokio::test]
async fn behind_a_proxy_the_owner_is_let_in_where_he_is_known_while_others_guess() {
    const HOME: &str = "198.51.100.7";
    let folder = Folder::new();
    let server = Server::start(&folder, &["--trusted-proxy", "127.0.0.1,10.0.0.0/8"]);
    let password = password_of(&server, ALICE);
    assert_eq!(ask(&server, HOME, ALICE, &password).await.status, 404);
    let guess =
        async |n: usize| ask(&server, &format!("203.0.113.{n}, 203.0.113.9"), ALICE, "wrong").await;
    assert!(exhaust(20, 401, guess).await >= 20);
    let log = server.log().await;
    assert!(log.contains("refused=\"basic.throttled_pair\""), "{log}");
    // By all doors, and in what order the proxies have added themselves.
    assert_eq!(ask(&server, &format!("{HOME}, 10.0.0.9"), ALICE, &password).await.status, 404);
    let forwarded = format!("x-forwarded-for: {HOME}");
    let signed_in = sign_in(&server, &[&forwarded], ALICE, &password).await;
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    // Who guesses waits at the other doors as well.
    let elsewhere = ["x-forwarded-for: 203.0.113.9"];
    exhaust(0, 403, async |_| sign_in(&server, &elsewhere, ALICE, "wrong").await).await;
}

#[tokio::test]
async fn behind_a_proxy_one_password_is_not_tried_on_many_accounts() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--trusted-proxy", "127.0.0.1"]);
    let guess = async |n: usize| {
        // The first half of an IPv6 address is one source.
        ask(&server, &format!("2001:db8::{n:x}"), &format!("user{n}@example.org"), "Summer2025!").await
    };
    assert!(exhaust(100, 401, guess).await >= 100);
    let log = server.log().await;
    assert!(log.contains("refused=\"basic.throttled_source\""), "{log}");
    assert_eq!(ask(&server, "2001:db8:0:1::1", "user@example.org", "x").await.status, 401);
    assert_eq!(ask(&server, "198.51.100.7", BOB, &password_of(&server, BOB)).await.status, 404);
}

#[tokio::test]
async fn who_is_no_trusted_proxy_cannot_choose_where_it_comes_from() {
    let folder = Folder::new();
    // The connections come from 127.0.0.1.
    let server = Server::start(&folder, &["--trusted-proxy", "192.0.2.1"]);
    let guess = async |n: usize| {
        ask(&server, &format!("198.51.100.{n}"), &format!("user{n}@example.org"), "Summer2025!").await
    };
    assert!(exhaust(100, 401, guess).await >= 100);
    let log = server.log().await;
    assert!(log.contains("refused=\"basic.throttled_source\""), "{log}");
}

#[tokio::test]
async fn behind_a_trusted_proxy_passwords_are_taken_over_https_alone_if_that_is_the_public_url() {
    let folder = Folder::new();
    let url = ["--public-url", "https://gateway.example.org"];
    let status = async |server: &Server, headers: &[&str]| {
        let alice = format!("authorization: {}", server.alice());
        let headers = [&[&*alice][..], headers].concat();
        let smp = server.send("DELETE", "/iso6523-actorid-upis::9915:none", &headers, "").await;
        let smsgate = server.get("/3rdparty/v1/messages", &headers).await;
        let page = server.get("/secure/sign-in", &headers).await;
        [smp, smsgate, page].map(|reply| reply.status.as_u16())
    };
    let server = Server::start(&folder, &[&url[..], &["--trusted-proxy", "127.0.0.1"]].concat());
    assert_eq!(status(&server, &["x-forwarded-proto: https"]).await, [404, 200, 200]);
    for headers in [&[][..], &["x-forwarded-proto: http"], &["x-forwarded-proto: https, http"]] {
        assert_eq!(status(&server, headers).await, [403; 3], "{headers:?}");
    }
    assert_eq!(server.get("/ping", &[]).await.status, 200, "what is open stays so");

    // Who knows no proxy believes none, and cannot know.
    let folder = Folder::new();
    let server = Server::start(&folder, &url);
    assert_eq!(status(&server, &[]).await, [404, 200, 200]);
    let folder = Folder::new();
    let server = Server::start(&folder, &[&url[..], &["--trusted-proxy", "192.0.2.1"]].concat());
    assert_eq!(status(&server, &["x-forwarded-proto: https"]).await, [403; 3]);
}
