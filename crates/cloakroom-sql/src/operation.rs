//! What travels through the store's queue: a verb with its arguments encoded, and the answer to it.
//!
//! Encoding and decoding happen in the caller, so that a worker only moves rows and one caller's bad row is that
//! caller's error.

use std::num::NonZeroU32;

use cloakroom_core::Operation as Verb;
use cloakroom_core::{Admitted, Page, Scope, StoreError, StoreKey, Swept, Timestamp};

use crate::admission::Admit;

/// A verb that waits to be run.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Read the row under a key, expired or not.
    Load { key: StoreKey },
    /// Insert a row, or replace one that has expired at `now`.
    ///
    /// The first version is drawn at random, so that a writer who remembers a former life of the key never matches.
    Create { key: StoreKey, version: i64, row: Row, now: Timestamp },
    /// Replace a live row at `version`; the new version is one higher.
    Save { key: StoreKey, version: i64, row: Row, now: Timestamp },
    /// Move activity and expiry of a live row that is still at `version`.
    Touch { key: StoreKey, version: i64, seen: Timestamp, expires: Timestamp, now: Timestamp },
    /// Write a row under `to` and end `from`, which must be live and at `version`.
    Rename { from: StoreKey, version: i64, to: StoreKey, row: Row, now: Timestamp },
    /// Remove a row.
    Delete { key: StoreKey },
    /// Remove expired rows. Runs in a batch of its own.
    Sweep { limit: NonZeroU32, now: Timestamp },
    /// A page of live rows without their data. Runs in a batch of its own.
    List { scope: Scope, page: Page, now: Timestamp },
    /// How many live rows. Runs in a batch of its own.
    Count { scope: Scope, now: Timestamp },
    /// Remove a scope's rows. Runs in a batch of its own.
    End { scope: Scope, keep: Option<StoreKey>, now: Timestamp },
    /// Do a put if its admission allows it. Runs in a batch of its own.
    Admit(Box<Admit>),
}

impl Operation {
    /// The verb as errors name it.
    pub(crate) fn verb(&self) -> Verb {
        match self {
            Self::Load { .. } => Verb::Load,
            Self::Create { .. } => Verb::Create,
            Self::Save { .. } => Verb::Save,
            Self::Touch { .. } => Verb::Touch,
            Self::Rename { .. } => Verb::Rename,
            Self::Delete { .. } => Verb::Delete,
            Self::Sweep { .. } => Verb::Sweep,
            Self::List { .. } => Verb::List,
            Self::Count { .. } => Verb::Count,
            Self::End { .. } => Verb::End,
            Self::Admit(_) => Verb::Admit,
        }
    }
}

/// What an operation came to.
pub(crate) type Outcome = Result<Answer, StoreError>;

/// The answer to an operation that succeeded.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a row is what most answers are; a box would cost each load")]
pub(crate) enum Answer {
    /// To `Load`: the row and its version, or nothing.
    Loaded(Option<(Row, i64)>),
    /// To `Create`, `Save` and `Rename`: the version that the row now has.
    Version(i64),
    /// To `Touch` and `Delete`.
    Done,
    /// To `Sweep`.
    Swept(Swept),
    /// To `List`: rows whose payload is left out (empty text).
    Listed(Vec<(StoreKey, Row)>),
    /// To `Count` and `End`.
    Counted(u64),
    /// To `Admit`.
    Admitted(Admitted),
}

/// A record as columns.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) user: Option<String>,
    /// The session's public name.
    pub(crate) handle: Option<Vec<u8>>,
    /// Milliseconds, UTC.
    pub(crate) authenticated: Option<i64>,
    pub(crate) method: Option<String>,
    /// What an authentication has besides.
    pub(crate) proof: Option<Vec<u8>>,
    pub(crate) payload: Payload,
    /// The mark of the codec that wrote the payload, so that a store's codec can be changed later.
    pub(crate) format: String,
    /// Milliseconds, UTC.
    pub(crate) created: i64,
    /// Milliseconds, UTC.
    pub(crate) seen: i64,
    /// Milliseconds, UTC.
    pub(crate) expires: i64,
    /// Milliseconds, UTC.
    pub(crate) deadline: Option<i64>,
    /// Idle limit in milliseconds.
    pub(crate) idle: Option<i64>,
    /// Absolute limit in milliseconds.
    pub(crate) absolute: Option<i64>,
    /// 0: the cookie goes with the browser session; 1: it persists.
    pub(crate) persistence: i16,
    /// The device as JSON text.
    pub(crate) device: Option<String>,
    /// The verifier's bytes.
    pub(crate) verifier: Vec<u8>,
    /// The application's own columns, in the layout's order. Written, never read.
    pub(crate) extra: Vec<ExtraValue>,
}

/// A payload in the form that the data column takes.
#[derive(Clone)]
pub(crate) enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

impl Payload {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

/// A value of a column of the application's own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExtraValue {
    /// SQL NULL.
    Null,
    /// Text.
    Text(String),
    /// A 64-bit integer.
    Integer(i64),
}

impl std::fmt::Debug for Row {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Row").field("expires", &self.expires).finish_non_exhaustive()
    }
}
