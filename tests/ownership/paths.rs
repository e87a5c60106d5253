//! The path that is judged is the path that is served: against a real axum router.

use std::sync::{Arc, LazyLock, Mutex};

use axum::{Extension, Router, extract::Path, routing::any};
use http::{Method, Request, Uri};
use portcullis::{
    ConfigError, OwnershipLayer, Principal,
    ownership::{
        MemoryOwnershipStore, OwnedResource, Owner, Ownership, OwnershipStore, ResourcePath, integer,
        uuid,
    },
};
use proptest::prelude::*;
use tower::ServiceExt;

use super::{ask, by, claims::owner, local, principal, thing, things};

/// What a handler saw: the id in its path, and the one that the layer left.
type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

/// What builds a policy from paths.
type Build = fn(MemoryOwnershipStore, [ResourcePath; 3]) -> Result<Ownership, ConfigError>;

/// By a matching of its own, and by that of the router.
const BUILDS: &[Build] = &[
    Ownership::new,
    #[cfg(feature = "axum")]
    Ownership::of_routes,
];

/// A router with more routes than the policy has paths, behind the layer, for one principal.
struct Site {
    owners: MemoryOwnershipStore,
    seen: Seen,
    router: Router,
    user: Principal,
}

impl Site {
    fn of(name: &str, build: Build) -> Self {
        let owners = MemoryOwnershipStore::new();
        for id in ["alice-1", "%41", "a b", "a+b", "x/y", "alice-1;v", "..", "\u{e9}"] {
            owners.insert(thing(id), local("alice"));
        }
        for id in ["bob-1", "A", "ALICE-1", "alice-1 ", "alice-1/", "e\u{301}", "."] {
            owners.insert(thing(id), local("bob"));
        }
        let ownership = build(
            owners.clone(),
            [
                ResourcePath::new("thing", "/things/{id}", "id").unwrap(),
                ResourcePath::new("thing", "/things/{id}/parts/{part}", "id").unwrap(),
                ResourcePath::new("thing", "/files/{*path}", "path").unwrap(),
            ],
        );
        let seen = Seen::default();
        let note = |id: String, owned: Option<Extension<OwnedResource>>, seen: &Seen| {
            let owned = owned.map(|owned| owned.resource().id().to_owned());
            seen.lock().unwrap().push((id, owned));
        };
        let first = {
            let seen = seen.clone();
            async move |Path(id): Path<String>, owned: Option<Extension<OwnedResource>>| {
                note(id, owned, &seen);
            }
        };
        let of_two = {
            let seen = seen.clone();
            async move |Path((id, _)): Path<(String, String)>,
                        owned: Option<Extension<OwnedResource>>| {
                note(id, owned, &seen);
            }
        };
        let user = principal(local(name));
        let router = Router::new()
            .route("/things/{id}", any(first.clone()))
            .route("/things/{id}/", any(first.clone()))
            .route("/things/{id}/parts/{part}", any(of_two.clone()))
            // Routes that the policy does not know.
            .route("/things/{id}/notes/{note}", any(of_two))
            .route("/files/{*path}", any(first.clone()))
            .route("/other/{id}", any(first))
            .layer(OwnershipLayer::new(ownership.unwrap()))
            .layer(Extension(user.clone()));
        Self { owners, seen, router, user }
    }

    /// Sends a write. If a handler ran, it saw the resource that the layer judged, and that one is the
    /// principal's. Gives back the status.
    async fn write(&self, method: &Method, uri: &Uri) -> u16 {
        let request = Request::builder().method(method).uri(uri).body(axum::body::Body::empty());
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let status = response.status().as_u16();
        assert_eq!(seen.len(), usize::from(status == 200), "{method} {uri}: {status}");
        for (in_path, owned) in seen {
            let owned = owned.unwrap_or_else(|| panic!("{method} {uri} was written unjudged"));
            assert_eq!(in_path, owned, "{method} {uri}");
            let owner = self.owners.owner(&thing(&owned)).await.unwrap();
            let owner = owner.as_ref().map(Owner::identity);
            assert_eq!(owner, Some(self.user.identity()), "{method} {uri}");
        }
        status
    }
}

#[tokio::test]
async fn whatever_the_path_looks_like_a_handler_sees_the_resource_that_was_judged() {
    for build in BUILDS {
        check_paths(&Site::of("alice", *build), &Site::of("bob", *build)).await;
    }
}

