//! SeaORM: its connection instead of a pool, and an entity that stands for the table.

use cloakroom_core::layout::{Column, DataColumn, InvalidName, Layout, Name};
use sea_orm::sea_query::ColumnType;
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DatabaseConnectionType, EntityTrait, IdenStatic as _, Iterable as _,
};

use crate::database::{Database, Source};

impl From<DatabaseConnection> for Database {
    /// Takes the sqlx pool inside. A mock, a proxy, a `rusqlite` connection or a pool whose feature of this crate is
    /// off has none to take; that shows as an error when the store is built.
    fn from(connection: DatabaseConnection) -> Self {
        Self(match &connection.inner {
            #[cfg(feature = "sqlite")]
            DatabaseConnectionType::SqlxSqlitePoolConnection(_) => {
                Source::Sqlite(connection.get_sqlite_connection_pool().clone())
            }
            #[cfg(feature = "postgres")]
            DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
                Source::Postgres(connection.get_postgres_connection_pool().clone())
            }
            #[cfg(feature = "mysql")]
            DatabaseConnectionType::SqlxMySqlPoolConnection(_) => {
                Source::Mysql(connection.get_mysql_connection_pool().clone())
            }
            _ => Source::Unusable(
                "this SeaORM connection has no sqlx pool that cloakroom-sql was built for; connect to a real \
                 database and enable the feature `sqlite`, `postgres` or `mysql`",
            ),
        })
    }
}

/// The layout that a SeaORM entity describes: its table, its schema, and its columns.
///
/// An attribute whose field has the native name of a column (`user_id`, `expires_at`, …, see [`Column`]) is that
/// column, under whatever name the entity gives it in the database (`column_name = "…"`). The type of the data column
/// follows the entity's: JSON, text or bytes. Attributes that the layout does not know are the application's own; they
/// must be nullable or have a default, unless the store is told how to fill them.
///
/// Whether the table really has those columns, and of the right types, is checked when the store is built.
///
/// # Errors
/// [`EntityError::MissingColumn`] names a column that the entity lacks, [`EntityError::WrongType`] one whose type does
/// not serve, [`EntityError::InvalidName`] a name that some database does not take.
pub fn layout_of<E: EntityTrait>() -> Result<Layout, EntityError> {
    let entity = E::default();
    let native = Layout::native();
    let mut layout = Layout::native().with_table(Name::new(entity.table_name())?);
    if let Some(schema) = entity.schema_name() {
        layout = layout.with_schema(Name::new(schema)?);
    }
    for column in Column::ALL {
        let field = native.column(column);
        let is_meant =
            |candidate: &E::Column| candidate.as_str() == field || format!("{candidate:?}") == camel(field);
        let found =
            E::Column::iter().find(is_meant).ok_or_else(|| EntityError::MissingColumn(field.to_owned()))?;
        layout = layout.with_column(column, Name::new(found.as_str())?);
        if column == Column::Data {
            layout = layout.with_data(data_of(found.def().get_column_type(), field)?);
        }
    }
    Ok(layout)
}

/// Why an entity cannot stand for the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntityError {
    /// The entity lacks a column.
    #[error("the entity has no field {0:?}; add it, under whatever `column_name` the table has")]
    MissingColumn(String),
    /// The data column's type does not serve.
    #[error("the entity's field {field:?} is {found}; make it JSON, text or bytes")]
    WrongType {
        /// The field.
        field: String,
        /// What it is.
        found: String,
    },
    /// A name that some database does not take.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
}

fn data_of(found: &ColumnType, field: &str) -> Result<DataColumn, EntityError> {
    match found {
        ColumnType::Json => Ok(DataColumn::Json),
        ColumnType::Char(_) | ColumnType::String(_) | ColumnType::Text => Ok(DataColumn::Text),
        ColumnType::Blob | ColumnType::Binary(_) | ColumnType::VarBinary(_) => Ok(DataColumn::Binary),
        // `jsonb` among them, which forgets the order of keys and refuses U+0000.
        found => Err(EntityError::WrongType { field: field.to_owned(), found: format!("{found:?}") }),
    }
}

/// `user_id` is the variant `UserId`.
fn camel(field: &str) -> String {
    let word = |word: &str| {
        let mut characters = word.chars();
        characters.next().map(|first| format!("{}{}", first.to_ascii_uppercase(), characters.as_str()))
    };
    field.split('_').filter_map(word).collect()
}
