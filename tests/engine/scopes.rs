//! `Scope`, `ScopeSet` and `ScopePolicy`.

use portcullis::{AuthorizeLayer, RejectionKind, Scheme, Scope, ScopePolicy, ScopeSet};
use proptest::prelude::*;

use crate::{
    fixtures::principal,
    support::{get, send},
};

const READ: Scope = Scope::from_static("read");
const SEND: Scope = Scope::from_static("send");
const LIST: Scope = Scope::from_static("list");
const ROOT: Scope = Scope::from_static("root");

fn nested() -> ScopePolicy {
    ScopePolicy::all_of([ScopePolicy::any_of([READ, LIST]), ScopePolicy::from(SEND)])
}

/// Has a global scope of its own.
fn apart() -> ScopePolicy {
    ScopePolicy::any_of([ScopePolicy::from(READ).global_scope(&ROOT)])
}

#[test]
fn a_policy_is_met_by_the_scopes_that_it_names_and_by_the_global_one() {
    let none: [Scope; 0] = [];
    for (policy, held, met) in [
        (ScopePolicy::from(READ), "read", true),
        (ScopePolicy::from(READ), "list read send", true),
        (ScopePolicy::from(READ), "", false),
        (ScopePolicy::from(READ), "READ", false),
        (ScopePolicy::from(READ), "rea", false),
        (ScopePolicy::from(READ), "reads", false),
        (ScopePolicy::from(READ), "read:*", false),
        (ScopePolicy::from(READ), "*", false),
        (ScopePolicy::from(READ), "all:any", true),
        (ScopePolicy::from(READ), "all:anyone", false),
        (ScopePolicy::from(READ), "ALL:ANY", false),
        (ScopePolicy::from(READ).no_global_scope(), "all:any", false),
        (ScopePolicy::from(READ).no_global_scope(), "read", true),
        (ScopePolicy::from(READ).global_scope(&ROOT), "root", true),
        (ScopePolicy::from(READ).global_scope(&ROOT), "all:any", false),
        (ScopePolicy::all_of([READ, SEND]), "send read", true),
        (ScopePolicy::all_of([READ, SEND]), "send", false),
        (ScopePolicy::any_of([READ, SEND]), "send", true),
        (ScopePolicy::any_of([READ, SEND]), "list", false),
        (ScopePolicy::all_of(none.clone()), "read", false),
        (ScopePolicy::all_of(none.clone()), "", false),
        (ScopePolicy::all_of(none.clone()), "all:any", false),
        (ScopePolicy::all_of(none.clone()).global_scope(&ROOT), "root", false),
        (ScopePolicy::any_of(none.clone()), "read", false),
        (ScopePolicy::any_of(none), "all:any", false),
        (nested(), "send list", true),
        (nested(), "read list", false),
        (nested(), "send", false),
        (nested(), "all:any", true),
        (nested().global_scope(&ROOT), "root", true),
        (nested().global_scope(&ROOT), "all:any", false),
        (nested().no_global_scope(), "all:any", false),
        // What a nested policy was told holds, until an outer one is told otherwise.
        (apart(), "root", true),
        (apart(), "all:any", false),
        (apart().global_scope(&Scope::ALL_ANY), "all:any", true),
        (apart().global_scope(&Scope::ALL_ANY), "root", false),
        (ScopePolicy::all_of([apart(), ScopePolicy::from(SEND)]), "root", false),
        (ScopePolicy::all_of([apart(), ScopePolicy::from(SEND)]), "root send", true),
        (ScopePolicy::all_of([apart(), ScopePolicy::from(SEND)]), "root all:any", true),
    ] {
        assert_eq!(policy.is_met_by(&ScopeSet::parse(held).unwrap()), met, "{policy} by {held:?}");
    }
}

#[test]
fn a_policy_reads_as_a_sentence() {
    let none: [Scope; 0] = [];
    for (policy, text) in [
        (ScopePolicy::from(READ), "read"),
        (ScopePolicy::all_of([READ, SEND]), "read and send"),
        (ScopePolicy::any_of([READ, SEND, LIST]), "read or send or list"),
        (nested(), "(read or list) and send"),
        (ScopePolicy::all_of(none.clone()), "nobody"),
        (ScopePolicy::any_of(none), "nobody"),
    ] {
        assert_eq!(policy.to_string(), text);
    }
}

#[test]
fn what_is_wanted_would_do() {
    for (policy, wanted) in [
        (ScopePolicy::from(READ), "read"),
        (ScopePolicy::all_of([READ, SEND, READ]), "read send"),
        (ScopePolicy::any_of([READ, SEND]), "read"),
        (nested(), "read send"),
    ] {
        assert_eq!(policy.wanted().as_str(), wanted, "{policy}");
        assert!(policy.is_met_by(&policy.wanted()), "{policy}");
    }
}

