//! A measured server, as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

use crate::cell::{Library, Subject};

/// A running server; dropped, it ends.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(subject: Subject, arguments: &[String]) -> anyhow::Result<Self> {
        let program = program(subject)?;
        let mut child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started; was it built?", name(&program)))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let address = line.trim().parse().with_context(|| format!("{} did not start", name(&program)))?;
        Ok(Self { child, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself when its standard input does. Failing means that it has ended already.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The servers are built into the folder that this program runs from.
fn program(subject: Subject) -> anyhow::Result<PathBuf> {
    let name = match subject {
        Subject::Bare => "bare-server",
        Subject::Sessions(Library::Cloakroom | Library::CloakroomOnPool, _) => "cloakroom-server",
        Subject::Sessions(Library::TowerSessions, _) => "tower-sessions-server",
    };
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn name(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
