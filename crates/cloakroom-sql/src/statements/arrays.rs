//! The statements of PostgreSQL, which write a whole batch at once: arrays go in, what happened to each key comes out.
//!
//! Every statement that changes rows first locks them in the order of their keys, so that nodes whose batches overlap
//! cannot deadlock. What it then decides on is what the lock returned, which under READ COMMITTED is the newest
//! committed row, whatever the statement's snapshot shows.

use cloakroom_core::layout::{Column, DataColumn, ExtraKind};

use super::{LOADED, Names, WRITTEN};

/// The text of every statement that the array executor runs.
#[derive(Clone, Debug)]
pub(crate) struct ArrayStatements {
    /// Parameters: keys. Answers with rows.
    pub(crate) load: String,
    /// Parameters: those of a batch of rows (see [`input`]). Answers with the keys that were written.
    pub(crate) create: String,
    /// Parameters: those of a batch of rows. Answers with each live key and whether it was written.
    pub(crate) save: String,
    /// Parameters: keys, versions, seen, expires, now. Answers with each live key.
    pub(crate) touch: String,
    /// Parameters: those of a batch of rows, then the new keys. Answers with each live key and whether it was written.
    pub(crate) rename: String,
    /// Parameters: keys.
    pub(crate) delete: String,
    /// Removes one row that has expired. Parameters: key, now.
    pub(crate) clear: String,
    /// Parameters: now, limit. Answers with how many rows were removed and how many were looked at.
    pub(crate) sweep: String,
}

impl ArrayStatements {
    pub(crate) fn new(names: &Names) -> Self {
        let table = names.table();
        let [key, version, seen, expires, sweep] =
            [Column::Key, Column::Version, Column::Seen, Column::Expires, Column::Sweep]
                .map(|column| names.column(column));
        let input = input(names);
        let set = set(names);
        let written: Vec<(String, String)> =
            WRITTEN.iter().map(|column| (names.column(*column), value_of(names, *column))).collect();
        let extra: Vec<(String, String)> = names
            .extra()
            .enumerate()
            .map(|(position, column)| (column, format!("input.extra_{position}")))
            .collect();

        let all = [
            vec![(key.clone(), "input.key".to_owned()), (version.clone(), "input.version".to_owned())],
            written,
            vec![(sweep.clone(), "input.expires_at".to_owned())],
            extra,
        ]
        .concat();
        let (columns, values): (Vec<String>, Vec<String>) = all.into_iter().unzip();
        let replaced: Vec<String> =
            columns.iter().skip(1).map(|column| format!("{column} = excluded.{column}")).collect();
        // The one place where rows do not come with their own `now`: it is looked up by the key that is taken.
        let now_of_key = format!("(${NOW}::bigint[])[array_position($1::bytea[], excluded.{key})]");

        let locked = |strength: &str| {
            format!(
                "locked AS MATERIALIZED (\n  SELECT stored.{key} AS key, stored.{version} AS version, \
                 stored.{expires} AS expires_at\n  FROM {table} AS stored WHERE stored.{key} = ANY ($1)\n  \
                 ORDER BY stored.{key} FOR {strength}\n), live AS MATERIALIZED (\n  SELECT input.*, \
                 locked.version = input.version AS matches\n  FROM input JOIN locked ON locked.key = input.key \
                 WHERE locked.expires_at > input.now\n)"
            )
        };
        let outcome = "SELECT live.key, written.key IS NOT NULL\n\
                       FROM live LEFT JOIN written ON written.key = live.key";

        Self {
            load: format!(
                "SELECT {} FROM {table} AS stored WHERE stored.{key} = ANY ($1)",
                names.loaded(&LOADED, "stored.")
            ),
            create: format!(
                "INSERT INTO {table} AS stored ({})\nSELECT {}\nFROM {input}\nORDER BY input.key\n\
                 ON CONFLICT ({key}) DO UPDATE SET {}\nWHERE stored.{expires} <= {now_of_key}\n\
                 RETURNING stored.{key}",
                columns.join(", "),
                values.join(", "),
                replaced.join(", "),
            ),
            // The sweep time moves only downwards: where it stays, PostgreSQL sees no change of an indexed column.
            save: format!(
                "WITH input AS (\n  SELECT * FROM {input}\n), {}, written AS (\n  UPDATE {table} AS stored SET {set}, \
                 {sweep} = LEAST(stored.{sweep}, live.expires_at)\n  FROM live WHERE live.matches \
                 AND stored.{key} = live.key\n  RETURNING live.key\n)\n{outcome}",
                locked("NO KEY UPDATE"),
            ),
            touch: format!(
                "WITH input AS (\n  SELECT * FROM UNNEST($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], \
                 $5::bigint[])\n  AS input (key, version, seen_at, expires_at, now)\n), {}, written AS (\n  \
                 UPDATE {table} AS stored SET {seen} = GREATEST(stored.{seen}, live.seen_at), \
                 {expires} = GREATEST(stored.{expires}, live.expires_at)\n  FROM live WHERE live.matches \
                 AND stored.{key} = live.key\n)\nSELECT live.key FROM live",
                locked("NO KEY UPDATE"),
            ),
            // The key is updated in place rather than deleted and inserted: whoever waits to remove the user's
            // sessions follows the row to its new key.
            rename: format!(
                "WITH input AS (\n  SELECT * FROM {}\n), {}, written AS (\n  UPDATE {table} AS stored SET \
                 {key} = live.target, {set}, {sweep} = live.expires_at\n  FROM live WHERE live.matches \
                 AND stored.{key} = live.key\n  RETURNING live.key\n)\n{outcome}",
                input_with_target(names),
                locked("UPDATE"),
            ),
            delete: format!(
                "WITH locked AS MATERIALIZED (\n  SELECT stored.{key} AS key FROM {table} AS stored \
                 WHERE stored.{key} = ANY ($1)\n  ORDER BY stored.{key} FOR UPDATE\n)\n\
                 DELETE FROM {table} AS stored USING locked WHERE stored.{key} = locked.key"
            ),
            clear: format!("DELETE FROM {table} WHERE {key} = $1 AND {expires} <= $2"),
            // By array rather than by join: a planner that does not know the limit would join the whole table.
            sweep: format!(
                "WITH due AS MATERIALIZED (\n  SELECT stored.{key} AS key, stored.{expires} AS expires_at\n  \
                 FROM {table} AS stored WHERE stored.{sweep} <= $1\n  ORDER BY stored.{sweep} LIMIT $2{}\n), \
                 removed AS (\n  DELETE FROM {table} \
                 WHERE {key} = ANY (ARRAY(SELECT due.key FROM due WHERE due.expires_at <= $1))\n  RETURNING 1\n), \
                 moved AS (\n  UPDATE {table} SET {sweep} = {expires}\n  \
                 WHERE {key} = ANY (ARRAY(SELECT due.key FROM due WHERE due.expires_at > $1))\n)\n\
                 SELECT (SELECT COUNT(*) FROM removed), (SELECT COUNT(*) FROM due)",
                names.dialect.skip_locked(),
            ),
        }
    }
}

