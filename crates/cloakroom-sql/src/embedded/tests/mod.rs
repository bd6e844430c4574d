//! The embedded database, on real files.

mod batches;
mod crash;
mod files;
mod locks;
mod verbs;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloakroom_core::layout::Layout;
use cloakroom_core::{ErrorKind, StoreKey, Timestamp};

use super::location::Missing;
use super::{Durability, Embedded, Location};
use crate::dialect::Dialect;
use crate::gather::Gathering;
use crate::operation::{Answer, Operation, Outcome, Payload, Row};
use crate::schema::creation;
use crate::statements::Names;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn names() -> Names {
    Names::new(Dialect::Sqlite, Layout::native())
}

fn file(path: &Path) -> Location {
    Location::File { path: path.to_owned(), missing: Missing::Create }
}

/// A database with its table, in a folder that goes when the test ends.
struct Fixture {
    embedded: Embedded,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        Self { embedded: open(&path), path, _folder: folder }
    }
}

fn open(path: &Path) -> Embedded {
    with_table(file(path), Gathering::default())
}

fn with_table(location: Location, gathering: Gathering) -> Embedded {
    let embedded = Embedded::open(location, Durability::Full, names(), gathering, None).unwrap();
    embedded.execute(&creation(&names())).unwrap();
    embedded
}

/// A gathering whose time limit is long enough for the slowest machine, because the test expects no limit to pass.
fn patient() -> Gathering {
    Gathering::default().with_time_limit(Duration::from_mins(2))
}

fn key(number: u32) -> StoreKey {
    StoreKey::from_bytes(number.to_be_bytes())
}

fn row(payload: &str, expires: i64) -> Row {
    Row {
        user: Some("ann".to_owned()),
        handle: None,
        authenticated: None,
        method: None,
        proof: None,
        payload: Payload::Text(payload.to_owned()),
        format: "json".to_owned(),
        created: 1,
        seen: 2,
        expires,
        deadline: None,
        idle: Some(60_000),
        absolute: None,
        persistence: 1,
        device: None,
        verifier: Vec::new(),
        extra: Vec::new(),
    }
}

fn create(number: u32, payload: &str) -> Operation {
    let expires = NOW.as_millis() + 60_000;
    Operation::Create { key: key(number), version: 1, row: row(payload, expires), now: NOW }
}

fn save(number: u32, version: i64, payload: &str) -> Operation {
    let expires = NOW.as_millis() + 60_000;
    Operation::Save { key: key(number), version, row: row(payload, expires), now: NOW }
}

fn load(number: u32) -> Operation {
    Operation::Load { key: key(number) }
}

fn sweep(limit: u32, now: Timestamp) -> Operation {
    Operation::Sweep { limit: NonZeroU32::new(limit).unwrap(), now }
}

/// The payload under a key, and its version.
async fn payload(embedded: &Embedded, number: u32) -> Option<(String, i64)> {
    match embedded.submit(load(number)).await.unwrap() {
        Answer::Loaded(found) => found.map(|(row, version)| match row.payload {
            Payload::Text(text) => (text, version),
            Payload::Binary(_) => panic!("text was written"),
        }),
        answer => panic!("a load is answered with {answer:?}"),
    }
}

#[track_caller]
fn assert_failed(outcome: &Outcome, kind: ErrorKind) {
    match outcome {
        Ok(answer) => panic!("succeeded with {answer:?} instead of failing with {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error:?}"),
    }
}
