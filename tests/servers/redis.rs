use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
};

use super::{Home, Server, certificate, host, output_of};

/// A Redis that has given to the system what it has acknowledged: for a server that is killed, that is as good as on
/// the disk.
pub struct Redis(Server);

impl Redis {
    /// The one that the tests of a binary share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With these settings, as on the command line: `["--maxmemory", "1mb"]`.
    pub fn start_with(settings: &[&str]) -> Self {
        let settings: Vec<_> = settings.iter().map(ToString::to_string).collect();
        let server =
            Server::start(Home::in_memory("redis"), "Ready to accept connections", move |home| {
                let mut command = Command::new("redis-server");
                command.args(["--bind", &home.address.ip().to_string()]);
                command.args(["--port", &home.address.port().to_string()]);
                command.arg("--dir").arg(&home.folder);
                command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "no"]);
                command.args(["--databases", "1000"]);
                command.args(&settings);
                command
            });
        Self(server)
    }

    /// One that speaks nothing but TLS, its URL, and the file of its certificate.
    pub fn start_with_tls() -> (Self, String, String) {
        static NEXT_PORT: AtomicU16 = AtomicU16::new(6380);
        let (host, port) = (host(), NEXT_PORT.fetch_add(1, Ordering::Relaxed).to_string());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-tls-{host}-{port}"));
        fs::create_dir_all(&folder).unwrap();
        let [key, certificate] = certificate(&folder, host);
        let mut settings = vec!["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"];
        settings.extend(["--tls-cert-file", &certificate, "--tls-key-file", &key]);
        settings.extend(["--tls-ca-cert-file", &certificate]);
        (Self::start_with(&settings), format!("rediss://{host}:{port}"), certificate)
    }

    /// A replica of this one. It refuses to be written to.
    pub fn start_replica(&self) -> Self {
        let address = self.0.address();
        let replica_of = format!("{} {}", address.ip(), address.port());
        Self::start_with(&["--replicaof", &replica_of])
    }

    pub fn url(&self) -> String {
        format!("redis://{}/", self.0.address())
    }

    /// The URL of a database that nobody else has.
    pub fn database(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        format!("{}{}", self.url(), NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// What `redis-cli` prints.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let address = self.0.address();
        let mut command = Command::new("redis-cli");
        command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]);
        output_of(command.args(arguments))
    }
}

/// [`Server::kill`], `restart`, `pause`, `resume`.
impl std::ops::Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}
