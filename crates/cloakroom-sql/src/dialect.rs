//! What differs between the databases: a few facts each.

use cloakroom_core::layout::{Column, DataColumn, ExtraKind};

/// A kind of database. MariaDB is [`Dialect::Mysql`]: every statement is written so that both take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite 3.37 or newer.
    Sqlite,
    /// PostgreSQL 12 or newer.
    Postgres,
    /// MySQL 8.0.1 or newer, MariaDB 10.6 or newer.
    Mysql,
}

/// What a PostgreSQL connection of the store's own is told once: to plan each statement once and for all. The statements
/// over arrays take longer to plan than to run, and their plan does not depend on what is in the arrays.
#[cfg(feature = "postgres")]
pub(crate) const fn plan_once() -> &'static str {
    "SET plan_cache_mode = force_generic_plan"
}

/// Makes a transaction's changes everybody's, in every dialect.
pub(crate) const fn commit() -> &'static str {
    "COMMIT"
}

/// Takes a transaction's changes back, in every dialect.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) const fn rollback() -> &'static str {
    "ROLLBACK"
}

impl Dialect {
    /// The name for messages: `sqlite`, `postgres`, `mysql`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// Quotes an identifier. Whatever is in the name, it stays one name: the quote inside is doubled.
    pub(crate) fn quote(self, name: &str) -> String {
        let mark = match self {
            Self::Sqlite | Self::Postgres => '"',
            Self::Mysql => '`',
        };
        let doubled = name.replace(mark, &format!("{mark}{mark}"));
        format!("{mark}{doubled}{mark}")
    }

    /// The scalar function that takes the smaller of its arguments.
    pub(crate) const fn least(self) -> &'static str {
        match self {
            Self::Sqlite => "MIN",
            Self::Postgres | Self::Mysql => "LEAST",
        }
    }

    /// The scalar function that takes the larger of its arguments.
    pub(crate) const fn greatest(self) -> &'static str {
        match self {
            Self::Sqlite => "MAX",
            Self::Postgres | Self::Mysql => "GREATEST",
        }
    }

    /// How a sweep passes by the rows that another node is sweeping. SQLite has one writer at a time anyway.
    pub(crate) const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres | Self::Mysql => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// How a query keeps others from changing its rows before the transaction ends. SQLite has one writer at a time.
    pub(crate) const fn locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres | Self::Mysql => " FOR UPDATE",
        }
    }

    /// Begins a transaction that writes rows by their keys.
    ///
    /// SQLite takes its write lock at once, because a read lock that is raised later fails instead of waiting.
    /// Elsewhere each statement has to see what was committed while the one before waited for a lock, whatever level
    /// is the default of the application's connections; and MySQL must not take gap locks, over which nodes that
    /// write different keys would deadlock.
    pub(crate) const fn begin(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &["BEGIN IMMEDIATE"],
            Self::Postgres => &["BEGIN ISOLATION LEVEL READ COMMITTED"],
            Self::Mysql => &["SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "START TRANSACTION"],
        }
    }

    /// Begins a transaction that removes a range of rows, none of which may move away meanwhile.
    ///
    /// A rename in MySQL moves the row to another place in the index of users, which a scan may already have passed;
    /// the gap locks of this level make one of the two wait or start again.
    pub(crate) const fn begin_range(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite | Self::Postgres => self.begin(),
            Self::Mysql => &["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION"],
        }
    }

    /// Wraps a column so that it reads as text.
    pub(crate) fn as_text(self, column: Column, data: DataColumn, quoted: &str) -> String {
        match (self, column) {
            // Stored as bytes, see `column_type`.
            (Self::Mysql, Column::User) => format!("CONVERT({quoted} USING utf8mb4)"),
            (Self::Postgres, Column::Data) if data == DataColumn::Json => format!("{quoted}::text"),
            (Self::Postgres, Column::Persistence) => format!("{quoted}::bigint"),
            _ => quoted.to_owned(),
        }
    }

    /// The type that a column is made with.
    pub(crate) const fn column_type(self, column: Column, data: DataColumn) -> &'static str {
        match (self, column) {
            (Self::Sqlite, Column::Key | Column::Verifier | Column::Handle | Column::Proof) => "BLOB",
            (Self::Postgres, Column::Key | Column::Verifier | Column::Handle | Column::Proof) => "bytea",
            // Users too: text in MySQL compares without regard to trailing spaces even under `utf8mb4_bin`, so that
            // the sessions of "ann " would be those of "ann".
            (Self::Mysql, Column::Key | Column::User | Column::Verifier | Column::Handle | Column::Proof) => {
                "VARBINARY(255)"
            }
            (Self::Mysql, Column::Format | Column::Method) => {
                "VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin"
            }
            (Self::Mysql, Column::Device) => "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            (Self::Sqlite, Column::User | Column::Method | Column::Format | Column::Device) => "TEXT",
            (Self::Postgres, Column::User | Column::Method | Column::Format | Column::Device) => "text",
            (Self::Sqlite, Column::Data) => match data {
                DataColumn::Json | DataColumn::Text => "TEXT",
                DataColumn::Binary => "BLOB",
            },
            (Self::Postgres, Column::Data) => match data {
                DataColumn::Json => "json",
                DataColumn::Text => "text",
                DataColumn::Binary => "bytea",
            },
            (Self::Mysql, Column::Data) => match data {
                // TEXT ends at 64 KB. MySQL's own JSON type reorders keys, and MariaDB's CHECK (JSON_VALID(…))
                // refuses data that is nested more than 32 deep.
                DataColumn::Json | DataColumn::Text => "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                DataColumn::Binary => "LONGBLOB",
            },
            (Self::Sqlite, _) => "INTEGER",
            (Self::Postgres, Column::Persistence) => "smallint",
            (Self::Postgres, _) => "bigint",
            (Self::Mysql, Column::Persistence) => "SMALLINT",
            (Self::Mysql, _) => "BIGINT",
        }
    }

    /// The type that a column of the application's own is made with.
    pub(crate) const fn extra_type(self, kind: ExtraKind) -> &'static str {
        match (self, kind) {
            (Self::Sqlite, ExtraKind::Text) => "TEXT",
            (Self::Sqlite, ExtraKind::Integer) => "INTEGER",
            (Self::Postgres, ExtraKind::Text) => "text",
            (Self::Postgres, ExtraKind::Integer) => "bigint",
            (Self::Mysql, ExtraKind::Text) => "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            (Self::Mysql, ExtraKind::Integer) => "BIGINT",
        }
    }
}
