//! When a set is fetched again.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use portcullis::jwt::{
    Algorithm::ES256,
    remote::{FetchedJwks, RemoteKeys},
};
use tokio::time;

use crate::{
    script::{Script, Step},
    set,
};

fn response(headers: &[(&str, &str)]) -> FetchedJwks {
    let mut response = Response::builder();
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    FetchedJwks::from_response(response.body(Bytes::from(set(&[ES256]))).unwrap()).unwrap()
}

/// Seconds from a fetch to the next one, by whole seconds.
async fn seconds_to_the_next(fetched: FetchedJwks) -> u64 {
    let script = Script::new("");
    script.step(Step::Answer(fetched));
    let _keys = RemoteKeys::connect(script.clone()).await.unwrap();
    let mut seconds = 0;
    while script.count() == 1 {
        time::sleep(Duration::from_secs(1)).await;
        seconds += 1;
    }
    seconds
}

#[tokio::test(start_paused = true)]
async fn a_set_is_fetched_again_before_its_lifetime_is_over_within_the_bounds() {
    let cc = "cache-control";
    let unstated = 900;
    for (headers, lifetime) in [
        (&[][..], unstated),
        (&[(cc, "max-age=600")], 600),
        (&[(cc, "public, MAX-AGE=\"600\" , must-revalidate")], 600),
        (&[(cc, "max-age=600"), ("age", "100")], 500),
        (&[(cc, "max-age=600"), ("age", "much")], 600),
        (&[(cc, "max-age=600"), (cc, "max-age=300")], 300),
        (&[(cc, "s-maxage=300")], unstated),
        (&[(cc, "max-age=-1")], unstated),
        (&[(cc, "max-age=soon")], unstated),
        (&[(cc, "max-age")], unstated),
        (&[(cc, "xmax-age=300")], unstated),
        (&[(cc, "max-age=600, no-cache")], 60),
        (&[(cc, "no-store")], 60),
        (&[(cc, "max-age=0")], 60),
        (&[(cc, "max-age=59")], 60),
        (&[(cc, "max-age=600"), ("age", "700")], 60),
        (&[(cc, "max-age=86400")], 3600),
        (&[(cc, "max-age=99999999999999999999999999")], 3600),
        (&[(cc, "max-age=18446744073709551615")], 3600),
    ] {
        let seconds = seconds_to_the_next(response(headers)).await;
        assert!((lifetime * 3 / 4..=lifetime + 1).contains(&seconds), "{headers:?}: {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_of_a_fleet_do_not_ask_together() {
    let mut seconds = Vec::new();
    for _ in 0..20 {
        seconds.push(seconds_to_the_next(response(&[("cache-control", "max-age=3600")])).await);
    }
    seconds.sort_unstable();
    seconds.dedup();
    assert!(seconds.len() > 5, "{seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn the_bounds_are_configurable() {
    let script = Script::new(set(&[ES256]));
    let minute = Duration::from_secs(60);
    let keys = RemoteKeys::builder(script.clone()).refresh_between(minute, minute).connect();
    let _keys = keys.await.unwrap();
    time::sleep(10 * minute).await;
    assert!((10..=14).contains(&script.count()), "{}", script.count());
}
