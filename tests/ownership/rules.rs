//! Who may do what: rules 1 to 5 of the module's page.

use http::{Method, Request};
use portcullis::{
    Anonymous, AuthenticateLayer, Identity, NowOrLater, OwnershipLayer, RejectionKind, StoreError,
    basic::{BasicAuth, MemoryUserStore},
    ownership::{
        Claim, MemoryOwnershipStore, Owner, Ownership, OwnershipStore, Resource, ResourcePath, Target,
    },
};
use tower::ServiceBuilder;

use super::{Counted, Later, ask, by, by_identity, local, owners, request, thing, things, through};
use crate::support::Log;

const SAFE: [Method; 4] = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE];

/// The methods in IANA's registry that are not open, and some that are in none.
const WRITES: &str = "ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE LABEL LINK LOCK \
    MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH PATCH POST PRI \
    PROPFIND PROPPATCH PUT QUERY REBIND REPORT SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE \
    UPDATEREDIRECTREF VERSION-CONTROL * get Get gET head Options trace put FOO GETS GE !";

fn writes() -> impl Iterator<Item = Method> {
    WRITES.split_whitespace().map(|name| name.parse().unwrap())
}

#[tokio::test]
async fn safe_methods_are_open_to_everybody_on_every_path() {
    let owners = Counted::new(owners());
    for method in SAFE {
        for path in ["/things/a", "/things/unknown", "/elsewhere", "/", "/things/%ff"] {
            let nobody = request(&method, path);
            for request in [nobody, by("alice", &method, path), by("bob", &method, path)] {
                let answer = ask(things(owners.clone()), request).await;
                assert_eq!((answer.status.as_u16(), &*answer.body), (200, "open"), "{method} {path}");
            }
        }
    }
    assert_eq!(owners.take(), (0, 0), "no owner is asked for");
}

#[tokio::test]
async fn every_other_method_is_a_write_whatever_its_name() {
    check_writes(owners()).await;
}

#[tokio::test]
async fn a_store_that_answers_later_decides_the_same() {
    check_writes(Later(owners())).await;
}

async fn check_writes(owners: impl OwnershipStore + Clone) {
    for method in writes() {
        for (name, path, status, body) in [
            ("alice", "/things/a", 200, "owned a"),
            ("alice", "/things/a/parts/1", 200, "owned a"),
            ("alice", "/things/b", 403, "forbidden"),
            ("alice", "/things/b/parts/1", 403, "forbidden"),
            ("bob", "/things/a", 403, "forbidden"),
            ("bob", "/things/b", 200, "owned b"),
            ("eve", "/things/a", 403, "forbidden"),
            ("eve", "/things/c/parts/1", 404, "not found"),
        ] {
            let answer = ask(things(owners.clone()), by(name, &method, path)).await;
            let got = (answer.status.as_u16(), &*answer.body);
            assert_eq!(got, (status, body), "{name} {method} {path}");
        }
        if method != Method::PUT {
            let answer = ask(things(owners.clone()), by("eve", &method, "/things/c")).await;
            assert_eq!((answer.status.as_u16(), answer.reason()), (404, "ownership.unknown"));
        }
    }
}

#[tokio::test]
async fn a_write_without_authentication_is_a_500_that_says_what_to_do() {
    let owners = Counted::new(owners());
    for method in writes() {
        let log = Log::capture();
        let answer = ask(things(owners.clone()), request(&method, "/things/a")).await;
        assert_eq!(answer.status, 500, "{method}");
        assert_eq!(answer.kind(), RejectionKind::Misconfigured);
        assert_eq!(answer.body, "internal server error");
        let text = log.text();
        assert!(text.contains("ERROR") && text.contains("authenticating layer"), "{text}");
    }
    assert_eq!(owners.take(), (0, 0));
}

#[tokio::test]
async fn an_anonymous_write_is_asked_for_credentials_whatever_it_writes() {
    let owners = Counted::new(owners());
    let basic = BasicAuth::new("things", MemoryUserStore::new()).unwrap();
    let layer = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(basic).optional())
        .layer(OwnershipLayer::new(things(owners.clone())))
        .into_inner();
    for path in ["/things/a", "/things/c", "/elsewhere", "/things/%ff"] {
        let answer = through(&layer, request(&Method::PUT, path)).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.challenges(), [r#"Basic realm="things", charset="UTF-8""#]);
        assert_eq!(answer.body, "credentials required");
        let read = through(&layer, request(&Method::GET, path)).await;
        assert_eq!(read.status, 200, "{path}");
    }
    assert_eq!(owners.take(), (0, 0), "nobody learns what exists");
}

#[tokio::test]
async fn owners_are_told_apart_by_issuer_and_subject_byte_for_byte() {
    let identity = |issuer, subject| Identity::new(issuer, subject).unwrap();
    let owners = MemoryOwnershipStore::new();
    owners.insert(thing("a"), identity("local", "ren\u{e9}e"));
    for (issuer, subject, status) in [
        ("local", "ren\u{e9}e", 200),
        ("https://id.example.org", "ren\u{e9}e", 403),
        ("", "ren\u{e9}e", 403),
        ("Local", "ren\u{e9}e", 403),
        ("local", "Ren\u{e9}e", 403),
        ("local", "rene\u{301}e", 403),
        ("local", "ren\u{e9}e ", 403),
        ("local", "ren\u{e9}e\0", 403),
        // The same bytes, parted elsewhere.
        ("localr", "en\u{e9}e", 403),
        ("loca", "lren\u{e9}e", 403),
        ("ren\u{e9}e", "local", 403),
    ] {
        let request = by_identity(identity(issuer, subject), &Method::PUT, "/things/a");
        let answer = ask(things(owners.clone()), request).await;
        assert_eq!(answer.status, status, "{issuer:?} {subject:?}");
    }
}

