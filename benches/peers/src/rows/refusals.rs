//! Tokens that are refused: whole calls, since nothing is served.

use http::Request;
use jsonwebtoken::Algorithm;
use portcullis::{JwtScopeLayer, Scope};
use tower::Layer;

use crate::{
    paired::{Bare, Body, Turns, serve, service},
    peers::{self, MaySend},
    requests::{SCOPE, Signing, authorized, same, template},
    results::{Goal, Results, short},
};

pub fn rows(results: &mut Results) {
    for (algorithm, must, stretch) in
        [(Algorithm::HS256, 5.0, 7.0), (Algorithm::RS256, 50.0, 60.0), (Algorithm::ES256, 130.0, 160.0)]
    {
        let signing = Signing::new(algorithm);
        let expired = format!("Bearer {}", signing.token_until(1, 1_700_003_600));
        let request = authorized(template("/messages?limit=20"), &expired);
        let row = format!("JWT {algorithm:?}, expired");
        refused(results, &row, Goal::AtLeast { must, stretch }, &signing, &request);
    }
    let goal = Goal::AtLeast { must: 1.0, stretch: 1.8 };
    let signing = Signing::new(Algorithm::HS256);
    refused(results, "JWT, no credentials", goal, &signing, &template("/messages?limit=20"));
}

fn refused(results: &mut Results, row: &str, goal: Goal, signing: &Signing, request: &Request<Body>) {
    let mut turns = Turns::default();
    let jwt = signing.builder().build().expect("an authenticator");
    let layer = JwtScopeLayer::new(jwt, Scope::from_static(SCOPE));
    // Of an issuer whose tokens have been seen.
    let good = authorized(request.clone(), &format!("Bearer {}", signing.token(1)));
    assert_eq!(serve(&mut layer.layer(Bare::<Body>::new()), good).status(), 200);
    let ours = turns.whole(service(layer.layer(Bare::<Body>::new()), same(request), 401));
    let layer = peers::resource_server(signing).into_layer();
    let server = layer.layer(MaySend(Bare::<Body>::new()));
    let peers = [
        ("aliri_tower", turns.whole(service(peers::aliri(signing), same(request), 401))),
        ("jwt-authorizer", turns.whole(service(peers::jwt_authorizer(signing), same(request), 401))),
        ("tower-oauth2-resource-server", turns.whole(service(server, same(request), 401))),
    ];
    let times = turns.take(301);
    let (best, id) = times.best(&peers);
    let listed = peers.map(|(name, id)| format!("{name} {}", short(times.ns(id)))).join(", ");
    let figures = format!("{listed} against {}", short(times.ns(ours)));
    results.add(format!("{row}: best peer ({best}) ÷ ours"), goal, times.ratio(id, ours), figures);
}
