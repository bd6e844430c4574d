//! The text of every statement, per dialect, against the files in `tests/golden`.
//!
//! To accept a change, run with `UPDATE_GOLDEN=1` and read the difference.

use cloakroom_core::layout::{ALL, Column, DataColumn, ExtraKind, Layout, Name};
use cloakroom_core::{Scope, SessionHandle, SystemRandom, UserId};

use super::arrays::ArrayStatements;
use super::rows::{RowStatements, Statement};
use super::{Keep, Names, Start};
use crate::dialect::Dialect;
use crate::schema::{ddl, in_transaction, questions};

fn every_statement(layout: &Layout, dialect: Dialect) -> String {
    let names = Names::new(dialect, layout.clone());
    let mut list: Vec<(&str, String)> = vec![("ddl", ddl(layout, dialect))];
    list.push(("around ddl", format!("{:?}", in_transaction(dialect))));
    if dialect == Dialect::Postgres {
        let arrays = ArrayStatements::new(&names);
        list.extend([
            ("load", arrays.load),
            ("create", arrays.create),
            ("save", arrays.save),
            ("touch", arrays.touch),
            ("rename", arrays.rename),
            ("delete", arrays.delete),
            ("clear", arrays.clear),
            ("sweep", arrays.sweep),
        ]);
    } else {
        let rows = RowStatements::new(&names);
        let text = |statement| rows.text(statement).to_owned();
        list.extend([
            ("begin", dialect.begin().join("; ")),
            ("load 3", rows.load(3)),
            ("insert", text(Statement::Insert)),
            ("replace", text(Statement::Replace)),
            ("update", text(Statement::Update)),
            ("touch", text(Statement::Touch)),
            ("rename", text(Statement::Rename)),
            ("delete", text(Statement::Delete)),
            ("clear", text(Statement::Clear)),
            ("probe", text(Statement::Probe)),
            ("sweep: due", rows.due.clone()),
            ("sweep: delete 1", rows.sweep_delete(1)),
            ("sweep: move 2", rows.sweep_move(2)),
        ]);
    }
    let user = UserId::new("golden").unwrap();
    let session = Scope::Session(user.clone(), SessionHandle::generate(&SystemRandom).unwrap());
    let user = Scope::User(user);
    list.push(("begin of a range", dialect.begin_range().join("; ")));
    for (whose, scope) in [("all", &Scope::All), ("user", &user), ("session", &session)] {
        list.push((whose, String::new()));
        list.push(("list", names.list(scope, Start::First)));
        list.push(("list after", names.list(scope, Start::After)));
        list.push(("count", names.count(scope)));
        list.push(("end", names.end(scope, Keep::Nothing).join(";\n")));
        list.push(("end but one", names.end(scope, Keep::One).join(";\n")));
    }
    list.push(("admission: mark", names.mark()));
    list.push(("admission: held 3", names.held(3)));
    list.push(("admission: remove 3", names.remove(3)));
    for question in questions(&names) {
        list.push(("question", format!("{}\n-- {:?}", question.text, question.arguments)));
    }
    list.iter().map(|(name, text)| format!("-- {name}\n{}\n", text.trim_end())).collect::<Vec<_>>().join("\n")
}

fn compare(file: &str, actual: &str) {
    let path = format!("{}/tests/golden/{file}.sql", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(actual, expected, "{file}: run with UPDATE_GOLDEN=1 and read the difference");
}

#[test]
fn golden_layouts() {
    for (layout, make) in ALL {
        for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
            compare(&format!("{layout}.{}", dialect.name()), &every_statement(&make(), dialect));
        }
    }
}

#[test]
fn r36_golden_hostile_names() {
    let name = |text: &str| Name::new(text).unwrap();
    let layout = Layout::native()
        .with_schema(name("my \"own\" `schema`"))
        .with_table(name("x\"; DROP TABLE users; --"))
        .with_column(Column::Key, name("select"))
        .with_column(Column::Data, name("da-ta `\"' ?"))
        .with_data(DataColumn::Binary)
        .with_extra(name("user name"), ExtraKind::Text)
        .with_extra(name("$1"), ExtraKind::Integer);
    for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
        compare(&format!("hostile.{}", dialect.name()), &every_statement(&layout, dialect));
    }
}
