//! What the program says to flags that it cannot follow.

use std::fs;

use sqlx::{Connection, SqliteConnection};

use crate::{
    Key,
    gateway_support::{Folder, Server, command, free_port, run},
    refusal, s3p,
};

#[test]
fn the_help_names_every_flag_and_subcommand() {
    let help = |arguments: &[&str]| {
        let output = command().args(arguments).arg("--help").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let all = help(&[]);
    for flag in [
        "--listen",
        "--database",
        "--keys",
        "--redis",
        "postgres://",
        "--public-url",
        "--error-details",
        "--tls-cert",
        "--tls-key",
        "--insecure-http",
        "--trusted-proxy",
        "--upkeep-interval",
        "--demo",
        "--no-tokens",
        "--no-camel-case",
        "--s3p-http-400",
        "sqlite::memory:",
        "127.0.0.1:8080",
        "GATEWAY_LISTEN",
        "GATEWAY_DATABASE",
    ] {
        assert!(all.contains(flag), "no {flag}: {all}");
    }
    for (command, actions) in [
        ("user", ["add", "disable", "passwd"]),
        ("token", ["create", "list", "revoke"]),
        ("s3p-key", ["add", "rotate", "list"]),
    ] {
        assert!(all.contains(&format!("\n  {command} ")), "no {command}: {all}");
        let of_command = help(&[command]);
        for action in actions {
            assert!(of_command.contains(&format!("\n  {action} ")), "no {action}: {of_command}");
        }
        assert!(of_command.contains("--database"), "{of_command}");
    }
    for command in ["backup", "adopt"] {
        assert!(all.contains(&format!("\n  {command} ")), "no {command}: {all}");
    }
    for action in ["add", "passwd"] {
        assert!(help(&["user", action]).contains("--password-stdin"));
    }
}

#[test]
fn plain_http_for_others_is_refused_unless_it_is_asked_for() {
    let folder = Folder::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8080"] {
        let told = refusal(&run(&folder, &["--listen", address]));
        assert!(told.contains("--tls-cert") && told.contains("--insecure-http"), "{told}");
    }
}

#[test]
fn an_address_that_is_no_url_needs_a_public_url() {
    let folder = Folder::new();
    for arguments in
        [&["--listen", "0.0.0.0:8080", "--insecure-http"][..], &["--listen", "127.0.0.1:0"]]
    {
        let told = refusal(&run(&folder, arguments));
        assert!(told.contains("--public-url") && told.contains(arguments[1]), "{told}");
    }
}

#[test]
fn a_public_url_that_is_none_is_refused() {
    let folder = Folder::new();
    for url in ["", "gateway.example.org", "ftp://example.org", "https://user:word@example.org"] {
        let told = refusal(&run(&folder, &["--public-url", url]));
        assert!(told.contains("public URL"), "{url}: {told}");
        assert!(!told.contains("word"), "{told}");
    }
}

#[test]
fn a_port_that_is_in_use_is_named() {
    let folders = [Folder::new(), Folder::new()];
    let server = Server::start(&folders[0], &[]);
    let address = format!("127.0.0.1:{}", server.port());
    let told = refusal(&run(&folders[1], &["--listen", &address]));
    assert!(told.contains(&format!("cannot serve on {address}")), "{told}");
    assert!(told.contains("in use"), "{told}");
}

#[test]
fn a_database_that_cannot_be_opened_is_named() {
    let folder = Folder::new();
    let text = folder.path("text");
    fs::write(
        &text,
        "This is not a database, but it is long enough to be looked at as one. ".repeat(9),
    )
    .unwrap();
    let missing = folder.path("missing").join("gateway.db");
    let itself = folder.path("");
    for (path, reason) in [
        (&missing, "No such file or directory"),
        (&itself, "Is a directory"),
        (&text, "not a database"),
        (&"".into(), "No such file or directory"),
    ] {
        let url = format!("sqlite:{}", path.display());
        for arguments in [&[][..], &["user", "add", "carol@example.org"]] {
            let output = command().args(["--database", &url]).args(arguments).output();
            let told = refusal(&output.unwrap());
            assert!(told.contains(&format!("cannot open the database {url:?}")), "{told}");
            assert!(told.contains(reason), "{told}");
        }
    }
    let kept = fs::read_to_string(text).unwrap();
    assert!(kept.starts_with("This is not a database"), "what is not a database is left alone");
}

