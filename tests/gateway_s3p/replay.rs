//! A signed request is done once.

use futures_util::future::join_all;

use super::{
    caller::{AIRTIME, Caller, JSON, order, verdict},
    gateway_support::{Folder, Server, until},
};

#[tokio::test]
async fn a_replayed_payment_has_no_effect() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let quote = alice.quote(&server, AIRTIME, 1000).await;
    let request = alice.request("POST", "/collectstd", JSON, &order(&quote).to_string());
    let paid = request.send(&server).await.json();
    for _ in 0..3 {
        assert_eq!(verdict(&request.send(&server).await), (401, 4009));
    }
    assert_eq!(alice.balance(&server).await, 999_000);
    assert_eq!(alice.paid(&server).await, [paid["ptn"].as_str().unwrap()]);
}

#[tokio::test]
async fn a_replay_after_a_crash_is_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, port) = (Caller::alice(&server), server.port());
    let (first, second) =
        (alice.quote(&server, AIRTIME, 1000).await, alice.quote(&server, AIRTIME, 500).await);
    let request = alice.request("POST", "/collectstd", JSON, &order(&first).to_string());
    let ping = alice.request("GET", "/ping", "", "");
    assert_eq!(request.send(&server).await.status, 200);
    assert_eq!(ping.send(&server).await.status, 200);
    server.kill();

    let server = Server::start_on(&folder, port, &[]);
    assert_eq!(verdict(&request.send(&server).await), (401, 4009));
    assert_eq!(verdict(&ping.send(&server).await), (401, 4009));
    assert_eq!(alice.balance(&server).await, 999_000);
    let paid = alice.post(&server, "/collectstd", &order(&second)).await;
    assert_eq!(paid.json()["agentBalance"], 998_500, "an older quote is still good");
}

#[tokio::test]
async fn of_many_copies_at_once_one_is_done() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let mut rounds = 0;
    until("four rounds of which the database has answered each request", async || {
        let quote = alice.quote(&server, AIRTIME, 1000).await;
        let request = alice.request("POST", "/collectstd", JSON, &order(&quote).to_string());
        let paid_before = alice.paid(&server).await.len();
        let replies = join_all((0..16).map(|_| request.send(&server))).await;
        let count = |status| replies.iter().filter(|reply| reply.status == status).count();
        let paid_now = alice.paid(&server).await.len() - paid_before;
        if count(503) == 0 {
            assert_eq!((count(200), count(401), paid_now), (1, 15, 1));
            rounds += 1;
        }
        assert!(count(200) <= 1 && paid_now <= 1, "{replies:?}");
        rounds == 4
    })
    .await;
    let paid = i64::try_from(alice.paid(&server).await.len()).unwrap();
    assert_eq!(alice.balance(&server).await, 1_000_000 - 1000 * paid);
}

#[tokio::test]
async fn of_many_orders_for_one_quote_one_is_done() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let order = order(&alice.quote(&server, AIRTIME, 1000).await);
    let replies = join_all((0..16).map(|_| alice.post(&server, "/collectstd", &order))).await;
    // Those for which the database had no turn in time have not been looked at.
    let looked_at = replies.iter().filter(|reply| reply.status != 503);
    let (paid, refused): (Vec<_>, Vec<_>) = looked_at.partition(|reply| reply.status == 200);
    assert_eq!(paid.len(), 1);
    for reply in refused {
        assert_eq!(verdict(reply), (400, 4209));
    }
    assert_eq!(alice.paid(&server).await.len(), 1);
    assert_eq!(alice.balance(&server).await, 999_000);
}