#[tokio::test]
async fn things_of_two_kinds_may_have_one_id_and_two_owners() {
    let owners = MemoryOwnershipStore::new();
    owners.insert(Resource::new("note", "7"), local("alice"));
    owners.insert(Resource::new("group", "7"), local("bob"));
    let paths = [
        ResourcePath::new("note", "/notes/{id}", "id").unwrap(),
        ResourcePath::new("group", "/groups/{id}", "id").unwrap(),
        ResourcePath::new("group", "/members/{group}", "group").unwrap(),
    ];
    let ownership = Ownership::new(owners, paths).unwrap();
    for (path, alice, bob) in
        [("/notes/7", 200, 403), ("/groups/7", 403, 200), ("/members/7", 403, 200)]
    {
        for (name, status) in [("alice", alice), ("bob", bob)] {
            let answer = ask(ownership.clone(), by(name, &Method::DELETE, path)).await;
            assert_eq!(answer.status, status, "{name} {path}");
        }
    }
}

#[test]
fn there_is_no_empty_subject_that_could_own_what_nobody_owns() {
    assert!(Identity::local("").is_err());
    assert!(Identity::new("issuer", "").is_err());
}

#[tokio::test]
async fn a_store_that_is_down_is_a_503_at_either_step() {
    /// Fails to look up, or to claim; at once, or after a while.
    #[derive(Clone, Copy)]
    struct Down {
        at_claim: bool,
        later: bool,
    }
    impl Down {
        fn fail<T: Send + 'static>(self) -> NowOrLater<Result<T, StoreError>> {
            let failure = || Err(StoreError::new("connection refused"));
            if self.later {
                NowOrLater::later(async move { failure() })
            } else {
                NowOrLater::now(failure())
            }
        }
    }
    impl OwnershipStore for Down {
        fn owner(&self, _: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
            if self.at_claim { NowOrLater::now(Ok(None)) } else { self.fail() }
        }
        fn claim(&self, _: &Resource, _: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
            self.fail()
        }
    }
    for (at_claim, later) in [(false, false), (false, true), (true, false), (true, true)] {
        let ownership = things(Down { at_claim, later });
        for ownership in [ownership.clone(), ownership.hide()] {
            let log = Log::capture();
            let answer = ask(ownership, by("alice", &Method::PUT, "/things/a")).await;
            assert_eq!(answer.status, 503);
            assert_eq!(answer.kind(), RejectionKind::Unavailable);
            assert_eq!(answer.reason(), "ownership.store");
            assert_eq!(answer.headers["retry-after"], "1");
            assert_eq!(answer.body, "try again later");
            assert!(log.text().contains("connection refused"), "{}", log.text());
        }
    }
}

#[tokio::test]
async fn a_write_that_no_path_matches_is_refused_and_reported() {
    let owners = Counted::new(owners());
    for path in
        ["/", "/things", "/things/", "/elsewhere/a", "/things/a/", "/things/a/parts", "//things/a"]
    {
        let log = Log::capture();
        let answer = ask(things(owners.clone()), by("alice", &Method::PUT, path)).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (403, "ownership.unmatched_path"));
        let text = log.text();
        assert!(text.contains("WARN") && text.contains("ResourcePath"), "{path}: {text}");
    }
    assert_eq!(owners.take(), (0, 0));
}

#[tokio::test]
async fn a_path_that_matches_is_not_reported_as_one_that_does_not() {
    for path in ["/things/a", "/things/b", "/things/c/parts/1", "/things/%ff"] {
        let log = Log::capture();
        ask(things(owners()), by("alice", &Method::PUT, path)).await;
        let text = log.text();
        assert!(!text.contains("no `ResourcePath`"), "{path}: {text}");
    }
}

#[tokio::test]
async fn the_body_is_not_looked_at() {
    // Not even a type that could be read.
    struct Unreadable;
    let (mut parts, ()) = Request::put("/things/b").body(()).unwrap().into_parts();
    for (name, status) in [("alice", 403), ("bob", 200)] {
        parts.extensions.insert(super::principal(local(name)));
        let request = Request::from_parts(parts.clone(), Unreadable);
        assert_eq!(ask(things(owners()), request).await.status, status);
    }
}

#[tokio::test]
async fn an_anonymous_mark_does_not_weigh_more_than_a_principal() {
    // An optional layer outside, and another one that has found out who it is.
    let users = MemoryUserStore::new();
    let optional = || AuthenticateLayer::new(BasicAuth::new("x", users.clone()).unwrap()).optional();
    let layer = ServiceBuilder::new()
        .layer(optional())
        .map_request(|mut request: Request<_>| {
            assert!(request.extensions().get::<Anonymous>().is_some());
            request.extensions_mut().insert(super::principal(local("alice")));
            request
        })
        .layer(OwnershipLayer::new(things(owners())))
        .into_inner();
    assert_eq!(through(&layer, request(&Method::PUT, "/things/a")).await.status, 200);
    assert_eq!(through(&layer, request(&Method::PUT, "/things/b")).await.status, 403);
}

#[tokio::test]
async fn an_id_has_at_most_1024_bytes() {
    let by_function = || {
        Ownership::from_fn(owners(), |head| {
            let id = head.uri().path().strip_prefix("/things/")?;
            Some(Target::new(thing(id)).may_create())
        })
    };
    for (length, status) in [(1024, 200), (1025, 400), (8000, 400)] {
        let path = format!("/things/{}", "x".repeat(length));
        for own in [things(owners()), things(owners()).hide(), by_function()] {
            let answer = ask(own, by("alice", &Method::PUT, &path)).await;
            assert_eq!(answer.status, status, "{length}");
        }
    }
}
