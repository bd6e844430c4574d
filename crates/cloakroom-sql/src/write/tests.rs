//! Every course that a write can take, as a table: what the database did, and what follows.

use cloakroom_core::StoreKey;

use super::*;
use crate::statements::Names;
use crate::statements::rows::RowStatements;

const ONE: Effect = Effect::Rows(1);
const NONE: Effect = Effect::Rows(0);
const NOW: Timestamp = Timestamp::from_millis(1_000);

fn key(number: u8) -> StoreKey {
    StoreKey::from_bytes(vec![number; 32])
}

fn row() -> Row {
    Row {
        user: Some("ann".to_owned()),
        handle: None,
        authenticated: None,
        method: None,
        proof: None,
        payload: Payload::Text("{}".to_owned()),
        format: "json".to_owned(),
        created: 1,
        seen: 2,
        expires: 3,
        deadline: None,
        idle: Some(5),
        absolute: None,
        persistence: 1,
        device: None,
        verifier: Vec::new(),
        extra: vec![ExtraValue::Integer(7), ExtraValue::Null],
    }
}

fn operations() -> [Operation; 5] {
    [
        Operation::Create { key: key(1), version: 40, row: row(), now: NOW },
        Operation::Save { key: key(1), version: 40, row: row(), now: NOW },
        Operation::Touch { key: key(1), version: 40, seen: NOW, expires: NOW, now: NOW },
        Operation::Rename { from: key(1), version: 40, to: key(2), row: row(), now: NOW },
        Operation::Delete { key: key(1) },
    ]
}

/// Plays what the database did to each statement, and says what the operation came to.
fn play(operation: &Operation, course: &[(Statement, Effect)]) -> String {
    let mut expected = first(operation).unwrap();
    for (position, (statement, effect)) in course.iter().enumerate() {
        assert_eq!(expected, *statement, "step {position}");
        match next(operation, *statement, *effect) {
            Next::Run(following) => expected = following,
            Next::Answer(answer) => {
                assert_eq!(position + 1, course.len(), "it ended early");
                return match answer {
                    Ok(Answer::Version(version)) => format!("version {version}"),
                    Ok(answer) => format!("{answer:?}"),
                    Err(kind) => format!("{kind:?}"),
                };
            }
        }
    }
    panic!("it did not end")
}

#[test]
fn what_a_write_comes_to_follows_from_what_its_statements_did() {
    use Effect::Duplicate;
    use Statement::{Clear, Delete, Insert, Probe, Rename, Replace, Touch, Update};
    let [create, save, touch, rename, delete] = operations();
    for (operation, course, outcome) in [
        (&create, &[(Insert, ONE)][..], "version 40"),
        (&create, &[(Insert, Duplicate), (Replace, ONE)], "version 40"),
        (&create, &[(Insert, Duplicate), (Replace, NONE), (Probe, ONE)], "Conflict"),
        (&create, &[(Insert, Duplicate), (Replace, NONE), (Probe, NONE), (Insert, ONE)], "version 40"),
        (&save, &[(Update, ONE)], "version 41"),
        (&save, &[(Update, NONE), (Probe, ONE)], "Conflict"),
        (&save, &[(Update, NONE), (Probe, NONE)], "Gone"),
        (&touch, &[(Touch, ONE)], "Done"),
        (&touch, &[(Touch, NONE), (Probe, ONE)], "Done"),
        (&touch, &[(Touch, NONE), (Probe, NONE)], "Gone"),
        (&rename, &[(Rename, ONE)], "version 41"),
        (&rename, &[(Rename, NONE), (Probe, ONE)], "Conflict"),
        (&rename, &[(Rename, NONE), (Probe, NONE)], "Gone"),
        (&rename, &[(Rename, Duplicate), (Clear, NONE)], "Conflict"),
        (&rename, &[(Rename, Duplicate), (Clear, ONE), (Rename, ONE)], "version 41"),
        (&delete, &[(Delete, ONE)], "Done"),
        (&delete, &[(Delete, NONE)], "Done"),
    ] {
        assert_eq!(play(operation, course), outcome, "{course:?}");
    }
}

#[test]
fn every_statement_gets_as_many_arguments_as_it_has_places() {
    use cloakroom_core::layout::{ExtraKind, Layout, Name};
    let extra = |layout: Layout, name, kind| layout.with_extra(Name::new(name).unwrap(), kind);
    let layout = extra(extra(Layout::native(), "level", ExtraKind::Integer), "tenant", ExtraKind::Text);
    let statements = RowStatements::new(&Names::new(crate::Dialect::Sqlite, layout));
    let [create, save, touch, rename, delete] = operations();
    for (operation, statement) in [
        (&create, Statement::Insert),
        (&create, Statement::Replace),
        (&create, Statement::Probe),
        (&save, Statement::Update),
        (&save, Statement::Probe),
        (&touch, Statement::Touch),
        (&touch, Statement::Probe),
        (&rename, Statement::Rename),
        (&rename, Statement::Probe),
        (&rename, Statement::Clear),
        (&delete, Statement::Delete),
    ] {
        let places = statements.text(statement).matches('?').count();
        assert_eq!(arguments(operation, statement).len(), places, "{statement:?}");
    }
}
