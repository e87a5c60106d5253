//! Real servers for the tests. Each has a temporary folder and an address of its own; it is stopped, and the
//! folder deleted, when it is dropped, and when the test process ends in any other way.
//!
//! What is said to a server here blocks the thread until it is so. A test binary shares the server of
//! `shared()`; a test that stops one, or changes its settings, starts its own with `start()`.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test binary uses a part of it"
)]

pub mod postgres;
pub mod proxy;
pub mod redis;

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

pub use self::{postgres::Postgres, proxy::Proxy, redis::Redis};

/// How long anything may take, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the end of its input, which is the end of the test process, however that comes about. A server that is
/// there is asked to quit, so that it takes its shared memory with it; and to end, since what a shell has started in the
/// background has no ear for the first. One that was killed has left a segment behind, whose number PostgreSQL has
/// written down.
const GUARDIAN: &str = r#"
    cat >/dev/null
    if read -r pid <"$1/pid"; then
        family="$pid $(cat "/proc/$pid/task/$pid/children")"
        kill -QUIT "$pid"
        kill -TERM "$pid"
        kill -CONT $family
        for _ in $(seq 100); do [ -e "/proc/$pid/cwd" ] || break; sleep 0.1; done
        kill -KILL $family
    fi
    segment=$(sed -n '7s/.* //p' "$1/data/postmaster.pid")
    for _ in $(seq 100); do rm -rf "$1" && break; sleep 0.1; done
    [ -z "$segment" ] || ipcrm --shmem-id "$segment"
"#;

/// Where a server lives.
pub struct Home {
    pub folder: PathBuf,
    pub address: SocketAddr,
}

impl Home {
    /// A folder and an address that no other server has.
    pub fn new(name: &str) -> Self {
        Self::at(name, &[std::env::temp_dir()])
    }

    /// The same, in memory where there is such a place, so that no limit passes while a slow disk is waited for.
    pub fn in_memory(name: &str) -> Self {
        Self::at(name, &[PathBuf::from("/dev/shm"), std::env::temp_dir()])
    }

    /// In the first of these places where a folder can be made.
    fn at(name: &str, places: &[PathBuf]) -> Self {
        static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);
        let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from((host(), port));
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let name = format!("portcullis-{name}-{:016x}", u64::from_be_bytes(random));
        let mut folders = places.iter().map(|place| place.join(&name));
        let folder = folders.find(|folder| fs::create_dir(folder).is_ok()).unwrap();
        Self { folder, address }
    }
}

/// An address for each process: nobody else takes a port of it, not while the server is down either.
pub fn host() -> Ipv4Addr {
    let [_, a, b, c] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 128 | a, b, c)
}

/// A process that serves.
pub struct Server {
    home: Home,
    command: Box<dyn Fn(&Home) -> Command + Send + Sync>,
    /// What it prints when it is ready.
    ready: &'static str,
    process: Mutex<Option<Child>>,
    guardian: Child,
}

impl Server {
    /// Starts it, and waits until it has printed that it is ready.
    pub fn start(
        home: Home,
        ready: &'static str,
        command: impl Fn(&Home) -> Command + Send + Sync + 'static,
    ) -> Self {
        let mut guardian = Command::new("sh");
        guardian.args(["-c", GUARDIAN, "guardian"]).arg(&home.folder);
        guardian.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let guardian = guardian.process_group(0).spawn().unwrap();
        let process = Mutex::new(None);
        let server = Self { home, command: Box::new(command), ready, process, guardian };
        server.restart();
        server
    }

    pub fn address(&self) -> SocketAddr {
        self.home.address
    }

    pub fn folder(&self) -> &Path {
        &self.home.folder
    }

