//! Compares the table that is there with the layout.

use std::collections::BTreeMap;
use std::fmt;

use cloakroom_core::layout::Column;
use cloakroom_core::{ErrorKind, Operation, StoreError};

use super::ddl::{indexes, is_nullable};
use super::questions::TextRow;
use super::types::{serves, serves_extra};
use crate::dialect::Dialect;
use crate::statements::Names;

/// An existing table is not what the layout says. The text names every difference at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    table: String,
    problems: Vec<Problem>,
}

/// One difference between a table and a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The table is not there, or not visible to this user.
    MissingTable,
    /// A column of the layout is not there.
    MissingColumn {
        /// Its name in the layout.
        column: String,
        /// The type that it is made with.
        expected: &'static str,
    },
    /// A column's type does not hold what the layout keeps there.
    WrongType {
        /// Its name.
        column: String,
        /// What it is, with its character set where that matters.
        found: String,
        /// The type that it is made with.
        expected: &'static str,
    },
    /// A column of the layout that may be empty is declared NOT NULL.
    NotNullable {
        /// Its name.
        column: String,
    },
    /// A column that the layout does not know is NOT NULL without a default, so no session could be inserted.
    Unfilled {
        /// Its name.
        column: String,
    },
    /// Neither the primary key nor a unique index is the key column alone.
    KeyNotUnique {
        /// The key's column.
        column: String,
    },
    /// An index is missing.
    MissingIndex {
        /// The column that it begins with.
        column: String,
        /// The statement that makes it.
        statement: String,
    },
}

impl Mismatch {
    /// The differences.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    pub(crate) fn into_error(self, backend: &'static str) -> StoreError {
        StoreError::new(ErrorKind::Schema, Operation::Open, backend).with_source(self)
    }

    pub(crate) fn is_missing_table(&self) -> bool {
        self.problems == [Problem::MissingTable]
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the table {} does not fit the layout: ", self.table)?;
        for (position, problem) in self.problems.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(formatter, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingTable => formatter.write_str(
                "it does not exist, or this user may not see it; create it with the text of `ddl`",
            ),
            Self::MissingColumn { column, expected } => {
                write!(formatter, "column {column:?} is missing; add it as {expected}")
            }
            Self::WrongType { column, found, expected } => {
                write!(formatter, "column {column:?} is {found} and should be {expected}")
            }
            Self::NotNullable { column } => {
                write!(formatter, "column {column:?} is NOT NULL, but sessions may have nothing there")
            }
            Self::Unfilled { column } => write!(
                formatter,
                "column {column:?} is NOT NULL without a default and unknown to the layout; give it a default"
            ),
            Self::KeyNotUnique { column } => {
                write!(formatter, "column {column:?} is neither the primary key nor unique by itself")
            }
            Self::MissingIndex { column, statement } => {
                write!(formatter, "no index begins with column {column:?}; create one: {statement}")
            }
        }
    }
}

struct FoundColumn<'a> {
    kind: &'a str,
    nullable: bool,
    has_default: bool,
    charset: Option<&'a str>,
}

#[derive(Default)]
struct FoundIndex<'a> {
    unique: bool,
    whole: bool,
    columns: Vec<&'a str>,
}

/// Compares the answers to the two `questions` with the layout.
pub(crate) fn check(names: &Names, columns: &[TextRow], index_columns: &[TextRow]) -> Result<(), Mismatch> {
    let problems = if columns.is_empty() {
        vec![Problem::MissingTable]
    } else {
        let mut problems = check_columns(names, &read_columns(names, columns));
        problems.extend(check_indexes(names, &read_indexes(index_columns)));
        problems
    };
    if problems.is_empty() { Ok(()) } else { Err(Mismatch { table: names.table(), problems }) }
}

