//! Every kind of request that an application makes of its session, and what the store holds before and after it.

use std::time::Duration;

use cloakroom::{Operation, Record, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a handler does with the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Insert,
    Update,
    Touch,
    Rotate,
    SignIn,
    Destroy,
    DestroyThenInsert,
    Create,
}

/// What somebody sees of a session: the visitor in an answer, or a node in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct View {
    pub(crate) user: Option<String>,
    pub(crate) data: Map<String, Value>,
    pub(crate) seen: i64,
}

impl View {
    pub(crate) fn count(&self) -> u64 {
        self.data.get("count").and_then(Value::as_u64).unwrap_or(0)
    }

    /// The number that was written last, after checking that it was written whole.
    pub(crate) fn number(&self) -> u64 {
        let number = self.data.get("number").and_then(Value::as_u64).unwrap_or(0);
        assert!(number == 0 || self.data["text"] == text_of(number), "half of a write: {self:?}");
        number
    }
}

/// A text that belongs to a number, longer than a page of any database now and then.
pub(crate) fn text_of(number: u64) -> String {
    let times = if number % 10 == 9 { 2_000 } else { 10 };
    format!("the text of {number}; ").repeat(times)
}

impl From<&Record> for View {
    fn from(record: &Record) -> Self {
        let user = record.user.as_ref().map(|user| user.as_str().to_owned());
        Self { user, data: record.data.clone(), seen: record.seen.as_millis() }
    }
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Read,
        Self::Insert,
        Self::Update,
        Self::Touch,
        Self::Rotate,
        Self::SignIn,
        Self::Destroy,
        Self::DestroyThenInsert,
        Self::Create,
    ];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Read | Self::Touch => "/look",
            Self::Insert | Self::Create => "/insert",
            Self::Update => "/update",
            Self::Rotate => "/rotate",
            Self::SignIn => "/sign-in/grace",
            Self::Destroy => "/destroy",
            Self::DestroyThenInsert => "/destroy-then-insert",
        }
    }

    /// How much later than the session's beginning the request comes, so that a touch is due.
    pub(crate) const fn later(self) -> Duration {
        match self {
            Self::Touch => Duration::from_mins(1),
            _ => Duration::ZERO,
        }
    }

    /// What the request asks the store to write; a store may have more than one verb for it.
    pub(crate) const fn writes(self) -> &'static [Operation] {
        match self {
            Self::Read => &[],
            Self::Insert | Self::Update => &[Operation::Save],
            Self::Touch => &[Operation::Touch],
            Self::Rotate | Self::SignIn => &[Operation::Save, Operation::Rename],
            Self::Destroy => &[Operation::Delete],
            Self::DestroyThenInsert => &[Operation::Rename],
            Self::Create => &[Operation::Create],
        }
    }

    /// Whether the cookie that the visitor had opens the session after the request as well.
    pub(crate) const fn keeps_the_cookie(self) -> bool {
        matches!(self, Self::Read | Self::Insert | Self::Update | Self::Touch)
    }

    /// What the store holds when it has been done at `now`, given what it held before.
    pub(crate) fn after(self, before: Option<&View>, now: Timestamp) -> Option<View> {
        let blank = View { user: None, data: Map::new(), seen: now.as_millis() };
        let mut view = before.cloned().unwrap_or(blank);
        match self {
            Self::Read | Self::Rotate => {}
            Self::Insert => drop(view.data.insert("note".to_owned(), json!("after"))),
            Self::Update => drop(view.data.insert("count".to_owned(), json!(2))),
            Self::Touch => view.seen = now.as_millis(),
            Self::SignIn => view.user = Some("grace".to_owned()),
            Self::Destroy => return None,
            Self::DestroyThenInsert | Self::Create => {
                view.user = None;
                view.data = Map::from_iter([("note".to_owned(), json!("after"))]);
            }
        }
        Some(view)
    }
}
