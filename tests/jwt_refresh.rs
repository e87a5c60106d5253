//! Pairs of an access and a refresh token: `jwt::refresh`.
#![cfg(feature = "_jwt")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "jwt_refresh/down.rs"]
mod down;
mod jwt_support;
#[path = "jwt_refresh/kinds.rs"]
mod kinds;
#[path = "jwt_refresh/memory.rs"]
mod memory;
#[path = "jwt_refresh/race.rs"]
mod race;
#[path = "jwt_refresh/revoke.rs"]
mod revoke;
#[path = "jwt_refresh/scopes.rs"]
mod scopes;
mod support;
#[path = "jwt_refresh/times.rs"]
mod times;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jwt_support::*;
use portcullis::{
    AuthenticateLayer, Identity, ManualClock, Principal, Rejection, RejectionKind, Scheme, ScopeSet,
    jwt::{
        Algorithm, Grant, Issuer, JwtAuth, RevocationStore,
        refresh::{MemoryRefreshStore, Pair, RefreshError, RefreshErrorKind, RefreshStore, Refresher},
    },
};
use support::Log;

#[tokio::test]
async fn a_refresh_token_gives_a_new_pair_for_the_same_identity_and_scopes() {
    let (server, first) = signed_in().await;
    let second = server.refresh(&first).await.unwrap();
    let third = server.refresh(&second).await.unwrap();
    for pair in [&first, &second, &third] {
        let principal = server.principal(pair.access().token()).await;
        assert_eq!(principal.identity(), alice().identity());
        assert_eq!(*principal.scopes(), set("messages:send messages:read"));
        assert_eq!(principal.credential_id(), Some(pair.access().id()));
    }
    let mut ids: Vec<_> = [&first, &second, &third]
        .iter()
        .flat_map(|pair| [pair.access().id(), pair.refresh().id()])
        .collect();
    let family = &ids[0][..12];
    assert!(ids.iter().all(|id| id.len() == 21 && id.starts_with(family)), "{ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[tokio::test]
async fn a_used_refresh_token_ends_the_family_and_its_access_tokens() {
    let log = Log::capture();
    // Whichever of them is used again.
    for again in 0..2 {
        let (server, first) = signed_in().await;
        let stranger = server.sign_in(&alice()).await;
        let second = server.refresh(&first).await.unwrap();
        let third = server.refresh(&second).await.unwrap();
        let family = [first, second, third];
        for pair in &family {
            assert_eq!(server.status(pair).await, 200);
        }
        let error = server.refresh(&family[again]).await.unwrap_err();
        assert_eq!(reason(&error), "refresh.reused");
        for pair in &family {
            assert_eq!(server.status(pair).await, 401);
            assert_eq!(reason(&server.refresh(pair).await.unwrap_err()), "refresh.revoked");
        }
        assert_eq!(server.status(&stranger).await, 200);
        server.refresh(&stranger).await.unwrap();
    }
    let said = log.text();
    assert_eq!(said.matches("came twice").count(), 2, "{said}");
}

#[tokio::test]
async fn to_check_a_token_does_not_use_it_up_and_finds_a_used_one() {
    let (server, first) = signed_in().await;
    let token = server.refresher.verify(first.refresh().token()).unwrap();
    for _ in 0..3 {
        server.refresher.check(&token).await.unwrap();
    }
    let second = server.refresh(&first).await.unwrap();
    assert_eq!(server.status(&second).await, 200);
    let error = server.refresher.check(&token).await.unwrap_err();
    assert_eq!(reason(&error), "refresh.reused");
    assert_eq!(server.status(&second).await, 401);
    assert_eq!(reason(&server.refresher.check(&token).await.unwrap_err()), "refresh.revoked");
}

#[tokio::test]
async fn claims_of_the_grant_are_in_both_tokens_but_audience_and_key_in_one() {
    let server = Server::new(MemoryRefreshStore::new());
    let caller = alice();
    let grant = Grant::to(&caller, set("")).claim("device", "laptop").claim("aud", AUDIENCE);
    let grant = grant.claim("cnf", serde_json::json!({ "jkt": "0ZcOCORZNYy" }));
    let pair = server.refresher.issue(grant).await.unwrap();
    let claims = |token: &str| -> serde_json::Value {
        serde_json::from_slice(&unb64(token.split('.').nth(1).unwrap())).unwrap()
    };
    let (access, refresh) = (claims(pair.access().token()), claims(pair.refresh().token()));
    assert_eq!((&access["device"], &refresh["device"]), (&"laptop".into(), &"laptop".into()));
    assert_eq!((&access["aud"], refresh.get("aud")), (&AUDIENCE.into(), None));
    assert_eq!((access["cnf"].is_object(), refresh.get("cnf")), (true, None));
    let token = server.refresher.verify(pair.refresh().token()).unwrap();
    let custom: serde_json::Value = token.claims().custom().unwrap();
    assert_eq!(custom["device"], "laptop");
    server.refresh(&pair).await.unwrap();
}

#[tokio::test]
async fn a_claim_that_the_refresher_makes_itself_is_not_taken_from_a_grant() {
    let server = Server::new(MemoryRefreshStore::new());
    for name in ["original_scopes", "family_exp", "exp", "sub", "jti", "scopes"] {
        let caller = alice();
        let grant = Grant::to(&caller, set("")).claim(name, "canary");
        let error = server.refresher.issue(grant).await.unwrap_err();
        assert!(matches!(error.kind(), RefreshErrorKind::NotGranted(_)), "{name}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(&format!("`{name}`")), "{cause}");
    }
}

#[test]
fn a_refresher_needs_a_secret_and_lifetimes_that_make_sense() {
    let issuer = || Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap();
    let with = |secret: &str| Refresher::new(issuer(), secret, MemoryRefreshStore::new());
    assert!(with(&SECRET[..31]).is_err());
    assert!(with(&SECRET[..32]).is_ok());
    for (idle, max, is_good) in [(0, 60, false), (61, 60, false), (60, 60, true), (1, 60, true)] {
        let [idle, max] = [idle, max].map(Duration::from_secs);
        assert_eq!(with(SECRET).unwrap().lifetime(idle, max).is_ok(), is_good, "{idle:?} {max:?}");
    }
}

#[tokio::test]
async fn debug_prints_no_token_and_no_claim() {
    let store = MemoryRefreshStore::new();
    let server = Server::new(store.clone());
    let caller = alice();
    let grant = Grant::to(&caller, set("messages:send")).claim("note", "canary-claim");
    let pair = server.refresher.issue(grant).await.unwrap();
    let token = server.refresher.verify(pair.refresh().token()).unwrap();
    server.refresh(&pair).await.unwrap();
    let error = server.refresh(&pair).await.unwrap_err();
    let printed =
        format!("{pair:?} {pair:#?} {token:?} {:?} {store:?} {error:?} {error}", server.refresher);
    let parts =
        [pair.access(), pair.refresh()].map(|issued| issued.token().split('.').collect::<Vec<_>>());
    for secret in parts.iter().flat_map(|parts| &parts[1..]).copied().chain(["canary", SECRET, "alice"])
    {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

/// A server that issues, verifies and refreshes, by one clock.
struct Server {
    refresher: Refresher,
    layer: AuthenticateLayer,
    /// Asks no store.
    lax: AuthenticateLayer,
    clock: Arc<ManualClock>,
}

impl Server {
    fn new(store: impl RefreshStore + RevocationStore + Clone) -> Self {
        Self::with(store, |refresher| refresher)
    }

    fn with(
        store: impl RefreshStore + RevocationStore + Clone,
        change: impl FnOnce(Refresher) -> Refresher,
    ) -> Self {
        let clock = Arc::new(ManualClock::at_unix(NOW));
        let issuer = Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap();
        let issuer = issuer.identities_of(Identity::LOCAL).clock(clock.clone());
        let jwt = || {
            let jwt = JwtAuth::builder(keys(Algorithm::HS256)).issuer(ISSUER).leeway(Duration::ZERO);
            jwt.identities_of(Identity::LOCAL).clock(clock.clone())
        };
        let layer = AuthenticateLayer::new(jwt().revocations(store.clone()).build().unwrap());
        let lax = AuthenticateLayer::new(jwt().build().unwrap());
        Self { refresher: change(Refresher::new(issuer, SECRET, store).unwrap()), layer, lax, clock }
    }

    async fn sign_in(&self, caller: &Principal) -> Pair {
        self.refresher.issue(Grant::to(caller, caller.scopes().clone())).await.unwrap()
    }

    /// A pair for who has come by this one's access token.
    async fn make(&self, pair: &Pair) -> Result<Pair, RefreshError> {
        let caller = self.principal(pair.access().token()).await;
        self.refresher.issue(Grant::to(&caller, caller.scopes().clone())).await
    }

    async fn refresh(&self, pair: &Pair) -> Result<Pair, RefreshError> {
        self.refresh_text(pair.refresh().token()).await
    }

    async fn refresh_text(&self, token: &str) -> Result<Pair, RefreshError> {
        let token = self.refresher.verify(token)?;
        let grant = Grant::to(token.principal(), token.scopes().clone());
        self.refresher.refresh(&token, grant).await
    }

    /// What the access token is answered.
    async fn status(&self, pair: &Pair) -> u16 {
        ask(&self.layer, pair.access().token()).await.status.as_u16()
    }

    /// Who has come by this access token, whatever was revoked since.
    async fn principal(&self, token: &str) -> Principal {
        let request = support::get_with("/", format!("Bearer {token}"));
        let seen = Arc::new(std::sync::Mutex::new(None));
        let inner = seen.clone();
        let service = tower::service_fn(move |request: http::Request<_>| {
            *inner.lock().unwrap() = request.extensions().get::<Principal>().cloned();
            let _: http_body_util::Full<bytes::Bytes> = request.into_body();
            std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(String::new())))
        });
        let service = tower::Layer::layer(&self.lax, service);
        tower::ServiceExt::oneshot(service, request).await.unwrap();
        seen.lock().unwrap().take().expect("the token is good")
    }

    fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A server, and a pair of Alice's.
async fn signed_in() -> (Server, Pair) {
    let server = Server::new(MemoryRefreshStore::new());
    let pair = server.sign_in(&alice()).await;
    (server, pair)
}

/// Alice, who has come by password, with two scopes.
fn alice() -> Principal {
    somebody("alice", "messages:send messages:read")
}

fn somebody(name: &str, scopes: &str) -> Principal {
    let identity = Identity::local(name).unwrap();
    Principal::builder(identity, Scheme::BASIC).scopes(set(scopes)).build()
}

fn set(scopes: &str) -> ScopeSet {
    ScopeSet::parse(scopes).unwrap()
}

/// Why a refresh token is refused, which is always the same to the caller.
fn reason(error: &RefreshError) -> &'static str {
    assert_eq!(error.kind(), RefreshErrorKind::Refused, "{error:?}");
    error.reason()
}

fn at(time: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(time)
}
