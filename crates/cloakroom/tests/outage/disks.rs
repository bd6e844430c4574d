//! Disks that are full.

#![allow(
    clippy::print_stdout,
    reason = "which way was used depends on the machine, and belongs into the output"
)]

use std::fs::{File, remove_file};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cloakroom::sql::{SqlStore, Sweep};
use sqlx::sqlite::SqlitePoolOptions;

use crate::site::{Site, run};
use crate::story::{Fails, endure};

/// Tells a child process which file to use and that it is one.
const CHILD: &str = "CLOAKROOM_TEST_OUTAGE_FOLDER";

/// How the application has opened the file.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Embedded,
    Pool,
}

/// A disk of two megabytes.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Only root may mount one, and in a container not even root.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path());
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Leaves room for nothing.
    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        loop {
            match file.write_all(&[0; 4_096]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

async fn open(kind: Kind, folder: &Path) -> SqlStore {
    let url = format!("sqlite:{}", folder.join("sessions.sqlite").display());
    let builder = match kind {
        Kind::Embedded => SqlStore::builder(url),
        Kind::Pool => {
            let url = format!("{url}?mode=rwc");
            SqlStore::builder(SqlitePoolOptions::new().max_connections(2).connect(&url).await.unwrap())
        }
    };
    builder.sweep(Sweep::Off).build().await.unwrap()
}

fn full(kind: Kind) {
    let Some(disk) = SmallDisk::mount() else {
        println!(
            "{kind:?}: no small disk may be mounted here; the test with a limit on file sizes stands for it"
        );
        return;
    };
    println!("{kind:?}: on a tmpfs of 2 MB");
    run(async |log| {
        let store = open(kind, disk.path()).await;
        let site = Site::new(store.clone(), &log);
        let fault = async || disk.fill();
        let repair = async || remove_file(disk.filler()).unwrap();
        endure(&site, Fails::Writes, fault, repair).await;
        store.close().await;
    });
}

#[test]
fn sqlite_embedded_on_a_full_disk_is_503_for_writes_until_there_is_room() {
    full(Kind::Embedded);
}

#[test]
fn sqlite_pool_on_a_full_disk_is_503_for_writes_until_there_is_room() {
    full(Kind::Pool);
}

/// The limit holds for a whole process, so there is one for this test alone.
#[test]
fn sqlite_that_may_write_no_file_is_503_for_writes_until_it_may() {
    let folder = tempfile::tempdir().unwrap();
    // Without the trap the system ends a process that goes beyond the limit.
    let child = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "disks::another_process", "--nocapture"])
        .env(CHILD, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}{said}", String::from_utf8_lossy(&child.stdout));
}

/// The other process of the test above; by itself it does nothing.
#[test]
fn another_process() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    for kind in [Kind::Embedded, Kind::Pool] {
        let folder = Path::new(&folder).join(format!("{kind:?}"));
        std::fs::create_dir(&folder).unwrap();
        run(async |log| {
            let store = open(kind, &folder).await;
            let site = Site::new(store.clone(), &log);
            endure(&site, Fails::Writes, async || limit_files("0"), async || limit_files("unlimited")).await;
            store.close().await;
        });
    }
}

/// The longest that this process may make a file.
fn limit_files(bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let process = std::process::id().to_string();
    let status = Command::new("prlimit").args([&limit, "--pid", &process]).status().unwrap();
    assert!(status.success());
}
