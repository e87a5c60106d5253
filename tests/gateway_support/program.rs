//! The program, and what is run beside it.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{self, Command, Output},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{Folder, PATIENCE};

/// The program, built if it is not, as this test is.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // This test is at `<target>/<profile>/deps/<test>`.
        let test = env::current_exe().unwrap();
        let folder = test.ancestors().nth(2).unwrap();
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            named_alike => named_alike,
        };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--example", "gateway", "--features", "full"])
            .args(["--profile", profile])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "the example server does not build");
        folder.join("examples/gateway")
    })
}

/// The program, with none of its variables that whoever runs the tests may have set. It waits for its stores, as a
/// machine that is busy is not a store that is down.
pub fn command() -> Command {
    let mut command = Command::new(program());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("GATEWAY_") {
            command.env_remove(name);
        }
    }
    let patience = PATIENCE.as_secs().to_string();
    for name in ["GATEWAY_DATABASE_TIMEOUT", "GATEWAY_REDIS_TIMEOUT"] {
        command.env(name, &patience);
    }
    command
}

/// What these lines print that somebody pastes into a shell.
pub fn paste(lines: &str) -> String {
    let mut shell = Command::new("bash");
    for name in ["NO_PROXY", "no_proxy"] {
        shell.env(name, "127.0.0.1,localhost");
    }
    let pasted = shell.args(["-c", lines]).output().unwrap();
    assert!(pasted.status.success(), "{lines}: {pasted:?}");
    String::from_utf8(pasted.stdout).unwrap()
}

/// Runs a subcommand on the database in this folder.
pub fn run(folder: &Folder, arguments: &[&str]) -> Output {
    let database = format!("sqlite:{}", folder.path("gateway.db").display());
    command().args(["--database", &database]).args(arguments).output().unwrap()
}

/// The same, with something to read on standard input.
pub fn run_with_input(folder: &Folder, arguments: &[&str], input: impl AsRef<[u8]>) -> Output {
    let file = folder.path("input");
    fs::write(&file, input).unwrap();
    let database = format!("sqlite:{}", folder.path("gateway.db").display());
    command()
        .args(["--database", &database])
        .args(arguments)
        .stdin(fs::File::open(file).unwrap())
        .output()
        .unwrap()
}

/// A port of all addresses that the kernel gives to nobody by itself (that is from 32,768 on): it is still free
/// when the server has come so far.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + process::id().wrapping_mul(64).wrapping_add(next) % 22_000;
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}
