//! A table as its administrator sees it: every column as bytes, and any statement.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use cloakroom_core::layout::{Column, Layout};
use sqlx::{AssertSqlSafe, ColumnIndex, Database, Decode, Executor, Pool, Row as _, Type};

/// A store's table, looked at without the store.
pub(crate) struct Table<DB: Database> {
    pub(crate) pool: Pool<DB>,
    pub(crate) layout: Layout,
}

impl<DB: Database> Table<DB>
where
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
    for<'r> String: Decode<'r, DB>,
    String: Type<DB>,
    usize: ColumnIndex<DB::Row>,
{
    /// Every row in the order of the keys, its columns in that of [`Column::ALL`]; numbers as their digits.
    pub(crate) async fn dump(&self) -> Vec<Vec<Vec<u8>>> {
        let columns = Column::ALL.map(|column| {
            let name = quoted::<DB>(self.layout.column(column));
            let text = match (DB::NAME, column) {
                ("PostgreSQL", Column::Key) => format!("encode({name}, 'hex')"),
                ("PostgreSQL", _) => format!("encode(convert_to({name}::text, 'UTF8'), 'hex')"),
                ("SQLite", _) => format!("hex(CAST({name} AS BLOB))"),
                _ => format!("HEX(CAST({name} AS BINARY))"),
            };
            format!("COALESCE({text}, '')")
        });
        let key = quoted::<DB>(self.layout.column(Column::Key));
        let table = quoted::<DB>(self.layout.table());
        let text = format!("SELECT {} FROM {table} ORDER BY {key}", columns.join(", "));
        let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(&self.pool).await.unwrap();
        let bytes = |row: &DB::Row, column| unhex(&row.get::<String, _>(column));
        rows.iter().map(|row| (0..columns.len()).map(|column| bytes(row, column)).collect()).collect()
    }

    /// Sets one column of one row to an SQL expression.
    pub(crate) async fn set(&self, key: &[u8], column: Column, expression: &str) {
        let literal = match DB::NAME {
            "PostgreSQL" => format!("'\\x{}'::bytea", hex(key)),
            _ => format!("x'{}'", hex(key)),
        };
        let text = format!(
            "UPDATE {} SET {} = {expression} WHERE {} = {literal}",
            quoted::<DB>(self.layout.table()),
            quoted::<DB>(self.layout.column(column)),
            quoted::<DB>(self.layout.column(Column::Key)),
        );
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&self.pool).await.unwrap();
    }
}

fn quoted<DB: Database>(name: &str) -> String {
    let mark = if DB::NAME == "MySQL" { '`' } else { '"' };
    format!("{mark}{}{mark}", name.replace(mark, &format!("{mark}{mark}")))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
