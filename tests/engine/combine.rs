//! `all`, `any` and their nesting: the truth tables, now and later.

use http::Request;
use portcullis::{
    Head, NowOrLater, Permit, Policy, Principal, Rejection, RejectionKind, Scheme,
    authorize::{self, SharedPolicy},
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
};

use crate::fixtures::{EITHER, Saying, Says, When, principal};

/// What a policy says about alice, who sends a `PUT /thing`.
async fn verdict(policy: &impl Policy) -> Result<Permit, (RejectionKind, &'static str)> {
    let request = Request::put("/thing").body(()).unwrap();
    let alice = principal("alice", Scheme::BEARER, "");
    let answer: NowOrLater<Result<Permit, Rejection>> = policy.authorize(&alice, &Head::new(&request));
    answer.await.map_err(|rejection| (rejection.kind(), rejection.reason()))
}

/// Every list of up to three policies, each with a reason of its own.
fn lists() -> Vec<Vec<Saying>> {
    const REASONS: [&str; 3] = ["first", "second", "third"];
    let mut lists = vec![Vec::new()];
    let mut longest = lists.clone();
    for reason in REASONS {
        let mut longer = Vec::new();
        for list in &longest {
            for says in [Says::Yes, Says::No, Says::Unknown] {
                for when in EITHER {
                    let mut list: Vec<Saying> = list.clone();
                    list.push(Saying::new(says, when).reason(reason));
                    longer.push(list);
                }
            }
        }
        lists.extend(longer.iter().cloned());
        longest = longer;
    }
    lists
}

/// In the order in which the answers are there: what is there now goes first.
fn by_arrival(list: &[Saying]) -> Vec<&Saying> {
    let mut list: Vec<_> = list.iter().collect();
    list.sort_by_key(|policy| policy.when == When::Later);
    list
}

fn kind(says: Says) -> RejectionKind {
    match says {
        Says::Unknown => RejectionKind::Unavailable,
        Says::No => RejectionKind::Forbidden,
        Says::Yes => unreachable!("a yes is no refusal"),
    }
}

#[tokio::test]
async fn all_says_yes_where_each_does_and_else_what_the_first_refusal_says() {
    for list in lists() {
        let expected = match by_arrival(&list).into_iter().find(|policy| policy.says != Says::Yes) {
            Some(policy) => Err((kind(policy.says), policy.reason)),
            None if list.is_empty() => Err((RejectionKind::Forbidden, "policy.none")),
            None => Ok(()),
        };
        let shown: Vec<_> = list.iter().map(|policy| (policy.says, policy.when)).collect();
        assert_eq!(verdict(&authorize::all(list)).await.map(drop), expected, "{shown:?}");
    }
}

