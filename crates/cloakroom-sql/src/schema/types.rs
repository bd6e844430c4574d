//! Which types of an existing column serve, by dialect.

use cloakroom_core::UserId;
use cloakroom_core::layout::{Column, DataColumn, ExtraKind};

use crate::dialect::Dialect;

/// What a column has to hold.
#[derive(Clone, Copy)]
enum Need {
    Key,
    User,
    Mark,
    LongText,
    Json,
    Binary,
    Bytes,
    Time,
    SmallInteger,
    AnyText,
    AnyInteger,
}

/// Whether a column of the type `found` serves for `column`.
pub(super) fn serves(
    dialect: Dialect,
    column: Column,
    data: DataColumn,
    found: &str,
    charset: Option<&str>,
) -> bool {
    let need = match (column, data) {
        (Column::Key, _) => Need::Key,
        (Column::Handle | Column::Proof | Column::Verifier, _) => Need::Bytes,
        (Column::User, _) => Need::User,
        (Column::Method | Column::Format, _) => Need::Mark,
        (Column::Device, _) | (Column::Data, DataColumn::Text) => Need::LongText,
        (Column::Data, DataColumn::Json) => Need::Json,
        (Column::Data, DataColumn::Binary) => Need::Binary,
        (Column::Persistence, _) => Need::SmallInteger,
        _ => Need::Time,
    };
    // A device is a few hundred characters, so that the 64 KB of MySQL's TEXT are plenty.
    let device = dialect == Dialect::Mysql && column == Column::Device && found.eq_ignore_ascii_case("text");
    is(dialect, need, found, charset) || (device && charset == Some("utf8mb4"))
}

/// The same for a column of the application's own.
pub(super) fn serves_extra(dialect: Dialect, kind: ExtraKind, found: &str) -> bool {
    let need = match kind {
        ExtraKind::Text => Need::AnyText,
        ExtraKind::Integer => Need::AnyInteger,
    };
    is(dialect, need, found, None)
}

fn is(dialect: Dialect, need: Need, found: &str, charset: Option<&str>) -> bool {
    let found = found.to_ascii_lowercase();
    let (base, size) = parts(&found);
    match dialect {
        Dialect::Sqlite => is_sqlite(need, &found),
        Dialect::Postgres => is_postgres(need, base),
        Dialect::Mysql => is_mysql(need, base, size, charset),
    }
}

/// By affinity, the way SQLite itself reads a declared type.
fn is_sqlite(need: Need, found: &str) -> bool {
    let integer = found.contains("int");
    let text = !integer && ["char", "clob", "text"].iter().any(|part| found.contains(part));
    let blob = !integer && !text && (found.is_empty() || found.contains("blob"));
    match need {
        Need::Key | Need::Bytes | Need::Binary => blob,
        Need::User | Need::Mark | Need::LongText | Need::Json | Need::AnyText => text,
        Need::Time | Need::SmallInteger | Need::AnyInteger => integer,
    }
}

fn is_postgres(need: Need, base: &str) -> bool {
    match need {
        Need::Key | Need::Bytes | Need::Binary => base == "bytea",
        Need::User | Need::Mark | Need::LongText => matches!(base, "text" | "character varying"),
        Need::AnyText => matches!(base, "text" | "character varying" | "character" | "citext"),
        Need::Json => base == "json",
        Need::Time => base == "bigint",
        Need::SmallInteger | Need::AnyInteger => matches!(base, "smallint" | "integer" | "bigint"),
    }
}

/// Sizes count here: outside of its strict mode MySQL cuts off what does not fit and says nothing.
fn is_mysql(need: Need, base: &str, size: usize, charset: Option<&str>) -> bool {
    let base = base.split(' ').next().unwrap_or_default();
    match need {
        // Native keys have 32 bytes.
        Need::Key => (base == "varbinary" && size >= 32) || (base == "binary" && size == 32),
        // A verifier has 112 bytes at most, the others fewer.
        Need::Bytes => base == "varbinary" && size >= 128,
        Need::User => base == "varbinary" && size >= UserId::MAX_BYTES,
        Need::Mark => matches!(base, "varchar" | "varbinary") && size >= 32,
        Need::LongText | Need::Json => base == "longtext" && charset == Some("utf8mb4"),
        Need::Binary => base == "longblob",
        Need::Time => base == "bigint",
        Need::SmallInteger | Need::AnyInteger => {
            matches!(base, "tinyint" | "smallint" | "mediumint" | "int" | "bigint")
        }
        Need::AnyText => matches!(base, "varchar" | "char" | "text" | "mediumtext" | "longtext"),
    }
}

/// `varchar(32)` is `("varchar", 32)`.
fn parts(found: &str) -> (&str, usize) {
    let (base, rest) = found.split_once('(').unwrap_or((found, ""));
    let size = rest.split_once(')').and_then(|(size, _)| size.parse().ok()).unwrap_or(0);
    (base.trim(), size)
}
