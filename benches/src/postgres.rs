//! PostgreSQL for the measurement: a private server for each library, or one that is named.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use crate::load::Database;

/// Names a database to use instead of private servers. Both libraries leave their tables in it.
pub(crate) const URL: &str = "CLOAKROOM_BENCH_POSTGRES_URL";

/// A database to keep sessions in; a private server is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Postgres {
    url: String,
    server: Option<PrivateServer>,
}

/// A server with its data in a temporary folder, on a free port of the loopback interface.
///
/// Everything is left at PostgreSQL's defaults, so `fsync` and `synchronous_commit` are on. Each library gets its own,
/// so that checkpoints and autovacuum are charged to the one that caused them.
#[derive(Debug)]
struct PrivateServer(Child);

impl Postgres {
    /// Uses the database that is named, otherwise starts one with its files in `folder`.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        if let Ok(url) = std::env::var(URL) {
            return Ok(Self { url, server: None });
        }
        let programs = programs()?;
        fs::create_dir(folder)?;
        if is_root()? {
            run(Command::new("chown").arg("nobody:nogroup").arg(folder))?;
        }
        let data = folder.join("data");
        run(unprivileged()?.arg(programs.join("initdb")).arg("--pgdata").arg(&data).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]))?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let child = unprivileged()?
            .arg(programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder)
            .args(["-h", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.with_extension("log"))?)
            .spawn()?;
        let mut server = PrivateServer(child);
        server.wait_until_ready(&data.join("postmaster.pid")).await?;
        Ok(Self { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), server: Some(server) })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whose processor time is the database's.
    pub(crate) fn database(&self) -> Database {
        self.server.as_ref().map_or(Database::Any, |server| Database::Private(server.0.id()))
    }
}

impl PrivateServer {
    async fn wait_until_ready(&mut self, status: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_mins(1);
        while Instant::now() < deadline {
            if fs::read_to_string(status).is_ok_and(|text| text.contains("ready")) {
                return Ok(());
            }
            anyhow::ensure!(self.0.try_wait()?.is_none(), "PostgreSQL ended instead of starting");
            sleep(Duration::from_millis(50)).await;
        }
        anyhow::bail!("PostgreSQL did not start within a minute")
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        // SIGINT ends it without waiting for clients. A server that has ended already is what is wanted.
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// The version of what is measured, for the table.
pub(crate) fn version() -> anyhow::Result<String> {
    if std::env::var_os(URL).is_some() {
        return Ok(format!("PostgreSQL from {URL}"));
    }
    let answer = Command::new(programs()?.join("postgres")).arg("--version").output()?;
    let text = String::from_utf8(answer.stdout)?;
    let number = text.split_whitespace().nth(2).context("PostgreSQL does not tell its version")?;
    Ok(format!("PostgreSQL {number}"))
}

/// The folder of the server's programs: Debian's newest, which it keeps out of the search path, or the path's.
fn programs() -> anyhow::Result<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = debian
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").exists())
        .max();
    let searched = std::env::var_os("PATH").unwrap_or_default();
    newest
        .map(|(_, folder)| folder)
        .or_else(|| std::env::split_paths(&searched).find(|folder| folder.join("initdb").exists()))
        .with_context(|| {
            format!(
                "PostgreSQL is not installed: run `apt-get install postgresql`, or name a database in {URL}"
            )
        })
}

/// A command that runs without root's rights, which PostgreSQL refuses, and ends when this program is killed.
fn unprivileged() -> anyhow::Result<Command> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root()? {
        command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]);
    }
    // The folder that root started in may be closed to that user.
    command.current_dir("/").stdin(Stdio::null());
    Ok(command)
}

fn is_root() -> anyhow::Result<bool> {
    let answer = Command::new("id").arg("-u").output()?;
    Ok(answer.stdout == b"0\n")
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let answer = command.output()?;
    let said = String::from_utf8_lossy(&answer.stderr);
    anyhow::ensure!(answer.status.success(), "{} failed: {said}", command.get_program().display());
    Ok(())
}
