//! The flows of the documentation, and what they refuse to a caller who is known.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use portcullis::s3p::SignLayer;
use serde_json::{Value, json};
use tower::{Layer, Service, ServiceExt};

use super::{
    caller::{AIRTIME, Caller, FORM, JSON, order, verdict},
    gateway_support::{Folder, Server},
};

/// A client as an application has it: every request is signed on its way out.
async fn application(caller: &Caller, method: &str, path: &str, body: Option<Value>) -> Value {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut client = SignLayer::new(caller.signer()).layer(client);
    let mut request = Request::new(Full::<Bytes>::default());
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = format!("{}/s3p/v2{path}", caller.url).parse().unwrap();
    if let Some(body) = body {
        request.headers_mut().insert("content-type", JSON.parse().unwrap());
        *request.body_mut() = body.to_string().into();
    }
    let response = client.ready().await.unwrap().call(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(status, StatusCode::OK, "{body:?}");
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn a_bill_is_found_quoted_paid_and_found_again() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let get = async |path: &str| application(&alice, "GET", path, None).await;

    let bills = get("/bill?serviceNumber=TestId&merchant=TESTMERC&serviceid=99999").await;
    let bill = &bills[0];
    assert_eq!((&bill["serviceNumber"], &bill["amountLocalCur"]), (&json!("TestId"), &json!(12500)));
    let body = json!({"payItemId": bill["payItemId"], "amount": bill["amountLocalCur"]});
    let quote = application(&alice, "POST", "/quotestd", Some(body)).await;
    assert_eq!(quote["priceLocalCur"], 12500);
    assert_eq!(get("/account").await["balance"], 1_000_000);

    let order = order(quote["quoteId"].as_str().unwrap());
    let paid = application(&alice, "POST", "/collectstd", Some(order)).await;
    assert_eq!((&paid["status"], &paid["agentBalance"]), (&json!("SUCCESS"), &json!(987_500)));
    assert_eq!(get("/account").await["balance"], 987_500);

    let ptn = paid["ptn"].as_str().unwrap();
    let found = get(&format!("/verifytx?ptn={ptn}")).await;
    assert_eq!((&found[0]["trid"], &found[0]["payItemId"]), (&json!("order 1"), &bill["payItemId"]));
    assert_eq!(get("/verifytx?trid=order%201").await, found);
    assert_eq!(get("/verifytx?trid=order+2").await, json!([]));
    assert_eq!(get(&format!("/verifytx?ptn={ptn}&trid=another")).await, json!([]));
    let now = paid["timestamp"].as_str().unwrap();
    let history = format!("/historystd?timestamp_from={now}&timestamp_to={now}");
    assert_eq!(get(&history).await, found);
    let day = &now[..10];
    assert_eq!(get(&format!("/historystd?timestamp_from={day}&timestamp_to={day}")).await, found);
    let then = "timestamp_from=2013-10-20&timestamp_to=2013-10-20T10:00:00%2B01:00";
    assert_eq!(get(&format!("/historystd?{then}")).await, json!([]));
}

#[tokio::test]
async fn the_catalogue_fits_together() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let merchants = alice.get(&server, "/merchant").await.json();
    let codes: Vec<&Value> =
        merchants.as_array().unwrap().iter().map(|each| &each["merchant"]).collect();
    let services = alice.get(&server, "/service").await.json();
    for service in services.as_array().unwrap() {
        assert!(codes.contains(&&service["merchant"]), "{service}");
        let one = alice.get(&server, &format!("/service/{}", service["serviceid"])).await;
        assert_eq!(one.json(), *service);
    }
    for (path, items) in
        [("/topup", 1), ("/product", 1), ("/voucher", 0), ("/cashin", 0), ("/cashout", 0)]
    {
        let all = alice.get(&server, path).await.json();
        assert_eq!(all.as_array().unwrap().len(), items, "{path}: {all}");
        for item in all.as_array().unwrap() {
            let of_its_service = format!("{path}?serviceid={}", item["serviceid"]);
            assert_eq!(alice.get(&server, &of_its_service).await.json(), json!([item]));
            let of_another = format!("{path}?serviceid=99999");
            assert_eq!(alice.get(&server, &of_another).await.json(), json!([]));
        }
    }
}

