//! What is in the head of every answer.

use crate::{
    ALICE, Person,
    gateway_support::{Folder, Server},
    post, sign_in,
};

#[tokio::test]
async fn every_answer_forbids_what_the_page_does_not_need() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Person::sign_in(&server, ALICE).await;
    let mut answers = vec![
        (303, sign_in(&server, &[], ALICE, &crate::password_of(&server, ALICE)).await),
        (403, sign_in(&server, &[], ALICE, "wrong").await),
        (403, post(&server, "user-tokens", &["sec-fetch-site: cross-site"], &[]).await),
        // One byte too many: all that is sent is read.
        (413, post(&server, "sign-in", &[], &[("name", &"x".repeat(16 * 1024 - 4))]).await),
        (415, server.send("POST", "/secure/sign-in", &[], "name=x").await),
        (200, alice.post("user-tokens", &[("name", "laptop")]).await),
        (400, alice.post("user-tokens", &[("name", "")]).await),
        (404, alice.post("revoke-user-token", &[("id", "0")]).await),
        (405, alice.get("revoke-user-token").await),
        (405, server.send("DELETE", "/secure/", &[], "").await),
        (308, server.get("/secure", &[]).await),
    ];
    for (status, page) in [
        (303, ""),
        (200, "user-tokens"),
        (200, "s3p-keys"),
        (200, "password"),
        (200, "style.css"),
        (200, "copy.js"),
        (200, "icon.svg"),
        (404, "no-such-page"),
        (404, "services/x"),
    ] {
        answers.push((status, alice.get(page).await));
    }
    for (status, reply) in answers {
        assert_eq!(reply.status, status, "{reply:?}");
        let policy = reply.header("content-security-policy");
        for rule in
            ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
        {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "same-origin");
        assert_eq!(reply.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn no_page_has_a_script_or_a_style_in_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Person::sign_in(&server, ALICE).await;
    let pages = [
        server.get("/secure/sign-in", &[]).await,
        alice.get("user-tokens").await,
        alice.get("s3p-keys").await,
        alice.get("password").await,
        alice.post("user-tokens", &[("name", "laptop")]).await,
        alice.post("s3p-keys", &[("name", "shop")]).await,
    ];
    for page in pages {
        assert!(page.body.contains("<html lang=\"en\">"), "{}", page.body);
        for inline in ["<style", " style=", "<script>", " onclick=", "javascript:"] {
            assert!(!page.body.contains(inline), "{inline}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn what_a_stranger_chooses_is_text_and_never_markup() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let markup = "\"><script>alert(1)</script>";
    let refused = sign_in(&server, &[], markup, "wrong").await;
    let alice = Person::sign_in(&server, ALICE).await;
    let token = alice.post("user-tokens", &[("name", markup)]).await;
    let key = alice.post("s3p-keys", &[("name", markup)]).await;
    for page in [refused, token, key, alice.get("user-tokens").await, alice.get("s3p-keys").await] {
        assert!(!page.body.contains("<script>"), "{}", page.body);
        assert!(page.body.contains("&#60;script&#62;"), "{}", page.body);
    }
}
