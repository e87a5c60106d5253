//! Who is disabled, locked or expired is refused at every door; and a stored hash that is none tells nobody anything.

use http::{HeaderMap, Method};
use portcullis::s3p::Signer;

use crate::{
    ALICE, BOB, Person,
    gateway_support::{Folder, Reply, Server, basic, run},
    password_of, sign_in, smp,
};

/// What somebody has to show, and what they get for it.
struct Caller<'s> {
    server: &'s Server,
    name: &'static str,
    password: String,
    /// User token, access token of SMSGate, refresh token, S3P's access token and secret.
    user_token: String,
    access: String,
    refresh: String,
    s3p: [String; 2],
}

impl<'s> Caller<'s> {
    /// Alice of the demo.
    async fn alice(server: &'s Server) -> Self {
        let password = password_of(server, ALICE);
        let mut caller = Self {
            server,
            name: ALICE,
            password,
            user_token: server.user_token(),
            access: String::new(),
            refresh: String::new(),
            s3p: [server.demo("access token"), server.demo("  secret")],
        };
        let pair = caller.ask_for_jwt().await.json();
        let bearer = |kind: &str| format!("Bearer {}", pair[kind].as_str().unwrap());
        (caller.access, caller.refresh) = (bearer("access_token"), bearer("refresh_token"));
        caller
    }

    async fn ask_for_jwt(&self) -> Reply {
        let who = format!("authorization: {}", basic(self.name, &self.password));
        let headers = [&*who, "content-type: application/json"];
        let body = "{\"scopes\": [\"messages:list\"]}";
        self.server.send("POST", "/3rdparty/v1/auth/token", &headers, body).await
    }

    /// What each door says: the SMP by password and by token; SMSGate by password, by token, and for another token;
    /// S3P; and the page's sign-in.
    async fn doors(&self) -> [u16; 7] {
        let by_password = basic(self.name, &self.password);
        let smsgate = async |who: &str| {
            let headers = [&*format!("authorization: {who}")];
            self.server.get("/3rdparty/v1/messages", &headers).await.status.as_u16()
        };
        let [token, secret] = &self.s3p;
        let url = format!("{}/s3p/v2/ping", self.server.url).parse().unwrap();
        let signer = Signer::new(token, secret.as_str()).unwrap();
        let signed = signer.sign(&Method::GET, &url, &HeaderMap::new(), b"").unwrap();
        let signed = format!("authorization: {}", signed.to_str().unwrap());
        [
            smp(self.server, &by_password).await,
            smp(self.server, &self.user_token).await,
            smsgate(&by_password).await,
            smsgate(&self.access).await,
            self.ask_for_jwt().await.status.as_u16(),
            self.server.get("/s3p/v2/ping", &[&signed]).await.status.as_u16(),
            sign_in(self.server, &[], self.name, &self.password).await.status.as_u16(),
        ]
    }

    async fn refresh(&self) -> u16 {
        let headers = [&*format!("authorization: {}", self.refresh)];
        self.server.send("POST", "/3rdparty/v1/auth/token/refresh", &headers, "").await.status.as_u16()
    }
}

#[tokio::test]
async fn who_is_disabled_locked_or_expired_is_refused_at_every_door() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::alice(&server).await, Person::sign_in(&server, BOB).await);
    for (refuse, allow, state) in [
        (&["user", "disable", ALICE][..], &["user", "enable", ALICE][..], "disabled"),
        (&["user", "lock", ALICE], &["user", "unlock", ALICE], "locked"),
        (&["user", "expire", ALICE, "2001-01-01"], &["user", "expire", ALICE, "never"], "expired"),
        (&["user", "expire", ALICE, "2001-01-01"], &["user", "expire", ALICE, "2101-01-01"], "expired"),
    ] {
        assert_eq!(alice.doors().await, [200, 200, 200, 200, 201, 200, 303], "before: {state}");
        let session = Person::sign_in(&server, ALICE).await;
        assert!(run(&folder, refuse).status.success());
        let list = String::from_utf8(run(&folder, &["user", "list"]).stdout).unwrap();
        assert!(list.contains(&format!("{ALICE}  {state:<8}  all:any")), "{list}");
        assert_eq!(alice.doors().await, [401, 401, 401, 401, 401, 401, 403], "{state}");
        assert_eq!(alice.refresh().await, 401, "{state}");
        assert!(!session.is_signed_in().await && bob.is_signed_in().await, "{state}");
        assert!(run(&folder, allow).status.success());
        assert!(!session.is_signed_in().await, "what has ended stays so");
    }
    assert_eq!(alice.refresh().await, 201, "a refresh token that was refused is not used up");
    for command in ["lock", "unlock"] {
        assert!(!run(&folder, &["user", command, "nobody@example.org"]).status.success());
    }
    assert!(!run(&folder, &["user", "expire", ALICE, "tomorrow"]).status.success());
}

#[tokio::test]
async fn a_stored_hash_that_is_none_is_answered_as_a_name_that_does_not_exist() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let seen = |reply: Reply, name: &str| {
        let mut headers = reply.headers;
        headers.remove("date");
        headers.remove("content-length");
        (reply.status, headers, reply.body.replace(&format!("value=\"{name}\""), ""))
    };
    let doors = async |name: &str, password: &str| {
        let who = format!("authorization: {}", basic(name, password));
        let smp = server.send("DELETE", "/iso6523-actorid-upis::9915:none", &[&who], "").await;
        let smsgate = server.get("/3rdparty/v1/messages", &[&who]).await;
        let page = sign_in(&server, &[], name, password).await;
        [smp, smsgate, page].map(|reply| seen(reply, name))
    };
    for (at, hash) in ["", "a:b", "hunter2", "a\nb", "$2b$04$a:b"].into_iter().enumerate() {
        let (known, unknown) = (format!("known{at}"), format!("unknown{at}"));
        let added = run(&folder, &["user", "add", &known]);
        assert!(added.status.success());
        sqlx::query("UPDATE portcullis_users SET password = $1 WHERE name = $2")
            .bind(hash)
            .bind(&known)
            .execute(&mut folder.database().await)
            .await
            .unwrap();
        for password in [hash, "x"] {
            let of_known = doors(&known, password).await;
            let statuses = of_known.each_ref().map(|(status, ..)| status.as_u16());
            assert_eq!(statuses, [401, 401, 403], "{hash:?} {password:?}");
            assert_eq!(of_known, doors(&unknown, password).await, "{hash:?} {password:?}");
        }
    }
    // And it is counted like any other guess, until whoever guesses has to wait.
    for guess in 0..30 {
        let statuses = doors("known0", "guess").await.map(|(status, ..)| status.as_u16());
        if statuses == [429; 3] {
            return;
        }
        let until_then = statuses.iter().all(|status| [401, 403, 429].contains(status));
        assert!(until_then, "{guess}: {statuses:?}");
    }
    panic!("whoever guesses never had to wait");
}
