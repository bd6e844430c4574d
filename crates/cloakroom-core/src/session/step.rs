//! One attempt to carry out a plan: a store verb with all its arguments.

use std::io;
use std::sync::Arc;

use serde::Serialize;

use super::changes::Mark;
use super::error::SaveError;
use super::state::{Held, Origin};
use crate::clock::Timestamp;
use crate::error::{Operation, StoreError};
use crate::event::Event;
use crate::id::{SessionId, StoreKey};
use crate::plan::{CookieStep, Purpose, Shown};
use crate::policy::{DataLimit, Policy};
use crate::record::{Data, Record, Version};
use crate::store::{Admission, Admitted, Put, Store, Summary, Touch};

/// What is asked of the store, what the browser is told afterwards, and how much of what was done it covers.
#[derive(Debug)]
pub(crate) struct Step {
    pub(super) action: Action,
    pub(super) cookie: CookieStep,
    pub(super) purpose: Purpose,
    /// Everything done before it is in the action.
    pub(super) until: Mark,
    /// Under what conditions the action is carried out, if it lets somebody in.
    pub(super) admission: Option<Arc<Admission>>,
}

/// What a store did.
#[derive(Debug)]
pub(super) enum Performed {
    /// What it was asked to: the record's version, if one was written, and the sessions that made room for it.
    Done(Option<Version>, Vec<Summary>),
    /// Nothing: the user has as many sessions as they may.
    Full,
    /// Nothing: the user's sessions were ended meanwhile.
    Superseded,
}

/// A store verb with all its arguments.
#[derive(Debug)]
pub(super) enum Action {
    Nothing,
    Create {
        id: SessionId,
        key: StoreKey,
        record: Arc<Record>,
    },
    Save {
        held: Held,
        record: Arc<Record>,
    },
    /// A save that gives the session another id.
    Rotate {
        held: Held,
        id: SessionId,
        record: Arc<Record>,
    },
    Touch {
        held: Held,
        touch: Touch,
    },
    Rename {
        from: Held,
        id: SessionId,
        key: StoreKey,
        record: Arc<Record>,
    },
    Delete {
        held: Held,
    },
}

impl Step {
    /// The one place that calls a writing verb.
    pub(super) async fn perform(&self, store: &dyn Store, now: Timestamp) -> Result<Performed, StoreError> {
        if let Some(admission) = &self.admission
            && let Some((key, put, record)) = self.action.admitted()
        {
            return Ok(match store.admit(key, put, record, admission, now).await? {
                Admitted::In { version, ended } => Performed::Done(Some(version), ended),
                Admitted::Full => Performed::Full,
                Admitted::Superseded => Performed::Superseded,
            });
        }
        let version = match &self.action {
            Action::Nothing => Ok(None),
            Action::Create { key, record, .. } => store.put(key, Put::New, record, now).await.map(Some),
            Action::Save { held, record } | Action::Rotate { held, record, .. } => {
                store.put(&held.key, Put::At(held.version.clone()), record, now).await.map(Some)
            }
            Action::Touch { held, touch } => store.touch(&held.key, touch.clone(), now).await.map(|()| None),
            Action::Rename { from, key, record, .. } => {
                store.rename(&from.key, from.version.clone(), key, record, now).await.map(Some)
            }
            Action::Delete { held } => store.delete(&held.key).await.map(|()| None),
        }?;
        Ok(Performed::Done(version, Vec::new()))
    }
}

impl Step {
    /// Whether `stored` is what this rotation wrote, but for activity. Its verifier tells: nobody else draws that id.
    pub(super) fn has_only_been_touched_since(&self, stored: &Record) -> bool {
        let Action::Rotate { record, .. } = &self.action else { return false };
        let (seen, expires) = (stored.seen, stored.expires);
        stored.verifier == record.verifier && *stored == Record { seen, expires, ..Record::clone(record) }
    }
}

impl Action {
    /// Whether it has to be known if it was applied. It has not of activity alone.
    pub(super) const fn matters(&self) -> bool {
        !matches!(self, Self::Nothing | Self::Touch { .. })
    }

