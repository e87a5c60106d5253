//! Messages are sent, listed, read and cancelled.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_message_is_accepted_and_comes_back() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let device = alice.get("/devices").await.json()[0]["id"].clone();
    let sent = alice.post("/messages", message()).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let state = sent.json();
    let id = state["id"].as_str().unwrap();
    assert_eq!(sent.header("location"), format!("{BASE}/messages/{id}"));
    assert_eq!(state["deviceId"], device);
    assert_eq!(state["state"], "Pending");
    assert_eq!(state["isHashed"], false);
    assert_eq!(state["isEncrypted"], false);
    let recipient = json!({"phoneNumber": "+1234567890", "state": "Pending", "error": null});
    assert_eq!(state["recipients"], json!([recipient]));
    assert!(state["states"]["Pending"].is_string());

    let read = alice.get(&format!("/messages/{id}")).await;
    assert_eq!(read.status, 200);
    assert_eq!(read.json()["recipients"], state["recipients"]);
    assert_eq!(read.json()["textMessage"], json!({"text": "Hello"}));
    let listed = alice.get("/messages").await;
    assert_eq!((listed.status.as_u16(), listed.json()), (200, json!([state])));
    assert_eq!(listed.header("x-total-count"), "1");
}

#[tokio::test]
async fn both_prefixes_lead_to_the_same_and_the_location_keeps_the_one_that_was_used() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let authorization = format!("Authorization: {}", server.alice());
    let headers = [authorization.as_str(), JSON];
    for prefix in ["/3rdparty/v1", "/api/3rdparty/v1"] {
        for name in ["messages", "message"] {
            let path = format!("{prefix}/{name}");
            let sent = server.send("POST", &path, &headers, message().to_string()).await;
            assert_eq!(sent.status, 202, "{path}");
            let location = sent.header("location");
            assert!(location.starts_with(&format!("{prefix}/messages/")), "{location}");
            assert_eq!(server.get(location, &headers).await.status, 200);
        }
    }
    let listed = server.get("/api/3rdparty/v1/message", &headers).await;
    assert_eq!(listed.header("x-total-count"), "4");
}

#[tokio::test]
async fn a_message_is_taken_in_each_form_that_clients_send() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    for (form, name, content) in [
        (json!({"message": "Hello"}), "textMessage", json!({"text": "Hello"})),
        (json!({"textMessage": {"text": "Hello"}}), "textMessage", json!({"text": "Hello"})),
        (
            json!({"dataMessage": {"data": "SGk=", "port": 53739}}),
            "dataMessage",
            json!({"data": "SGk=", "port": 53739}),
        ),
        (json!({"mmsMessage": {"subject": "Hi"}}), "mmsMessage", json!({"subject": "Hi"})),
    ] {
        for to in [json!({"phoneNumbers": ["+1", "+2"]}), json!({"recipient": "+1"})] {
            let mut body = form.clone();
            let members = to.as_object().unwrap().clone();
            body.as_object_mut().unwrap().extend(members);
            let sent = alice.post("/messages", body.clone()).await;
            assert_eq!(sent.status, 202, "{body}: {sent:?}");
            let path = format!("/messages/{}", sent.json()["id"].as_str().unwrap());
            assert_eq!(alice.get(&path).await.json()[name], content);
        }
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_is_a_bad_request() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let bob = Caller::new(&server, server.bob());
    let his = bob.get("/devices").await.json()[0]["id"].clone();
    for body in [
        json!({"message": "Hello"}),
        json!({"phoneNumbers": [], "message": "Hello"}),
        json!({"phoneNumbers": [" "], "message": "Hello"}),
        json!({"phoneNumbers": ["+1"]}),
        json!({"phoneNumbers": ["+1"], "message": ""}),
        json!({"phoneNumbers": ["+1"], "message": "a", "textMessage": {"text": "b"}}),
        json!({"phoneNumbers": ["+1"], "textMessage": {}}),
        json!({"phoneNumbers": ["+1"], "message": "Hello", "id": "a\r\nb"}),
        json!({"phoneNumbers": ["+1"], "message": "Hello", "id": "1".repeat(37)}),
        json!({"phoneNumbers": ["+1"], "message": "Hello", "id": "."}),
        json!({"phoneNumbers": ["+1"], "message": "Hello", "id": ".."}),
        json!({"phoneNumbers": ["+1"], "message": "Hello", "deviceId": "unknown"}),
        json!({"phoneNumbers": ["+1"], "message": "Hello", "deviceId": his}),
    ] {
        let reply = alice.post("/messages", body.clone()).await;
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
        assert!(reply.json()["message"].is_string());
    }
    assert_eq!(alice.get("/messages").await.json(), json!([]));
}

