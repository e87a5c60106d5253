//! One case so many times, for an instruction counter: what a request costs is the difference between
//! two runs, divided by how many more the second did.

use http::Request;
use jsonwebtoken::Algorithm;
use portcullis::{AuthorizeLayer, Identity, JwtScopeLayer, Principal, Scheme, Scope, authorize};
use tower::Layer;

use crate::{
    paired::{Bare, Body, Work, serve, service},
    peers::{self, MaySend},
    requests::{SCOPE, Signing, authorized, same, template},
    rows::{s3p, stack},
};

/// What is counted: the script takes `bare` from all others.
pub fn case(name: &str) -> Work {
    let signing = || Signing::new(Algorithm::HS256);
    let bearer =
        || authorized(template("/messages?limit=20"), &format!("Bearer {}", signing().token(1)));
    let scope = || Scope::from_static(SCOPE);
    match name {
        "bare" => bare(&bearer()),
        "bare, with a principal" => bare(&with_principal()),
        "authorize, yes" => {
            let yes = AuthorizeLayer::new(authorize::from_fn(|_, _| true));
            service(yes.layer(Bare::<Body>::new()), same(&with_principal()), 200)
        }
        "authorize, yes, four of them" => {
            let yes = AuthorizeLayer::new(authorize::from_fn(|_, _| true));
            let four = yes.layer(yes.layer(yes.layer(yes.layer(Bare::<Body>::new()))));
            service(four, same(&with_principal()), 200)
        }
        "jwt, cached" => {
            let jwt = signing().builder().cache(1_000).build().expect("an authenticator");
            let layer = JwtScopeLayer::new(jwt, scope());
            service(layer.layer(Bare::<Body>::new()), same(&bearer()), 200)
        }
        "jwt, no cache" => {
            let jwt = signing().builder().build().expect("an authenticator");
            let layer = JwtScopeLayer::new(jwt, scope());
            service(layer.layer(Bare::<Body>::new()), same(&bearer()), 200)
        }
        "jwt, expired" => {
            let expired = format!("Bearer {}", signing().token_until(1, 1_700_003_600));
            let jwt = signing().builder().build().expect("an authenticator");
            let mut layer = JwtScopeLayer::new(jwt, scope()).layer(Bare::<Body>::new());
            assert_eq!(serve(&mut layer, bearer()).status(), 200);
            service(layer, same(&authorized(template("/messages?limit=20"), &expired)), 401)
        }
        "no credentials" => {
            let jwt = signing().builder().build().expect("an authenticator");
            let layer = JwtScopeLayer::new(jwt, scope()).layer(Bare::<Body>::new());
            service(layer, same(&template("/messages?limit=20")), 401)
        }
        "s3p get" => s3p::again(),
        "bare s3p get" => s3p::bare_again(),
        "bare stack" => bare(&stack::request(&signing())),
        "stack" => {
            let jwt = signing().builder().cache(1_000).build().expect("an authenticator");
            let layers = stack::layers(jwt).layer(Bare::<Body>::new());
            service(layers, same(&stack::request(&signing())), 200)
        }
        "aliri_tower" => service(peers::aliri(&signing()), same(&bearer()), 200),
        "jwt-authorizer" => service(peers::jwt_authorizer(&signing()), same(&bearer()), 200),
        "tower-oauth2-resource-server" => {
            let layer = peers::resource_server(&signing()).into_layer();
            service(layer.layer(MaySend(Bare::<Body>::new())), same(&bearer()), 200)
        }
        other => panic!("there is no case {other:?}"),
    }
}

fn bare(request: &Request<Body>) -> Work {
    service(Bare::<Body>::new(), same(request), 200)
}

fn with_principal() -> Request<Body> {
    let mut request = template("/messages?limit=20");
    let alice = Identity::local("alice").expect("a subject");
    request.extensions_mut().insert(Principal::builder(alice, Scheme::BASIC).build());
    request
}
