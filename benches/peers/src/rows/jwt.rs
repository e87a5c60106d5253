//! Good tokens: from the cache, and without one.

use std::rc::Rc;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Request;
use jsonwebtoken::{Algorithm, jwk::AlgorithmParameters};
use portcullis::{JwtScopeLayer, Scope, jwt::JwtAuth};
use tower::Layer;

use crate::{
    paired::{Bare, Body, Id, Times, Turns, Work, function, service},
    peers::{self, MaySend},
    requests::{SCOPE, Signing, any_of, authorized, same, template},
    results::{Goal, Results, short},
};

/// Rounds: the medians of so many are steady to a few per cent.
const ROUNDS: usize = 301;

pub fn rows(results: &mut Results) {
    for algorithm in [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        one_algorithm(results, &Signing::new(algorithm));
    }
    many_tokens(results, 1_000, Goal::None);
    many_tokens(results, 100_000, Goal::AtLeast { must: 3.5, stretch: 6.0 });
}

fn ours(jwt: JwtAuth, request: impl FnMut() -> Request<Body> + 'static) -> Work {
    let layer = JwtScopeLayer::new(jwt, Scope::from_static(SCOPE));
    service(layer.layer(Bare::<Body>::new()), request, 200)
}

fn one_algorithm(results: &mut Results, signing: &Signing) {
    let name = format!("{:?}", signing.algorithm);
    let token = signing.token(1);
    let request = authorized(template("/messages?limit=20"), &format!("Bearer {token}"));

    let mut turns = Turns::default();
    let bare = turns.whole(service(Bare::<Body>::new(), same(&request), 200));
    let hit = signing.builder().cache(1_000).build().expect("an authenticator");
    let hit = turns.over(bare, ours(hit, same(&request)));
    let uncached = signing.builder().build().expect("an authenticator");
    let uncached = turns.over(bare, ours(uncached, same(&request)));
    let peers = all_peers(&mut turns, bare, signing, &request);
    let mut checks = Vec::new();
    for (by, work) in bare_verifications(signing, &token) {
        checks.push((by, turns.whole(work)));
    }
    let times = turns.take(ROUNDS);

    let figures = |id| format!("{} against {}", listed(&times, &peers), short(times.ns(id)));
    let against = |peer| {
        let peer = peers.iter().find(|(name, _)| *name == peer);
        peer.map(|(_, id)| times.ratio(*id, hit))
    };
    let (best, best_id) = times.best(&peers);
    if signing.algorithm == Algorithm::HS256 {
        let row = format!("JWT {name}, cached: aliri_tower ÷ ours");
        let ratio = against(ALIRI).expect("it knows HS256");
        results.add(row, Goal::AtLeast { must: 20.0, stretch: 25.0 }, ratio, figures(hit));
        let row = format!("JWT {name}, cached: tower-oauth2-resource-server ÷ ours");
        let ratio = against(RESOURCE_SERVER).expect("it knows HS256");
        results.add(row, Goal::AtLeast { must: 40.0, stretch: 50.0 }, ratio, figures(hit));
        let row = format!("JWT {name}, no cache: best peer ({best}) ÷ ours");
        let goal = Goal::AtLeast { must: 2.5, stretch: 4.0 };
        results.add(row, goal, times.ratio(best_id, uncached), figures(uncached));
        return;
    }
    let (must, stretch) = match signing.algorithm {
        Algorithm::RS256 => (150.0, 180.0),
        Algorithm::ES256 => (450.0, 500.0),
        _ => (300.0, 340.0),
    };
    let row = format!("JWT {name}, cached: best peer ({best}) ÷ ours");
    results.add(row, Goal::AtLeast { must, stretch }, times.ratio(best_id, hit), figures(hit));
    let row = format!("JWT {name}, no cache: best peer ({best}) ÷ ours");
    results.add(row, Goal::None, times.ratio(best_id, uncached), figures(uncached));
    let (by, check) = times.best(&checks);
    let row = format!("JWT {name}, no cache: ours ÷ the bare verification ({by})");
    let goal = Goal::AtMost { must: 1.08, stretch: 1.05 };
    let figures = format!("{} against {}", short(times.ns(uncached)), listed(&times, &checks));
    results.add(row, goal, times.ratio(uncached, check), figures);
}

const ALIRI: &str = "aliri_tower";
const RESOURCE_SERVER: &str = "tower-oauth2-resource-server";

