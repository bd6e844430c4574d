//! One connection: how the file is made, how it is opened, how a lock is waited for.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cloakroom_core::ErrorKind;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use super::location::Missing;
use crate::failure::{Cause, Failure};

/// How much a committed write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A write that was answered survives a crash of the process and of the machine (`synchronous = FULL`).
    ///
    /// The default, because a session that a visitor was given must not be forgotten, nor an ended one come back.
    /// It costs one `fsync` per batch, shared by every write in it.
    #[default]
    Full,
    /// A write that was answered survives a crash of the process; a power failure may take the last moments with it,
    /// sign-outs included (`synchronous = NORMAL`). The file stays consistent.
    Normal,
}

/// Room for every statement of the store, each of which is prepared once per connection.
const STATEMENTS: usize = 64;

/// How long a lock of another process is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Duration);

impl Patience {
    /// Waits for nothing.
    pub(super) const NONE: Self = Self(Duration::ZERO);

    /// Four fifths of an operation's time, so that there is an answer before its caller gives up.
    pub(crate) fn within(time_limit: Duration) -> Self {
        Self(time_limit / 5 * 4)
    }

    /// Repeats what another process's lock prevents.
    ///
    /// SQLite can only ask again. Its own busy timeout soon asks ten times a second, which between two busy writers
    /// is too seldom to find the moment in which the lock is free.
    fn retry<T>(self, mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        const PAUSE: Duration = Duration::from_millis(1);
        let begin = Instant::now();
        loop {
            match attempt() {
                Err(error) if is_busy(&error) && begin.elapsed() < self.0 => pause(PAUSE),
                outcome => return outcome,
            }
        }
    }
}

/// Begins a transaction that writes, as soon as no other process does.
pub(crate) fn begin(connection: &Connection, patience: Patience) -> rusqlite::Result<Transaction<'_>> {
    // The write lock is taken at once, because a read lock that is raised later fails instead of waiting.
    patience.retry(|| Transaction::new_unchecked(connection, TransactionBehavior::Immediate))
}

/// Makes the file unless it is there, readable and writable by this user alone. SQLite gives the files beside it
/// (`-wal`, `-shm`) the same rights.
pub(super) fn create(path: &Path, missing: Missing) -> Result<(), Failure> {
    // Closing any handle of a file drops the locks that this process's other connections hold on it, so the handle
    // that made it must be gone before anybody else in this process opens it.
    static CREATION: Mutex<()> = Mutex::new(());
    let _turn = CREATION.lock().unwrap_or_else(PoisonError::into_inner);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let refused = |reason: &str| Err(Failure::new(Cause::Refused(ErrorKind::Refused), reason));
    if missing == Missing::Fail {
        let is_there = path.try_exists().unwrap_or(false);
        return if is_there { Ok(()) } else { refused("the database file does not exist") };
    }
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            io::ErrorKind::AlreadyExists => Ok(()),
            io::ErrorKind::NotFound => {
                refused("the folder of the database file does not exist; create it first")
            }
            io::ErrorKind::NotADirectory => {
                refused("the path of the database file leads through something that is no folder")
            }
            io::ErrorKind::PermissionDenied => {
                refused("this user may not create the database file in its folder")
            }
            _ => refused(&format!("the database file cannot be created: {error}")),
        },
    }
}

/// Opens the file for reading and writing.
pub(super) fn open(path: &Path, durability: Durability, patience: Patience) -> Result<Connection, Failure> {
    // Without URI, so that a file may be called anything; without a mutex, because one thread at a time has it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    let mode: String = patience.retry(|| {
        // Readers and the writer do not wait for each other, and a commit is one sequential write.
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
    })?;
    if mode != "wal" {
        return Err(Failure::new(
            Cause::Refused(ErrorKind::Refused),
            "SQLite cannot keep a write-ahead log there; network file systems cannot share the memory that it needs",
        ));
    }
    let synchronous = match durability {
        Durability::Full => "full",
        Durability::Normal => "normal",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // On macOS a mere `fsync` leaves the data in the drive's cache; elsewhere this changes nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    // SQLite moves the log into the file at every thousandth page, which is its own default and keeps the log near
    // 4 MB. After a burst that outgrew it the log is cut back to this many bytes.
    connection.pragma_update(None, "journal_size_limit", 16 * 1_024 * 1_024)?;
    prepare(&connection)?;
    Ok(connection)
}

/// Opens a database of its own in memory.
pub(super) fn open_in_memory() -> Result<Connection, Failure> {
    let connection = Connection::open_in_memory()?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // SQLite takes the quoted name of a missing column for a text, so that a table of another shape would look like
    // one without the session that is asked for.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    Ok(())
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[allow(
    clippy::disallowed_methods,
    reason = "the lock of another process wakes nobody; SQLite itself waits like this"
)]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
