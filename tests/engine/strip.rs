//! `StripIdentityHeadersLayer`: a name in every spelling that something behind may fold into it.

use std::convert::Infallible;

use http::{HeaderName, Request, Response};
use portcullis::{AuthenticateLayer, StripIdentityHeadersLayer};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::{
    fixtures::{BEARER, EITHER, Spoken},
    support::Answer,
};

/// The names of the fields that reach the inner service, with how many lines each has.
async fn reach(layer: &StripIdentityHeadersLayer, sent: &[&str]) -> Vec<String> {
    let mut request = Request::get("/").body(()).unwrap();
    for name in sent {
        // As a server reads them: any case.
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, "mallory".parse().unwrap());
    }
    let names = layer.layer(service_fn(async |request: Request<()>| {
        let mut names: Vec<_> = request.headers().keys().map(|name| name.as_str().to_owned()).collect();
        names.sort_unstable();
        Ok::<_, Infallible>(names)
    }));
    names.oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_name_is_taken_out_in_every_spelling() {
    for configured in ["x-forwarded-user", "X-Forwarded-User", "x_forwarded_user", "X_FORWARDED_USER"] {
        let layer = StripIdentityHeadersLayer::new([configured]).unwrap();
        for sent in [
            "x-forwarded-user",
            "X-Forwarded-User",
            "X_Forwarded_User",
            "x_forwarded-user",
            "x-forwarded_user",
            "x.forwarded.user",
            "X~Forwarded!User",
            "X_FORWARDED_USER",
        ] {
            assert!(reach(&layer, &[sent]).await.is_empty(), "{configured} {sent}");
            assert!(reach(&layer, &[sent, sent]).await.is_empty(), "{configured} {sent} twice");
        }
        for sent in ["x-forwarded-users", "x-forwarded", "xforwardeduser", "x-forwarded--user", "user"]
        {
            assert_eq!(reach(&layer, &[sent]).await, [sent], "{configured}");
        }
    }
}

#[tokio::test]
async fn a_star_takes_out_all_that_begins_so() {
    for configured in ["x-auth-request-*", "X_Auth_Request_*"] {
        let layer = StripIdentityHeadersLayer::new([configured, "remote-user"]).unwrap();
        let sent = [
            "x-auth-request-user",
            "X_Auth_Request_Email",
            "x-auth_request-groups",
            "Remote_User",
            "x-auth-request-",
            "x-auth-requests",
            "x-auth",
            "accept",
            "remote-user-id",
        ];
        assert_eq!(
            reach(&layer, &sent).await,
            ["accept", "remote-user-id", "x-auth", "x-auth-requests"],
            "{configured}"
        );
    }
}

#[test]
fn a_layer_that_would_take_nothing_out_is_refused() {
    assert!(StripIdentityHeadersLayer::new([]).is_err());
}

#[test]
fn what_is_no_name_of_a_field_is_refused() {
    for name in ["", "*", "x user", "x:user", "x-user\n", "x-üser"] {
        let result = StripIdentityHeadersLayer::new([name]);
        assert!(result.unwrap_err().to_string().contains("header field"), "{name:?}");
    }
}

#[tokio::test]
async fn an_identity_in_a_header_is_nobodys_with_and_without_credentials() {
    for when in EITHER {
        let service = ServiceBuilder::new()
            .layer(StripIdentityHeadersLayer::new(["x-user"]).unwrap())
            .layer(AuthenticateLayer::new(Spoken::new(BEARER, when)).optional())
            .service(service_fn(async |request: Request<String>| {
                let seen = request.headers().keys().any(|name| name.as_str().contains("user"));
                Ok::<_, Infallible>(Response::new(format!("{seen}")))
            }));
        for authorization in [None, Some("Bearer alice")] {
            let mut request = Request::get("/").header("X_User", "root").header("x-user", "root");
            if let Some(value) = authorization {
                request = request.header("authorization", value);
            }
            let request = request.body(String::new()).unwrap();
            let response = service.clone().oneshot(request).await.unwrap();
            assert_eq!(Answer::of(response).await.body, "false");
        }
    }
}
