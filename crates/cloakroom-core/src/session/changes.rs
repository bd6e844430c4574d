//! What was done to a session, so that it can be done again on what another request wrote.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::value::ValueError;
use crate::authentication::Authentication;
use crate::clock::Timestamp;
use crate::lifetime::Lifetime;
use crate::record::{Device, Record, UserId};

/// Makes the new value of one key from the old one. May run several times.
pub(crate) type Update = Arc<dyn Fn(Option<&Value>) -> Result<Value, ValueError> + Send + Sync>;

/// One thing that was done.
#[derive(Clone)]
pub(crate) enum Change {
    Set {
        key: String,
        value: Value,
    },
    Remove {
        key: String,
    },
    Update {
        key: String,
        update: Update,
    },
    Clear,
    /// Limits count from the moment of the call, however often and however late it is made again.
    User {
        user: Option<UserId>,
        authentication: Option<Authentication>,
        at: Timestamp,
    },
    Device(Device),
    Renew {
        lifetime: Lifetime,
        at: Timestamp,
    },
}

impl Change {
    /// Makes the change in `record`. Only an update can fail, and then nothing is changed.
    ///
    /// An update is the application's own code: never call this while a lock is held.
    pub(crate) fn apply(&self, record: &mut Record) -> Result<(), ValueError> {
        match self {
            Self::Set { key, value } => {
                record.data.insert(key.clone(), value.clone());
            }
            Self::Remove { key } => {
                // `remove` would move the last key into the gap; other readers rely on the order.
                record.data.shift_remove(key);
            }
            Self::Update { key, update } => {
                let value = update(record.data.get(key))?;
                record.data.insert(key.clone(), value);
            }
            Self::Clear => record.data.clear(),
            Self::User { user, authentication, at } => {
                let proved = |it: &Option<Authentication>| it.as_ref().map(|it| it.at);
                let proved_before = record.user == *user
                    && authentication.is_some()
                    && proved(&record.authentication) == proved(authentication);
                record.user.clone_from(user);
                record.authentication.clone_from(authentication);
                if user.is_some() && !proved_before {
                    // NIST SP 800-63B-4 section 5.2: authentication starts both limits afresh.
                    record.deadline = record.lifetime.deadline(*at);
                }
            }
            Self::Device(device) => record.device = Some(device.clone()),
            Self::Renew { lifetime, at } => {
                record.lifetime = *lifetime;
                record.deadline = lifetime.deadline(*at);
            }
        }
        Ok(())
    }

    /// Whether doing this twice comes to the same as doing it once.
    fn is_idempotent(&self) -> bool {
        !matches!(self, Self::Update { .. })
    }

    /// Whether this makes `earlier` of no consequence.
    fn supersedes(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (
                Self::Set { key, .. } | Self::Remove { key },
                Self::Set { key: earlier, .. }
                | Self::Remove { key: earlier }
                | Self::Update { key: earlier, .. },
            ) => key == earlier,
            (Self::Clear, Self::Set { .. } | Self::Remove { .. } | Self::Update { .. } | Self::Clear)
            | (Self::Device(_), Self::Device(_)) => true,
            _ => false,
        }
    }
}

/// An instant in the order in which things were done to a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

/// Everything that was done and is not stored yet, in order.
///
/// Changes that are not needed any more are handed back rather than dropped: an update owns what its closure caught,
/// and dropping that runs the application's code, which must not happen under a lock.
#[derive(Default)]
pub(crate) struct Changes {
    list: Vec<(Mark, Change)>,
    next: Mark,
    /// Changes before it are being written, so they are not merged with later ones.
    in_flight: Mark,
    /// When everything was last dropped.
    cleared: Option<Mark>,
}

impl Changes {
    /// Now: what is done from here on comes after it.
    pub(crate) fn mark(&self) -> Mark {
        self.next
    }

    /// Notes that something happened that is not a change of the record, and when.
    pub(crate) fn tick(&mut self) -> Mark {
        let mark = self.next;
        self.next = Mark(mark.0 + 1);
        mark
    }

    /// Adds a change that has just been made, and hands back those before it that no longer matter.
    pub(crate) fn push(&mut self, change: Change) -> Vec<Change> {
        let in_flight = self.in_flight;
        let superseded = self.take(|mark, earlier| mark >= in_flight && change.supersedes(earlier));
        let mark = self.tick();
        self.list.push((mark, change));
        superseded
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) -> Vec<Change> {
        self.cleared = Some(self.tick());
        self.take(|_, _| true)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Marks everything up to here as being written.
    pub(crate) fn begin_flight(&mut self) -> Mark {
        self.in_flight = self.next;
        self.next
    }

    /// Notes that what was being written was not.
    pub(crate) fn end_flight(&mut self) {
        self.in_flight = Mark::default();
    }

    /// Forgets what has been written: everything before `until`.
    pub(crate) fn forget(&mut self, until: Mark) -> Vec<Change> {
        self.end_flight();
        self.take(|mark, _| mark < until)
    }

    /// A copy of everything.
    pub(crate) fn all(&self) -> Vec<Change> {
        self.list.iter().map(|(_, change)| change.clone()).collect()
    }

    /// What was done from `mark` on, or `None` when everything was dropped since then.
    pub(crate) fn since(&self, mark: Mark) -> Option<Vec<Change>> {
        if self.cleared.is_some_and(|cleared| cleared >= mark) {
            return None;
        }
        let later = self.list.iter().filter(|(made, _)| *made >= mark);
        Some(later.map(|(_, change)| change.clone()).collect())
    }

    /// Whether doing what was done before `until` twice comes to the same as doing it once.
    pub(crate) fn are_idempotent(&self, until: Mark) -> bool {
        self.list.iter().filter(|(mark, _)| *mark < until).all(|(_, change)| change.is_idempotent())
    }

    fn take(&mut self, mut unneeded: impl FnMut(Mark, &Change) -> bool) -> Vec<Change> {
        self.list.extract_if(.., |(mark, change)| unneeded(*mark, change)).map(|(_, change)| change).collect()
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Changes({})", self.list.len())
    }
}