fn check_columns(names: &Names, found: &BTreeMap<String, FoundColumn<'_>>) -> Vec<Problem> {
    let (dialect, layout) = (names.dialect, &names.layout);
    let mut problems = Vec::new();
    let mut compare =
        |name: &str, expected: &'static str, nullable: bool, fits: &dyn Fn(&FoundColumn<'_>) -> bool| {
            let column = name.to_owned();
            match found.get(&folded(names, name)) {
                None => problems.push(Problem::MissingColumn { column, expected }),
                Some(there) if !fits(there) => {
                    let charset =
                        there.charset.map(|set| format!(" CHARACTER SET {set}")).unwrap_or_default();
                    let found = format!("{}{charset}", there.kind);
                    problems.push(Problem::WrongType { column, found, expected });
                }
                Some(there) if nullable && !there.nullable => problems.push(Problem::NotNullable { column }),
                Some(_) => {}
            }
        };
    for column in Column::ALL {
        let expected = dialect.column_type(column, layout.data());
        compare(layout.column(column), expected, is_nullable(column), &|there| {
            serves(dialect, column, layout.data(), there.kind, there.charset)
        });
    }
    for extra in layout.extra() {
        compare(extra.name.as_str(), dialect.extra_type(extra.kind), true, &|there| {
            serves_extra(dialect, extra.kind, there.kind)
        });
    }
    let own = Column::ALL.into_iter().map(|column| layout.column(column));
    let known: Vec<String> = own
        .chain(layout.extra().iter().map(|extra| extra.name.as_str()))
        .map(|name| folded(names, name))
        .collect();
    for (name, column) in found {
        if !column.nullable && !column.has_default && !known.contains(name) {
            problems.push(Problem::Unfilled { column: name.clone() });
        }
    }
    problems
}

fn check_indexes(names: &Names, found: &[FoundIndex<'_>]) -> Vec<Problem> {
    let name = |column| names.layout.column(column).to_owned();
    let same = |one: &str, other: &str| folded(names, one) == folded(names, other);
    let begins =
        |index: &FoundIndex<'_>, column: &str| index.columns.first().is_some_and(|first| same(first, column));
    let mut problems = Vec::new();

    let key = name(Column::Key);
    if !found
        .iter()
        .any(|index| index.unique && index.whole && index.columns.len() == 1 && begins(index, &key))
    {
        problems.push(Problem::KeyNotUnique { column: key });
    }
    let [user_index, sweep_index] = indexes(names);
    let user = name(Column::User);
    // A partial index of users is the usual one: it leaves out those who are not signed in.
    if !found.iter().any(|index| begins(index, &user)) {
        problems.push(Problem::MissingIndex { column: user, statement: user_index.statement(names) });
    }
    let sweep = name(Column::Sweep);
    if !found.iter().any(|index| index.whole && begins(index, &sweep)) {
        problems.push(Problem::MissingIndex { column: sweep, statement: sweep_index.statement(names) });
    }
    problems
}

fn read_columns<'a>(names: &Names, rows: &'a [TextRow]) -> BTreeMap<String, FoundColumn<'a>> {
    let read = |row: &'a TextRow| match row.as_slice() {
        [Some(name), kind, nullable, has_default, charset] => {
            let column = FoundColumn {
                kind: kind.as_deref().unwrap_or_default(),
                nullable: is_true(nullable.as_deref()),
                has_default: is_true(has_default.as_deref()),
                charset: charset.as_deref(),
            };
            Some((folded(names, name), column))
        }
        _ => None,
    };
    rows.iter().filter_map(read).collect()
}

fn read_indexes(rows: &[TextRow]) -> Vec<FoundIndex<'_>> {
    let mut indexes: BTreeMap<&str, FoundIndex<'_>> = BTreeMap::new();
    for row in rows {
        if let [Some(index), unique, whole, column] = row.as_slice() {
            let entry = indexes.entry(index).or_default();
            entry.unique = is_true(unique.as_deref());
            entry.whole = is_true(whole.as_deref());
            // An expression has no name and serves for no column.
            entry.columns.push(column.as_deref().unwrap_or_default());
        }
    }
    indexes.into_values().collect()
}

/// A column's name as the database compares it: only PostgreSQL tells `A` from `a`.
fn folded(names: &Names, name: &str) -> String {
    match names.dialect {
        Dialect::Postgres => name.to_owned(),
        Dialect::Sqlite | Dialect::Mysql => name.to_lowercase(),
    }
}

fn is_true(text: Option<&str>) -> bool {
    text == Some("1")
}