/// All who know this algorithm.
pub fn all_peers(
    turns: &mut Turns,
    bare: Id,
    signing: &Signing,
    request: &Request<Body>,
) -> Vec<(&'static str, Id)> {
    let axum = turns.whole(service(peers::axum_bare(), same(request), 200));
    let mut peers = Vec::new();
    if signing.algorithm != Algorithm::EdDSA {
        let work = service(peers::aliri(signing), same(request), 200);
        peers.push((ALIRI, turns.over(bare, work)));
    }
    let work = service(peers::jwt_authorizer(signing), same(request), 200);
    peers.push(("jwt-authorizer", turns.over(bare, work)));
    let layer = peers::resource_server(signing).into_layer();
    let work = service(layer.layer(MaySend(Bare::<Body>::new())), same(request), 200);
    peers.push((RESOURCE_SERVER, turns.over(bare, work)));
    let work = service(peers::axum_jwt_auth(signing), same(request), 200);
    peers.push(("axum-jwt-auth", turns.over(axum, work)));
    let work = service(peers::typed_header(signing), same(request), 200);
    peers.push(("axum-extra and jsonwebtoken", turns.over(axum, work)));
    peers
}

fn listed(times: &Times, ids: &[(&'static str, Id)]) -> String {
    let figures = ids.iter().map(|(name, id)| format!("{name} {}", short(times.ns(*id))));
    figures.collect::<Vec<_>>().join(", ")
}

/// The verification of the signature alone, over a key that was parsed once.
fn bare_verifications(
    signing: &Signing,
    token: &str,
) -> impl Iterator<Item = (&'static str, Work)> + use<> {
    let (message, signature) = token.rsplit_once('.').expect("a token");
    let message = message.to_owned().into_bytes();
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let aws = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
        let key = ParsedPublicKey::new(algorithm, key).expect("a public key");
        let (message, signature) = (message.clone(), signature.clone());
        let verify = move |()| key.verify_sig(&message, &signature).expect("a good signature");
        ("aws-lc-rs", function(|| (), verify))
    };
    let mut works = Vec::new();
    match &signing.jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let (n, e) = (decode(&rsa.n), decode(&rsa.e));
            let key = RsaPublicKeyComponents { n: &n, e: &e };
            let key = key.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).expect("a key");
            let (message, signature) = (message.clone(), signature.clone());
            let verify = move |()| key.verify_sig(&message, &signature).expect("a good signature");
            works.push(("aws-lc-rs", function(|| (), verify)));
        }
        AlgorithmParameters::EllipticCurve(ec) => {
            let point = [vec![4], decode(&ec.x), decode(&ec.y)].concat();
            works.push(aws(&ECDSA_P256_SHA256_FIXED, &point));
        }
        AlgorithmParameters::OctetKeyPair(ed) => {
            let key = decode(&ed.x);
            works.push(aws(&ED25519, &key));
            let key = key.try_into().expect("32 bytes");
            let key = ed25519_dalek::VerifyingKey::from_bytes(&key).expect("a public key");
            let signature = ed25519_dalek::Signature::from_slice(&signature).expect("64 bytes");
            let verify = move |()| key.verify_strict(&message, &signature).expect("a good signature");
            works.push(("ed25519-dalek", function(|| (), verify)));
        }
        _ => {}
    }
    works.into_iter()
}

/// Tokens by turns, as they come.
fn many_tokens(results: &mut Results, many: usize, goal: Goal) {
    let signing = Signing::new(Algorithm::HS256);
    let values: Rc<Vec<_>> =
        Rc::new((0..many).map(|user| format!("Bearer {}", signing.token(user))).collect());
    let jwt = signing.builder().cache(2 * many).build().expect("an authenticator");
    let layer = JwtScopeLayer::new(jwt, Scope::from_static(SCOPE)).layer(Bare::<Body>::new());
    // All of them are live.
    for value in values.iter() {
        let request = authorized(template("/messages?limit=20"), value);
        crate::paired::serve(&mut layer.clone(), request);
    }
    let mut turns = Turns::default();
    let bare = turns.whole(service(Bare::<Body>::new(), any_of(values.clone()), 200));
    let hit = turns.over(bare, service(layer, any_of(values.clone()), 200));
    let aliri = turns.over(bare, service(peers::aliri(&signing), any_of(values), 200));
    let times = turns.take(2 * ROUNDS);
    let row = format!("JWT HS256, cached, {many} tokens at random: aliri_tower ÷ ours");
    let figures = format!("{} against {}", short(times.ns(aliri)), short(times.ns(hit)));
    results.add(row, goal, times.ratio(aliri, hit), figures);
}
