//! The mark of a user: what a sign-in reads when it begins, and whoever ends all their sessions writes anew.

use std::time::Duration;

use cloakroom_core::{
    Admission, Data, ErrorKind, Lifetime, Loaded, Operation, Put, Record, SessionLimit, SessionManager,
    StoreError, StoreKey, Timestamp, Touch, UserId, Version,
};
use serde_json::Value;

/// How long a mark is kept after it was last needed. No sign-in is under way for that long.
const KEPT: Duration = Duration::from_secs(30 * 86_400);
const ENDED_AT: &str = "ended_at";
/// How often a mark that others write at the same time is read again.
const MOST_ATTEMPTS: usize = 32;

/// The mark as a sign-in found it.
pub(crate) struct Mark {
    key: StoreKey,
    version: Version,
    /// When all sessions of the user were last ended.
    pub(crate) ended_at: Option<Timestamp>,
}

impl Mark {
    /// Lets a sign-in in only while the mark is as it was.
    pub(crate) fn admission(self, limit: Option<SessionLimit>) -> Admission {
        Admission { mark: self.key, version: self.version, limit }
    }
}

/// Reads the mark of `user`, or makes one. From here on the sign-in cannot come after an end that came before it.
pub(crate) async fn read(manager: &SessionManager, user: &UserId) -> Result<Mark, StoreError> {
    let key = key(manager, user);
    let store = manager.store();
    for _ in 0..MOST_ATTEMPTS {
        let now = manager.now();
        match store.load(&key, now).await? {
            Loaded::Live(stored) => {
                let (version, record) = (stored.version, stored.record);
                if record.expires.since(now) < KEPT / 2 {
                    // The version stays, so that sign-ins at the same time do not stop each other.
                    let touch = Touch { version: version.clone(), seen: now, expires: now.plus(KEPT) };
                    match store.touch(&key, touch, now).await {
                        Ok(()) => {}
                        Err(error) if error.kind() == ErrorKind::Gone => continue,
                        Err(error) => return Err(error),
                    }
                }
                let ended_at = record.data.get(ENDED_AT).and_then(Value::as_i64).map(Timestamp::from_millis);
                return Ok(Mark { key, version, ended_at });
            }
            Loaded::Expired | Loaded::Absent => {
                let record = Record::new(Lifetime::idle(KEPT), now);
                match store.put(&key, Put::New, &record, now).await {
                    Ok(version) => return Ok(Mark { key, version, ended_at: None }),
                    Err(error) if error.kind() == ErrorKind::Conflict => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Err(contended(manager))
}

/// Writes the mark of `user` anew, so that no sign-in that has read it before is let in any more.
pub(crate) async fn renew(manager: &SessionManager, user: &UserId) -> Result<(), StoreError> {
    let key = key(manager, user);
    let store = manager.store();
    for _ in 0..MOST_ATTEMPTS {
        let now = manager.now();
        let put = match store.load(&key, now).await? {
            Loaded::Live(stored) => Put::At(stored.version),
            Loaded::Expired | Loaded::Absent => Put::New,
        };
        let data = Data::from_iter([(ENDED_AT.to_owned(), Value::from(now.as_millis()))]);
        let record = Record { data, ..Record::new(Lifetime::idle(KEPT), now) };
        match store.put(&key, put, &record, now).await {
            Ok(_) => return Ok(()),
            // Whoever wrote it may have done so before this caller began, and a sign-in may have read that since.
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Gone) => {}
            Err(error) => return Err(error),
        }
    }
    Err(contended(manager))
}

fn key(manager: &SessionManager, user: &UserId) -> StoreKey {
    StoreKey::reserved(manager.cookie_name(), "sign-in", user.as_str())
}

fn contended(manager: &SessionManager) -> StoreError {
    StoreError::new(ErrorKind::Conflict, Operation::Save, manager.store().backend())
}
