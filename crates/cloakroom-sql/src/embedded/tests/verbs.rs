//! Every operation, on a file and in memory.

use cloakroom_core::{ErrorKind, Page, Remaining, Scope, Swept, Timestamp, UserId};

use super::{Fixture, NOW, assert_failed, create, key, load, payload, row, save, sweep, with_table};
use crate::embedded::{Embedded, Location};
use crate::gather::Gathering;
use crate::operation::{Answer, Operation};

#[tokio::test]
async fn every_operation_works_on_a_file() {
    let fixture = Fixture::new();
    every_operation(&fixture.embedded).await;
}

#[tokio::test]
async fn every_operation_works_in_memory() {
    every_operation(&with_table(Location::Memory, Gathering::default())).await;
}

async fn every_operation(embedded: &Embedded) {
    assert!(payload(embedded, 1).await.is_none());
    assert!(matches!(embedded.submit(create(1, "{}")).await, Ok(Answer::Version(1))));
    assert_failed(&embedded.submit(create(1, "{}")).await, ErrorKind::Conflict);
    assert!(matches!(embedded.submit(save(1, 1, r#"{"a":1}"#)).await, Ok(Answer::Version(2))));
    assert_failed(&embedded.submit(save(1, 1, "{}")).await, ErrorKind::Conflict);
    assert_failed(&embedded.submit(save(2, 1, "{}")).await, ErrorKind::Gone);
    assert_eq!(payload(embedded, 1).await, Some((r#"{"a":1}"#.to_owned(), 2)));

    let (seen, expires) = (NOW, Timestamp::from_millis(NOW.as_millis() + 90_000));
    let touch = Operation::Touch { key: key(1), version: 2, seen, expires, now: NOW };
    assert!(matches!(embedded.submit(touch).await, Ok(Answer::Done)));
    let Ok(Answer::Loaded(Some((found, 2)))) = embedded.submit(load(1)).await else { panic!("it was there") };
    assert_eq!((found.seen, found.expires), (seen.as_millis(), expires.as_millis()));
    assert_eq!(
        (found.user.as_deref(), found.format.as_str(), found.idle),
        (Some("ann"), "json", Some(60_000))
    );
    assert_eq!((found.created, found.deadline, found.absolute, found.persistence), (1, None, None, 1));

    let renamed = row("{}", expires.as_millis());
    let rename = Operation::Rename { from: key(1), version: 2, to: key(9), row: renamed, now: NOW };
    assert!(matches!(embedded.submit(rename).await, Ok(Answer::Version(3))));
    assert!(payload(embedded, 1).await.is_none());
    assert_eq!(payload(embedded, 9).await, Some(("{}".to_owned(), 3)));

    embedded.submit(create(2, "{}")).await.unwrap();
    let scope = Scope::User(UserId::new("ann").unwrap());
    let count = || Operation::Count { scope: scope.clone(), now: NOW };
    assert!(matches!(embedded.submit(count()).await, Ok(Answer::Counted(2))));
    let page = |after| Page { after, limit: std::num::NonZeroU32::MIN };
    let list = |after| Operation::List { scope: scope.clone(), page: page(after), now: NOW };
    let Ok(Answer::Listed(first)) = embedded.submit(list(None)).await else { panic!("a page") };
    assert_eq!(first.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), [key(2)]);
    let Ok(Answer::Listed(second)) = embedded.submit(list(Some(key(2)))).await else { panic!("a page") };
    assert_eq!(second.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), [key(9)]);

    let end = Operation::End { scope: scope.clone(), keep: Some(key(9)), now: NOW };
    assert!(matches!(embedded.submit(end).await, Ok(Answer::Counted(1))));
    assert!(payload(embedded, 2).await.is_none());
    assert!(matches!(embedded.submit(Operation::Delete { key: key(9) }).await, Ok(Answer::Done)));
    assert!(matches!(embedded.submit(Operation::Delete { key: key(9) }).await, Ok(Answer::Done)));
    assert!(payload(embedded, 9).await.is_none());
}

#[tokio::test]
async fn a_sweep_removes_what_has_expired_and_no_more_than_it_may() {
    let fixture = Fixture::new();
    let embedded = &fixture.embedded;
    for number in 0..5 {
        let expires = NOW.as_millis() + i64::from(number) * 10;
        let operation = Operation::Create { key: key(number), version: 1, row: row("{}", expires), now: NOW };
        embedded.submit(operation).await.unwrap();
    }
    // Its expiry is moved away from what the index of sweep times says.
    let far = Timestamp::from_millis(NOW.as_millis() + 60_000);
    let touch = Operation::Touch { key: key(1), version: 1, seen: NOW, expires: far, now: NOW };
    embedded.submit(touch).await.unwrap();
    let now = Timestamp::from_millis(NOW.as_millis() + 30);
    let swept = |removed, remaining| Swept { removed, remaining };
    let mut removed = 0;
    loop {
        let Ok(Answer::Swept(done)) = embedded.submit(sweep(2, now)).await else { panic!("a sweep") };
        assert!(done.removed <= 2);
        removed += done.removed;
        if done == swept(0, Remaining::Nothing) || done.remaining == Remaining::Nothing {
            break;
        }
    }
    assert_eq!(removed, 3, "expired at now and before, but for the one that was touched");
    assert!(payload(embedded, 1).await.is_some());
    assert!(payload(embedded, 4).await.is_some());
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_that_rows_error() {
    let fixture = Fixture::new();
    fixture.embedded.submit(create(1, "{}")).await.unwrap();
    fixture.embedded.submit(create(2, "{}")).await.unwrap();
    let other = rusqlite::Connection::open(&fixture.path).unwrap();
    other.execute("UPDATE sessions SET persistence = 70000 WHERE key = ?", [key(1).as_bytes()]).unwrap();
    assert_failed(&fixture.embedded.submit(load(1)).await, ErrorKind::Corrupt);
    assert!(payload(&fixture.embedded, 2).await.is_some());
}

#[tokio::test]
async fn a_missing_table_or_column_is_said() {
    let fixture = Fixture::new();
    let other = rusqlite::Connection::open(&fixture.path).unwrap();
    other.execute("ALTER TABLE sessions RENAME COLUMN seen_at TO something", []).unwrap();
    assert_failed(&fixture.embedded.submit(load(1)).await, ErrorKind::Schema);
    assert_failed(&fixture.embedded.submit(create(1, "{}")).await, ErrorKind::Schema);
    other.execute("DROP TABLE sessions", []).unwrap();
    assert_failed(&fixture.embedded.submit(load(1)).await, ErrorKind::Schema);
    assert_failed(&fixture.embedded.submit(create(1, "{}")).await, ErrorKind::Schema);
}

#[tokio::test]
async fn after_closing_everything_is_refused_and_the_file_is_whole() {
    let fixture = Fixture::new();
    fixture.embedded.submit(create(1, "{}")).await.unwrap();
    fixture.embedded.close().await;
    assert_failed(&fixture.embedded.submit(load(1)).await, ErrorKind::Closed);
    assert_failed(&fixture.embedded.submit(create(2, "{}")).await, ErrorKind::Closed);
    // The last connection to close moves the log into the file and removes it.
    assert!(!fixture.path.with_extension("db-wal").exists());
    assert!(payload(&super::open(&fixture.path), 1).await.is_some());
}
