//! What is asked of a database about a table that is there.

use crate::dialect::Dialect;
use crate::statements::Names;

/// A query whose parameters and answers are all text, so that every driver can run it.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) text: &'static str,
    pub(crate) arguments: Vec<Option<String>>,
}

/// A row of text columns.
pub(crate) type TextRow = Vec<Option<String>>;

/// What a database is asked for the longest statement that it takes, in bytes. MySQL closes the connection on a longer
/// one, and its client may see that before it sees why; the others have no such setting.
pub(crate) fn longest_statement(dialect: Dialect) -> Option<Question> {
    match dialect {
        Dialect::Mysql => {
            Some(Question { text: "SELECT CAST(@@max_allowed_packet AS CHAR)", arguments: Vec::new() })
        }
        Dialect::Sqlite | Dialect::Postgres => None,
    }
}

/// The two questions.
///
/// The first answers with the columns: name, type, whether it may be NULL, whether it has a default, character set.
/// The second with the columns of the indexes, in order: index, whether it is unique, whether it holds all rows,
/// column. Truth is `1`, falsehood `0`.
pub(crate) fn questions(names: &Names) -> [Question; 2] {
    let schema = names.layout.schema().map(str::to_owned);
    let table = Some(names.layout.table().to_owned());
    let (texts, arguments) = match names.dialect {
        Dialect::Sqlite => ([SQLITE_COLUMNS, SQLITE_INDEXES], vec![table, schema]),
        Dialect::Postgres => ([POSTGRES_COLUMNS, POSTGRES_INDEXES], vec![Some(names.table())]),
        Dialect::Mysql => ([MYSQL_COLUMNS, MYSQL_INDEXES], vec![schema, table]),
    };
    texts.map(|text| Question { text, arguments: arguments.clone() })
}

// An INTEGER primary key is the row's number and fills itself.
const SQLITE_COLUMNS: &str = "SELECT name, type, CASE WHEN \"notnull\" = 0 THEN '1' ELSE '0' END, \
    CASE WHEN dflt_value IS NOT NULL OR (pk = 1 AND UPPER(type) = 'INTEGER') THEN '1' ELSE '0' END, NULL \
    FROM pragma_table_info(?1, ?2)";

const SQLITE_INDEXES: &str = "SELECT list.name, CAST(list.\"unique\" AS TEXT), \
    CASE WHEN list.partial THEN '0' ELSE '1' END, info.name \
    FROM pragma_index_list(?1, ?2) AS list, pragma_index_info(list.name, ?2) AS info ORDER BY list.name, info.seqno";

const POSTGRES_COLUMNS: &str = "SELECT attname::text, format_type(atttypid, atttypmod), \
    CASE WHEN attnotnull THEN '0' ELSE '1' END, CASE WHEN atthasdef OR attidentity <> '' THEN '1' ELSE '0' END, \
    NULL::text FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped \
    ORDER BY attnum";

const POSTGRES_INDEXES: &str = "SELECT indexrelid::text, CASE WHEN indisunique THEN '1' ELSE '0' END, \
    CASE WHEN indpred IS NULL THEN '1' ELSE '0' END, attname::text \
    FROM pg_index CROSS JOIN LATERAL unnest(indkey) WITH ORDINALITY AS part (number, position) \
    LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = number AND number <> 0 \
    WHERE indrelid = to_regclass($1) AND indisvalid AND position <= indnkeyatts ORDER BY indexrelid, position";

const MYSQL_COLUMNS: &str = "SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), \
    CASE WHEN is_nullable = 'YES' THEN '1' ELSE '0' END, \
    CASE WHEN column_default IS NOT NULL OR extra LIKE '%auto_increment%' OR extra LIKE '%GENERATED%' \
    THEN '1' ELSE '0' END, CAST(character_set_name AS CHAR) \
    FROM information_schema.columns WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? \
    ORDER BY ordinal_position";

const MYSQL_INDEXES: &str = "SELECT CAST(index_name AS CHAR), CASE WHEN non_unique = 0 THEN '1' ELSE '0' END, \
    '1', CAST(column_name AS CHAR) FROM information_schema.statistics \
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY index_name, seq_in_index";
