//! Many writers, in one process and in several.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::ErrorKind;

use super::{Fixture, assert_failed, create, file, load, patient, payload, save, with_table};
use crate::embedded::Embedded;
use crate::gather::{Gathering, Retry};
use crate::operation::Answer;

/// How often each writer writes.
const ROUNDS: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_writers_of_one_store_never_meet_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let embedded = Arc::new(with_table(file(&folder.path().join("sessions.db")), patient()));
    write_all(&[embedded], 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_writers_of_two_stores_on_one_file_never_meet_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let stores = [(); 2].map(|()| Arc::new(with_table(file(&path), patient())));
    write_all(&stores, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_writers_of_two_processes_never_meet_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let store = Arc::new(with_table(file(&path), patient()));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded::tests::locks::another_process", "--nocapture"])
        .env("CLOAKROOM_TEST_FILE", &path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    write_all(&[store], 0).await;
    assert!(child.wait().unwrap().success(), "the other process met an error");
}

/// The other process of the test above; by itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_process() {
    if let Some(path) = std::env::var_os("CLOAKROOM_TEST_FILE") {
        write_all(&[Arc::new(with_table(file(path.as_ref()), patient()))], 1_000).await;
    }
}

/// 64 writers, spread over the stores, each with a session of its own that it creates and saves many times.
async fn write_all(stores: &[Arc<Embedded>], first: u32) {
    let mut writers = Vec::new();
    for (number, store) in (first..first + 64).zip(stores.iter().cycle()) {
        let store = Arc::clone(store);
        writers.push(tokio::spawn(async move {
            store.submit(create(number, "{}")).await.unwrap();
            for round in 1..=i64::from(ROUNDS) {
                let saved = store.submit(save(number, round, &format!("{{\"round\":{round}}}"))).await;
                assert!(matches!(saved, Ok(Answer::Version(version)) if version == round + 1), "{saved:?}");
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for number in first..first + 64 {
        let last = format!("{{\"round\":{ROUNDS}}}");
        assert_eq!(payload(&stores[0], number).await, Some((last, i64::from(ROUNDS) + 1)));
    }
}

#[tokio::test]
async fn readers_do_not_wait_for_a_writer() {
    let fixture = Fixture::new();
    fixture.embedded.submit(create(1, "before")).await.unwrap();
    let other = rusqlite::Connection::open(&fixture.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE sessions SET data = 'after'").unwrap();
    // The transaction is open for as long as this test likes, and the load is not even asynchronous.
    assert_eq!(payload(&fixture.embedded, 1).await, Some(("before".to_owned(), 1)));
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(payload(&fixture.embedded, 1).await, Some(("after".to_owned(), 1)));
}

#[tokio::test]
async fn a_writer_waits_for_another_process_and_then_goes_on() {
    let fixture = Fixture::new();
    let other = rusqlite::Connection::open(&fixture.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut submitted = Box::pin(fixture.embedded.submit(create(1, "{}")));
    tokio::select! {
        biased;
        outcome = &mut submitted => panic!("wrote under another process's lock: {outcome:?}"),
        () = tokio::task::yield_now() => {}
    }
    other.execute_batch("COMMIT").unwrap();
    submitted.await.unwrap();
}

#[tokio::test]
async fn a_lock_that_is_never_given_back_is_an_error_within_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let limit = Duration::from_secs(1);
    let embedded = with_table(file(&path), Gathering::default().with_time_limit(limit));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_failed(&embedded.submit(create(1, "{}")).await, ErrorKind::Unavailable);
    other.execute_batch("ROLLBACK").unwrap();
    embedded.submit(create(1, "{}")).await.unwrap();
}

#[tokio::test]
async fn what_waits_behind_a_lock_was_not_begun_when_its_time_has_passed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let gathering = Gathering::default().with_time_limit(Duration::from_millis(200));
    let embedded = with_table(file(&path), gathering.with_retry(Retry::never()));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Two operations on one key never share a batch: while the first waits for the lock, the second waits for it.
    let (first, second) = tokio::join!(embedded.submit(create(1, "{}")), embedded.submit(save(1, 1, "{}")));
    assert_failed(&first, ErrorKind::Unavailable);
    assert_failed(&second, ErrorKind::Unavailable);
    other.execute_batch("ROLLBACK").unwrap();
    embedded.submit(create(1, "{}")).await.unwrap();
}

#[tokio::test]
async fn a_load_that_meets_a_lock_waits_where_it_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let embedded = with_table(file(&path), patient());
    let other = rusqlite::Connection::open(&path).unwrap();
    insert_unreadable(&other, 1);
    // A load that fails closes its connection, and nothing was written yet: the store has no other.
    assert_failed(&embedded.submit(load(1)).await, ErrorKind::Corrupt);
    other.pragma_update(None, "locking_mode", "exclusive").unwrap();
    other.execute("DELETE FROM sessions", []).unwrap();
    // Nobody else gets in now, not even to read. Had the load waited here, this test would wait with it for ever.
    let mut submitted = Box::pin(embedded.submit(load(1)));
    tokio::select! {
        biased;
        outcome = &mut submitted => panic!("answered under another process's lock: {outcome:?}"),
        () = tokio::task::yield_now() => {}
    }
    drop(other);
    assert!(matches!(submitted.await, Ok(Answer::Loaded(None))));
}

#[tokio::test]
async fn a_file_that_another_process_keeps_to_itself_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    super::open(&path).close().await;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.pragma_update(None, "locking_mode", "exclusive").unwrap();
    other.execute("DELETE FROM sessions", []).unwrap();
    let gathering = Gathering::default().with_time_limit(Duration::from_millis(5));
    let refused = Embedded::open(file(&path), super::Durability::Full, super::names(), gathering, None);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unavailable);
    drop(other);
    super::open(&path).submit(load(1)).await.unwrap();
}

/// Inserts a row that no load can read.
fn insert_unreadable(connection: &rusqlite::Connection, number: u32) {
    let text = "INSERT INTO sessions VALUES (?, 1, NULL, NULL, NULL, NULL, NULL, 'json', '{}', 0, 0, 0, NULL, NULL, NULL, 70000, NULL, x'', 0)";
    connection.execute(text, [super::key(number).as_bytes()]).unwrap();
}