/// The parameters of a batch of rows, each an array: key, version, the columns of [`WRITTEN`], now, the extra columns.
fn input(names: &Names) -> String {
    let (types, fields) = input_fields(names);
    unnest(&types, &fields)
}

/// The same and the new key.
fn input_with_target(names: &Names) -> String {
    let (mut types, mut fields) = input_fields(names);
    types.push("bytea");
    fields.push("target".to_owned());
    unnest(&types, &fields)
}

/// Which parameter of a batch of rows is `now`: it follows key, version and [`WRITTEN`].
const NOW: usize = 2 + WRITTEN.len() + 1;

fn input_fields(names: &Names) -> (Vec<&'static str>, Vec<String>) {
    let data = match names.layout.data() {
        DataColumn::Json | DataColumn::Text => "text",
        DataColumn::Binary => "bytea",
    };
    let kind = |column: &Column| match column {
        Column::Data => data,
        Column::User | Column::Method | Column::Format | Column::Device => "text",
        Column::Handle | Column::Proof | Column::Verifier => "bytea",
        _ => "bigint",
    };
    let extra = names.layout.extra();
    let types = ["bytea", "bigint"]
        .into_iter()
        .chain(WRITTEN.iter().map(kind))
        .chain(["bigint"])
        .chain(extra.iter().map(|column| match column.kind {
            ExtraKind::Text => "text",
            ExtraKind::Integer => "bigint",
        }))
        .collect();
    let fields = ["key".to_owned(), "version".to_owned()]
        .into_iter()
        .chain(WRITTEN.iter().map(|column| field(*column).to_owned()))
        .chain(["now".to_owned()])
        .chain((0..extra.len()).map(|position| format!("extra_{position}")))
        .collect();
    (types, fields)
}

fn unnest(types: &[&str], fields: &[String]) -> String {
    let parameters: Vec<String> =
        types.iter().enumerate().map(|(position, kind)| format!("${}::{kind}[]", position + 1)).collect();
    format!("UNNEST({})\n  AS input ({})", parameters.join(", "), fields.join(", "))
}

/// What a batch calls a column, whatever the table calls it.
const fn field(column: Column) -> &'static str {
    match column {
        Column::Key => "key",
        Column::Version => "version",
        Column::User => "user_id",
        Column::Handle => "handle",
        Column::Authenticated => "authenticated_at",
        Column::Method => "method",
        Column::Proof => "proof",
        Column::Format => "format",
        Column::Data => "data",
        Column::Created => "created_at",
        Column::Seen => "seen_at",
        Column::Expires | Column::Sweep => "expires_at",
        Column::Deadline => "deadline_at",
        Column::Idle => "idle_ms",
        Column::Absolute => "absolute_ms",
        Column::Persistence => "persistence",
        Column::Device => "device",
        Column::Verifier => "verifier",
    }
}

fn value_of(names: &Names, column: Column) -> String {
    let cast = match (column, names.layout.data()) {
        (Column::Data, DataColumn::Json) => "::json",
        _ => "",
    };
    format!("input.{}{cast}", field(column))
}

/// What a save or a rename sets, but for the sweep time.
fn set(names: &Names) -> String {
    let version = format!("{} = live.version + 1", names.column(Column::Version));
    let written = WRITTEN.iter().map(|column| {
        format!("{} = {}", names.column(*column), value_of(names, *column).replacen("input", "live", 1))
    });
    let extra =
        names.extra().enumerate().map(|(position, column)| format!("{column} = live.extra_{position}"));
    [version].into_iter().chain(written).chain(extra).collect::<Vec<_>>().join(", ")
}
