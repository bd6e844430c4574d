//! Every SQL statement of the store: layout × dialect → text, made once.

pub(crate) mod admission;
pub(crate) mod arrays;
pub(crate) mod rows;

use cloakroom_core::layout::{Column, Layout};
use cloakroom_core::{Scope, Timestamp};

use crate::dialect::Dialect;
use crate::write::Argument;

/// What a load selects, in this order; the data comes last.
pub(crate) const LOADED: [Column; 18] = [
    Column::Key,
    Column::Version,
    Column::User,
    Column::Handle,
    Column::Authenticated,
    Column::Method,
    Column::Proof,
    Column::Format,
    Column::Created,
    Column::Seen,
    Column::Expires,
    Column::Deadline,
    Column::Idle,
    Column::Absolute,
    Column::Persistence,
    Column::Device,
    Column::Verifier,
    Column::Data,
];

/// What a listing selects: the same without the data.
pub(crate) const LISTED: &[Column] = LOADED.split_at(LOADED.len() - 1).0;

/// What a row brings, besides its key, version, sweep time and extra columns.
pub(crate) const WRITTEN: [Column; 16] = [
    Column::User,
    Column::Handle,
    Column::Authenticated,
    Column::Method,
    Column::Proof,
    Column::Format,
    Column::Data,
    Column::Created,
    Column::Seen,
    Column::Expires,
    Column::Deadline,
    Column::Idle,
    Column::Absolute,
    Column::Persistence,
    Column::Device,
    Column::Verifier,
];

/// Where a listing begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the first key.
    First,
    /// After a given key.
    After,
}

/// Whether one session is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// None is.
    Nothing,
    /// The one under a given key is.
    One,
}

/// The quoted names of a layout in a dialect, from which every statement is written.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) dialect: Dialect,
    pub(crate) layout: Layout,
}

impl Names {
    pub(crate) fn new(dialect: Dialect, layout: Layout) -> Self {
        Self { dialect, layout }
    }

    /// The table, with its schema if that is named.
    pub(crate) fn table(&self) -> String {
        let table = self.dialect.quote(self.layout.table());
        match self.layout.schema() {
            Some(schema) => format!("{}.{table}", self.dialect.quote(schema)),
            None => table,
        }
    }

    pub(crate) fn column(&self, column: Column) -> String {
        self.dialect.quote(self.layout.column(column))
    }

    pub(crate) fn extra(&self) -> impl Iterator<Item = String> {
        self.layout.extra().iter().map(|column| self.dialect.quote(column.name.as_str()))
    }

    /// The columns of a load as they are read, each after `prefix`.
    pub(crate) fn loaded(&self, columns: &[Column], prefix: &str) -> String {
        let data = self.layout.data();
        let read = |column: &Column| {
            self.dialect.as_text(*column, data, &format!("{prefix}{}", self.column(*column)))
        };
        columns.iter().map(read).collect::<Vec<_>>().join(", ")
    }

    /// A page of live rows without their data. Parameters: those of [`scoped`], the key to begin after if there is
    /// one, the limit.
    pub(crate) fn list(&self, scope: &Scope, start: Start) -> String {
        let mut marks = self.marks();
        let key = self.column(Column::Key);
        let mut conditions = self.conditions(">", scope, &mut marks);
        if start == Start::After {
            conditions.push(format!("{key} > {}", marks.next()));
        }
        format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {key} LIMIT {}",
            self.loaded(LISTED, ""),
            self.table(),
            conditions.join(" AND "),
            marks.next(),
        )
    }

    /// How many rows are live. Parameters: those of [`scoped`].
    pub(crate) fn count(&self, scope: &Scope) -> String {
        let conditions = self.conditions(">", scope, &mut self.marks());
        format!("SELECT COUNT(*) FROM {} WHERE {}", self.table(), conditions.join(" AND "))
    }

    /// Removes a scope's rows: first the live ones, which count, then the expired ones, because another node's clock
    /// may be behind. Parameters of each: those of [`scoped`], the key to keep if there is one.
    pub(crate) fn end(&self, scope: &Scope, keep: Keep) -> [String; 2] {
        [">", "<="].map(|compared| {
            let mut marks = self.marks();
            let mut conditions = self.conditions(compared, scope, &mut marks);
            if keep == Keep::One {
                conditions.push(format!("{} <> {}", self.column(Column::Key), marks.next()));
            }
            format!("DELETE FROM {} WHERE {}", self.table(), conditions.join(" AND "))
        })
    }

    /// The expiry compared with now, and whose sessions. Parameters: those of [`scoped`].
    fn conditions(&self, compared: &str, scope: &Scope, marks: &mut Marks) -> Vec<String> {
        let mut condition =
            |column, compared: &str| format!("{} {compared} {}", self.column(column), marks.next());
        let mut conditions = vec![condition(Column::Expires, compared)];
        conditions.extend(match scope {
            // What no id opens is no session.
            Scope::All => vec![format!("LENGTH({}) > 0", self.column(Column::Verifier))],
            Scope::User(_) => vec![condition(Column::User, "=")],
            Scope::Session(..) => vec![condition(Column::User, "="), condition(Column::Handle, "=")],
        });
        conditions
    }

    fn marks(&self) -> Marks {
        Marks { dialect: self.dialect, used: 0 }
    }
}

/// The parameters with which every statement over a scope begins: now, the user and the handle if they are meant.
pub(crate) fn scoped(scope: &Scope, now: Timestamp) -> Vec<Argument<'_>> {
    let now = Argument::Integer(now.as_millis());
    match scope {
        Scope::All => vec![now],
        Scope::User(user) => vec![now, Argument::Text(user.as_str())],
        Scope::Session(user, handle) => {
            vec![now, Argument::Text(user.as_str()), Argument::Bytes(handle.as_bytes())]
        }
    }
}

/// The places of parameters: `$1, $2, …` in PostgreSQL, `?` elsewhere.
pub(crate) struct Marks {
    dialect: Dialect,
    used: usize,
}

impl Marks {
    pub(crate) fn next(&mut self) -> String {
        self.used += 1;
        match self.dialect {
            Dialect::Postgres => format!("${}", self.used),
            Dialect::Sqlite | Dialect::Mysql => "?".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