#[tokio::test]
async fn a_ping_says_what_was_signed() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let ping = alice.request("GET", "/ping", "", "");
    let reply = ping.send(&server).await.json();
    let nonce = reply["nonce"].as_str().unwrap();
    assert!(ping.authorization.contains(&format!("s3pAuth_nonce=\"{nonce}\"")), "{reply}");
    assert_eq!(reply["key"], *alice.token);
    assert_eq!(reply["version"], "3.0.0");
}

#[tokio::test]
async fn json_and_forms_texts_and_numbers_say_the_same() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    for (content_type, body) in [
        (JSON, format!(r#"{{"payItemId":"{AIRTIME}","amount":1000}}"#)),
        (JSON, format!(r#"{{"payItemId":" {AIRTIME}\n","amount":"1000"}}"#)),
        ("Application/JSON; charset=utf-8", format!(r#"{{"amount":1000,"payItemId":"{AIRTIME}"}}"#)),
        (FORM, format!("payItemId={AIRTIME}&amount=+1000")),
        ("application/x-www-form-urlencoded;charset=UTF-8", format!("amount=1000&payItemId={AIRTIME}")),
    ] {
        let reply = alice.request("POST", "/quotestd", content_type, &body).send(&server).await;
        assert_eq!(reply.status, 200, "{content_type} {body} {reply:?}");
        assert_eq!(reply.json()["amountLocalCur"], 1000);
    }
}

#[tokio::test]
async fn what_cannot_be_quoted_or_read_is_refused_by_its_code() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let bill = "SPAY-DEV-99999-TESTMERC-TestId-1";
    for (body, expected) in [
        (json!({"payItemId": "nothing", "amount": 100}), (400, 40302)),
        (json!({"payItemId": AIRTIME.to_lowercase(), "amount": 100}), (400, 40302)),
        (json!({"amount": 100}), (400, 40000)),
        (json!({"payItemId": AIRTIME}), (400, 40000)),
        (json!({"payItemId": AIRTIME, "amount": ""}), (400, 40000)),
        (json!({"payItemId": AIRTIME, "amount": 0}), (400, 40000)),
        (json!({"payItemId": AIRTIME, "amount": -100}), (400, 40000)),
        (json!({"payItemId": AIRTIME, "amount": 150}), (400, 40000)),
        (json!({"payItemId": AIRTIME, "amount": 100.5}), (400, 40000)),
        (json!({"payItemId": AIRTIME, "amount": "1e3"}), (400, 40000)),
        (json!({"payItemId": AIRTIME, "amount": "18446744073709551616"}), (400, 40000)),
        (json!({"payItemId": bill, "amount": 12_499}), (400, 40000)),
    ] {
        let reply = alice.post(&server, "/quotestd", &body).await;
        assert_eq!(verdict(&reply), expected, "{body}");
    }
    for (path, expected) in [
        ("/service/1", (404, 40602)),
        ("/service/x", (404, 40602)),
        ("/service/%FF", (404, 40602)),
        ("/topup?serviceid=1", (404, 40602)),
        ("/bill?serviceNumber=TestId&merchant=AES&serviceid=99999", (404, 40602)),
        ("/bill?serviceNumber=TestId&merchant=DEMOTEL&serviceid=20051", (404, 40602)),
        ("/bill?serviceNumber=TestId&serviceid=99999", (400, 40000)),
        ("/bill", (400, 40000)),
        ("/verifytx", (400, 40000)),
        ("/verifytx?ptn=&trid=%20", (400, 40000)),
        ("/historystd", (400, 40000)),
        ("/historystd?timestamp_from=2013-10-20", (400, 40000)),
        ("/historystd?timestamp_from=2013-10-20&timestamp_to=yesterday", (400, 40000)),
        ("/historystd?timestamp_from=2013-10-20&timestamp_to=9999-12-31", (400, 40000)),
        ("/historystd?timestamp_from=1361281946&timestamp_to=2013-10-20", (400, 40000)),
    ] {
        assert_eq!(verdict(&alice.get(&server, path).await), expected, "{path}");
    }
}

#[tokio::test]
async fn a_quote_is_paid_once_in_time_by_its_owner_and_in_full() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::alice(&server), Caller::bob(&server, &folder));
    let pay = async |who: &Caller, order: &Value| {
        let reply = who.post(&server, "/collectstd", order).await;
        if reply.status == 200 { (200, 0) } else { verdict(&reply) }
    };
    let quote = alice.quote(&server, AIRTIME, 1000).await;
    let mut order = order(&quote);

    assert_eq!(pay(&bob, &order).await, (400, 4209), "of another");
    for name in ["quoteId", "customerPhonenumber", "customerEmailaddress", "serviceNumber"] {
        let mut without = order.clone();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(pay(&alice, &without).await, (400, 40000), "without {name}");
    }
    order["quoteId"] = json!("0123456789abcdef");
    assert_eq!(pay(&alice, &order).await, (400, 4209), "unknown");

    order["quoteId"] = json!(quote);
    assert_eq!(pay(&alice, &order).await, (200, 0), "no refusal has used it up");
    assert_eq!(pay(&alice, &order).await, (400, 4209), "used");

    order["quoteId"] = json!(alice.quote(&server, AIRTIME, 1000).await);
    let mut database = folder.database().await;
    sqlx::query("UPDATE s3p_quotes SET expires = expires - 601").execute(&mut database).await.unwrap();
    assert_eq!(pay(&alice, &order).await, (400, 4209), "expired");
    alice.quote(&server, AIRTIME, 1000).await;
    let (kept,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM s3p_quotes").fetch_one(&mut database).await.unwrap();
    assert_eq!(kept, 1, "what has expired is not kept");
    assert_eq!((alice.balance(&server).await, bob.balance(&server).await), (999_000, 1_000_000));
}

#[tokio::test]
async fn nobody_spends_more_than_there_is() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let large = alice.quote(&server, "SPAY-DEV-99999-TESTMERC-TestId-2", 990_000).await;
    let small = alice.quote(&server, "SPAY-DEV-99999-TESTMERC-TestId-1", 12_500).await;
    assert_eq!(alice.post(&server, "/collectstd", &order(&large)).await.status, 200);
    // Twice: the quote is not used up by the refusal.
    for _ in 0..2 {
        let refused = alice.post(&server, "/collectstd", &order(&small)).await;
        assert_eq!(verdict(&refused), (402, 40200));
    }
    assert_eq!(alice.balance(&server).await, 10_000);
    let rest = alice.quote(&server, AIRTIME, 10_000).await;
    let paid = alice.post(&server, "/collectstd", &order(&rest)).await;
    assert_eq!(paid.json()["agentBalance"], 0);
    assert_eq!(alice.paid(&server).await.len(), 2);
}

#[tokio::test]
async fn payments_are_shown_to_their_caller_alone() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::alice(&server), Caller::bob(&server, &folder));
    let quote = alice.quote(&server, AIRTIME, 1000).await;
    let paid = alice.post(&server, "/collectstd", &order(&quote)).await.json();
    let by_ptn = format!("/verifytx?ptn={}", paid["ptn"].as_str().unwrap());
    for path in [&*by_ptn, "/verifytx?trid=order%201"] {
        assert_eq!(bob.get(&server, path).await.json(), json!([]), "{path}");
        assert_eq!(alice.get(&server, path).await.json()[0]["ptn"], paid["ptn"], "{path}");
    }
    assert_eq!(bob.paid(&server).await, [""; 0]);
    assert_eq!(alice.paid(&server).await, [paid["ptn"].as_str().unwrap()]);
}
