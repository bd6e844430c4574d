//! How sessions lie in a table: pure data, one file per layout.

mod name;
mod native;

use std::collections::{BTreeMap, HashSet};

pub use name::{InvalidName, Name};

/// Every layout there is, by name. A new layout is a file beside this one and a line here.
pub const ALL: &[(&str, Make)] = &[("native", Layout::native)];

/// Makes a layout with the names that its library uses by default.
pub type Make = fn() -> Layout;

/// Which table, which columns, and how the payload is represented.
///
/// ```
/// use cloakroom_core::layout::{Column, Layout, Name};
///
/// let layout = Layout::native()
///     .with_table(Name::new("web sessions")?)
///     .with_column(Column::User, Name::new("account")?);
/// assert_eq!(layout.column(Column::User), "account");
/// assert_eq!(layout.column(Column::Key), "key");
/// # Ok::<(), cloakroom_core::layout::InvalidName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    schema: Option<Name>,
    table: Name,
    renamed: BTreeMap<Column, Name>,
    data: DataColumn,
    extra: Vec<ExtraColumn>,
}

/// What a column is for. The native names are given with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// `key`: the store key, primary key.
    Key,
    /// `version`: which writing of the row this is.
    Version,
    /// `user_id`: whose session it is, or NULL. Indexed together with the key.
    User,
    /// `handle`: the session's public name, 16 bytes, or NULL when nobody is signed in.
    Handle,
    /// `authenticated_at`: when the user last proved who they are, milliseconds UTC, or NULL.
    Authenticated,
    /// `method`: how, or NULL.
    Method,
    /// `proof`: whether the user was there, and what their credentials were, as bytes, or NULL; see
    /// [`Authentication::proof_bytes`](crate::Authentication::proof_bytes).
    Proof,
    /// `format`: the mark of the codec that wrote the data.
    Format,
    /// `data`: the session's data, see [`DataColumn`].
    Data,
    /// `created_at`: milliseconds UTC.
    Created,
    /// `seen_at`: milliseconds UTC.
    Seen,
    /// `expires_at`: milliseconds UTC. Never indexed, so that a touch rewrites no index.
    Expires,
    /// `deadline_at`: milliseconds UTC, or NULL without an absolute limit.
    Deadline,
    /// `idle_ms`: the idle limit in milliseconds, or NULL.
    Idle,
    /// `absolute_ms`: the absolute limit in milliseconds, or NULL.
    Absolute,
    /// `persistence`: 0 when the cookie goes with the browser session, 1 when it persists.
    Persistence,
    /// `device`: JSON text, or NULL.
    Device,
    /// `verifier`: which id opens the session, as bytes, see [`Verifier`](crate::Verifier).
    Verifier,
    /// `sweep_at`: a lower bound of `expires_at`, milliseconds UTC, indexed. Only creation and sweeping move it,
    /// so sweeping has an index and touching none.
    Sweep,
}

impl Column {
    /// Every column, in the order in which the table is made.
    pub const ALL: [Self; 19] = [
        Self::Key,
        Self::Version,
        Self::User,
        Self::Handle,
        Self::Authenticated,
        Self::Method,
        Self::Proof,
        Self::Format,
        Self::Data,
        Self::Created,
        Self::Seen,
        Self::Expires,
        Self::Deadline,
        Self::Idle,
        Self::Absolute,
        Self::Persistence,
        Self::Device,
        Self::Verifier,
        Self::Sweep,
    ];
}

/// The type of the data column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataColumn {
    /// JSON that the database can query: `json` in PostgreSQL, text elsewhere.
    ///
    /// Not `jsonb`, which forgets the order of keys and refuses U+0000. A codec that does not write JSON is kept as
    /// a JSON string of base64.
    #[default]
    Json,
    /// Text. A codec that does not write text is kept as base64.
    Text,
    /// Bytes, which takes MessagePack as it is and JSON as UTF-8.
    Binary,
}

/// A column of the application's own, which the store fills and never reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraColumn {
    /// Its name.
    pub name: Name,
    /// Its type. The column is always nullable.
    pub kind: ExtraKind,
}

/// The type of an extra column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtraKind {
    /// Text of any length.
    Text,
    /// A 64-bit integer.
    Integer,
}

impl Layout {
    /// The schema (PostgreSQL), database (MySQL) or attached database (SQLite), if it is not the connection's own.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_ref().map(Name::as_str)
    }

    /// The table.
    pub fn table(&self) -> &str {
        self.table.as_str()
    }

    /// What `column` is called in this layout.
    pub fn column(&self, column: Column) -> &str {
        self.renamed.get(&column).map_or_else(|| native::column(column), Name::as_str)
    }

    /// The type of the data column.
    pub const fn data(&self) -> DataColumn {
        self.data
    }

    /// The application's own columns.
    pub fn extra(&self) -> &[ExtraColumn] {
        &self.extra
    }

    /// The same layout in a named schema. Default: none, the connection's own.
    #[must_use]
    pub fn with_schema(self, schema: Name) -> Self {
        Self { schema: Some(schema), ..self }
    }

    /// The same layout in a table of another name. Default: `sessions`.
    #[must_use]
    pub fn with_table(self, table: Name) -> Self {
        Self { table, ..self }
    }

    /// The same layout with another name for one column.
    #[must_use]
    pub fn with_column(mut self, column: Column, name: Name) -> Self {
        self.renamed.insert(column, name);
        self
    }

    /// The same layout with another type of data column. Default: [`DataColumn::Json`].
    #[must_use]
    pub fn with_data(self, data: DataColumn) -> Self {
        Self { data, ..self }
    }

    /// The same layout with one more column of the application's own.
    #[must_use]
    pub fn with_extra(mut self, name: Name, kind: ExtraKind) -> Self {
        self.extra.push(ExtraColumn { name, kind });
        self
    }

    /// Checks that no two columns share a name. MySQL and SQLite do not tell `A` from `a`, so neither does this.
    ///
    /// # Errors
    /// Names the column that is there twice.
    pub fn check(&self) -> Result<(), DuplicateColumn> {
        let own = Column::ALL.into_iter().map(|column| self.column(column));
        let extra = self.extra.iter().map(|column| column.name.as_str());
        let mut seen = HashSet::new();
        for name in own.chain(extra) {
            if !seen.insert(name.to_lowercase()) {
                return Err(DuplicateColumn(name.to_owned()));
            }
        }
        Ok(())
    }
}

/// Two columns of a layout share a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the layout uses the column name {0:?} twice; give each column a name of its own")]
pub struct DuplicateColumn(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_in_the_list_is_sound() {
        for (name, make) in ALL {
            assert_eq!(make().check(), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_used_twice_is_found_whatever_its_case() {
        let name = |text| Name::new(text).unwrap();
        let twice = Layout::native().with_column(Column::User, name("KEY"));
        assert_eq!(twice.check(), Err(DuplicateColumn("KEY".to_owned())));
        let extra = Layout::native().with_extra(name("Data"), ExtraKind::Text);
        assert_eq!(extra.check(), Err(DuplicateColumn("Data".to_owned())));
        let swapped =
            Layout::native().with_column(Column::Key, name("data")).with_column(Column::Data, name("key"));
        assert_eq!(swapped.check(), Ok(()));
    }
}
