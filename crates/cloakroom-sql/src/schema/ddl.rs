//! The text that makes the table.

use cloakroom_core::layout::{Column, Layout, Name};

use crate::dialect::{Dialect, commit};
use crate::statements::Names;

/// The statements that make a layout's table and its indexes, for people who run their own migrations.
///
/// ```
/// use cloakroom_core::layout::Layout;
/// use cloakroom_sql::{Dialect, ddl};
///
/// let text = ddl(&Layout::native(), Dialect::Postgres);
/// assert!(text.starts_with("CREATE TABLE IF NOT EXISTS \"sessions\" ("));
/// ```
pub fn ddl(layout: &Layout, dialect: Dialect) -> String {
    creation(&Names::new(dialect, layout.clone())).join(";\n") + ";\n"
}

/// The same, statement by statement.
pub(crate) fn creation(names: &Names) -> Vec<String> {
    let [user, sweep] = indexes(names);
    let table = match names.dialect {
        // A page keeps room for the next version of its rows, so that touches need no index write (HOT).
        Dialect::Postgres => create_table(names, &[], " WITH (fillfactor = 85)"),
        Dialect::Sqlite => create_table(names, &[], " STRICT"),
        Dialect::Mysql => {
            let inside = [&user, &sweep].map(|index| format!("KEY {} ({})", index.name, index.columns));
            create_table(names, &inside, " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        }
    };
    let schema = match (names.dialect, names.layout.schema()) {
        (Dialect::Postgres, Some(schema)) => {
            Some(format!("CREATE SCHEMA IF NOT EXISTS {}", names.dialect.quote(schema)))
        }
        _ => None,
    };
    let after = match names.dialect {
        // Made with the table, because MySQL has no CREATE INDEX IF NOT EXISTS.
        Dialect::Mysql => Vec::new(),
        Dialect::Postgres | Dialect::Sqlite => vec![user.statement(names), sweep.statement(names)],
    };
    schema.into_iter().chain([table]).chain(after).collect()
}

/// What is run before [`creation`] and after it, so that processes which start at once take turns.
pub(crate) fn in_transaction(dialect: Dialect) -> (&'static [&'static str], &'static str) {
    match dialect {
        Dialect::Sqlite => (&["BEGIN IMMEDIATE"], commit()),
        // IF NOT EXISTS alone is a race in PostgreSQL: two creators meet in the catalogue's unique index. The number
        // is arbitrary and only has to be the same everywhere.
        Dialect::Postgres => (&["BEGIN", "SELECT pg_advisory_xact_lock(4915170630137724171)"], commit()),
        // Every DDL statement commits by itself, and there is only one.
        Dialect::Mysql => (&["START TRANSACTION"], commit()),
    }
}

fn create_table(names: &Names, inside: &[String], options: &str) -> String {
    let dialect = names.dialect;
    let data = names.layout.data();
    let own = Column::ALL.iter().map(|column| {
        let null = if is_nullable(*column) { "" } else { " NOT NULL" };
        let key = if *column == Column::Key { " PRIMARY KEY" } else { "" };
        format!("{} {}{null}{key}", names.column(*column), dialect.column_type(*column, data))
    });
    let extra =
        names.layout.extra().iter().map(|column| {
            format!("{} {}", dialect.quote(column.name.as_str()), dialect.extra_type(column.kind))
        });
    let lines: Vec<String> = own.chain(extra).chain(inside.iter().cloned()).collect();
    format!("CREATE TABLE IF NOT EXISTS {} (\n  {}\n){options}", names.table(), lines.join(",\n  "))
}

/// Whether a session may have nothing there.
pub(super) const fn is_nullable(column: Column) -> bool {
    matches!(
        column,
        Column::User
            | Column::Handle
            | Column::Authenticated
            | Column::Method
            | Column::Proof
            | Column::Deadline
            | Column::Idle
            | Column::Absolute
            | Column::Device
    )
}

/// An index besides the primary key.
pub(super) struct Index {
    name: String,
    columns: String,
    condition: String,
}

impl Index {
    pub(super) fn statement(&self, names: &Names) -> String {
        let dialect = names.dialect;
        let (prefix, table) = match (dialect, names.layout.schema()) {
            // In SQLite the schema belongs to the index, and the table is in the same one.
            (Dialect::Sqlite, Some(schema)) => {
                (format!("{}.", dialect.quote(schema)), dialect.quote(names.layout.table()))
            }
            _ => (String::new(), names.table()),
        };
        let missing = if dialect == Dialect::Mysql { "" } else { "IF NOT EXISTS " };
        format!("CREATE INDEX {missing}{prefix}{} ON {table} ({}){}", self.name, self.columns, self.condition)
    }
}

/// The index of users and that of sweep times.
pub(super) fn indexes(names: &Names) -> [Index; 2] {
    let [key, user, sweep] = [Column::Key, Column::User, Column::Sweep].map(|column| names.column(column));
    let name = |suffix| names.dialect.quote(&derived(names.layout.table(), suffix));
    let condition = match names.dialect {
        // Visitors who are not signed in cost this index nothing.
        Dialect::Sqlite | Dialect::Postgres => format!(" WHERE {user} IS NOT NULL"),
        Dialect::Mysql => String::new(),
    };
    [
        Index { name: name("user_idx"), columns: format!("{user}, {key}"), condition },
        Index { name: name("sweep_idx"), columns: sweep, condition: String::new() },
    ]
}

/// A name made from the table's, so that two tables of one schema do not fight over it. A table name that leaves no
/// room is cut and told apart by a hash of the whole.
fn derived(table: &str, suffix: &str) -> String {
    let room = Name::MAX_BYTES - suffix.len() - 1;
    if table.len() <= room {
        return format!("{table}_{suffix}");
    }
    // FNV-1a: the same in every process and version.
    let hash =
        table.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let end = table.floor_char_boundary(room - 9);
    format!("{}_{hash:08x}_{suffix}", table.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_names_fit_and_differ() {
        assert_eq!(derived("sessions", "user_idx"), "sessions_user_idx");
        let (one, two) =
            (derived(&"é".repeat(31), "user_idx"), derived(&format!("{}e", "é".repeat(31)), "user_idx"));
        assert!(one.len() <= Name::MAX_BYTES && two.len() <= Name::MAX_BYTES);
        assert_ne!(one, two);
    }
}