async fn check_paths(alice: &Site, bob: &Site) {
    for (path, alices, bobs) in [
        ("/things/alice-1", 200, 403),
        ("/things/alice-1?id=bob-1", 200, 403),
        ("/things/bob-1?id=alice-1", 403, 200),
        ("http://elsewhere.example/things/alice-1", 200, 403),
        ("/things/alice-1/parts/bob-1", 200, 403),
        ("/things/bob-1/parts/alice-1", 403, 200),
        // Percent-encoding of what needs none.
        ("/things/%61lice-1", 200, 403),
        ("/things/alice%2D1", 200, 403),
        ("/things/alice%2d1", 200, 403),
        ("/thing%73/alice-1", 403, 403),
        // Once, and not twice.
        ("/things/%2541", 200, 403),
        ("/things/%41", 403, 200),
        ("/things/A", 403, 200),
        ("/things/a%20b", 200, 403),
        ("/things/a+b", 200, 403),
        ("/things/a%2Bb", 200, 403),
        // An encoded slash is a part of the id.
        ("/things/x%2Fy", 200, 403),
        ("/things/x%2fy", 200, 403),
        ("/things/alice-1%2F", 403, 200),
        ("/things/alice-1%2Fparts%2F1", 404, 404),
        ("/things/x/y", 403, 403),
        ("/files/x/y", 200, 403),
        ("/files/x%2Fy", 200, 403),
        // Slashes too many.
        ("/things/alice-1/", 403, 403),
        ("//things/alice-1", 403, 403),
        ("/things//alice-1", 403, 403),
        ("/things/alice-1//parts/1", 403, 403),
        ("/things/alice-1/parts/", 403, 403),
        ("/files//x/y", 404, 404),
        // Parameters of a segment are a part of the id.
        ("/things/alice-1;v", 200, 403),
        ("/things/alice-1;", 404, 404),
        ("/things/alice-1;x=/parts/1", 404, 404),
        ("/things;x/alice-1", 403, 403),
        // Dot segments are not resolved.
        ("/things/./alice-1", 403, 403),
        ("/things/bob-1/../alice-1", 403, 403),
        ("/other/../things/alice-1", 403, 403),
        ("/things/..", 200, 403),
        ("/things/%2e%2e", 200, 403),
        ("/things/%2E", 403, 200),
        ("/things/alice-1/parts/..", 200, 403),
        ("/files/x/../bob-1", 404, 404),
        // Case counts, blanks count, and so does the form of a letter.
        ("/things/ALICE-1", 403, 200),
        ("/Things/alice-1", 403, 403),
        ("/things/alice-1%20", 403, 200),
        ("/things/%20alice-1", 404, 404),
        ("/things/alice-1%00", 400, 400),
        ("/things/alice-1%0A", 400, 400),
        ("/things/alice-1%C2%85", 400, 400),
        ("/things/%C3%A9", 200, 403),
        ("/things/e%CC%81", 403, 200),
        // What is no UTF-8 once it is decoded.
        ("/things/%E9", 400, 400),
        ("/things/%ff", 400, 400),
        ("/things/%C3", 400, 400),
        ("/things/%C0%AE", 400, 400),
        ("/things/%ED%A0%80", 400, 400),
        // What is no percent-encoding is taken as it is.
        ("/things/%", 404, 404),
        ("/things/%zz", 404, 404),
        ("/things/alice-1%", 404, 404),
        // Routes that the policy does not know, and no routes.
        ("/things/alice-1/notes/1", 403, 403),
        ("/other/alice-1", 403, 403),
        ("/", 403, 403),
        ("*", 403, 403),
    ] {
        let uri: Uri = path.parse().expect(path);
        for method in ["PUT", "POST", "PATCH", "DELETE", "LOCK", "get"] {
            let method = method.parse().unwrap();
            assert_eq!(alice.write(&method, &uri).await, alices, "alice {method} {path}");
            assert_eq!(bob.write(&method, &uri).await, bobs, "bob {method} {path}");
        }
    }
}

#[tokio::test]
async fn an_id_is_decoded_once_also_when_it_is_claimed() {
    let owners = MemoryOwnershipStore::new();
    for (path, id) in [("/things/%2541", "%41"), ("/things/%41", "A"), ("/things/a%2Fb", "a/b")] {
        let answer = ask(things(owners.clone()), by("alice", &Method::PUT, path)).await;
        assert_eq!(answer.body, format!("new {id}"));
        assert_eq!(owner(&owners, id).await, Some(local("alice")));
    }
}

