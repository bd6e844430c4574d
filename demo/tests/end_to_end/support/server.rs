//! The demo as a process.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

/// A running demo. It is killed when it goes out of scope.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    /// Starts the demo on a free port and waits until it says where it is.
    pub(crate) fn start(database: &str) -> Self {
        Self::start_with(database, &["--listen", "127.0.0.1:0"])
    }

    /// Starts the demo on the port that another one had.
    pub(crate) fn start_on(port: u16, database: &str) -> Self {
        Self::start_with(database, &["--listen", &format!("127.0.0.1:{port}")])
    }

    pub(crate) fn start_with(database: &str, arguments: &[&str]) -> Self {
        Self::start_in(database, arguments, &[])
    }

    /// Starts the demo in an environment that says this as well.
    pub(crate) fn start_in(database: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = demo(database, arguments);
        command.envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Starts the demo so that it logs everything it can into a file.
    pub(crate) fn start_logging(database: &str, log: File) -> Self {
        let mut command = demo(database, &["--listen", "127.0.0.1:0"]);
        command.env("RUST_LOG", "trace").stderr(log);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self { child, stdout, port: 0 };
        let line = server.line_with("http://localhost:");
        let port = line.split("http://localhost:").nth(1).unwrap();
        server.port =
            port.split(|character: char| !character.is_ascii_digit()).next().unwrap().parse().unwrap();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The next line of its output that contains `part`. Waits for it; fails when the output ends before.
    pub(crate) fn line_with(&mut self, part: &str) -> String {
        let mut output = String::new();
        while self.stdout.read_line(&mut output).unwrap() > 0 {
            if let Some(line) = output.lines().next_back().filter(|line| line.contains(part)) {
                return line.to_owned();
            }
        }
        panic!("the demo ended before it said {part:?}; it said: {output:?}");
    }

    /// Ends it without any chance to tidy up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until it has stopped, and gives the rest of what it said.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the demo, which ends by itself: fails when it starts to serve.
pub(crate) fn run(database: &str, arguments: &[&str]) -> Output {
    run_in(database, arguments, &[])
}

/// The same, in an environment that says this as well.
pub(crate) fn run_in(database: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = demo(database, arguments);
    let mut child = command
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while stdout.read_line(&mut said).unwrap() > 0 {
        if said.contains("Open http://") {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the demo started, with {arguments:?} on {database}");
        }
    }
    Output { stdout: said.into_bytes(), ..child.wait_with_output().unwrap() }
}

const SETTINGS: [&str; 5] = ["DATABASE_URL", "SESSION_KEYS", "LISTEN", "TRUSTED_PROXIES", "PUBLIC_ORIGIN"];

fn demo(database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(["--database-url", database]).args(arguments);
    // What this machine is configured with is no part of a test.
    for setting in SETTINGS {
        command.env_remove(setting);
    }
    command
}