#[tokio::test]
async fn a_message_may_have_an_id_of_the_senders() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::new(&server, server.alice()), Caller::new(&server, server.bob()));
    let body = json!({"id": "order-1", "phoneNumbers": ["+1"], "message": "Hello"});
    assert_eq!(alice.post("/messages", body.clone()).await.json()["id"], "order-1");
    let again = alice.post("/messages", body.clone()).await;
    assert_refused(&again, 409, "message with the same id already exists");
    // Ids are each user's own: nobody can find out another's.
    assert_eq!(bob.post("/messages", body).await.status, 202);
}

#[tokio::test]
async fn another_users_messages_are_unknown() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::new(&server, server.alice()), Caller::new(&server, server.bob()));
    let id = alice.post("/messages", message()).await.json()["id"].as_str().unwrap().to_owned();
    for id in [id.as_str(), "unknown"] {
        let path = format!("/messages/{id}");
        assert_refused(&bob.get(&path).await, 404, "message not found");
        assert_refused(&bob.delete(&path).await, 404, "message not found");
    }
    let listed = bob.get("/messages").await;
    assert_eq!((listed.header("x-total-count"), listed.json()), ("0", json!([])));
    assert_eq!(alice.get(&format!("/messages/{id}")).await.json()["state"], "Pending");
}

#[tokio::test]
async fn a_pending_message_is_cancelled_once() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let sent = alice.post("/messages", message()).await.json();
    let path = format!("/messages/{}", sent["id"].as_str().unwrap());
    let cancelled = alice.delete(&path).await;
    assert_eq!(cancelled.status, 200);
    assert_eq!(cancelled.json()["state"], "Cancelled");
    assert_eq!(cancelled.json()["recipients"][0]["state"], "Cancelled");
    assert_eq!(alice.get(&path).await.json()["state"], "Cancelled");
    assert_refused(&alice.delete(&path).await, 409, "message is not pending");
}

#[tokio::test]
async fn a_list_is_filtered_sorted_and_cut() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    for id in ["a", "b", "c"] {
        let body = json!({"id": id, "recipient": "+1", "message": id});
        assert_eq!(alice.post("/messages", body).await.status, 202);
    }
    alice.delete("/messages/b").await;
    for (query, ids, total) in [
        ("", "c b a", "3"),
        ("?", "c b a", "3"),
        ("?sort=created_at", "a b c", "3"),
        ("?sort=-created_at&limit=2", "c b", "3"),
        ("?limit=1&offset=2", "a", "3"),
        ("?offset=3", "", "3"),
        ("?offset=4294967295&state=Pending", "", "2"),
        ("?state=Cancelled", "b", "1"),
        ("?state=Pending&sort=created_at", "a c", "2"),
        ("?deviceId=unknown", "", "0"),
        ("?from=2020-01-01T00:00:00Z&to=2999-01-01T00:00:00%2B00:00", "c b a", "3"),
        ("?to=2020-01-01T00:00:00Z", "", "0"),
    ] {
        let reply = alice.get(&format!("/messages{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {reply:?}");
        assert_eq!(reply.header("x-total-count"), total, "{query}");
        let Value::Array(found) = reply.json() else { panic!("{reply:?}") };
        let found: Vec<&str> = found.iter().map(|found| found["id"].as_str().unwrap()).collect();
        assert_eq!(found.join(" "), ids, "{query}");
    }
    for query in ["?limit=0", "?limit=101", "?limit=x", "?offset=-1", "?sort=name", "?from=today"] {
        let reply = alice.get(&format!("/messages{query}")).await;
        assert_eq!(reply.status, 400, "{query}: {reply:?}");
        assert!(reply.json()["message"].is_string());
    }
}

#[tokio::test]
async fn what_messages_say_is_listed_only_if_it_is_asked_for() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    alice.post("/messages", message()).await;
    assert!(!alice.get("/messages").await.body.contains("Hello"));
    assert!(alice.get("/messages?includeContent=true").await.body.contains("Hello"));
}