#[tokio::test]
async fn only_who_came_by_a_bearer_token_is_told_which_scopes_are_missing() {
    let layer = AuthorizeLayer::new(nested());
    for (scheme, challenges) in [
        (Scheme::BEARER, vec![r#"Bearer error="insufficient_scope", scope="read send""#]),
        (Scheme::BASIC, vec![]),
        (Scheme::S3P, vec![]),
        (Scheme::new("Watchword"), vec![]),
    ] {
        let mut request = get("/");
        request.extensions_mut().insert(principal("alice", scheme, "read"));
        let answer = send(&layer, request).await;
        assert_eq!((answer.status.as_u16(), answer.kind()), (403, RejectionKind::InsufficientScope));
        assert_eq!(answer.challenges(), challenges, "{scheme}");
        assert_eq!(answer.body, "scope missing");
        let mut request = get("/");
        request.extensions_mut().insert(principal("alice", scheme, "read send"));
        assert_eq!(send(&layer, request).await.body, "alice");
    }
}

#[test]
fn an_empty_policy_has_a_challenge_without_a_scope() {
    let nobody = ScopePolicy::any_of([] as [Scope; 0]);
    let refused = nobody.check(&principal("alice", Scheme::BEARER, "read")).unwrap_err();
    assert_eq!(refused.challenges(), [r#"Bearer error="insufficient_scope""#]);
}

/// RFC 6749 section 3.3, read once more and apart from the code.
/// A stranger writes the lists: to compare each scope with each would take minutes here.
#[test]
fn two_long_lists_are_compared_in_no_more_time_than_it_takes_to_sort_them() {
    let lists = [(1, 0), (0, 1)].map(|(first, last)| {
        let scopes = (0..200_000).map(|n| format!("s{}", n * first + (199_999 - n) * last));
        ScopeSet::parse(&scopes.collect::<Vec<_>>().join(" ")).unwrap()
    });
    assert_eq!(lists[0], lists[1]);
    assert!(lists[0].is_subset_of(&lists[1]) && !lists[0].is_subset_of(&ScopeSet::from([READ])));
}

fn is_scope_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| ('!'..='~').contains(&c) && c != '"' && c != '\\')
}

proptest! {
    #[test]
    fn a_scope_is_what_the_grammar_says(text in "\\PC{0,12}|[ -~]{0,12}|[\\x00-\\x7f]{0,4}") {
        prop_assert_eq!(Scope::new(text.clone()).is_ok(), is_scope_token(&text));
    }

    #[test]
    fn a_set_is_scopes_between_single_blanks(text in "([!#\\[\\]-~]{0,3}[ \"\t\\\\é]?){0,5}") {
        let expected = text.is_empty() || text.split(' ').all(is_scope_token);
        prop_assert_eq!(ScopeSet::parse(&text).is_ok(), expected, "{:?}", text);
    }

    #[test]
    fn a_set_holds_what_it_was_made_of_and_nothing_else(
        scopes in prop::collection::vec("[!#-\\[\\]-~]{1,6}", 0..8),
        other in "[!#-\\[\\]-~]{1,6}",
    ) {
        let set: ScopeSet = scopes.iter().map(|text| Scope::new(text.clone()).unwrap()).collect();
        prop_assert_eq!(&ScopeSet::parse(&scopes.join(" ")).unwrap(), &set);
        prop_assert_eq!(&ScopeSet::parse(set.as_str()).unwrap(), &set);
        prop_assert!(set.iter().eq(scopes.iter().map(String::as_str)));
        prop_assert_eq!(set.is_empty(), scopes.is_empty());
        for scope in &scopes {
            prop_assert!(set.contains(&Scope::new(scope.clone()).unwrap()));
        }
        prop_assert_eq!(set.contains(&Scope::new(other.clone()).unwrap()), scopes.contains(&other));
    }

    #[test]
    fn more_scopes_never_allow_less(
        held in prop::collection::vec("[a-d]", 0..4),
        more in prop::collection::vec("[a-d]", 0..4),
        one in prop::collection::vec("[a-d]", 0..3),
        other in prop::collection::vec("[a-d]", 0..3),
    ) {
        let scopes = |texts: &[String]| -> Vec<Scope> {
            texts.iter().map(|text| Scope::new(text.clone()).unwrap()).collect()
        };
        let few: ScopeSet = scopes(&held).into_iter().collect();
        let many: ScopeSet = scopes(&[held, more].concat()).into_iter().collect();
        prop_assert!(few.is_subset_of(&many));
        let any = ScopePolicy::any_of([ScopePolicy::all_of(scopes(&one)), ScopePolicy::any_of(scopes(&other))]);
        let all = ScopePolicy::all_of([ScopePolicy::all_of(scopes(&one)), ScopePolicy::any_of(scopes(&other))]);
        for policy in [any, all] {
            prop_assert!(!policy.is_met_by(&few) || policy.is_met_by(&many));
        }
    }
}

#[test]
fn order_and_repetition_do_not_count() {
    let set = |text| ScopeSet::parse(text).unwrap();
    assert_eq!(set("a b"), set("b a a"));
    assert_ne!(set("a b"), set("a"));
    assert_ne!(set("a"), set("a b"));
    assert_eq!(ScopeSet::empty(), set(""));
    assert_eq!(ScopeSet::from([READ, SEND]), set("send read"));
}
