//! The page for people of the example server, over its socket: who is let in, what a form may do, and what is
//! shown.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "what cannot go on fails; a part of the program is in here"
)]

#[path = "gateway_secure/forms.rs"]
mod forms;
mod gateway_support;
#[path = "gateway_secure/headers.rs"]
mod headers;
#[path = "gateway_secure/password.rs"]
mod password;
#[path = "../examples/gateway/proxies.rs"]
mod proxies;
#[path = "gateway_secure/s3p_keys.rs"]
mod s3p_keys;
#[path = "gateway_secure/sessions.rs"]
mod sessions;
#[path = "gateway_secure/sign_in.rs"]
mod sign_in;
#[path = "gateway_secure/slow_forms.rs"]
mod slow_forms;
#[path = "gateway_secure/sources.rs"]
mod sources;
#[path = "gateway_secure/states.rs"]
mod states;
#[path = "gateway_secure/user_tokens.rs"]
mod user_tokens;

use std::sync::atomic::{AtomicU32, Ordering};

use form_urlencoded::Serializer;
use gateway_support::{Reply, Server};

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";

fn password_of(server: &Server, name: &str) -> String {
    let words =
        if name == ALICE { "alice@example.org  password" } else { "bob@example.org    password" };
    server.demo(words)
}

/// A browser with somebody before it who is signed in.
struct Person<'s> {
    server: &'s Server,
    /// Name and value.
    cookie: String,
    form_token: String,
}

impl<'s> Person<'s> {
    async fn sign_in(server: &'s Server, name: &str) -> Self {
        let reply = sign_in(server, &[], name, &password_of(server, name)).await;
        Self::of(server, &reply).await
    }

    /// Who has got this answer to the form.
    async fn of(server: &'s Server, reply: &Reply) -> Self {
        assert_eq!(
            (reply.status.as_u16(), reply.header("location")),
            (303, "user-tokens"),
            "{reply:?}"
        );
        let cookie = cookie_of(reply);
        let page = server.get("/secure/user-tokens", &[&format!("cookie: {cookie}")]).await;
        let form_token = between(&page.body, "name=\"form_token\" value=\"", "\"").to_owned();
        Self { server, cookie, form_token }
    }

    async fn get(&self, page: &str) -> Reply {
        self.server.get(&format!("/secure/{page}"), &[&self.cookie_line()]).await
    }

    async fn post(&self, page: &str, fields: &[(&str, &str)]) -> Reply {
        static FORMS: AtomicU32 = AtomicU32::new(0);
        let once = FORMS.fetch_add(1, Ordering::Relaxed).to_string();
        self.post_again(page, &once, fields).await
    }

    /// Sends a form that may have been sent before.
    async fn post_again(&self, page: &str, once: &str, fields: &[(&str, &str)]) -> Reply {
        let fields = [&[("form_token", &*self.form_token), ("once", once)], fields].concat();
        post(self.server, page, &[&self.cookie_line()], &fields).await
    }

    fn cookie_line(&self) -> String {
        format!("cookie: {}", self.cookie)
    }

    /// Whether the session goes on.
    async fn is_signed_in(&self) -> bool {
        let reply = self.get("user-tokens").await;
        match reply.status.as_u16() {
            200 => true,
            303 => {
                assert_eq!(reply.header("location"), "sign-in");
                false
            }
            _ => panic!("{reply:?}"),
        }
    }
}

async fn sign_in(server: &Server, headers: &[&str], name: &str, password: &str) -> Reply {
    post(server, "sign-in", headers, &[("name", name), ("password", password)]).await
}

async fn post(server: &Server, page: &str, headers: &[&str], fields: &[(&str, &str)]) -> Reply {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [&["content-type: application/x-www-form-urlencoded"], headers].concat();
    server.send("POST", &format!("/secure/{page}"), &headers, body).await
}

/// Name and value of the cookie that an answer sets.
fn cookie_of(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before:?}: {text}")).1;
    rest.split_once(after).unwrap().0
}

/// What a page shows once, in the element of this id.
fn shown<'t>(reply: &'t Reply, id: &str) -> &'t str {
    assert_eq!(reply.status, 200, "{reply:?}");
    let element = between(&reply.body, &format!("<code id=\"{id}\""), "</code>");
    element.split_once('>').unwrap().1
}

/// Whether the SMP lets somebody write, as a status.
async fn smp(server: &Server, who: &str) -> u16 {
    let headers = [&*format!("authorization: {who}"), "content-type: application/xml"];
    let group = "<ServiceGroup><ParticipantIdentifier scheme=\"iso6523-actorid-upis\">9915:demo\
        </ParticipantIdentifier><ServiceMetadataReferenceCollection/></ServiceGroup>";
    let path = "/iso6523-actorid-upis%3A%3A9915%3Ademo";
    server.send("PUT", path, &headers, group).await.status.as_u16()
}
