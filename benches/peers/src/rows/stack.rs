//! All of it: one of three schemes, a table of scopes, ownership.

use http::{Method, Request};
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, BearerAuth, Identity, OwnershipLayer, Scope, ScopeTable,
    basic::{BasicAuth, MemoryUserStore},
    jwt::JwtAuth,
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
    user_token::{MemoryUserTokenStore, UserTokenAuth},
};
use tower::{Layer, layer::util::Stack};

use crate::{
    paired::{Bare, Body, Turns, service},
    requests::{ISSUER, SCOPE, Signing, authorized, same, template},
    results::{Goal, Results, short},
};

pub fn rows(results: &mut Results) {
    let signing = Signing::new(jsonwebtoken::Algorithm::HS256);
    let request = request(&signing);
    let mut turns = Turns::default();
    let bare = turns.whole(service(Bare::<Body>::new(), same(&request), 200));
    let jwt = signing.builder().cache(1_000).build().expect("an authenticator");
    let ours = layers(jwt).layer(Bare::<Body>::new());
    let ours = turns.over(bare, service(ours, same(&request), 200));
    let times = turns.take(1001);
    let row = "Whole stack: one of three schemes, a cached JWT, table, ownership";
    let figures = format!("bare {}", short(times.ns(bare)));
    results.add(row, Goal::None, times.ns(ours), figures);
}

type Layers = Stack<Stack<OwnershipLayer, AuthorizeLayer>, AuthenticateLayer>;

pub fn layers(jwt: JwtAuth) -> Layers {
    let user_tokens = UserTokenAuth::new("messages", MemoryUserTokenStore::new()).expect("a realm");
    let bearer = BearerAuth::new("messages", jwt).expect("a realm");
    let bearer = bearer.prefix("pct_", user_tokens).expect("a prefix");
    let basic = BasicAuth::new("messages", MemoryUserStore::new()).expect("a realm");
    let table = ScopeTable::builder()
        .route(Method::GET, "/groups/{id}", Scope::from_static("messages:list"))
        .route(Method::PUT, "/groups/{id}", Scope::from_static(SCOPE));
    let table = AuthorizeLayer::new(table.build().expect("a table"));
    let owners = MemoryOwnershipStore::new();
    let alice = Identity::new(ISSUER, "9b1deb4d-3b7d-4bad-9bdd-000000000001").expect("an identity");
    owners.insert(Resource::new("group", "37"), alice);
    let path = ResourcePath::new("group", "/groups/{id}", "id").expect("a path");
    let ownership = OwnershipLayer::new(Ownership::new(owners, [path]).expect("a policy"));
    Stack::new(Stack::new(ownership, table), AuthenticateLayer::new(bearer).or(basic))
}

pub fn request(signing: &Signing) -> Request<Body> {
    let mut request = authorized(template("/groups/37"), &format!("Bearer {}", signing.token(1)));
    *request.method_mut() = Method::PUT;
    request
}
