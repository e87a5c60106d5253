//! Passwords: many users, and what the cache of verified credentials avoids.

use std::{collections::HashMap, rc::Rc, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use headers::{Authorization, HeaderMapExt, authorization::Basic};
use http::{Request, Response, StatusCode};
use portcullis::{
    BasicAuthLayer,
    basic::{BasicAuth, CredentialCache, MemoryUserStore, PasswordHash, PasswordVerifier, User},
};
use tower::Layer;
use tower_http::auth::AsyncRequireAuthorizationLayer;

use crate::{
    paired::{Bare, Body, Turns, serve, service},
    requests::{any_of, authorized, same, template},
    results::{Goal, Results, short},
};

const USERS: usize = 10_000;
/// Nobody is asked for a hash again while this measures.
const LONG: Duration = Duration::from_secs(3600);

pub fn rows(results: &mut Results) {
    many_users(results);
    one_hash(results);
}

/// What many write themselves: it has the password as it is, and compares with `==`.
async fn closure(
    mut request: Request<Body>,
    users: Arc<HashMap<String, String>>,
) -> Result<Request<Body>, Response<Body>> {
    let credentials = request.headers().typed_get::<Authorization<Basic>>();
    let known = credentials
        .filter(|sent| users.get(sent.username()).is_some_and(|password| password == sent.password()));
    if let Some(known) = known {
        let name: Arc<str> = known.username().into();
        request.extensions_mut().insert(name);
        return Ok(request);
    }
    let mut refused = Response::new(Body::default());
    *refused.status_mut() = StatusCode::UNAUTHORIZED;
    Err(refused)
}

/// The passwords have been verified: what is measured are the hits.
fn many_users(results: &mut Results) {
    struct AtOnce;
    impl PasswordVerifier for AtOnce {
        fn verify(&self, _: &[u8], _: &PasswordHash) -> bool {
            true
        }
    }
    let names: Vec<_> = (0..USERS).map(|user| format!("user{user}")).collect();
    let values: Rc<Vec<_>> = Rc::new(names.iter().map(|name| basic(name)).collect());

    let store = MemoryUserStore::new();
    let hash = PasswordHash::of("open sesame").expect("a hash");
    for name in &names {
        store.insert(User::new(name.as_str(), hash.clone()).expect("a user"));
    }
    let auth = BasicAuth::new("cave", store).expect("a realm").verifier(AtOnce);
    let layer = BasicAuthLayer::new(auth.cache(CredentialCache::new(2 * USERS).time_to_live(LONG)));
    let ours = layer.layer(Bare::<Body>::new());
    for value in values.iter() {
        let answer = serve(&mut ours.clone(), authorized(template("/"), value));
        assert_eq!(answer.status(), 200);
    }
    let users: HashMap<_, _> = names.into_iter().map(|name| (name, "open sesame".to_owned())).collect();
    let users = Arc::new(users);
    let peer = AsyncRequireAuthorizationLayer::new(move |request| closure(request, users.clone()));

    let mut turns = Turns::default();
    let bare = turns.whole(service(Bare::<Body>::new(), any_of(values.clone()), 200));
    let ours = turns.over(bare, service(ours, any_of(values.clone()), 200));
    let peer = turns.over(bare, service(peer.layer(Bare::<Body>::new()), any_of(values), 200));
    let times = turns.take(601);
    let figures = format!("{} against {}", short(times.ns(peer)), short(times.ns(ours)));
    let goal = Goal::AtLeast { must: 2.0, stretch: 2.5 };
    let row = format!("Basic, {USERS} users, known credentials: closure over headers::Basic ÷ ours");
    results.add(row, goal, times.ratio(peer, ours), figures);
}

/// Hashed anew for each request, and known.
fn one_hash(results: &mut Results) {
    let store = MemoryUserStore::new();
    let hash = PasswordHash::of("open sesame").expect("a hash");
    store.insert(User::new("aladdin", hash).expect("a user"));
    let auth = || BasicAuth::new("cave", store.clone()).expect("a realm");
    let hashed = BasicAuthLayer::new(auth()).layer(Bare::<Body>::new());
    let cached = BasicAuthLayer::new(auth().cache(CredentialCache::new(100)));
    let cached = cached.layer(Bare::<Body>::new());
    let request = authorized(template("/"), &basic("aladdin"));
    let mut turns = Turns::default();
    let bare = turns.whole(service(Bare::<Body>::new(), same(&request), 200));
    let hashed = turns.over(bare, service(hashed, same(&request), 200));
    let cached = turns.over(bare, service(cached, same(&request), 200));
    let times = turns.take(5);
    let figures = format!("{} against {}", short(times.ns(hashed)), short(times.ns(cached)));
    let goal = Goal::AtLeast { must: 1e4, stretch: 1e4 };
    results.add("Basic: argon2id ÷ a known credential", goal, times.ratio(hashed, cached), figures);
}

fn basic(name: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:open sesame")))
}
