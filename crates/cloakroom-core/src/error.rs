//! The one error type of every store.

use std::error::Error;
use std::fmt;

/// Why a store could not do what it was asked: kind × operation × backend × source.
///
/// The text says what to do next and contains no id, key or data. The source is what the driver said; stores leave
/// out driver messages that quote a value (a duplicate key, a refused payload).
///
/// ```
/// use cloakroom_core::{ErrorKind, Operation, StoreError};
///
/// let error = StoreError::new(ErrorKind::Overloaded, Operation::Load, "postgres");
/// assert!(error.may_retry());
/// ```
pub struct StoreError {
    kind: ErrorKind,
    operation: Operation,
    backend: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another writer was first, or a new key is already taken by a live record. Nothing was written.
    Conflict,
    /// No live record is under the key any more. Nothing was written.
    Gone,
    /// The database could not be reached or closed the connection before the statement was sent. Nothing was written.
    Unavailable,
    /// The connection broke or the time limit passed after the statement was sent: it was applied or it was not.
    Unknown,
    /// The store's queue is full; the operation was not begun.
    Overloaded,
    /// The store is shutting down; the operation was not begun.
    Closed,
    /// The stored row cannot be read as a session. It was left as it is.
    Corrupt,
    /// The record is larger than the store or the policy accepts. Nothing was written.
    TooLarge,
    /// The table is missing or has another shape than the layout says.
    Schema,
    /// The layout has no place for what was asked, such as users in a table without a user column.
    Unsupported,
    /// The database refused for a reason of its own (rights, read-only, full disk): see the source.
    Refused,
}

/// Which verb failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `Store::load`
    Load,
    /// `Store::put` with `Put::New`
    Create,
    /// `Store::put` with `Put::At`
    Save,
    /// `Store::admit`
    Admit,
    /// `Store::touch`
    Touch,
    /// `Store::rename`
    Rename,
    /// `Store::delete`
    Delete,
    /// `Store::sweep`
    Sweep,
    /// `Store::list`
    List,
    /// `Store::count`
    Count,
    /// `Store::end`
    End,
    /// Opening the store: connecting, creating or checking its table.
    Open,
}

impl StoreError {
    /// An error without a source.
    pub const fn new(kind: ErrorKind, operation: Operation, backend: &'static str) -> Self {
        Self { kind, operation, backend, source: None }
    }

    /// Adds the driver's own error.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// What went wrong.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Which verb failed.
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// Which store failed: `sqlite`, `postgres`, `memory`, …
    pub const fn backend(&self) -> &'static str {
        self.backend
    }

    /// Whether the same call may succeed later without anybody repairing anything, and cannot be applied twice.
    ///
    /// [`ErrorKind::Conflict`] is answered by loading again rather than by repeating the call, and
    /// [`ErrorKind::Unknown`] may be repeated for [`Operation::Load`] only.
    pub fn may_retry(&self) -> bool {
        match self.kind {
            ErrorKind::Unavailable | ErrorKind::Overloaded => true,
            ErrorKind::Unknown => {
                matches!(self.operation, Operation::Load | Operation::List | Operation::Count)
            }
            _ => false,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match self.kind {
            ErrorKind::Conflict => "another writer was first; load the session again and repeat the change",
            ErrorKind::Gone => "the session has ended; nothing was written",
            ErrorKind::Unavailable => "the database cannot be reached; check that it runs and is reachable",
            ErrorKind::Unknown => {
                "the database did not answer in time; the statement may or may not have been applied"
            }
            ErrorKind::Overloaded => "the store's queue is full; raise its limit or the database's capacity",
            ErrorKind::Closed => "the store is shutting down",
            ErrorKind::Corrupt => "the stored row cannot be read as a session; it was left unchanged",
            ErrorKind::TooLarge => "the session's data is too large; keep big values elsewhere",
            ErrorKind::Schema => "the table is missing or has another shape; compare it with the printed DDL",
            ErrorKind::Unsupported => "this store's layout has no place for that",
            ErrorKind::Refused => {
                "the database refused the statement; its own message is the source of this error"
            }
        };
        match (self.operation, &self.source) {
            // Whoever starts an application sees this one line, and only what the driver said tells them what to mend.
            (Operation::Open, Some(source)) => {
                write!(formatter, "the {} store could not be opened: ", self.backend)?;
                match self.kind {
                    ErrorKind::Refused | ErrorKind::Schema => source.fmt(formatter),
                    _ => write!(formatter, "{advice} ({source})"),
                }
            }
            (operation, _) => write!(formatter, "{} store, {operation:?}: {advice}", self.backend),
        }
    }
}

impl fmt::Debug for StoreError {
    /// Shows the source as text: the `Debug` of some drivers' errors quotes the row.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StoreError")
            .field("kind", &self.kind)
            .field("operation", &self.operation)
            .field("backend", &self.backend)
            .field("source", &self.source.as_ref().map(ToString::to_string))
            .finish()
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
