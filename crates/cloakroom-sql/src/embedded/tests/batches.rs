//! Batches of writes: one transaction, and each operation its own outcome.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::ErrorKind;

use super::{Fixture, Location, assert_failed, create, key, patient, payload, save, with_table};
use crate::embedded::{Embedded, Lent};
use crate::executor::Executor as _;
use crate::executor::rusqlite::Rusqlite;
use crate::gather::{Direction, Gathering};
use crate::operation::{Answer, Operation, Outcome};

/// Runs a batch on an executor of its own, as a worker would.
async fn run(embedded: &Embedded, batch: Vec<Operation>) -> Vec<Outcome> {
    let mut executor = Rusqlite::new(Arc::clone(&embedded.database), Arc::clone(&embedded.statements));
    let count = batch.len();
    executor.prepare(Direction::Write).await.unwrap();
    let outcomes = executor.run((), batch).await;
    assert_eq!(outcomes.len(), count);
    outcomes
}

fn trigger(fixture: &Fixture, effect: &str) {
    let text = format!(
        "CREATE TRIGGER refuse BEFORE INSERT ON sessions WHEN NEW.data = 'bad' \
         BEGIN SELECT RAISE({effect}, 'not this one'); END"
    );
    rusqlite::Connection::open(&fixture.path).unwrap().execute_batch(&text).unwrap();
}

async fn one_bad_row_spoils_no_other(fixture: &Fixture) {
    let embedded = &fixture.embedded;
    embedded.submit(create(1, "old")).await.unwrap();
    let outcomes = run(
        embedded,
        vec![save(1, 1, "new"), create(2, "good"), create(3, "bad"), create(4, "good"), save(5, 1, "gone")],
    )
    .await;
    assert!(matches!(outcomes[0], Ok(Answer::Version(2))));
    assert!(matches!(outcomes[1], Ok(Answer::Version(1))));
    assert_failed(&outcomes[2], ErrorKind::Refused);
    assert!(matches!(outcomes[3], Ok(Answer::Version(1))));
    assert_failed(&outcomes[4], ErrorKind::Gone);
    assert_eq!(payload(embedded, 1).await, Some(("new".to_owned(), 2)));
    assert_eq!(payload(embedded, 2).await, Some(("good".to_owned(), 1)));
    assert!(payload(embedded, 3).await.is_none());
    assert_eq!(payload(embedded, 4).await, Some(("good".to_owned(), 1)));
}

#[tokio::test]
async fn a_row_that_is_refused_spoils_no_other() {
    let fixture = Fixture::new();
    trigger(&fixture, "ABORT");
    one_bad_row_spoils_no_other(&fixture).await;
}

#[tokio::test]
async fn a_row_that_ends_the_transaction_spoils_no_other() {
    let fixture = Fixture::new();
    trigger(&fixture, "ROLLBACK");
    one_bad_row_spoils_no_other(&fixture).await;
}

#[tokio::test]
async fn on_a_full_disk_what_fits_is_written() {
    let embedded = with_table(Location::Memory, patient());
    embedded.submit(create(1, "old")).await.unwrap();
    let bounded = embedded.database.lend(|connection| {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        // In memory there is one connection, so the executor's is bounded too.
        connection.pragma_update_and_check(None, "max_page_count", pages + 4, |_| Ok(()))?;
        Ok(())
    });
    assert!(matches!(bounded, Lent::Done(())));
    let large = "x".repeat(100_000);
    let outcomes = run(&embedded, vec![save(1, 1, "new"), create(2, &large), create(3, "small")]).await;
    assert!(matches!(outcomes[0], Ok(Answer::Version(2))));
    assert_failed(&outcomes[1], ErrorKind::Refused);
    assert!(matches!(outcomes[2], Ok(Answer::Version(1))));
    assert!(payload(&embedded, 2).await.is_none());
    assert_eq!(payload(&embedded, 3).await, Some(("small".to_owned(), 1)));
}

#[tokio::test]
async fn a_lock_fails_the_whole_batch_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let gathering = Gathering::default().with_time_limit(Duration::from_millis(5));
    let embedded = with_table(super::file(&path), gathering);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for outcome in run(&embedded, vec![create(1, "{}"), Operation::Delete { key: key(2) }]).await {
        assert_failed(&outcome, ErrorKind::Unavailable);
    }
    other.execute_batch("ROLLBACK").unwrap();
    assert!(payload(&embedded, 1).await.is_none());
}
