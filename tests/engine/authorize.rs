//! `AuthorizeLayer`: who is asked for what, and what each verdict becomes.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response, header};
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, Head, NowOrLater, Permit, Policy, Principal, Rejection,
    RejectionKind, authorize,
};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::{
    fixtures::{BASIC, BEARER, EITHER, Saying, Says, Spoken, WATCHWORD, When},
    support::{Answer, get, get_with, send},
};

fn outer(when: When) -> AuthenticateLayer {
    AuthenticateLayer::new(Spoken::new(BASIC, when)).or(Spoken::new(BEARER, when)).optional()
}

#[tokio::test]
async fn what_the_policy_says_is_what_the_caller_gets() {
    for (when, authenticated) in EITHER.into_iter().flat_map(|when| EITHER.map(|other| (when, other))) {
        for (says, status, kind) in [
            (Says::Yes, 200, None),
            (Says::No, 403, Some(RejectionKind::Forbidden)),
            (Says::Unknown, 503, Some(RejectionKind::Unavailable)),
        ] {
            let policy = Saying::new(says, when);
            let stack = ServiceBuilder::new()
                .layer(outer(authenticated))
                .layer(AuthorizeLayer::new(policy.clone()));
            let answer = send(&stack, get_with("/", "Bearer alice")).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.rejection.as_ref().map(Rejection::kind), kind);
            assert!(answer.challenges().is_empty(), "other credentials would not help");
            assert_eq!(answer.headers.contains_key(header::RETRY_AFTER), status == 503);
            assert_eq!(policy.asked(), 1);
        }
    }
}

#[tokio::test]
async fn an_anonymous_request_gets_the_challenges_of_the_layer_that_let_it_through() {
    for when in EITHER {
        let policy = Saying::new(Says::Yes, when);
        let stack = ServiceBuilder::new().layer(outer(when)).layer(AuthorizeLayer::new(policy.clone()));
        let answer = send(&stack, get("/")).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.kind(), RejectionKind::MissingCredentials);
        assert_eq!(answer.challenges(), [r#"Bearer realm="test""#, r#"Basic realm="test""#]);
        assert_eq!(policy.asked(), 0, "there is nobody to ask about");
        // Of two such layers, the inner one's.
        let inner = AuthenticateLayer::new(Spoken::new(WATCHWORD, when)).optional();
        let stack = ServiceBuilder::new()
            .layer(outer(when))
            .layer(inner)
            .layer(AuthorizeLayer::new(policy.clone()));
        assert_eq!(send(&stack, get("/")).await.challenges(), [r#"Watchword realm="test""#]);
    }
}

#[tokio::test]
async fn a_policy_outside_of_the_authenticating_layer_refuses_everything() {
    for when in EITHER {
        for request in [get("/"), get_with("/", "Bearer alice"), get_with("/", "Bearer mallory")] {
            let policy = Saying::new(Says::Yes, when);
            let stack =
                ServiceBuilder::new().layer(AuthorizeLayer::new(policy.clone())).layer(outer(when));
            let answer = send(&stack, request).await;
            assert_eq!((answer.status.as_u16(), answer.kind()), (500, RejectionKind::Misconfigured));
            assert!(answer.challenges().is_empty());
            assert_eq!(policy.asked(), 0);
        }
    }
}

#[tokio::test]
async fn what_a_policy_opens_needs_nobody_and_asks_about_nobody() {
    for when in EITHER {
        let policy = Saying::new(Says::No, when).open(true);
        let alone = AuthorizeLayer::new(policy.clone());
        assert_eq!(send(&alone, get("/")).await.body, "nobody");
        let stack = ServiceBuilder::new().layer(outer(when)).layer(alone);
        assert_eq!(send(&stack, get("/")).await.body, "anonymous");
        assert_eq!(send(&stack, get_with("/", "Bearer alice")).await.body, "alice");
        // Open is not optional: credentials that are wrong were refused before.
        assert_eq!(send(&stack, get_with("/", "Bearer mallory")).await.status, 401);
        assert_eq!(policy.asked(), 0);
    }
}

#[tokio::test]
async fn a_function_is_a_policy_over_the_principal_and_the_head() {
    let layer = AuthorizeLayer::new(authorize::from_fn(|principal, head| {
        head.uri().path() == format!("/{}", principal.subject())
    }));
    let stack = ServiceBuilder::new().layer(outer(When::Now)).layer(layer);
    assert_eq!(send(&stack, get_with("/alice", "Bearer alice")).await.body, "alice");
    let denied = send(&stack, get_with("/bob", "Bearer alice")).await;
    assert_eq!((denied.status.as_u16(), denied.reason()), (403, "policy.refused"));
}

/// Leaves its name for the handler.
#[derive(Clone)]
struct Names(When);

impl Policy for Names {
    fn authorize(&self, who: &Principal, _: &Head<'_>) -> NowOrLater<Result<Permit, Rejection>> {
        let name: Arc<str> = who.subject().into();
        self.0.answer(Ok(Permit::granted().with(name)))
    }
}

#[tokio::test]
async fn what_a_permit_leaves_is_there_for_the_handler() {
    for when in EITHER {
        let both = authorize::all([
            authorize::shared(Names(when)),
            authorize::shared(Saying::new(Says::Yes, when)),
        ]);
        let service = ServiceBuilder::new()
            .layer(outer(when))
            .layer(AuthorizeLayer::new(both))
            .service(service_fn(async |request: Request<_>| {
                let name = request.extensions().get::<Arc<str>>().unwrap().to_string();
                Ok::<_, Infallible>(Response::new(name))
            }));
        let response = service.oneshot(get_with("/", "Bearer carol")).await.unwrap();
        assert_eq!(Answer::of(response).await.body, "carol");
    }
}
