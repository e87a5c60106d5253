//! A new group is whoever's who wrote it first, and nobody's if it was not written.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use futures_util::future::join_all;
use sqlx::{AssertSqlSafe, SqliteConnection, query, query_as, raw_sql};

use crate::{
    CARD, CARD_XML, GROUP, GROUP_XML, PATIENT, SERVICE, SERVICE_XML,
    gateway_support::{Folder, Reply, Server, until},
    group_of, publish, token_of_bob, write, write_in_turn,
};

#[tokio::test]
async fn of_64_parallel_writers_of_a_new_group_one_user_owns_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let users = [server.user_token(), token_of_bob(&folder)];
    for round in 0..4 {
        let path = format!("/iso6523-actorid-upis::9915:race-{round}");
        let body = |user: usize| {
            group_of("iso6523-actorid-upis", &format!("9915:race-{round}"))
                + &format!("<!-- {user} -->")
        };
        let writes =
            (0..64).map(|n| write_in_turn(&server, ("PUT", &path, body(n % 2)), &users[n % 2]));
        let replies = join_all(writes).await;
        let of = |user: usize| -> Vec<u16> {
            replies.iter().skip(user).step_by(2).map(|reply| reply.status.as_u16()).collect()
        };
        let owner = usize::from(of(0)[0] != 200);
        assert_eq!(of(owner), [200; 32]);
        assert_eq!(of(1 - owner), [403; 32]);
        assert_eq!(server.get(&path, &[]).await.body, body(owner));
        let others = write(&server, ("DELETE", &path, ""), &users[1 - owner]).await;
        assert_eq!(others.status, 403);
    }
}

#[tokio::test]
async fn a_group_that_its_owner_writes_well_and_badly_at_once_stays_the_owners() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (server.user_token(), token_of_bob(&folder));
    for round in 0..4 {
        let path = format!("/iso6523-actorid-upis::9915:race-{round}");
        let good = group_of("iso6523-actorid-upis", &format!("9915:race-{round}"));
        let writes = (0..32).map(|n| {
            let body = if n % 2 == 0 { "<bad>".to_owned() } else { good.clone() };
            write_in_turn(&server, ("PUT", &path, body), &alice)
        });
        for (n, reply) in join_all(writes).await.iter().enumerate() {
            assert_eq!(reply.status, if n % 2 == 0 { 400 } else { 200 }, "{reply:?}");
        }
        assert_eq!(server.get(&path, &[]).await.body, good);
        assert_eq!(write(&server, ("PUT", &path, good), &bob).await.status, 403);
        assert_eq!(write(&server, ("DELETE", &path, ""), &alice).await.status, 200);
    }
}

/// A PUT that the server has let in, and of whose document it has half.
pub(crate) struct Slow {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Slow {
    pub(crate) fn begin(server: &Server, path: &str, document: &str, who: &str) -> Self {
        let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        let head = format!("{}expect: 100-continue\r\n\r\n", head(path, document, who));
        stream.write_all(head.as_bytes()).unwrap();
        // The server asks for the document once the caller may send one.
        let mut answer = [0; 25];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
        let (first, rest) = document.as_bytes().split_at(document.len() / 2);
        stream.write_all(first).unwrap();
        Self { stream, rest: rest.to_owned() }
    }

    /// Sends the other half, and is gone.
    fn hang_up_with_the_last_byte(mut self) {
        self.stream.write_all(&self.rest).unwrap();
    }

    /// Sends the other half; the status line.
    pub(crate) fn finish(mut self) -> String {
        self.stream.write_all(&self.rest).unwrap();
        let mut answer = [0; 12];
        self.stream.read_exact(&mut answer).unwrap();
        String::from_utf8(answer.to_vec()).unwrap()
    }
}

/// The head of a PUT, but for the empty line at its end.
fn head(path: &str, document: &str, who: &str) -> String {
    format!(
        "PUT {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {who}\r\n\
         content-type: application/xml\r\ncontent-length: {}\r\n",
        document.len()
    )
}

#[tokio::test]
async fn a_group_is_claimed_by_a_document_that_is_complete() {
    let folder = Folder::new();
    let server = Server::start(&folder, &PATIENT);
    let (alice, bob) = (server.user_token(), token_of_bob(&folder));
    let slow = [(); 2].map(|()| Slow::begin(&server, GROUP, GROUP_XML, &alice));
    let others = write(&server, ("DELETE", GROUP, ""), &bob).await;
    assert_eq!(others.status, 404, "half a document claims nothing");
    let bobs = format!("{GROUP_XML}<!-- Bob's -->");
    assert_eq!(write(&server, ("PUT", GROUP, bobs.clone()), &bob).await.status, 200);
    let [finished, hung_up] = slow;
    drop(hung_up);
    assert_eq!(finished.finish(), "HTTP/1.1 403");
    assert_eq!(server.get(GROUP, &[]).await.body, bobs);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 403);
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &bob).await.status, 200);
}

