//! Owners that are groups, and who may write in spite of not being the owner.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::{Method, Request};
use portcullis::{
    AuthorizeLayer, Identity, NowOrLater, Principal, RejectionKind, Scheme, Scope, ScopePolicy,
    ScopeSet, StoreError, authorize,
    ownership::{MemoryOwnershipStore, Ownership, OwnershipAdmin, OwnershipStore, Target},
};

use super::{
    Counted, Later, ask, by, by_identity, claims::owner, local, owners, thing, things, through,
};
use crate::support::{Answer, Log};

fn team(name: &str) -> Identity {
    Identity::new("teams", name).unwrap()
}

/// Alice and eve are in the team "blue"; the answer comes now, or later.
#[derive(Clone)]
struct Teams {
    later: bool,
    asked: Arc<AtomicUsize>,
}

impl Teams {
    fn new(later: bool) -> Self {
        Self { later, asked: Arc::default() }
    }

    fn members(
        &self,
    ) -> impl Fn(&Principal, &Identity) -> NowOrLater<Result<bool, StoreError>> + use<> {
        let teams = self.clone();
        move |principal, owner| {
            teams.asked.fetch_add(1, Ordering::SeqCst);
            let is_member = *owner == team("blue") && ["alice", "eve"].contains(&principal.subject());
            if teams.later {
                NowOrLater::later(async move {
                    tokio::task::yield_now().await;
                    Ok(is_member)
                })
            } else {
                NowOrLater::now(Ok(is_member))
            }
        }
    }
}

/// What the team "blue" owns, and bob.
fn with_team() -> MemoryOwnershipStore {
    let owners = owners();
    owners.insert(thing("t"), team("blue"));
    owners
}

#[tokio::test]
async fn the_members_of_a_group_write_what_the_group_owns() {
    for later in [false, true] {
        let teams = Teams::new(later);
        let ownership = || things(with_team()).members(teams.members());
        for (name, id, status, body) in [
            ("alice", "t", 200, "owned t"),
            ("eve", "t", 200, "owned t"),
            ("bob", "t", 403, "forbidden"),
            ("alice", "a", 200, "owned a"),
            ("eve", "a", 403, "forbidden"),
            ("eve", "b", 403, "forbidden"),
        ] {
            let answer = ask(ownership(), by(name, &Method::PATCH, &format!("/things/{id}"))).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (status, body), "{name} {id}");
        }
        // Of one name with the team, and not of it.
        for issuer in ["local", "Teams", ""] {
            let identity = Identity::new(issuer, "blue").unwrap();
            let answer = ask(ownership(), by_identity(identity, &Method::PATCH, "/things/t")).await;
            assert_eq!(answer.status, 403, "{issuer}");
        }
    }
    // Without a membership, nobody is a member.
    assert_eq!(ask(things(with_team()), by("alice", &Method::PATCH, "/things/t")).await.status, 403);
}

