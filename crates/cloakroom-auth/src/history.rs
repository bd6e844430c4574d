//! Sessions that have ended, kept for their user to look at.

use std::num::NonZeroU32;
use std::time::Duration;

use cloakroom_core::{
    Data, Device, ErrorKind, Lifetime, Loaded, Put, Record, SessionHandle, SessionManager, StoreError,
    StoreKey, Summary, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::EndedBy;

/// Whether ended sessions are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// They are not: what has ended is gone.
    #[default]
    Off,
    /// The last ones of each user, for a time after the last of them ended. One more write whenever a session ends, and
    /// personal data that outlives the session. Sessions that expire by themselves are not among them.
    Kept {
        /// How many.
        entries: NonZeroU32,
        /// For how long.
        time: Duration,
    },
}

/// A session that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The handle that it had.
    pub handle: Option<SessionHandle>,
    /// The device that it was opened on, if that was recorded.
    pub device: Option<Device>,
    /// When it began.
    pub created: Timestamp,
    /// When it was last seen, coarsely.
    pub seen: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// By whom or what.
    pub by: EndedBy,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<Device>,
    created: i64,
    seen: i64,
    ended: i64,
    by: String,
}

const ENDED: &str = "ended";
const MOST_ATTEMPTS: usize = 32;

/// The sessions of `user` that have ended, the last one first.
pub(crate) async fn read(manager: &SessionManager, user: &UserId) -> Result<Vec<EndedSession>, StoreError> {
    let key = key(manager, user);
    Ok(match manager.store().load(&key, manager.now()).await? {
        Loaded::Live(stored) => entries(&stored.record.data).iter().filter_map(EndedSession::read).collect(),
        Loaded::Expired | Loaded::Absent => Vec::new(),
    })
}

/// Removes what is remembered of `user`.
pub(crate) async fn forget(manager: &SessionManager, user: &UserId) -> Result<(), StoreError> {
    manager.store().delete(&key(manager, user)).await
}

/// Remembers that `sessions` ended. The end itself is stored already: when this fails the log is told, and nobody else.
pub(crate) async fn remember(
    manager: &SessionManager,
    history: History,
    user: &UserId,
    sessions: &[Summary],
    by: EndedBy,
) {
    let History::Kept { entries, time } = history else { return };
    if sessions.is_empty() {
        return;
    }
    if let Err(error) = append(manager, entries, time, user, sessions, by).await {
        tracing::warn!(%error, "ended sessions could not be added to their user's history");
    }
}

async fn append(
    manager: &SessionManager,
    most: NonZeroU32,
    time: Duration,
    user: &UserId,
    sessions: &[Summary],
    by: EndedBy,
) -> Result<(), StoreError> {
    let key = key(manager, user);
    let store = manager.store();
    let mut last = None;
    for _ in 0..MOST_ATTEMPTS {
        let now = manager.now();
        let (put, before) = match store.load(&key, now).await? {
            // As they are: one of a later version of this crate may say what this one does not know.
            Loaded::Live(stored) => (Put::At(stored.version), entries(&stored.record.data).to_vec()),
            Loaded::Expired | Loaded::Absent => (Put::New, Vec::new()),
        };
        let most = usize::try_from(most.get()).unwrap_or(usize::MAX);
        let ended = sessions.iter().filter_map(|it| serde_json::to_value(Entry::new(it, by, now)).ok());
        let entries: Vec<Value> = ended.chain(before).take(most).collect();
        let data = Data::from_iter([(ENDED.to_owned(), Value::Array(entries))]);
        let record = Record { data, ..Record::new(Lifetime::idle(time), now) };
        match store.put(&key, put, &record, now).await {
            Ok(_) => return Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Gone) => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    last.map_or(Ok(()), Err)
}

impl Entry {
    fn new(session: &Summary, by: EndedBy, now: Timestamp) -> Self {
        Self {
            handle: session.authentication.as_ref().map(|it| it.handle.to_string()),
            device: session.device.clone(),
            created: session.created.as_millis(),
            seen: session.seen.as_millis(),
            ended: now.as_millis(),
            by: by.as_str().to_owned(),
        }
    }
}

impl EndedSession {
    /// What this version does not understand is left out.
    fn read(entry: &Value) -> Option<Self> {
        let entry = Entry::deserialize(entry).ok()?;
        Some(Self {
            handle: entry.handle.as_deref().and_then(SessionHandle::parse),
            device: entry.device,
            created: Timestamp::from_millis(entry.created),
            seen: Timestamp::from_millis(entry.seen),
            ended: Timestamp::from_millis(entry.ended),
            by: EndedBy::parse(&entry.by)?,
        })
    }
}

fn entries(data: &Data) -> &[Value] {
    data.get(ENDED).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn key(manager: &SessionManager, user: &UserId) -> StoreKey {
    StoreKey::reserved(manager.cookie_name(), "history", user.as_str())
}
