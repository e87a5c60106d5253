//! What the layer leaves for the handler.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use portcullis::{
    Anonymous, Identity, Principal, Scheme, Scope,
    basic::{MemoryUserStore, User},
};
use tower::{Layer, ServiceExt, service_fn};

use super::{aladdin, basic, cheap, get, get_with, layer, user};

/// The principal that the inner service finds, if it is called; and whether it is anonymous.
async fn found<B: Send>(
    layer: &portcullis::BasicAuthLayer,
    request: Request<B>,
) -> Option<(Option<Principal>, bool)> {
    let found = Arc::new(Mutex::new(None));
    let inner = service_fn(|request: Request<B>| {
        let extensions = request.extensions();
        let anonymous = extensions.get::<Anonymous>().is_some();
        *found.lock().unwrap() = Some((extensions.get::<Principal>().cloned(), anonymous));
        std::future::ready(Ok::<_, Infallible>(Response::new(String::new())))
    });
    layer.layer(inner).oneshot(request).await.unwrap();
    found.lock().unwrap().take()
}

#[tokio::test]
async fn the_principal_is_the_users_local_identity_with_the_stores_scopes() {
    let users = MemoryUserStore::new();
    users.insert(
        user("alice", "wonderland")
            .scopes([Scope::from_static("messages:send"), Scope::from_static("messages:list")]),
    );
    users.insert(user("bob", "builder"));
    let layer = layer(users);

    let (alice, _) = found(&layer, get_with("/", basic("alice", "wonderland"))).await.unwrap();
    let alice = alice.unwrap();
    assert_eq!((alice.issuer(), alice.subject()), ("local", "alice"));
    assert_eq!(alice.identity(), &Identity::local("alice").unwrap());
    assert_eq!(alice.scheme(), Scheme::BASIC);
    assert_eq!(alice.credential_id(), Some("alice"));
    assert_eq!(alice.scopes().as_str(), "messages:send messages:list");
    assert_eq!(alice.authenticated_at(), None);

    let (bob, _) = found(&layer, get_with("/", basic("bob", "builder"))).await.unwrap();
    assert!(bob.unwrap().scopes().is_empty(), "no scopes unless the store says so");
}

#[tokio::test]
async fn an_identity_apart_from_the_name_stays_when_the_name_changes() {
    let identity = Identity::new("https://id.example.org", "7f3a").unwrap();
    let users = MemoryUserStore::new();
    for name in ["alice", "alice.new"] {
        let user = User::new(name, cheap("wonderland")).unwrap().identity(identity.clone());
        assert_eq!(user.name(), name);
        users.insert(user);
        let request = get_with("/", basic(name, "wonderland"));
        let (alice, _) = found(&layer(users.clone()), request).await.unwrap();
        let alice = alice.unwrap();
        assert_eq!((alice.identity(), alice.credential_id()), (&identity, Some(name)));
    }
    // The subject is not a login name.
    assert!(found(&layer(users), get_with("/", basic("7f3a", "wonderland"))).await.is_none());
}

#[tokio::test]
async fn a_principal_that_was_there_before_is_replaced_or_taken_out() {
    let admin = Principal::builder(Identity::local("admin").unwrap(), Scheme::BASIC).build();
    let layer = layer(aladdin());
    let mut forged = get_with("/", basic("aladdin", "open sesame"));
    forged.extensions_mut().insert(admin.clone());
    let (principal, _) = found(&layer, forged).await.unwrap();
    assert_eq!(principal.unwrap().subject(), "aladdin");

    let mut forged = get("/");
    forged.extensions_mut().insert(admin.clone());
    assert!(found(&layer, forged).await.is_none());

    let mut forged = get("/");
    forged.extensions_mut().insert(admin);
    let (principal, anonymous) = found(&layer.optional(), forged).await.unwrap();
    assert!(principal.is_none() && anonymous);
}

#[tokio::test]
async fn an_optional_layer_lets_through_who_sends_nothing_and_nobody_else() {
    let layer = layer(aladdin()).optional();
    let (principal, anonymous) = found(&layer, get("/")).await.unwrap();
    assert!(principal.is_none() && anonymous);
    for sent in ["", " ", "Basic", "Basic !", "Bearer x", "Basic bm9ib2R5Ong=", "\u{fffd}"] {
        assert!(found(&layer, get_with("/", sent)).await.is_none(), "{sent:?}");
    }
}
