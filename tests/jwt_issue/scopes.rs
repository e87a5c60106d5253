//! A token gives on what its principal holds, and nothing else.

use portcullis::{
    Scope, ScopeSet,
    jwt::{Grant, IssueErrorKind},
};
use proptest::{collection::vec, prelude::*, sample::select};

use super::{alice, issuer, judge, set, somebody, verifier};

const ADMIN: Scope = Scope::from_static("tokens:manage");

#[test]
fn a_scope_that_is_not_held_is_not_given_on() {
    for (held, asked, is_good) in [
        ("a b c", "", true),
        ("a b c", "b", true),
        ("a b c", "c a", true),
        ("a b c", "a a", true),
        ("", "", true),
        ("", "a", false),
        ("a b c", "a d", false),
        ("a b c", "A", false),
        ("messages:send", "messages", false),
        ("messages:send", "messages:", false),
        ("messages:send", "messages:*", false),
        ("messages", "messages:send", false),
        ("messages:*", "messages:send", false),
        ("*", "messages:send", false),
        // What opens everything at a layer is an ordinary scope here.
        ("all:any", "messages:send", false),
        ("all:any", "all:any", true),
        ("messages:send", "all:any", false),
    ] {
        let caller = somebody("alice", held);
        let issued = issuer().issue(Grant::to(&caller, set(asked)));
        assert_eq!(issued.is_ok(), is_good, "{asked:?} of {held:?}");
        match issued {
            Ok(issued) => {
                assert_eq!(*judge(&verifier(), issued.token()).unwrap().scopes(), set(asked));
            }
            Err(error) => assert_eq!(error.kind(), IssueErrorKind::ScopeNotHeld),
        }
    }
}

#[test]
fn a_global_scope_gives_on_any_other_only_once_it_is_named_and_only_to_its_holder() {
    let (root, wanted) = (somebody("root", "tokens:manage"), set("messages:send devices:list"));
    let refused = issuer().issue(Grant::to(&root, wanted.clone())).unwrap_err();
    assert_eq!(refused.kind(), IssueErrorKind::ScopeNotHeld);

    let generous = issuer().global_scope(ADMIN);
    let issued = generous.issue(Grant::to(&root, wanted.clone())).unwrap();
    let holder = judge(&verifier(), issued.token()).unwrap();
    assert_eq!(*holder.scopes(), wanted, "the token has what was asked for, and not the global scope");

    // Neither those without it, nor one of like name, nor the token that was just issued.
    let alike = somebody("mallory", "tokens:manage2 Tokens:Manage tokens xtokens:manage all:any");
    for caller in [alice(), alike, holder] {
        let refused = generous.issue(Grant::to(&caller, set("tokens:manage"))).unwrap_err();
        assert_eq!(refused.kind(), IssueErrorKind::ScopeNotHeld, "{caller:?}");
    }
}

fn scopes() -> impl Strategy<Value = ScopeSet> {
    let names = ["a", "b", "a:b", "a:", "A", "ab", "all:any", "tokens:manage", "*", "!"];
    vec(select(names.to_vec()), 0..6).prop_map(|names| set(&names.join(" ")))
}

proptest! {
    #[test]
    fn issued_scopes_are_those_asked_for_and_held(
        held in scopes(),
        asked in scopes(),
        has_global in any::<bool>(),
    ) {
        let caller = somebody("alice", held.as_str());
        let issuer = if has_global { issuer().global_scope(ADMIN) } else { issuer() };
        let held: Vec<_> = held.iter().collect();
        let may = has_global && held.contains(&ADMIN.as_str())
            || asked.iter().all(|scope| held.contains(&scope));
        match issuer.issue(Grant::to(&caller, asked.clone())) {
            Ok(issued) => {
                prop_assert!(may, "{:?} of {:?}", asked, held);
                let principal = judge(&verifier(), issued.token()).unwrap();
                prop_assert_eq!(principal.scopes(), &asked);
            }
            Err(error) => {
                prop_assert!(!may, "{:?} of {:?}", asked, held);
                prop_assert_eq!(error.kind(), IssueErrorKind::ScopeNotHeld);
            }
        }
    }
}
