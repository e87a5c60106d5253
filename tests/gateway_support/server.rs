//! A running server, and its answers.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::{Folder, PATIENCE, basic, command, free_port};

/// A running server. Killed at the end.
pub struct Server {
    child: Child,
    pub url: String,
    /// What it prints to standard output: whole before it listens.
    greeting: PathBuf,
    log: Arc<Log>,
    log_reader: Option<JoinHandle<()>>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Server {
    /// Starts the server on a database in this folder, and waits until it listens.
    pub fn start(folder: &Folder, arguments: &[&str]) -> Self {
        Self::start_on(folder, free_port(), arguments)
    }

    /// The same on a port of one's choice, as after a restart.
    pub fn start_on(folder: &Folder, port: u16, arguments: &[&str]) -> Self {
        let database = format!("sqlite:{}", folder.path("gateway.db").display());
        Self::start_with(folder, port, &database, arguments)
    }

    pub fn start_with(folder: &Folder, port: u16, database: &str, arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--database", database]);
        Self::launch(folder, port, command.args(arguments))
    }

    /// Starts it as this command says, whatever that is; it has to listen on this port.
    pub fn launch(folder: &Folder, port: u16, command: &mut Command) -> Self {
        let greeting = folder.path(&format!("greeting-{port}"));
        let mut child = command
            .stdout(fs::File::create(&greeting).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Log::default());
        let (listening, is_listening) = mpsc::channel();
        let (lines, text) = (BufReader::new(child.stderr.take().unwrap()).lines(), log.clone());
        let log_reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                text.push(&line);
                if line.contains("listening on") {
                    let _ = listening.send(());
                }
            }
        });
        // An error: it has ended without ever listening, or does not come so far.
        if let Err(error) = is_listening.recv_timeout(PATIENCE) {
            child.kill().unwrap();
            let status = child.wait().unwrap();
            panic!("the server does not listen ({error}, {status}): {}", log.text());
        }
        // The server closes a connection on which nothing is said, of which a test that waits for a command hears late.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        let url = format!("http://127.0.0.1:{port}");
        Self { child, url, greeting, log, log_reader: Some(log_reader), client }
    }

    /// The demo account's value after these words: `demo("user token")`.
    pub fn demo(&self, words: &str) -> String {
        let greeting = fs::read_to_string(&self.greeting).unwrap();
        let after = greeting.split_once(words).unwrap_or_else(|| panic!("no {words:?}: {greeting}")).1;
        after.split_whitespace().next().unwrap().to_owned()
    }

    /// The whole of what was printed to standard output.
    pub fn greeting(&self) -> String {
        fs::read_to_string(&self.greeting).unwrap()
    }

    pub fn alice(&self) -> String {
        basic("alice@example.org", &self.demo("alice@example.org  password"))
    }

    pub fn bob(&self) -> String {
        basic("bob@example.org", &self.demo("bob@example.org    password"))
    }

    /// Of Alice's, with the scheme before it.
    pub fn user_token(&self) -> String {
        format!("Bearer {}", self.demo("user token"))
    }

    /// All that it has logged about what was answered before: a line is in the log before its answer is sent,
    /// but not read from the pipe by then.
    pub async fn log(&self) -> String {
        static MARKS: AtomicU32 = AtomicU32::new(0);
        let mark = format!("/mark-{}", MARKS.fetch_add(1, Ordering::Relaxed));
        self.get(&mark, &[]).await;
        self.log_when_it_holds(&format!("path={mark:?}"))
    }

    /// Its log, as soon as it holds this.
    pub fn log_when_it_holds(&self, part: &str) -> String {
        self.log.when_it_holds(part)
    }

    /// What was read of its log so far.
    pub fn log_so_far(&self) -> String {
        self.log.text()
    }

    pub fn port(&self) -> u16 {
        self.url.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Sends one request. Headers are `name: value` lines.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: impl Into<Bytes>,
    ) -> Reply {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.url).parse().unwrap();
        for line in headers {
            let (name, value) = line.split_once(": ").unwrap();
            let name = header::HeaderName::try_from(name).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let response = self.client.request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub async fn get(&self, path: &str, headers: &[&str]) -> Reply {
        self.send("GET", path, headers, "").await
    }

    /// Sends these bytes over a connection of their own; the whole answer.
    pub fn send_raw(&self, request: impl AsRef<[u8]>) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(request.as_ref()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The answer to a body that is longer than so many bytes. The server reads no more of it, so no more is
    /// sent: it would be unread, and the connection be reset instead of answered.
    pub fn send_too_long(&self, line: &str, headers: &[&str], most: usize) -> String {
        let head = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}\r\ncontent-length: {}\r\n\r\n",
            headers.join("\r\n"),
            2 * most
        );
        self.send_raw([head.as_bytes(), &vec![b' '; most + 1]].concat())
    }

    /// Stops it as an operator does (SIGTERM), and waits for its end.
    pub fn stop(self) {
        self.signal("TERM");
        let (status, log) = self.wait();
        assert!(status.success(), "{log}");
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end; how it has ended, and the whole of what it has logged.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.log_reader.take().unwrap().join().unwrap();
        (status, self.log_so_far())
    }

    /// Kills it without a warning (SIGKILL), as a power failure would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server has printed to standard error.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Log {
    fn push(&self, line: &str) {
        self.text.lock().unwrap().extend([line, "\n"]);
        self.grown.notify_all();
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn when_it_holds(&self, part: &str) -> String {
        let lacks = |text: &mut String| !text.contains(part);
        let text = self.text.lock().unwrap();
        let (text, waited) = self.grown.wait_timeout_while(text, PATIENCE, lacks).unwrap();
        assert!(!waited.timed_out(), "no {part:?} in the log: {text}");
        text.clone()
    }
}

/// A response, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }
}