#[tokio::test]
async fn a_new_group_is_its_writers_once_the_other_half_of_the_document_has_arrived() {
    let folder = Folder::new();
    let server = Server::start(&folder, &PATIENT);
    let slow = Slow::begin(&server, GROUP, GROUP_XML, &server.user_token());
    assert_eq!(server.get(GROUP, &[]).await.status, 404);
    assert_eq!(slow.finish(), "HTTP/1.1 200");
    assert_eq!(server.get(GROUP, &[]).await.body, GROUP_XML);
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &token_of_bob(&folder)).await.status, 403);
}

#[tokio::test]
async fn who_hangs_up_without_waiting_for_the_answer_has_written_the_group_or_owns_nothing() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (server.user_token(), token_of_bob(&folder));
    let path = |n: usize| format!("/iso6523-actorid-upis::9915:gone-{n}");
    let document = |n: usize| group_of("iso6523-actorid-upis", &format!("9915:gone-{n}"));
    for n in 0..64 {
        let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
        let request = format!("{}\r\n{}", head(&path(n), &document(n), &alice), document(n));
        stream.write_all(request.as_bytes()).unwrap();
    }
    for n in 0..64 {
        until(&format!("{} is there, or is nobody's", path(n)), async || {
            server.get(&path(n), &[]).await.status == 200
                || write(&server, ("PUT", &path(n), document(n)), &bob).await.status == 200
        })
        .await;
    }
}

/// The test writes to the database, and nobody else does until it is done.
struct Lock(SqliteConnection);

impl Lock {
    async fn take(folder: &Folder) -> Self {
        let mut database = folder.database().await;
        query("BEGIN IMMEDIATE").execute(&mut database).await.unwrap();
        Self(database)
    }

    async fn commit(mut self) {
        query("COMMIT").execute(&mut self.0).await.unwrap();
    }
}

/// Whose the group is, by the version of the owner.
async fn owner(folder: &Folder) -> Option<(String, i64)> {
    query_as("SELECT subject, version FROM portcullis_owners WHERE kind = 'group'")
        .fetch_optional(&mut folder.database().await)
        .await
        .unwrap()
}

async fn subject(folder: &Folder, name: &str) -> String {
    let select = query_as("SELECT subject FROM portcullis_users WHERE name = $1").bind(name);
    let (subject,): (String,) = select.fetch_one(&mut folder.database().await).await.unwrap();
    subject
}

/// Lets the server come as far as it can with what it has got: it answers others meanwhile.
async fn while_others_read(server: &Server) {
    for _ in 0..10 {
        assert_eq!(server.get("/nobodys::group", &[]).await.status, 404);
    }
}

#[tokio::test]
async fn who_hangs_up_while_the_claim_has_to_wait_has_written_the_group_all_the_same() {
    let folder = Folder::new();
    let server = Server::start(&folder, &PATIENT);
    let slow = Slow::begin(&server, GROUP, GROUP_XML, &server.user_token());
    let lock = Lock::take(&folder).await;
    slow.hang_up_with_the_last_byte();
    while_others_read(&server).await;
    assert_eq!(server.get(GROUP, &[]).await.status, 404);
    lock.commit().await;
    until("what was begun comes to its end", async || server.get(GROUP, &[]).await.status == 200).await;
    let alice = subject(&folder, "alice@example.org").await;
    assert_eq!(owner(&folder).await.unwrap().0, alice);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &token_of_bob(&folder)).await.status, 403);
}

/// Sends a PUT of Alice's that is let in as hers, and lets this happen before it is stored.
async fn put_after(server: &Server, folder: &Folder, statements: &str) -> Reply {
    let alice = server.user_token();
    let (subject, mut database) = (subject(folder, "alice@example.org").await, folder.database().await);
    // She has claimed it by another request, which is still under way.
    query("INSERT INTO portcullis_owners VALUES ('group', $1, 'local', $2, 7)")
        .bind(ID)
        .bind(subject)
        .execute(&mut database)
        .await
        .unwrap();
    let mut lock = Lock::take(folder).await;
    raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut lock.0).await.unwrap();
    let put = write(server, ("PUT", GROUP, GROUP_XML), &alice);
    let happen = async {
        while_others_read(server).await;
        lock.commit().await;
    };
    tokio::join!(put, happen).0
}

const ID: &str = "iso6523-actorid-upis::0088:5060210000007";
const GIVE_BACK: &str = "DELETE FROM portcullis_owners WHERE kind = 'group'";

#[tokio::test]
async fn a_write_whose_owner_has_meanwhile_given_the_claim_back_claims_anew() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let put = put_after(&server, &folder, GIVE_BACK).await;
    assert_eq!((put.status.as_u16(), server.get(GROUP, &[]).await.body), (200, GROUP_XML.to_owned()));
    let (subject, version) = owner(&folder).await.unwrap();
    assert_eq!(subject, crate::claims::subject(&folder, "alice@example.org").await);
    assert_ne!(version, 7, "what was judged by the earlier claim is not let in by this one");
}

