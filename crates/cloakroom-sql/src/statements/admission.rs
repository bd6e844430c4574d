//! The statements of an admission, besides those of the put that it is about.

use cloakroom_core::StoreKey;
use cloakroom_core::layout::Column;

use super::rows::padded;
use super::{LISTED, Names};
use crate::write::Argument;

impl Names {
    /// Finds the row under a key if it is live at a version, and keeps it so until the transaction ends. Parameters:
    /// key, version, now. Answers with the key.
    pub(crate) fn mark(&self) -> String {
        let mut marks = self.marks();
        let [key, version, expires] =
            [Column::Key, Column::Version, Column::Expires].map(|column| self.column(column));
        format!(
            "SELECT {key} FROM {} WHERE {key} = {} AND {version} = {} AND {expires} > {}{}",
            self.table(),
            marks.next(),
            marks.next(),
            marks.next(),
            self.dialect.locked(),
        )
    }

    /// The rows under `padded(keys)` keys without their data, which stay as they are until the transaction ends, locked
    /// in the order of their keys. Parameters: the keys.
    pub(crate) fn held(&self, keys: usize) -> String {
        let (key, list) = (self.column(Column::Key), self.list_of(keys));
        let columns = self.loaded(LISTED, "");
        let locked = self.dialect.locked();
        format!("SELECT {columns} FROM {} WHERE {key} IN {list} ORDER BY {key}{locked}", self.table())
    }

    /// Removes the rows under `padded(keys)` keys. Parameters: the keys.
    pub(crate) fn remove(&self, keys: usize) -> String {
        format!("DELETE FROM {} WHERE {} IN {}", self.table(), self.column(Column::Key), self.list_of(keys))
    }

    fn list_of(&self, keys: usize) -> String {
        let mut marks = self.marks();
        let marks: Vec<String> = (0..padded(keys)).map(|_| marks.next()).collect();
        format!("({})", marks.join(", "))
    }
}

/// How many keys a statement is about at most.
pub(crate) const AT_ONCE: usize = 256;

/// The parameters of a list of keys.
pub(crate) fn in_list<'k>(keys: impl Iterator<Item = &'k StoreKey>) -> Vec<Argument<'k>> {
    let mut list: Vec<Argument<'k>> = keys.map(|key| Argument::Bytes(key.as_bytes())).collect();
    if let Some(last) = list.last().copied() {
        list.resize(padded(list.len()), last);
    }
    list
}
