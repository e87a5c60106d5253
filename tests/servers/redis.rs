use std::{process::Command, sync::OnceLock};

use super::{Home, Server, output_of};

/// A Redis that has on disk what it has acknowledged.
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
        let server = Server::start(Home::new("redis"), "Ready to accept connections", move |home| {
            let mut command = Command::new("redis-server");
            command.args(["--bind", &home.address.ip().to_string()]);
            command.args(["--port", &home.address.port().to_string()]);
            command.arg("--dir").arg(&home.folder);
            command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
            command.args(&settings);
            command
        });
        Self(server)
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
