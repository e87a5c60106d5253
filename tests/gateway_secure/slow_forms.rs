//! A form comes long after its head: it is not waited for without end, and what has happened in between counts.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Output,
};

use crate::{
    ALICE, Person,
    gateway_support::{Folder, Server, run},
    sessions::age,
};

/// A form of somebody's who is signed in, of which the server has asked for the rest.
struct Slow {
    socket: TcpStream,
    rest: Vec<u8>,
}

impl Slow {
    fn begin(person: &Person<'_>, page: &str) -> Self {
        let form = format!("form_token={}&once=1&id=none&name=mine", person.form_token).into_bytes();
        let mut socket = TcpStream::connect(("127.0.0.1", person.server.port())).unwrap();
        let head = format!(
            "POST /secure/{page} HTTP/1.1\r\nhost: localhost\r\n{}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
             expect: 100-continue\r\n\r\n",
            person.cookie_line(),
            form.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        // The server asks for the form once it knows the session.
        let mut answer = [0; 25];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
        socket.write_all(&form[..form.len() / 2]).unwrap();
        Self { socket, rest: form[form.len() / 2..].to_owned() }
    }

    fn finish(mut self) -> String {
        self.socket.write_all(&self.rest).unwrap();
        self.answer()
    }

    fn answer(mut self) -> String {
        let mut answer = String::new();
        self.socket.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[tokio::test]
async fn half_a_form_is_not_waited_for_without_end() {
    let folder = Folder::new();
    let patient = Server::start(&folder, &[]);
    let Person { cookie, form_token, .. } = Person::sign_in(&patient, ALICE).await;
    patient.stop();
    let server = Server::start(&folder, &["--body-timeout", "1"]);
    let alice = Person { server: &server, cookie, form_token };
    let answer = Slow::begin(&alice, "revoke-user-token").answer();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("The form took too long to arrive."), "{answer}");
    // Of a stranger's, too.
    let sign_in = "POST /secure/sign-in HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: \
                   application/x-www-form-urlencoded\r\ncontent-length: 20\r\n\r\nname=alice";
    let answer = server.send_raw(sign_in);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn a_session_that_has_ended_while_a_form_came_does_not_come_back() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--body-timeout", "600"]);
    let alice = Person::sign_in(&server, ALICE).await;
    // What the session remembers changes with the next request, and is saved after that.
    age(&folder, "last_request", 60).await;
    let slow = Slow::begin(&alice, "revoke-user-token");
    assert_eq!(alice.post("sign-out", &[]).await.status, 303);
    assert_nothing_done(&slow.finish());
    assert!(!alice.is_signed_in().await);
    let (left,): (i64,) = sqlx::query_as("SELECT count(*) FROM page_sessions")
        .fetch_one(&mut folder.database().await)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_form_whose_session_has_ended_while_it_came_makes_no_secret() {
    type End = fn(&Folder) -> Output;
    let ends: [End; 2] = [
        |folder| run(folder, &["user", "passwd", ALICE]),
        |folder| run(folder, &["user", "disable", ALICE]),
    ];
    for end in ends {
        let folder = Folder::new();
        let server = Server::start(&folder, &["--body-timeout", "600"]);
        let alice = Person::sign_in(&server, ALICE).await;
        let forms = ["user-tokens", "s3p-keys"].map(|page| Slow::begin(&alice, page));
        assert!(end(&folder).status.success());
        for slow in forms {
            assert_nothing_done(&slow.finish());
        }
        let made = "SELECT (SELECT count(*) FROM portcullis_user_tokens WHERE name = 'mine') \
                    + (SELECT count(*) FROM s3p_key_notes WHERE name = 'mine')";
        let (made,): (i64,) =
            sqlx::query_as(made).fetch_one(&mut folder.database().await).await.unwrap();
        assert_eq!(made, 0);
    }
}

/// Whoever sent it is led to where people sign in.
fn assert_nothing_done(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    assert!(answer.contains("\r\nlocation: sign-in\r\n"), "{answer}");
}
