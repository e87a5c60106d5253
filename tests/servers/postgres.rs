use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{Home, Server, certificate, host, output_of};

/// The user `nobody`, and his group.
const NOBODY: u32 = 65_534;

/// What it prints when it takes writes.
const READY: &str = "database system is ready to accept connections";

/// What is written is the system's when it is acknowledged: for a server that is killed, that is as good as on the
/// disk. Shared memory lies in its folder, so that a server that is killed leaves none behind elsewhere.
const SETTINGS: [&str; 3] = ["fsync=off", "dynamic_shared_memory_type=mmap", "max_connections=500"];

/// A PostgreSQL whose superuser is `portcullis`, without a password.
pub struct Postgres(Server);

impl Postgres {
    /// The one that the tests of a binary share, each with a [`database`](Self::database) of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With these settings: `["max_connections=5"]`.
    pub fn start_with(settings: &[&str]) -> Self {
        Self::serve(Self::init(), READY, settings)
    }

    /// An empty database server, which does not run yet.
    fn init() -> Home {
        let home = Self::home();
        let mut init = not_as_root(&program("initdb"));
        init.arg("-D").arg(home.folder.join("data")).current_dir(&home.folder);
        init.args(["-U", "portcullis", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
        output_of(&mut init);
        home
    }

    /// One that speaks TLS, too, and the file of its certificate.
    pub fn start_with_tls() -> (Self, String) {
        let home = Self::init();
        let [key, certificate] = certificate(&home.folder, host());
        if is_root() {
            chown(&key, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let [key_file, certificate_file] =
            [format!("ssl_key_file={key}"), format!("ssl_cert_file={certificate}")];
        let settings = ["ssl=on", &*key_file, &*certificate_file];
        (Self::serve(home, READY, &settings), certificate)
    }

    /// A standby of this one, with what is in it by now and from now on. It is read, and refuses to be written to,
    /// until it is promoted (`SELECT pg_promote()`).
    pub fn start_standby(&self) -> Self {
        let (home, address) = (Self::home(), self.0.address());
        let mut copy = not_as_root(&program("pg_basebackup"));
        copy.arg("-D").arg(home.folder.join("data")).current_dir(&home.folder);
        copy.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]);
        copy.args(["-U", "portcullis", "--checkpoint=fast", "--no-sync", "--write-recovery-conf"]);
        output_of(&mut copy);
        Self::serve(home, "database system is ready to accept read-only connections", &[])
    }

    /// Not in memory: the databases of one test binary take more than a gigabyte. It does not wait for the disk.
    fn home() -> Home {
        let home = Home::new("postgres");
        if is_root() {
            chown(&home.folder, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        home
    }

    fn serve(home: Home, ready: &'static str, settings: &[&str]) -> Self {
        let settings: Vec<_> = settings.iter().map(ToString::to_string).collect();
        let server = Server::start(home, ready, move |home| {
            let mut command = not_as_root(&program("postgres"));
            command.arg("-D").arg(home.folder.join("data"));
            command.args(["-h", &home.address.ip().to_string()]);
            command.args(["-p", &home.address.port().to_string()]);
            // No socket in a folder that others use, too.
            command.args(["-k", ""]);
            command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
            command.args(settings.iter().flat_map(|setting| ["-c", setting]));
            command
        });
        Self(server)
    }

    /// The URL of a new and empty database.
    pub fn database(&self) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        // Nobody can connect to this template. Somebody in the other, if but to look after it, is waited for five
        // seconds, and then there is no copy.
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
        self.url(&name)
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://portcullis@{}/{database}", self.0.address())
    }

    /// A program of this version that is a client: `pg_dump`.
    pub fn client(name: &str) -> Command {
        Command::new(program(name))
    }

    /// What `psql` prints for a statement, without decoration.
    pub fn psql(&self, database: &str, statement: &str) -> String {
        let mut command = Command::new(program("psql"));
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        command.args(["--set", "ON_ERROR_STOP=1", "--command", statement]);
        output_of(command.arg(self.url(database)))
    }
}

/// [`Server::kill`], `restart`, `pause`, `resume`.
impl std::ops::Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

/// PostgreSQL refuses to run as root.
fn not_as_root(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
    command.args(["--clear-groups", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Debian keeps the programs of each version apart, and off the path: the newest of them.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions
        .map(|version| version.path())
        .filter(|version| version.join("bin").join(name).exists())
        .collect();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    found.sort_by_key(number);
    match found.pop() {
        Some(version) => version.join("bin").join(name),
        None => PathBuf::from(name),
    }
}
