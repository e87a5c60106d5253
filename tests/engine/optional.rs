//! Optional authentication, and principals that outer layers or forgers have left.

use std::convert::Infallible;

use http::{HeaderValue, Request, Response, header};
use portcullis::{
    Anonymous, AuthenticateLayer, Authenticator, Challenge, Head, NowOrLater, Principal, Rejection,
    RejectionKind, Scheme,
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::{
    fixtures::{BASIC, BEARER, EITHER, Spoken, When, principal},
    support::{Answer, Echo, IntoAnswer, get, get_with, send},
};

type Body = http_body_util::Full<bytes::Bytes>;

fn bearer(when: When) -> AuthenticateLayer {
    AuthenticateLayer::new(Spoken::new(BEARER, when))
}

fn basic(when: When) -> AuthenticateLayer {
    AuthenticateLayer::new(Spoken::new(BASIC, when))
}

/// A request in which somebody has left a principal.
fn stale(authorization: Option<&str>) -> Request<Body> {
    let mut request = authorization.map_or_else(|| get("/"), |value| get_with("/", value));
    request.extensions_mut().insert(principal("mallory", Scheme::BASIC, "all:any"));
    request
}

#[tokio::test]
async fn without_a_header_a_request_is_anonymous_only_where_that_is_allowed() {
    for when in EITHER {
        assert_eq!(send(&bearer(when).optional(), get("/")).await.body, "anonymous");
        assert_eq!(send(&bearer(when), get("/")).await.status, 401);
    }
}

#[tokio::test]
async fn optional_authentication_forgives_no_header_that_is_wrong() {
    let wrong: [&[u8]; 14] = [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer\talice",
        b"Bearer  alice",
        b"Bearer mallory",
        b"Bearer expired",
        b"Bearer alice ",
        b"Bearer alice,Bearer alice",
        b"Bearer \xff",
        b"Basic alice",
        b"Digest alice",
        b"null",
        b"Bearer undefined",
    ];
    for when in EITHER {
        for sent in wrong {
            let answer = send(&bearer(when).optional(), get_with("/", sent)).await;
            assert_eq!(answer.status, 401, "{:?}", String::from_utf8_lossy(sent));
        }
    }
}

#[tokio::test]
async fn optional_authentication_still_authenticates() {
    for when in EITHER {
        let answer = send(&bearer(when).optional(), get_with("/", "Bearer alice")).await;
        assert_eq!(answer.body, "alice");
    }
}

#[tokio::test]
async fn a_principal_that_lies_in_the_request_is_taken_out() {
    for when in EITHER {
        let mandatory = send(&bearer(when), stale(Some("Bearer alice"))).await;
        assert_eq!(mandatory.body, "alice");
        assert_eq!(send(&bearer(when), stale(None)).await.status, 401);
        assert_eq!(send(&bearer(when).optional(), stale(None)).await.body, "anonymous");
        let optional = send(&bearer(when).optional(), stale(Some("Bearer alice"))).await;
        assert_eq!(optional.body, "alice");
        let mut preflight = stale(None);
        *preflight.method_mut() = http::Method::OPTIONS;
        for name in [header::ORIGIN, header::ACCESS_CONTROL_REQUEST_METHOD] {
            preflight.headers_mut().insert(name, HeaderValue::from_static("GET"));
        }
        let answer = send(&bearer(when).allow_cors_preflight(), preflight).await;
        assert_eq!(answer.body, "anonymous");
    }
}

#[tokio::test]
async fn a_principal_is_kept_only_by_a_layer_that_was_told_to() {
    for when in EITHER {
        let layer = bearer(when).skip_authenticated();
        assert_eq!(send(&layer, stale(None)).await.body, "mallory");
        assert_eq!(send(&layer, stale(Some("Bearer alice"))).await.body, "mallory");
        assert_eq!(send(&layer, get_with("/", "Bearer alice")).await.body, "alice");
        assert_eq!(send(&layer, get("/")).await.status, 401);
        assert_eq!(send(&layer, get_with("/", "Bearer mallory")).await.status, 401);
    }
}

/// What a stack of two layers answers to no header, a bearer's and a Basic one.
async fn answers<L>(stack: L) -> [String; 3]
where
    L: Layer<Echo>,
    L::Service: Service<Request<Body>, Error = Infallible>,
    <L::Service as Service<Request<Body>>>::Response: IntoAnswer,
{
    let mut answers = [const { String::new() }; 3];
    let requests = [get("/"), get_with("/", "Bearer alice"), get_with("/", "Basic bob")];
    for (answer, request) in answers.iter_mut().zip(requests) {
        let sent = send(&stack, request).await;
        *answer = if sent.rejection.is_some() { sent.status.as_str().to_owned() } else { sent.body };
    }
    answers
}

#[tokio::test]
async fn of_two_layers_the_inner_one_has_the_last_word() {
    let stack = |outer, inner| ServiceBuilder::new().layer(outer).layer(inner);
    for when in EITHER {
        // Both orders of two schemes: a header satisfies one of them, never both.
        for layers in [[bearer(when), basic(when)], [basic(when), bearer(when)]] {
            let [outer, inner] = layers.clone();
            assert_eq!(answers(stack(outer, inner)).await, ["401", "401", "401"]);
            let [outer, inner] = layers.clone();
            let both = stack(outer.optional(), inner.optional());
            assert_eq!(answers(both).await, ["anonymous", "401", "401"]);
            let [outer, inner] = layers;
            assert_eq!(answers(stack(outer.optional(), inner)).await, ["401", "401", "401"]);
        }
        let same = stack(bearer(when), bearer(when));
        assert_eq!(answers(same).await, ["401", "alice", "401"]);
        let trusting = stack(bearer(when), basic(when).skip_authenticated());
        assert_eq!(answers(trusting).await, ["401", "alice", "401"]);
        let trusting = stack(basic(when), bearer(when).skip_authenticated());
        assert_eq!(answers(trusting).await, ["401", "401", "bob"]);
    }
}

/// A scheme that does not use the `Authorization` field.
struct ApiKey(When);

impl Authenticator for ApiKey {
    fn scheme(&self) -> Scheme {
        Scheme::new("ApiKey")
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        head.headers().get("x-api-key")?;
        Some(self.0.answer(Ok(principal("robot", self.scheme(), ""))))
    }

    fn challenge(&self, _: Option<RejectionKind>) -> Challenge {
        Challenge::builder("ApiKey").build().unwrap()
    }
}

#[tokio::test]
async fn who_is_authenticated_is_no_longer_anonymous() {
    for when in EITHER {
        let service = ServiceBuilder::new()
            .layer(bearer(when).optional())
            .layer(AuthenticateLayer::new(ApiKey(when)))
            .service(service_fn(async |request: Request<()>| {
                let extensions = request.extensions();
                assert_eq!(extensions.get::<Principal>().unwrap().subject(), "robot");
                let anonymous = extensions.get::<Anonymous>().is_some();
                Ok::<_, Infallible>(Response::new(anonymous.to_string()))
            }));
        let request = Request::get("/").header("x-api-key", "k").body(()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(Answer::of(response).await.body, "false", "{when:?}");
    }
}