#[test]
fn a_subcommand_that_finds_no_database_says_so_and_makes_none() {
    let folder = Folder::new();
    for arguments in [
        &["user", "list"][..],
        &["user", "passwd", "carol@example.org"],
        &["token", "list", "carol@example.org"],
        &["s3p-key", "list"],
        &["smp", "owner", "a::b", "carol@example.org"],
        &["backup", "copy.db"],
        &["adopt"],
    ] {
        let told = refusal(&run(&folder, arguments));
        let file = folder.path("gateway.db");
        assert!(told.contains(&format!("there is no database {}: ", file.display())), "{told}");
        assert!(told.contains("--database") && told.contains("`user add`"), "{told}");
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 0, "{arguments:?}");
    }
}

#[test]
fn when_a_subcommand_ends_all_is_in_the_one_file() {
    let folder = Folder::new();
    for (arguments, is_done) in [
        (&["user", "add", "carol@example.org"][..], true),
        (&["user", "list"], true),
        (&["token", "create", "carol@example.org", "laptop"], true),
        (&["token", "create", "nobody@example.org", "laptop"], false),
        (&["s3p-key", "add", "carol@example.org"], true),
    ] {
        assert_eq!(run(&folder, arguments).status.success(), is_done, "{arguments:?}");
        let files = fs::read_dir(folder.path("")).unwrap().map(|file| file.unwrap().file_name());
        let mut files: Vec<_> = files.collect();
        files.sort();
        assert_eq!(files, ["gateway.db", "gateway.keys"], "{arguments:?}");
    }
}

#[tokio::test]
async fn an_address_may_have_a_name() {
    let folder = Folder::new();
    let port = free_port();
    let url = format!("http://localhost:{port}");
    let database = format!("sqlite:{}", folder.path("gateway.db").display());
    let mut command = command();
    command.args(["--database", &database, "--listen", &format!("localhost:{port}")]);
    let mut server = Server::launch(&folder, port, &mut command);
    server.url.clone_from(&url);
    assert_eq!(server.get("/health/live", &[]).await.status, 204);
    assert!(server.greeting().contains(&format!("  {url}/secure/\n")), "{}", server.greeting());
    assert_eq!(s3p(&server, &Key::of_demo(&server)).await, 200);

    for nowhere in ["localhost", "localhost:port", ":8080", ""] {
        let told = refusal(&run(&folder, &["--listen", nowhere]));
        assert!(told.contains(&format!("cannot serve on {nowhere}: ")), "{told}");
    }
}

#[test]
fn without_a_flag_the_database_and_the_keys_are_in_the_folder() {
    let folder = Folder::new();
    let port = free_port();
    let home = folder.path("home");
    fs::create_dir(&home).unwrap();
    let mut command = command();
    command.args(["--listen", &format!("127.0.0.1:{port}")]).current_dir(&home);
    let server = Server::launch(&folder, port, &mut command);
    for name in ["gateway.db", "gateway.keys"] {
        assert!(home.join(name).is_file(), "{name}: {}", server.log_so_far());
    }
    assert!(server.greeting().starts_with("Demo accounts, shown once"));
}

#[tokio::test]
async fn a_database_of_an_earlier_version_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let file = folder.path("gateway.db");
    let url = format!("sqlite:{}?mode=rwc", file.display());
    let mut earlier = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("CREATE TABLE users (id TEXT)").execute(&mut earlier).await.unwrap();
    earlier.close().await.unwrap();
    let before = fs::read(&file).unwrap();
    for arguments in [&[][..], &["s3p-key", "list"]] {
        let told = refusal(&run(&folder, arguments));
        assert!(told.contains("an earlier version") && told.contains("--database"), "{told}");
    }
    assert_eq!(fs::read(&file).unwrap(), before, "it is left alone");
}
