//! A database server of one test's own, which may be killed.
//!
//! Programs and accounts are those of `scripts/lib/servers.sh`. Unlike there, durability is on: what was committed has to
//! survive.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use tempfile::TempDir;

use crate::site::PATIENCE;
use crate::support::Backend;

/// How often a start is tried: another program may take the port, and what a killed server held may take a moment to go.
const STARTS: usize = 5;

/// A server that runs until it is killed or dropped, with its data folder.
pub(crate) struct Server {
    backend: Backend,
    folder: TempDir,
    password: String,
    port: u16,
    process: Option<Child>,
}

impl Server {
    /// Makes a data folder and starts a server on it.
    pub(crate) fn new(backend: Backend) -> Self {
        // Under /tmp, because a socket's path has about 100 characters.
        let folder = tempfile::Builder::new().prefix("cloakroom-").tempdir_in("/tmp").unwrap();
        let password = format!("{:032x}", random());
        let mut server = Self { backend, folder, password, port: 0, process: None };
        server.prepare();
        server.start();
        server
    }

    pub(crate) fn url(&self) -> String {
        let (scheme, database) = match self.backend {
            Backend::Postgres => ("postgres", "postgres"),
            _ => ("mysql", "cloakroom"),
        };
        format!("{scheme}://cloakroom:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Starts the server, on the port that it had, and waits until it says that it is ready.
    pub(crate) fn start(&mut self) {
        let mut log = Arc::default();
        for _ in 0..STARTS {
            let port = if self.port == 0 { free_port() } else { self.port };
            let mut process = self.command(port).stderr(Stdio::piped()).spawn().unwrap();
            let lines = BufReader::new(process.stderr.take().unwrap()).lines();
            let ready;
            (ready, log) = listen_to(lines.map_while(Result::ok));
            if ready.recv_timeout(PATIENCE).is_ok() {
                (self.port, self.process) = (port, Some(process));
                return;
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        panic!("the server did not start: {:#?}", log.lock().unwrap());
    }

    /// Kills the server and every process of it at once, with SIGKILL.
    pub(crate) fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let id = process.id();
        // Stopped first, so that it starts no further process while they are looked for.
        signal("STOP", &[id]);
        let family: Vec<u32> = [id].into_iter().chain(children(id)).collect();
        signal("KILL", &family);
        process.wait().unwrap();
        // PostgreSQL does not start again while one of them still has the shared memory.
        while family.iter().any(|id| is_running(*id)) {
            thread::yield_now();
        }
    }

    /// Makes the data folder.
    fn prepare(&mut self) {
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let home = self.home();
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = if self.backend == Backend::Postgres { self.initdb() } else { self.install_db() };
        if is_root(&home) {
            let owned = Command::new("chown").args(["-R", "nobody:nogroup"]).arg(&home).status().unwrap();
            assert!(owned.success());
        }
        let made = command.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn initdb(&self) -> Command {
        fs::write(self.home().join("password"), &self.password).unwrap();
        let mut command = self.as_server(&postgres_program("initdb"));
        command.args(["--pgdata=data", "--pwfile=password", "--username=cloakroom", "--auth=password"]);
        command.args(["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]);
        command
    }

    fn install_db(&self) -> Command {
        let password = &self.password;
        let accounts = format!(
            "CREATE DATABASE IF NOT EXISTS cloakroom;\n\
             CREATE USER IF NOT EXISTS cloakroom@'127.0.0.1' IDENTIFIED BY '{password}';\n\
             GRANT ALL PRIVILEGES ON *.* TO cloakroom@'127.0.0.1';\n"
        );
        fs::write(self.home().join("accounts"), accounts).unwrap();
        let mut command = self.as_server(Path::new("mariadb-install-db"));
        command.args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"]);
        command.arg(format!("--datadir={}/data", self.home().display()));
        command
    }

    fn command(&self, port: u16) -> Command {
        if self.backend == Backend::Postgres { self.postgres(port) } else { self.mariadbd(port) }
    }

    fn postgres(&self, port: u16) -> Command {
        let home = self.home().display().to_string();
        let mut command = self.as_server(&postgres_program("postgres"));
        command.args(["-D", "data", "-k", &home, "-h", "127.0.0.1", "-p", &port.to_string()]);
        command.args(["-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "full_page_writes=on"]);
        // Containers have a small /dev/shm.
        command.args(["-c", "dynamic_shared_memory_type=mmap"]);
        command
    }

    fn mariadbd(&self, port: u16) -> Command {
        let home = self.home().display().to_string();
        let mut command = self.as_server(Path::new("mariadbd"));
        command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
        command.args(["--innodb-flush-log-at-trx-commit=1", "--innodb-flush-method=fsync"]);
        command.arg(format!("--port={port}"));
        for file in ["datadir=data", "socket=socket", "pid-file=pid", "init-file=accounts"] {
            let (option, name) = file.split_once('=').unwrap();
            command.arg(format!("--{option}={home}/{name}"));
        }
        command
    }

    /// Runs a program as the user that the servers run as; it ends when this test does, however that ends.
    fn as_server(&self, program: &Path) -> Command {
        let home = self.home();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        // Both refuse to run as root.
        if is_root(self.folder.path()) {
            command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]);
        }
        // Where Debian keeps mariadbd, and not on the PATH of ordinary users.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        command.arg(program).env("PATH", path).current_dir(home).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("server")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether this process is root: it owns what it makes.
fn is_root(made: &Path) -> bool {
    fs::metadata(made).unwrap().uid() == 0
}

/// A program of the newest PostgreSQL, which Debian does not put on PATH.
fn postgres_program(name: &str) -> PathBuf {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|entry| entry.path()).max_by_key(version);
    let program = newest.map(|folder| folder.join("bin").join(name));
    program.filter(|program| program.exists()).unwrap_or_else(|| PathBuf::from(name))
}

/// Below the range that the system hands out for outgoing connections. Somebody else may take it before the server does,
/// so the next call looks elsewhere.
fn free_port() -> u16 {
    let begin = 20_000 + u16::try_from(random() % 12_000).unwrap_or(0);
    let mut ports = (begin..32_000).chain(20_000..begin);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

fn random() -> u128 {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    u128::from_ne_bytes(bytes)
}

/// Reads what a server says, to its end, so that it never finds the pipe full. Says when it is ready, or hangs up.
fn listen_to(
    lines: impl Iterator<Item = String> + Send + 'static,
) -> (mpsc::Receiver<()>, Arc<Mutex<Vec<String>>>) {
    let ((sender, receiver), log) = (mpsc::channel(), Arc::<Mutex<Vec<String>>>::default());
    let heard = Arc::clone(&log);
    thread::spawn(move || {
        for line in lines {
            if ["ready to accept connections", "ready for connections"].iter().any(|it| line.contains(it)) {
                let _ = sender.send(());
            }
            heard.lock().unwrap().push(line);
        }
    });
    (receiver, log)
}

/// What `/proc` says of a process under this name.
fn status(id: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
}

/// Whether a process still has what it had: one that has ended and was not asked for by its parent has not.
fn is_running(id: u32) -> bool {
    status(id, "State:").is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// The processes that `parent` has started.
fn children(parent: u32) -> Vec<u32> {
    let is_child = |id: &u32| status(*id, "PPid:").and_then(|it| it.parse().ok()) == Some(parent);
    let names = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).filter(is_child).collect()
}

fn signal(name: &str, processes: &[u32]) {
    let ids = processes.iter().map(u32::to_string);
    // A process that has ended by itself meanwhile is no failure.
    let _ = Command::new("kill").arg(format!("-{name}")).args(ids).stderr(Stdio::null()).status();
}
