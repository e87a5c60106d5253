//! Opaque tokens, by how many there are.

use std::rc::Rc;

use portcullis::{
    Identity, UserTokenLayer,
    user_token::{MemoryUserTokenStore, UserToken, UserTokenAuth, UserTokenRecord},
};
use tower::Layer;

use crate::{
    paired::{Bare, Body, Turns, service},
    requests::{any_of, authorized, same, template},
    results::{Goal, Results, short},
};

pub fn rows(results: &mut Results) {
    let (few, many) = (live(10), live(1_000_000));
    let mut turns = Turns::default();
    let hot = |values: &[String]| authorized(template("/messages?limit=20"), &values[0]);
    let bare = turns.whole(service(Bare::<Body>::new(), same(&hot(&few.1)), 200));
    let mut over = |(layer, values): &(UserTokenLayer, Rc<Vec<String>>)| {
        let service = |request| service(layer.layer(Bare::<Body>::new()), request, 200);
        let one = turns.over(bare, service(Box::new(same(&hot(values))) as Box<dyn FnMut() -> _>));
        (one, turns.over(bare, service(Box::new(any_of(values.clone())))))
    };
    let ((hot_few, any_few), (hot_many, any_many)) = (over(&few), over(&many));
    let times = turns.take(601);
    let figures = |many, few| format!("{} against {}", short(times.ns(many)), short(times.ns(few)));
    let goal = Goal::AtMost { must: 1.1, stretch: 1.1 };
    let row = "User token, a hot one: of 1,000,000 ÷ of 10";
    results.add(row, goal, times.ratio(hot_many, hot_few), figures(hot_many, hot_few));
    let goal = Goal::AtMost { must: 6.0, stretch: 4.0 };
    let row = "User token, at random: of 1,000,000 ÷ of 10";
    results.add(row, goal, times.ratio(any_many, any_few), figures(any_many, any_few));
}

/// So many tokens, and the values of `Authorization` that have them.
fn live(many: usize) -> (UserTokenLayer, Rc<Vec<String>>) {
    let store = MemoryUserTokenStore::new();
    let owner = Identity::local("alice").expect("a subject");
    let values = (0..many).map(|id| {
        let token = UserToken::generate();
        store.insert(token.digest(), UserTokenRecord::new(id.to_string(), owner.clone()));
        format!("Bearer {}", token.expose())
    });
    let values = Rc::new(values.collect());
    let auth = UserTokenAuth::new("vault", store).expect("a realm");
    (UserTokenLayer::new(auth), values)
}