#[tokio::test]
async fn the_spellings_of_an_id_are_one_where_the_path_says_so() {
    let number = |id: &str| {
        let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| id.parse::<u64>().ok()).flatten().map(|id| id.to_string())
    };
    let owners = MemoryOwnershipStore::new();
    owners.insert(thing("7"), local("alice"));
    let path = ResourcePath::new("thing", "/things/{id}", "id").unwrap().created_by(Method::PUT);
    let ownership = Ownership::new(owners.clone(), [path.normalized_by(number)]).unwrap();
    for (id, alices, bobs) in [
        ("7", (200, "owned 7"), (403, "forbidden")),
        ("007", (200, "owned 7"), (403, "forbidden")),
        ("%37", (200, "owned 7"), (403, "forbidden")),
        ("+7", (400, "bad request"), (400, "bad request")),
        ("%207", (400, "bad request"), (400, "bad request")),
        ("7.0", (400, "bad request"), (400, "bad request")),
        ("%D9%A7", (400, "bad request"), (400, "bad request")),
        ("18446744073709551616", (400, "bad request"), (400, "bad request")),
    ] {
        for (name, expected) in [("alice", alices), ("bob", bobs)] {
            let request = by(name, &Method::PUT, &format!("/things/{id}"));
            let answer = ask(ownership.clone(), request).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), expected, "{name} {id}");
            if answer.status == 400 {
                assert_eq!(answer.reason(), "ownership.resource_id");
            }
        }
    }
    // A claim takes all spellings.
    let answer = ask(ownership, by("bob", &Method::PUT, "/things/0042")).await;
    assert_eq!(answer.body, "new 42");
    assert_eq!(owner(&owners, "42").await, Some(local("bob")));
}

#[test]
fn integers_and_uuids_have_one_spelling() {
    let one = "0123abcd-0000-4000-8000-fedcba987654";
    for (id, as_integer, as_uuid) in [
        ("0", Some("0"), None),
        ("7", Some("7"), None),
        ("18446744073709551615", Some("18446744073709551615"), None),
        ("18446744073709551616", None, None),
        ("", None, None),
        ("007", None, None),
        ("+7", None, None),
        ("-7", None, None),
        (" 7", None, None),
        ("7.0", None, None),
        ("0x7", None, None),
        ("\u{667}", None, None),
        (one, None, Some(one)),
        ("0123ABCD-0000-4000-8000-FEDCBA987654", None, Some(one)),
        ("0123abcd0000-4000-8000-fedcba9876540", None, None),
        ("0123abcd000040008000fedcba987654", None, None),
        ("{0123abcd-0000-4000-8000-fedcba987654}", None, None),
        ("urn:uuid:0123abcd-0000-4000-8000-fedcba987654", None, None),
        ("0123abcd-0000-4000-8000-fedcba98765", None, None),
        ("0123abcd-0000-4000-8000-fedcba98765g", None, None),
        ("0123abcd-0000-4000-8000-fedcba98765\u{e9}", None, None),
        ("------------------------------------", None, None),
    ] {
        assert_eq!(integer(id).as_deref(), as_integer, "{id}");
        assert_eq!(uuid(id).as_deref(), as_uuid, "{id}");
    }
}

/// Paths from pieces that routers are known to disagree about.
fn twins() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/", "/", "//", "/things", "/things/", "/files/", "/parts/", "/other/", "/notes/", "alice-1",
        "bob-1", "A", "%41", "%2541", "%61", "%2F", "%2f", "%5C", ".", "..", "%2e", "%2E%2e", ";",
        ";v", "%3B", "?", "?id=", "%3F", "%23", "%00", "%20", "+", "%", "%ff", "%C3%A9", "*", "{id}",
        ":", "@", "\\", "1",
    ]);
    prop::collection::vec(piece, 0..7).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// Each user's view of the site.
static SITES: LazyLock<Vec<Site>> = LazyLock::new(|| {
    let of = |build: &Build| ["alice", "bob"].map(|name| Site::of(name, *build));
    BUILDS.iter().flat_map(of).collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_path_writes_what_somebody_else_owns(path in twins(), method in "PUT|DELETE|POST|x") {
        let Ok(uri) = path.parse::<Uri>() else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let method = method.parse().unwrap();
        runtime.block_on(async {
            for site in &*SITES {
                site.write(&method, &uri).await;
            }
        });
    }
}
