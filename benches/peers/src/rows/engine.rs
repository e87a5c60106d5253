//! The engine alone, beside tower-http's.

use std::future::ready;

use http::{Request, Response};
use portcullis::{AuthorizeLayer, Identity, Principal, Scheme, authorize};
use tower::Layer;
use tower_http::{auth::AsyncRequireAuthorizationLayer, validate_request::ValidateRequestHeaderLayer};

use crate::{
    paired::{Bare, Body, Turns, service},
    requests::{authorized, same, template},
    results::{Goal, Results, short},
};

pub fn rows(results: &mut Results) {
    let mut request = authorized(template("/messages?limit=20"), "Bearer static");
    let alice = Identity::local("alice").expect("a subject");
    request.extensions_mut().insert(Principal::builder(alice, Scheme::BASIC).build());
    let yes = AuthorizeLayer::new(authorize::from_fn(|_, _| true));

    let mut turns = Turns::default();
    let bare = turns.whole(service(Bare::<Body>::new(), same(&request), 200));
    let one = turns.over(bare, service(yes.layer(Bare::<Body>::new()), same(&request), 200));
    let four = yes.layer(yes.layer(yes.layer(yes.layer(Bare::<Body>::new()))));
    let four = turns.over(bare, service(four, same(&request), 200));
    let at_once = |request: Request<Body>| ready(Ok::<_, Response<Body>>(request));
    let async_require = AsyncRequireAuthorizationLayer::new(at_once).layer(Bare::<Body>::new());
    let async_require = turns.over(bare, service(async_require, same(&request), 200));
    #[expect(deprecated, reason = "it is what people have")]
    let bearer = ValidateRequestHeaderLayer::bearer("static").layer(Bare::<Body>::new());
    let bearer = turns.over(bare, service(bearer, same(&request), 200));
    let times = turns.take(1001);

    let figures = format!(
        "one {}, four {}; tower-http: AsyncRequireAuthorization {}, bearer {}; bare {}",
        short(times.ns(one)),
        short(times.ns(four)),
        short(times.ns(async_require)),
        short(times.ns(bearer)),
        short(times.ns(bare)),
    );
    let goal = Goal::AtMost { must: 1.5, stretch: 1.2 };
    results.add("AuthorizeLayer, yes: four ÷ one", goal, times.ratio(four, one), figures);
}
