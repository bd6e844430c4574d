//! What the program says when it is started, and when it cannot start.

use std::fs;
use std::net::TcpListener;

use crate::support::database::Database;
use crate::support::server::{Server, run, run_in};
use crate::support::visitor::Visitor;

/// Runs the demo, which cannot start, and gives the one line that it says.
fn refusal(database: &str, arguments: &[&str]) -> String {
    let output = run(database, arguments);
    assert!(!output.status.success());
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with("demo: "), "{line}");
    assert!(!line.contains("s3cret"), "{line}");
    line
}

#[test]
fn help_explains_every_option() {
    let output = run("sqlite::memory:", &["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for part in [
        "--database-url",
        "--listen",
        "--idle",
        "--absolute",
        "--remembered",
        "--addresses",
        "--transport",
        "--trusted-proxies",
        "--public-origin",
        "--config",
        "SESSION_KEYS",
        "Safari",
        "cloakroom-demo.sqlite",
        "127.0.0.1:3000",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn passwords_in_the_environment_stay_out_of_the_help() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_demo"))
        .arg("--help")
        .env("DATABASE_URL", "postgres://ann:s3cret@db/shop")
        .output()
        .unwrap();
    assert!(!String::from_utf8(output.stdout).unwrap().contains("s3cret"));
}

#[test]
fn a_url_for_no_known_database_is_one_clear_line() {
    for url in ["mongodb://ann:s3cret@127.0.0.1/shop", "s3cret", ""] {
        let line = refusal(url, &[]);
        assert!(line.contains("sqlite:") && line.contains("postgres:") && line.contains("mysql:"), "{line}");
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_one_clear_line() {
    // Bound and not listening: connections are refused, and nobody else can take the port.
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    for scheme in ["postgres", "mysql"] {
        let line = refusal(&format!("{scheme}://ann:s3cret@127.0.0.1:{port}/shop"), &[]);
        assert!(line.contains("cannot be reached"), "{line}");
    }
}

#[test]
fn a_file_that_cannot_be_made_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let line = refusal(&format!("sqlite:{}/missing/demo.sqlite", folder.path().display()), &[]);
    assert!(line.contains("missing/demo.sqlite"), "{line}");
}

/// It holds what everybody signs in with.
#[cfg(unix)]
#[test]
fn r37_nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&format!("sqlite:{}", folder.path().join("demo.sqlite").display()));
    Visitor::new().sign_up(&server, "ann");
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 3, "the database, its log and the memory that they share");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn a_taken_port_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = refusal("sqlite::memory:", &["--listen", &address]);
    assert!(line.contains(&address) && line.contains("--listen 127.0.0.1:0"), "{line}");
}

#[test]
fn an_open_cookie_is_kept_to_this_machine() {
    let line = refusal("sqlite::memory:", &["--listen", "0.0.0.0:0", "--transport", "localhost-development"]);
    assert!(line.contains("127.0.0.1"), "{line}");
}

#[test]
fn r44_a_file_or_a_key_ring_that_cannot_be_read_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    let named = file.to_str().unwrap();
    assert!(refusal("sqlite::memory:", &["--config", named]).contains(named), "a file that is missing");
    for (text, part) in
        [("listen_on = 's3cret'", "listen_on"), ("session_keys = ['s3cret']", "openssl rand -hex 32")]
    {
        fs::write(&file, text).unwrap();
        let line = refusal("sqlite::memory:", &["--config", named]);
        assert!(line.contains("line 1") && line.contains(part), "{line}");
    }
    let keys = [("SESSION_KEYS", "s3cret")];
    let output = run_in("sqlite::memory:", &[], &keys);
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("openssl rand -hex 32") && !line.contains("s3cret"), "{line}");
}

/// Flags win over the environment, the environment over the file; the file is read all the same.
#[test]
fn the_file_counts_where_nothing_else_is_said() {
    let database = Database::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    fs::write(&file, "listen = '127.0.0.1:1'\nidle = '5m'\nabsolute = '6h'").unwrap();
    let arguments = ["--config", file.to_str().unwrap(), "--absolute", "2h"];
    let server = Server::start_in(database.url(), &arguments, &[("LISTEN", "127.0.0.1:0")]);
    let mut visitor = Visitor::new();
    visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")]);
    let session = visitor.get(&server, "/session");
    session.assert_says("5 minutes without a visit");
    session.assert_says("2 hours, however busy");
}

/// Row ASVS 13.3.4: keys are replaced without signing anybody out, and a retired key opens nothing.
#[test]
fn asvs_13_3_4_keys_are_replaced_while_sessions_live_on() {
    let database = Database::sqlite();
    let (old, new) = (format!("0{}", "1".repeat(63)), format!("0{}", "2".repeat(63)));
    let start = |keys: &str| {
        Server::start_in(database.url(), &["--listen", "127.0.0.1:0"], &[("SESSION_KEYS", keys)])
    };
    let mut visitor = Visitor::new();
    visitor.post(&start(&old), "/things", &[("name", "Coat"), ("pieces", "1")]);
    let before = visitor.clone();
    visitor.post(&start(&format!("{new},{old}")), "/things", &[("name", "Hat"), ("pieces", "1")]);
    assert_ne!(visitor.cookies(), before.cookies(), "signed anew");
    let server = start(&new);
    assert_eq!(visitor.get(&server, "/").things(), 2);
    assert_eq!(before.clone().get(&server, "/").things(), 0);
}

#[test]
fn limits_that_are_none_are_refused() {
    let output = run("sqlite::memory:", &["--idle", "soon"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("90s, 30m, 12h, 7d"));
}

#[test]
fn limits_and_transport_reach_the_session() {
    let database = Database::sqlite();
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--idle",
        "5m",
        "--absolute",
        "2h",
        "--transport",
        "localhost-development",
    ];
    let server = Server::start_with(database.url(), &arguments);
    let mut visitor = Visitor::new();
    visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")]);
    assert!(visitor.cookies().contains_key("cloakroom-demo"));
    let session = visitor.get(&server, "/session");
    session.assert_says("5 minutes without a visit");
    session.assert_says("2 hours, however busy");
}