    /// What the store calls it.
    pub(super) const fn operation(&self) -> Operation {
        match self {
            Self::Create { .. } => Operation::Create,
            Self::Nothing | Self::Save { .. } | Self::Rotate { .. } => Operation::Save,
            Self::Touch { .. } => Operation::Touch,
            Self::Rename { .. } => Operation::Rename,
            Self::Delete { .. } => Operation::Delete,
        }
    }

    /// What is written where, for verbs that write a record.
    pub(super) fn writes(&self) -> Option<(&StoreKey, &Record)> {
        match self {
            Self::Create { key, record, .. } | Self::Rename { key, record, .. } => Some((key, record)),
            Self::Save { held, record } | Self::Rotate { held, record, .. } => Some((&held.key, record)),
            Self::Nothing | Self::Touch { .. } | Self::Delete { .. } => None,
        }
    }

    /// The put that lets somebody in. A sign-in always needs a new id, so it is never another verb.
    fn admitted(&self) -> Option<(&StoreKey, Put, &Record)> {
        match self {
            Self::Create { key, record, .. } => Some((key, Put::New, record)),
            Self::Save { held, record } | Self::Rotate { held, record, .. } => {
                Some((&held.key, Put::At(held.version.clone()), record))
            }
            Self::Nothing | Self::Touch { .. } | Self::Rename { .. } | Self::Delete { .. } => None,
        }
    }

    /// The stored session that the verb works on.
    pub(super) const fn held(&self) -> Option<&Held> {
        match self {
            Self::Save { held, .. }
            | Self::Rotate { held, .. }
            | Self::Touch { held, .. }
            | Self::Delete { held } => Some(held),
            Self::Rename { from, .. } => Some(from),
            Self::Nothing | Self::Create { .. } => None,
        }
    }

    /// What is stored once the verb has succeeded; `None` when nothing changed.
    pub(super) fn origin(&self, version: Option<Version>) -> Option<Origin> {
        match (self, version) {
            (Self::Create { id, key, record } | Self::Rename { id, key, record, .. }, Some(version)) => {
                let (id, key, record) = (id.clone(), key.clone(), Arc::clone(record));
                Some(Origin::Stored(Held { id, shown: Shown::Told, key, record, version }))
            }
            (Self::Rotate { held, id, record }, Some(version)) => {
                let (id, record) = (id.clone(), Arc::clone(record));
                Some(Origin::Stored(Held { id, shown: Shown::Told, record, version, ..held.clone() }))
            }
            (Self::Save { held, record }, Some(version)) => {
                Some(Origin::Stored(Held { record: Arc::clone(record), version, ..held.clone() }))
            }
            (Self::Touch { held, touch }, _) => {
                let record =
                    Record { seen: touch.seen, expires: touch.expires, ..Record::clone(&held.record) };
                Some(Origin::Stored(Held { record: Arc::new(record), ..held.clone() }))
            }
            (Self::Delete { .. }, _) => Some(Origin::Nothing),
            _ => None,
        }
    }

    /// What an observer is told once the verb has succeeded.
    pub(super) const fn events(&self) -> &'static [Event<'static>] {
        match self {
            Self::Nothing => &[],
            Self::Create { .. } => &[Event::Created],
            Self::Save { .. } => &[Event::Saved],
            Self::Touch { .. } => &[Event::Touched],
            Self::Rotate { .. } => &[Event::Rotated],
            Self::Rename { .. } => &[Event::Destroyed, Event::Created],
            Self::Delete { .. } => &[Event::Destroyed],
        }
    }
}

/// Whether the policy lets the data in.
pub(super) fn check_limits(data: &Data, policy: &Policy) -> Result<(), SaveError> {
    let DataLimit(limit) = policy.data_limit;
    if data.len() > policy.key_limit.0 {
        return Err(SaveError::TooManyKeys { limit: policy.key_limit.0 });
    }
    if let Some(limit) = policy.value_limit
        && !data.values().all(|value| fits(value, limit))
    {
        return Err(SaveError::ValueTooLarge { limit });
    }
    if fits(data, limit) { Ok(()) } else { Err(SaveError::TooLarge { limit }) }
}

/// Measures JSON without keeping its text.
fn fits(value: &impl Serialize, limit: usize) -> bool {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Counter(limit), value).is_ok()
}