#[tokio::test]
async fn any_says_yes_where_one_does_and_else_that_a_store_is_down_or_the_last_refusal() {
    for list in lists() {
        let yes = list.iter().any(|policy| policy.says == Says::Yes);
        let arrived = by_arrival(&list);
        let unknown = arrived.iter().find(|policy| policy.says == Says::Unknown);
        let expected = match unknown.or(arrived.last()) {
            _ if yes => Ok(()),
            Some(policy) => Err((kind(policy.says), policy.reason)),
            None => Err((RejectionKind::Forbidden, "policy.none")),
        };
        let shown: Vec<_> = list.iter().map(|policy| (policy.says, policy.when)).collect();
        assert_eq!(verdict(&authorize::any(list)).await.map(drop), expected, "{shown:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_there_and_settles_it_is_not_kept_waiting() {
    let request = Request::put("/thing").body(()).unwrap();
    let (head, alice) = (Head::new(&request), principal("alice", Scheme::BEARER, ""));
    for says in [Says::Yes, Says::No] {
        let now = Saying::new(says, When::Now);
        let later = Saying::new(Says::Unknown, When::Later);
        for list in [[now.clone(), later.clone()], [later, now]] {
            let all = authorize::all(list.clone()).authorize(&alice, &head).into_now();
            assert_eq!(all.is_ok_and(|answer| answer.is_err()), says == Says::No);
            let any = authorize::any(list).authorize(&alice, &head).into_now();
            assert_eq!(any.is_ok_and(|answer| answer.is_ok()), says == Says::Yes);
        }
    }
}

#[tokio::test]
async fn combinations_nest() {
    let says = |says, when| authorize::shared(Saying::new(says, when));
    for when in EITHER {
        let yes_or_no = || -> SharedPolicy {
            authorize::shared(authorize::any([says(Says::No, when), says(Says::Yes, when)]))
        };
        let yes_and_no = || -> SharedPolicy {
            authorize::shared(authorize::all([says(Says::Yes, when), says(Says::No, when)]))
        };
        assert!(verdict(&authorize::all([yes_or_no(), yes_or_no()])).await.is_ok());
        assert!(verdict(&authorize::all([yes_or_no(), yes_and_no()])).await.is_err());
        assert!(verdict(&authorize::any([yes_and_no(), yes_or_no()])).await.is_ok());
        assert!(verdict(&authorize::any([yes_and_no(), yes_and_no()])).await.is_err());
    }
}

#[test]
fn a_combination_is_open_where_each_of_its_policies_is() {
    let request = Request::get("/").body(()).unwrap();
    let head = Head::new(&request);
    let open = |open| Saying::new(Says::No, When::Now).open(open);
    for (list, expected) in [
        (vec![], false),
        (vec![true], true),
        (vec![false], false),
        (vec![true, true], true),
        (vec![true, false], false),
        (vec![false, true], false),
        (vec![false, false], false),
    ] {
        let policies = || list.iter().map(|is| open(*is)).collect::<Vec<_>>();
        assert_eq!(authorize::all(policies()).is_open(&head), expected, "{list:?}");
        assert_eq!(authorize::any(policies()).is_open(&head), expected, "{list:?}");
        let boxed = authorize::shared(authorize::any(policies()));
        assert_eq!(boxed.is_open(&head), expected, "a box changes nothing");
    }
}

#[tokio::test]
async fn all_does_not_ask_a_policy_that_is_open_about_somebody() {
    for when in EITHER {
        let open = Saying::new(Says::No, when).open(true);
        let yes = Saying::new(Says::Yes, when);
        assert!(verdict(&authorize::all([open.clone(), yes.clone()])).await.is_ok());
        assert!(verdict(&authorize::all([yes, open.clone()])).await.is_ok());
        assert_eq!(open.asked(), 0);
    }
}

#[tokio::test]
async fn who_is_refused_has_claimed_nothing() {
    for (says, when) in [Says::No, Says::Unknown].into_iter().flat_map(|s| EITHER.map(|when| (s, when)))
    {
        let owners = MemoryOwnershipStore::new();
        let path = ResourcePath::new("thing", "/{id}", "id").unwrap().created_by(http::Method::PUT);
        let first = authorize::shared(Saying::new(says, when));
        let own = authorize::shared(Ownership::new(owners.clone(), [path]).unwrap());
        assert!(verdict(&authorize::all([first, own])).await.is_err());
        assert!(
            !owners.remove(&Resource::new("thing", "thing")),
            "{says:?} {when:?}: a claim was left behind"
        );
    }
}

#[tokio::test]
async fn who_passes_by_an_earlier_alternative_has_claimed_nothing() {
    for when in EITHER {
        let owners = MemoryOwnershipStore::new();
        let path = ResourcePath::new("thing", "/{id}", "id").unwrap().created_by(http::Method::PUT);
        let first = authorize::shared(Saying::new(Says::Yes, when));
        let own = authorize::shared(Ownership::new(owners.clone(), [path]).unwrap());
        assert!(verdict(&authorize::any([first, own])).await.is_ok());
        assert!(!owners.remove(&Resource::new("thing", "thing")), "{when:?}: a claim was left behind");
    }
}

#[tokio::test]
async fn a_mistake_in_the_stack_is_told_though_an_alternative_refuses_too() {
    struct Misplaced;
    impl Policy for Misplaced {
        fn authorize(&self, _: &Principal, _: &Head<'_>) -> NowOrLater<Result<Permit, Rejection>> {
            NowOrLater::now(Err(Rejection::new(RejectionKind::Misconfigured, "misplaced")))
        }
    }
    let (misplaced, no) =
        (authorize::shared(Misplaced), authorize::shared(Saying::new(Says::No, When::Now)));
    for list in [[misplaced.clone(), no.clone()], [no, misplaced]] {
        let refusal = verdict(&authorize::any(list)).await.map(drop).unwrap_err();
        assert_eq!(refusal, (RejectionKind::Misconfigured, "misplaced"));
    }
}
