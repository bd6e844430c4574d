//! The statements of the dialects that write row by row: SQLite and MySQL.

use cloakroom_core::layout::Column;

use super::{LOADED, Names, WRITTEN};

/// A statement on one row, by what it does. What follows on what is decided in `crate::write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// Insert a row; a row under that key, expired or not, is a duplicate.
    Insert,
    /// Replace a row that has expired.
    Replace,
    /// Replace a live row at a version.
    Update,
    /// Move activity and expiry of a live row at a version.
    Touch,
    /// Replace a live row at a version and give it another key; a row under that key is a duplicate.
    Rename,
    /// Remove a row.
    Delete,
    /// Remove a row that has expired.
    Clear,
    /// Ask whether a live row is there.
    Probe,
}

/// The text of every statement that the row-by-row dialects run. Parameters are in the order of
/// `crate::write::arguments`.
#[derive(Clone, Debug)]
pub(crate) struct RowStatements {
    insert: String,
    replace: String,
    update: String,
    touch: String,
    rename: String,
    delete: String,
    clear: String,
    probe: String,
    /// The rows due for sweeping. Parameters: now, limit. Answers with keys.
    pub(crate) due: String,
    load: String,
    sweep_delete: String,
    sweep_move: String,
}

impl RowStatements {
    pub(crate) fn new(names: &Names) -> Self {
        let table = names.table();
        let dialect = names.dialect;
        let [key, version, seen, expires, sweep] =
            [Column::Key, Column::Version, Column::Seen, Column::Expires, Column::Sweep]
                .map(|column| names.column(column));
        let written: Vec<String> = WRITTEN.iter().map(|column| names.column(*column)).collect();
        let extra: Vec<String> = names.extra().collect();

        let inserted: Vec<&String> =
            [&key, &version].into_iter().chain(&written).chain([&sweep]).chain(&extra).collect();
        let (columns, marks) = (listed(&inserted, String::clone), listed(&inserted, |_| "?".to_owned()));
        let set = |column: &String| format!("{column} = ?");
        let whole = listed(inserted.get(1..).unwrap_or_default(), set);
        let head = listed(&[&version].into_iter().chain(&written).collect::<Vec<_>>(), set);
        let tail = extra.iter().map(set).fold(String::new(), |tail, set| tail + ", " + &set);
        let (least, greatest) = (dialect.least(), dialect.greatest());
        let at_version = format!("WHERE {key} = ? AND {version} = ? AND {expires} > ?");

        Self {
            insert: format!("INSERT INTO {table} ({columns}) VALUES ({marks})"),
            replace: format!("UPDATE {table} SET {whole} WHERE {key} = ? AND {expires} <= ?"),
            // The sweep time moves only downwards, so that a save rewrites its index only when the expiry comes nearer.
            update: format!("UPDATE {table} SET {head}, {sweep} = {least}({sweep}, ?){tail} {at_version}"),
            touch: format!(
                "UPDATE {table} SET {seen} = {greatest}({seen}, ?), {expires} = {greatest}({expires}, ?) {at_version}"
            ),
            rename: format!("UPDATE {table} SET {key} = ?, {whole} {at_version}"),
            delete: format!("DELETE FROM {table} WHERE {key} = ?"),
            clear: format!("DELETE FROM {table} WHERE {key} = ? AND {expires} <= ?"),
            probe: format!("SELECT COUNT(*) FROM {table} WHERE {key} = ? AND {expires} > ?"),
            due: format!(
                "SELECT {key} FROM {table} WHERE {sweep} <= ? ORDER BY {sweep} LIMIT ?{}",
                dialect.skip_locked()
            ),
            load: format!("SELECT {} FROM {table} WHERE {key} IN ", names.loaded(&LOADED, "")),
            sweep_delete: format!("DELETE FROM {table} WHERE {expires} <= ? AND {key} IN "),
            sweep_move: format!("UPDATE {table} SET {sweep} = {expires} WHERE {key} IN "),
        }
    }

    pub(crate) fn text(&self, statement: Statement) -> &str {
        match statement {
            Statement::Insert => &self.insert,
            Statement::Replace => &self.replace,
            Statement::Update => &self.update,
            Statement::Touch => &self.touch,
            Statement::Rename => &self.rename,
            Statement::Delete => &self.delete,
            Statement::Clear => &self.clear,
            Statement::Probe => &self.probe,
        }
    }

    /// Reads the rows under `padded(keys)` keys. Parameters: the keys.
    pub(crate) fn load(&self, keys: usize) -> String {
        format!("{}{}", self.load, list_of(keys))
    }

    /// Removes those that have expired. Parameters: now, the keys.
    pub(crate) fn sweep_delete(&self, keys: usize) -> String {
        format!("{}{}", self.sweep_delete, list_of(keys))
    }

    /// Moves the sweep time of those that live on up to their expiry. Parameters: the keys.
    pub(crate) fn sweep_move(&self, keys: usize) -> String {
        format!("{}{}", self.sweep_move, list_of(keys))
    }
}

/// How many parameters a list of `keys` keys gets: the next power of two, the last key repeated, so that the number
/// of different statements, each prepared once, stays small.
pub(crate) const fn padded(keys: usize) -> usize {
    keys.next_power_of_two()
}

fn listed(columns: &[&String], write: impl Fn(&String) -> String) -> String {
    columns.iter().map(|column| write(column)).collect::<Vec<_>>().join(", ")
}

fn list_of(keys: usize) -> String {
    format!("({})", vec!["?"; padded(keys)].join(", "))
}
