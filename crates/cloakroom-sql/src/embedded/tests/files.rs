//! The file: how it is made, and what is said when it cannot be used.

use std::error::Error as _;

use cloakroom_core::{ErrorKind, StoreError};

use super::{Durability, Embedded, Gathering, Location, create, file, names};
use crate::embedded::location::Missing;

fn refusal(location: Location) -> StoreError {
    Embedded::open(location, Durability::Full, names(), Gathering::default(), None).unwrap_err()
}

#[cfg(unix)]
#[tokio::test]
async fn r37_nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;

    let fixture = super::Fixture::new();
    fixture.embedded.submit(create(1, "{}")).await.unwrap();
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(fixture.path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
        seen.push(entry.file_name().into_string().unwrap());
    }
    seen.sort();
    assert_eq!(seen, ["sessions.db", "sessions.db-shm", "sessions.db-wal"]);
}

#[tokio::test]
async fn a_database_that_is_there_is_used_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let first = super::open(&path);
    first.submit(create(1, r#"{"kept":true}"#)).await.unwrap();
    drop(first);
    let second = super::open(&path);
    assert_eq!(super::payload(&second, 1).await, Some((r#"{"kept":true}"#.to_owned(), 1)));
}

#[test]
fn a_missing_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(file(&folder.path().join("missing/sessions.db")));
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.source().unwrap().to_string().contains("create it first"));
}

#[test]
fn a_missing_file_is_not_made_against_the_application_s_will() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let error = refusal(Location::File { path: path.clone(), missing: Missing::Fail });
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(!path.exists());
}

#[test]
fn what_is_no_database_is_said_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    let text = "Dear reader, this is no database. ".repeat(40);
    std::fs::write(&path, &text).unwrap();
    assert_eq!(refusal(file(&path)).kind(), ErrorKind::Refused);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let error = refusal(file(folder.path()));
    assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Refused), "{error:?}");
}

#[tokio::test]
async fn a_file_that_becomes_unreadable_is_an_error_and_no_panic() {
    let fixture = super::Fixture::new();
    fixture.embedded.submit(create(1, "{}")).await.unwrap();
    fixture.embedded.close().await;
    // Every page but the first is overwritten, so that the file opens and its tables do not.
    let mut bytes = std::fs::read(&fixture.path).unwrap();
    for byte in bytes.iter_mut().skip(4_096) {
        *byte = 0x5a;
    }
    std::fs::write(&fixture.path, bytes).unwrap();
    let reopened =
        Embedded::open(file(&fixture.path), Durability::Full, names(), Gathering::default(), None).unwrap();
    super::assert_failed(&reopened.submit(super::load(1)).await, ErrorKind::Refused);
    super::assert_failed(&reopened.submit(create(2, "{}")).await, ErrorKind::Refused);
}