#[tokio::test]
async fn owners_themselves_are_let_through_without_a_look_at_groups() {
    let teams = Teams::new(false);
    let own = things(with_team()).members(teams.members());
    assert_eq!(ask(own.clone(), by("alice", &Method::PATCH, "/things/a")).await.status, 200);
    assert_eq!(ask(own, by("alice", &Method::PUT, "/things/new")).await.body, "new new");
    assert_eq!(teams.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_a_member_claims_is_the_members_until_it_is_given_to_the_group() {
    let owners = with_team();
    let own = || things(owners.clone()).members(Teams::new(false).members());
    assert_eq!(ask(own(), by("alice", &Method::PUT, "/things/c")).await.body, "new c");
    assert_eq!(ask(own(), by("eve", &Method::PUT, "/things/c")).await.status, 403);
    let alice = owners.owner(&thing("c")).await.unwrap().unwrap();
    owners.transfer(&thing("c"), &alice, &team("blue")).await.unwrap().unwrap();
    assert_eq!(ask(own(), by("eve", &Method::PUT, "/things/c")).await.body, "owned c");
}

#[tokio::test]
async fn a_group_store_that_is_down_is_a_503_hidden_or_not() {
    for later in [false, true] {
        let down = move |_: &Principal, _: &Identity| {
            let failure = || Err(StoreError::new("connection refused"));
            if later { NowOrLater::later(async move { failure() }) } else { NowOrLater::now(failure()) }
        };
        let own = things(with_team()).members(down).override_scope(Scope::ALL_ANY);
        for own in [own.clone(), own.hide()] {
            for id in ["t", "b"] {
                let answer =
                    ask(own.clone(), by("alice", &Method::PATCH, &format!("/things/{id}"))).await;
                assert_eq!(
                    (answer.kind(), answer.reason()),
                    (RejectionKind::Unavailable, "ownership.store")
                );
            }
            assert_eq!(ask(own, by("alice", &Method::PATCH, "/things/a")).await.status, 200);
        }
    }
}

#[tokio::test]
async fn with_groups_too_a_hidden_resource_costs_the_same_as_a_missing_one() {
    for later in [false, true] {
        let (owners, teams) = (Counted::new(with_team()), Teams::new(later));
        let own = things(owners.clone()).members(teams.members()).hide();
        let send = async |path: &str| {
            let answer = ask(own.clone(), by("bob", &Method::PATCH, path)).await;
            (answer, owners.take(), teams.asked.swap(0, Ordering::SeqCst))
        };
        let (foreign, foreign_looks, foreign_asked) = send("/things/t").await;
        let (missing, missing_looks, missing_asked) = send("/things/c").await;
        assert_eq!((foreign.status, &foreign.headers), (missing.status, &missing.headers));
        assert_eq!(foreign.body, missing.body);
        assert_eq!((foreign_looks, foreign_asked), ((1, 0), 1));
        assert_eq!((missing_looks, missing_asked), ((1, 0), 1));
    }
}

#[tokio::test]
async fn a_missing_resource_is_a_503_where_a_hidden_one_is() {
    let down = |_: &Principal, _: &Identity| NowOrLater::now(Err(StoreError::new("down")));
    let own = things(owners()).members(down).hide();
    for path in ["/things/b", "/things/c"] {
        assert_eq!(ask(own.clone(), by("alice", &Method::PATCH, path)).await.status, 503, "{path}");
    }
}

/// A request of somebody who holds these scopes.
fn with_scopes(
    scopes: &str,
    method: &Method,
    path: &str,
) -> Request<http_body_util::Full<bytes::Bytes>> {
    let mut request = by("root", method, path);
    let principal = Principal::builder(local("root"), Scheme::BEARER);
    let principal = principal.scopes(ScopeSet::parse(scopes).unwrap()).build();
    request.extensions_mut().insert(principal);
    request
}

const OVERRIDE: Scope = Scope::from_static("things:admin");

async fn ask_as(own: Ownership, scopes: &str, method: &Method, path: &str) -> Answer {
    ask(own, with_scopes(scopes, method, path)).await
}

#[tokio::test]
async fn only_the_very_scope_that_was_named_overrides() {
    for (scopes, status) in [
        ("things:admin", 200),
        ("notes:read things:admin", 200),
        ("all:any", 403),
        ("things:admin2 things:adm Things:admin things admin", 403),
        ("", 403),
    ] {
        let own = things(owners()).override_scope(OVERRIDE);
        for path in ["/things/a", "/things/b/parts/1"] {
            let answer = ask_as(own.clone(), scopes, &Method::DELETE, path).await;
            assert_eq!(answer.status, status, "{scopes} {path}");
            let hidden = ask_as(own.clone().hide(), scopes, &Method::DELETE, path).await;
            assert_eq!(hidden.status, if status == 403 { 404 } else { status }, "{scopes} {path}");
        }
    }
    // Unless it is named, there is none.
    for scopes in ["things:admin", "all:any"] {
        let answer = ask_as(things(owners()), scopes, &Method::DELETE, "/things/a").await;
        assert_eq!(answer.status, 403, "{scopes}");
    }
    // It may be named.
    let own = things(owners()).override_scope(Scope::ALL_ANY);
    assert_eq!(ask_as(own, "all:any", &Method::DELETE, "/things/a").await.status, 200);
}

#[tokio::test]
async fn an_override_is_logged_with_who_which_resource_and_whose_and_changes_no_owner() {
    let owners = owners();
    let own = things(owners.clone()).override_scope(OVERRIDE);
    let log = Log::capture();
    let answer = ask_as(own.clone(), "things:admin", &Method::PUT, "/things/a").await;
    assert_eq!(answer.status, 200);
    assert_eq!(owner(&owners, "a").await, Some(local("alice")));
    let text = log.text();
    for part in [
        "WARN",
        r#"reason="ownership.override" issuer="local" subject="root""#,
        r#"kind="thing" id="a" owner_issuer="local" owner_subject="alice""#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // Whatever the id is, it is one line, and not a long one.
    let odd = format!("\n\u{1b}[31m{}", "\u{e9}".repeat(500));
    owners.insert(thing(&odd), local("alice\n"));
    let found = odd.clone();
    let by_function = Ownership::from_fn(owners.clone(), move |_| Some(Target::new(thing(&found))));
    let log = Log::capture();
    let by_function = by_function.override_scope(OVERRIDE);
    assert_eq!(ask_as(by_function, "things:admin", &Method::PUT, "/").await.status, 200);
    let text = log.text();
    let line = text.lines().find(|line| line.contains("ownership.override")).unwrap();
    assert!(
        line.contains(r#"id="\n\u{1b}[31m"#) && line.contains(r#"owner_subject="alice\n""#),
        "{text}"
    );
    assert!(line.contains("WARN") && line.chars().count() < 500, "{text}");
    // Who writes their own is not logged as one who overrides, whatever they hold.
    owners.insert(thing("r"), local("root"));
    let log = Log::capture();
    assert_eq!(ask_as(own, "things:admin", &Method::PUT, "/things/r").await.body, "owned r");
    assert!(!log.text().contains("ownership.override"), "{}", log.text());
}

#[tokio::test]
async fn an_override_claims_nothing_and_finds_nothing_that_is_nobodys() {
    let owners = Counted::new(owners());
    let own = things(owners.clone()).override_scope(OVERRIDE);
    for (method, path, reason) in [
        (Method::DELETE, "/things/c", "ownership.unknown"),
        (Method::PUT, "/things/c/parts/1", "ownership.unknown"),
        (Method::PUT, "/elsewhere", "ownership.unmatched_path"),
    ] {
        let answer = ask_as(own.clone(), "things:admin", &method, path).await;
        assert_eq!(answer.reason(), reason, "{method} {path}");
        assert_eq!(owners.take().1, 0, "{method} {path}");
    }
    // Where anybody creates, an administrator does so as anybody.
    assert_eq!(ask_as(own, "things:admin", &Method::PUT, "/things/c").await.body, "new c");
    assert_eq!(owner(&owners.owners, "c").await, Some(local("root")));
}

#[tokio::test]
async fn a_handler_is_told_that_the_resource_is_somebody_elses() {
    use portcullis::{OwnershipLayer, ownership::OwnedResource};
    use tower::{Layer, ServiceExt, service_fn};

    let own = things(Later(with_team())).override_scope(OVERRIDE).members(Teams::new(true).members());
    let service = OwnershipLayer::new(own).layer(service_fn(async |request: Request<_>| {
        let owned = request.extensions().get::<OwnedResource>().unwrap();
        let owner = owned.owner().identity();
        let text = format!("{}/{} {}", owner.issuer(), owner.subject(), owned.is_override());
        Ok::<_, std::convert::Infallible>(http::Response::new(text))
    }));
    for (request, body) in [
        (with_scopes("things:admin", &Method::PUT, "/things/a"), "local/alice true"),
        (by("alice", &Method::PUT, "/things/a"), "local/alice false"),
        (by("alice", &Method::PUT, "/things/t"), "teams/blue false"),
    ] {
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(Answer::of(response).await.body, body);
    }
}

#[tokio::test]
async fn a_missing_scope_is_told_before_anything_about_the_resource() {
    let owners = Counted::new(owners());
    let policy = authorize::all([
        authorize::shared(ScopePolicy::from(Scope::from_static("things:write"))),
        authorize::shared(things(owners.clone())),
    ]);
    let layer = AuthorizeLayer::new(policy);
    let mut answers = Vec::new();
    for path in ["/things/a", "/things/b", "/things/c", "/things/%ff", "/elsewhere"] {
        let answer = through(&layer, by("alice", &Method::PUT, path)).await;
        answers.push((answer.status, answer.headers.clone(), answer.body.clone()));
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    assert_eq!((answers[0].0.as_u16(), &*answers[0].2), (403, "scope missing"));
    assert_eq!(owners.take(), (0, 0));
}