    /// Kills it if it runs, and starts it on what it has stored.
    pub fn restart(&self) {
        self.kill();
        let mut command = (self.command)(&self.home);
        command.current_dir(&self.home.folder).process_group(0).stdin(Stdio::null());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        fs::write(self.pid_file(), format!("{}\n", process.id())).unwrap();
        let (lines, printed) = mpsc::channel();
        read_lines(process.stdout.take().unwrap(), lines.clone());
        read_lines(process.stderr.take().unwrap(), lines);
        *self.process.lock().unwrap() = Some(process);
        self.wait_until_ready(&printed);
    }

    fn wait_until_ready(&self, printed: &mpsc::Receiver<String>) {
        let mut last = VecDeque::new();
        loop {
            match printed.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(self.ready) => return,
                Ok(line) => last.push_back(line),
                Err(error) => panic!("the server is not ready: {error}\n{last:#?}"),
            }
            if last.len() > 40 {
                last.pop_front();
            }
        }
    }

    /// Ends it at once, with all its processes (`kill -9`).
    pub fn kill(&self) {
        if let Some(mut process) = self.process.lock().unwrap().take() {
            let family = stop(process.id());
            signal("KILL", &family);
            process.wait().unwrap();
            while !family.iter().all(|process| has_ended(*process)) {
                thread::yield_now();
            }
            let _ = fs::remove_file(self.pid_file());
        }
    }

    /// Stops it where it stands: connections stay, and nothing is answered (`SIGSTOP`).
    pub fn pause(&self) {
        stop(self.id());
    }

    /// Lets it go on (`SIGCONT`).
    pub fn resume(&self) {
        signal("CONT", &family(self.id()));
    }

    fn id(&self) -> u32 {
        self.process.lock().unwrap().as_ref().expect("it runs").id()
    }

    fn pid_file(&self) -> PathBuf {
        self.home.folder.join("pid")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The guardian ends the server when its own input ends.
        drop(self.guardian.stdin.take());
        if let Some(mut process) = self.process.lock().unwrap().take() {
            let _ = process.wait();
        }
        let _ = self.guardian.wait();
    }
}

/// Reads to the end, so that the server never waits for a reader.
fn read_lines(output: impl Read + Send + 'static, lines: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = lines.send(line);
        }
    });
}

/// Stops a process, and then its children, which are no more by then. The list of them may lack one while another
/// ends, and is whole when none of them can.
fn stop(process: u32) -> Vec<u32> {
    let mut stopped = vec![process];
    loop {
        signal("STOP", &stopped);
        while !stopped.iter().all(|process| is_stopped(*process)) {
            thread::yield_now();
        }
        let family = family(process);
        if family == stopped {
            return family;
        }
        stopped = family;
    }
}

/// A process and its children.
fn family(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    std::iter::once(process).chain(children.split_whitespace().map(|id| id.parse().unwrap())).collect()
}

/// A child may have ended meanwhile.
fn signal(name: &str, processes: &[u32]) {
    let script = r#"signal=$1; shift; for process; do kill -s "$signal" "$process"; done"#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "signal", name]).args(processes.iter().map(u32::to_string));
    command.stderr(Stdio::null()).status().unwrap();
}

/// Whether it does nothing: it was stopped, or has ended.
fn is_stopped(process: u32) -> bool {
    !matches!(state(process), Some('R' | 'S' | 'D'))
}

/// Whether it is gone, or would be if somebody looked.
fn has_ended(process: u32) -> bool {
    matches!(state(process), None | Some('Z' | 'X'))
}

fn state(process: u32) -> Option<char> {
    // `id (name) state …`
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// The files of a key, and of a certificate for it that nobody vouches for but itself, in this folder.
pub fn certificate(folder: &Path, host: Ipv4Addr) -> [String; 2] {
    let [key, certificate] =
        ["key.pem", "certificate.pem"].map(|name| folder.join(name).to_str().unwrap().to_owned());
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-subj", "/CN=test", "-addext", &format!("subjectAltName=IP:{host}")]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    output_of(openssl.args(["-keyout", &key, "-out", &certificate]));
    [key, certificate]
}

/// What a command prints.
///
/// # Panics
///
/// When it fails.
pub fn output_of(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {printed}{complaint}");
    printed
}