#[tokio::test]
async fn a_write_whose_claim_was_given_back_and_taken_by_another_is_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = subject(&folder, "bob@example.org").await;
    // At the very moment of the new claim.
    let overtake = format!(
        "{GIVE_BACK}; CREATE TRIGGER overtake BEFORE INSERT ON portcullis_owners WHEN NEW.subject <> '{bob}' BEGIN \
         INSERT INTO portcullis_owners VALUES (NEW.kind, NEW.id, 'local', '{bob}', 8); END"
    );
    let put = put_after(&server, &folder, &overtake).await;
    assert_eq!(put.status, 403, "{put:?}");
    assert_eq!(server.get(GROUP, &[]).await.status, 404);
}

#[tokio::test]
async fn a_claim_whose_group_cannot_be_stored_is_given_back() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (server.user_token(), token_of_bob(&folder));
    let mut database = folder.database().await;
    query("CREATE TRIGGER full BEFORE INSERT ON smp_groups BEGIN SELECT RAISE(ABORT, 'full'); END")
        .execute(&mut database)
        .await
        .unwrap();
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 503);
    assert_eq!(owner(&folder).await, None);
    query("DROP TRIGGER full").execute(&mut database).await.unwrap();
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &bob).await.status, 200);
    // Of what was there before, nothing is given back.
    query("CREATE TRIGGER full BEFORE UPDATE ON smp_groups BEGIN SELECT RAISE(ABORT, 'full'); END")
        .execute(&mut database)
        .await
        .unwrap();
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &bob).await.status, 503);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 403);
}

#[tokio::test]
async fn a_claim_that_cannot_be_given_back_is_forgotten_a_little_later() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--upkeep-interval", "1"]);
    let (alice, bob) = (server.user_token(), token_of_bob(&folder));
    let mut database = folder.database().await;
    let fail = "CREATE TRIGGER full BEFORE INSERT ON smp_groups BEGIN SELECT RAISE(ABORT, 'full'); END; \
                CREATE TRIGGER stuck BEFORE DELETE ON portcullis_owners BEGIN SELECT RAISE(ABORT, 'stuck'); END";
    raw_sql(fail).execute(&mut database).await.unwrap();
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 503);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &bob).await.status, 403);
    raw_sql("DROP TRIGGER full; DROP TRIGGER stuck").execute(&mut database).await.unwrap();
    until("the group is nobody's", async || {
        write(&server, ("PUT", GROUP, GROUP_XML), &bob).await.status == 200
    })
    .await;
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 403);
}

#[tokio::test]
async fn a_server_that_is_killed_before_the_document_has_arrived_leaves_no_owner_behind() {
    let folder = Folder::new();
    let server = Server::start(&folder, &PATIENT);
    let bob = token_of_bob(&folder);
    let slow = Slow::begin(&server, GROUP, GROUP_XML, &server.user_token());
    server.kill();
    drop(slow);
    let server = Server::start(&folder, &PATIENT);
    assert_eq!(server.get(GROUP, &[]).await.status, 404);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &bob).await.status, 200);
}

#[tokio::test]
async fn a_bad_first_write_that_ends_after_a_good_second_one_takes_nothing_back() {
    let folder = Folder::new();
    let server = Server::start(&folder, &PATIENT);
    let (alice, bob) = (server.user_token(), token_of_bob(&folder));
    let slow = Slow::begin(&server, GROUP, "<this-is><not-well-formed>", &alice);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 200);
    assert_eq!(slow.finish(), "HTTP/1.1 400");
    assert_eq!(server.get(GROUP, &[]).await.body, GROUP_XML);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &bob).await.status, 403);
}

#[tokio::test]
async fn what_ends_when_the_group_is_somebody_elses_changes_nothing() {
    let folder = Folder::new();
    let server = Server::start(&folder, &PATIENT);
    let (alice, bob) = (server.user_token(), token_of_bob(&folder));
    publish(&server, &alice).await;
    let slow = [(GROUP, GROUP_XML), (SERVICE, SERVICE_XML), (CARD, CARD_XML)]
        .map(|(path, document)| (Slow::begin(&server, path, document, &alice), path));
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &alice).await.status, 200);
    let bobs = format!("{GROUP_XML}<!-- Bob's -->");
    assert_eq!(write(&server, ("PUT", GROUP, bobs.clone()), &bob).await.status, 200);
    for (slow, path) in slow {
        assert_eq!(slow.finish(), "HTTP/1.1 403", "{path}");
    }
    assert_eq!(server.get(GROUP, &[]).await.body, bobs);
    assert_eq!(server.get(SERVICE, &[]).await.status, 404);
    assert_eq!(server.get(CARD, &[]).await.status, 404);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 403);
}
