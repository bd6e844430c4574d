//! What is measured: one route of one server under some number of clients.

use clap::ValueEnum;

/// One place in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    /// How many clients ask at once, each one request after the other.
    pub(crate) clients: usize,
    /// What they ask for.
    pub(crate) route: Route,
    /// Whom they ask.
    pub(crate) subject: Subject,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// axum without sessions: what everybody pays.
    Bare,
    /// A session library and where it keeps the sessions.
    Sessions(Library, Backend),
}

impl Subject {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Bare => "axum without sessions".into(),
            Self::Sessions(library, backend) => format!("{}, {}", library.name(), backend.name()),
        }
    }
}

/// The session libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Library {
    /// Ours, which opens the database itself.
    Cloakroom,
    /// Ours on the application's sqlx pool, made with the same options as tower-sessions' pool.
    CloakroomOnPool,
    /// The peer, which knows pools only.
    TowerSessions,
}

impl Library {
    pub(crate) const ALL: [Self; 3] = [Self::Cloakroom, Self::CloakroomOnPool, Self::TowerSessions];

    /// What is compared with the peer.
    pub(crate) const OURS: [Self; 2] = [Self::Cloakroom, Self::CloakroomOnPool];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cloakroom => "cloakroom",
            Self::CloakroomOnPool => "cloakroom on a pool",
            Self::TowerSessions => "tower-sessions",
        }
    }
}

/// Where the sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Backend {
    /// In the server's process.
    Memory,
    /// SQLite, WAL, synchronous=NORMAL.
    Sqlite,
    /// SQLite, WAL, synchronous=FULL.
    SqliteDurable,
    /// PostgreSQL.
    Postgres,
}

impl Backend {
    pub(crate) const ALL: [Self; 4] = [Self::Memory, Self::Sqlite, Self::SqliteDurable, Self::Postgres];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "SQLite",
            Self::SqliteDurable => "SQLite, durable",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Route {
    /// Comes with a session cookie and does not touch the session.
    None,
    /// Reads a value from the session.
    Read,
    /// Increments a counter in the session.
    Write,
    /// Comes without a cookie and makes a session.
    New,
}

impl Route {
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::Read, Self::Write, Self::New];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "untouched",
            Self::Read => "read",
            Self::Write => "write",
            Self::New => "new",
        }
    }

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::None => "/none",
            Self::Read => "/read",
            Self::Write => "/write",
            Self::New => "/new",
        }
    }
}
