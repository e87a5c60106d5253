//! Whose is it: beside axum's extraction of the path.

use std::hint::black_box;

use axum::{Router, extract::Path, http::StatusCode, routing::put};
use http::{Method, Request};
use portcullis::{
    Identity, OwnershipLayer, Principal, Scheme,
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
};
use tower::{Layer, ServiceBuilder};

use crate::{
    paired::{Bare, Body, Turns, service},
    requests::{same, template},
    results::{Goal, Results, short},
};

pub fn rows(results: &mut Results) {
    let alice = Identity::local("alice").expect("a subject");
    let mut request = template("/groups/37");
    *request.method_mut() = Method::PUT;
    request.extensions_mut().insert(Principal::builder(alice.clone(), Scheme::BASIC).build());
    let owners = MemoryOwnershipStore::new();
    owners.insert(Resource::new("group", "37"), alice);
    let path = ResourcePath::new("group", "/groups/{id}", "id").expect("a path");
    let layer = OwnershipLayer::new(Ownership::new(owners, [path]).expect("a policy"));
    // What the layer leaves for the handler has about this size.
    let insert = ServiceBuilder::new().map_request(|mut request: Request<Body>| {
        request.extensions_mut().insert([0_u64; 8]);
        request
    });

    let mut turns = Turns::default();
    let bare = turns.whole(service(Bare::<Body>::new(), same(&request), 200));
    let ours = turns.over(bare, service(layer.layer(Bare::<Body>::new()), same(&request), 200));
    let insert = turns.over(bare, service(insert.service(Bare::<Body>::new()), same(&request), 200));
    let without = Router::new().route("/groups/{id}", put(async || StatusCode::OK));
    let without = turns.whole(service(without, same(&request), 200));
    let handler = async |Path(id): Path<String>| {
        black_box(id);
        StatusCode::OK
    };
    let with = Router::new().route("/groups/{id}", put(handler));
    let with = turns.over(without, service(with, same(&request), 200));
    let times = turns.take(1001);
    let (decides, extracts) = (times.ns(ours) - times.ns(insert), times.ns(with));
    let figures = format!(
        "{} in all, {} of it the insertion; the extraction {}",
        short(times.ns(ours)),
        short(times.ns(insert)),
        short(extracts)
    );
    let goal = Goal::AtMost { must: 1.0, stretch: 0.5 };
    let row = "Ownership, a write, without its insertion ÷ axum's `Path<String>`";
    results.add(row, goal, decides / extracts, figures);
}
