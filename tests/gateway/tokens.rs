//! `token create`, `token list` and `token revoke`, beside a running server.

use crate::{
    ALICE, BOB, CAROL, add_carol,
    gateway_support::{Folder, Server, run},
    printed, refusal, said, smp,
};

#[tokio::test]
async fn a_created_token_is_printed_once_and_writes_at_once() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let created = run(&folder, &["token", "create", ALICE, "laptop"]);
    let token = printed(&created, "token (shown once): ");
    assert_eq!(said(&created), format!("token (shown once): {token}\n"));
    assert!(token.starts_with("pct_"), "{token}");
    assert_eq!(smp(&server, &format!("Bearer {token}")).await, 200);
}

#[tokio::test]
async fn a_list_names_the_users_tokens_and_shows_none() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    add_carol(&folder);
    let create = |name| {
        let created = run(&folder, &["token", "create", CAROL, name]);
        printed(&created, "token (shown once): ")
    };
    let tokens = [create("laptop"), create("build server")];
    let list = said(&run(&folder, &["token", "list", CAROL]));
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.contains("  laptop\n") && list.contains("  build server\n"), "{list}");
    assert!(list.lines().all(|line| line.contains("  active   2")), "{list}");
    for token in tokens.iter().chain([&server.demo("user token")]) {
        assert!(!list.contains(&token["pct_".len()..]), "{list}");
    }
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_the_next_request_on_and_listed_as_revoked() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let kept = server.user_token();
    let created = run(&folder, &["token", "create", ALICE, "laptop"]);
    let lost = format!("Bearer {}", printed(&created, "token (shown once): "));
    assert_eq!(smp(&server, &lost).await, 200);

    let list = said(&run(&folder, &["token", "list", ALICE]));
    let line = list.lines().find(|line| line.ends_with("  laptop")).unwrap();
    let id = line.split_whitespace().next().unwrap();
    assert_eq!(said(&run(&folder, &["token", "revoke", id])), "");
    assert_eq!((smp(&server, &lost).await, smp(&server, &kept).await), (401, 200));
    let list = said(&run(&folder, &["token", "list", ALICE]));
    let states = ["laptop", "demo"].map(|name| {
        let line = list.lines().find(|line| line.ends_with(&format!("  {name}"))).unwrap();
        line.split_whitespace().nth(1).unwrap()
    });
    assert_eq!(states, ["revoked", "active"]);

    let told = refusal(&run(&folder, &["token", "revoke", id]));
    assert!(told.contains(&format!("there is no active token with the id \"{id}\"")), "{told}");
}

#[test]
fn a_token_may_expire_and_may_do_no_more_than_its_user() {
    let folder = Folder::new();
    said(&run(&folder, &["user", "add", CAROL, "--scope", "messages:list"]));
    let create = |more: &[&str]| run(&folder, &[&["token", "create", CAROL, "laptop"], more].concat());
    said(&create(&["--days", "30", "--scope", "messages:list"]));
    let list = said(&run(&folder, &["token", "list", CAROL]));
    assert!(list.contains("  expires 2") && list.contains("  used -  laptop\n"), "{list}");
    for (more, reason) in [
        (&["--scope", "messages:send"][..], "a token may do no more than its user"),
        (&["--scope", "all:any"], "a token may do no more than its user"),
        (&["--days", "0"], "a token lasts for a day at least"),
    ] {
        let told = refusal(&create(more));
        assert!(told.contains(reason), "{told}");
    }
}

#[tokio::test]
async fn the_scope_for_everything_is_that_of_smsgate_alone() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    assert_eq!(smp(&server, &server.alice()).await, 200);
    let create = |scope| run(&folder, &["token", "create", BOB, "laptop", "--scope", scope]);
    for scope in ["smp:admin", "smp:other", "tokens:refresh"] {
        let told = refusal(&create(scope));
        assert!(told.contains("a token may do no more than its user"), "{told}");
    }
    for scope in ["all:any", "messages:send"] {
        let token = printed(&create(scope), "token (shown once): ");
        assert_eq!(smp(&server, &format!("Bearer {token}")).await, 403, "{scope}");
    }
    said(&run(&folder, &["user", "scopes", BOB, "all:any", "smp:admin"]));
    let token = printed(&create("smp:admin"), "token (shown once): ");
    assert_eq!(smp(&server, &format!("Bearer {token}")).await, 200);
}

#[tokio::test]
async fn a_token_is_revoked_by_its_id_and_not_by_itself_or_its_name() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let token = server.demo("user token");
    for not_an_id in [&token, "demo", "", "0123456789abcdef"] {
        let told = refusal(&run(&folder, &["token", "revoke", not_an_id]));
        assert!(told.contains("there is no active token with the id"), "{told}");
    }
    assert_eq!(smp(&server, &server.user_token()).await, 200);
}
