//! What was done to a session, so that it can be done again on what another request wrote.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::value::ValueError;
use crate::clock::Timestamp;
use crate::lifetime::Lifetime;
use crate::record::{Device, Record, UserId};

/// Makes the new value of one key from the old one. May run several times.
pub(crate) type Update = Arc<dyn Fn(Option<&Value>) -> Result<Value, ValueError> + Send + Sync>;

/// One thing that was done.
#[derive(Clone)]
pub(crate) enum Change {
    Set { key: String, value: Value },
    Remove { key: String },
    Update { key: String, update: Update },
    Clear,
    User(Option<UserId>),
    Device(Device),
    Renew(Lifetime),
}

impl Change {
    /// Makes the change in `record`. Only an update can fail, and then nothing is changed.
    pub(crate) fn apply(&self, record: &mut Record, now: Timestamp) -> Result<(), ValueError> {
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
            Self::User(user) => {
                record.user.clone_from(user);
                if user.is_some() {
                    // NIST SP 800-63B-4 section 5.2: authentication starts both limits afresh.
                    record.deadline = record.lifetime.deadline(now);
                }
            }
            Self::Device(device) => record.device = Some(device.clone()),
            Self::Renew(lifetime) => {
                record.lifetime = *lifetime;
                record.deadline = lifetime.deadline(now);
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

/// Everything that was done and is not stored yet, in order.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    list: Vec<Change>,
    /// How many of them a save is just writing. Those are not merged with later ones.
    in_flight: usize,
}

impl Changes {
    /// Adds a change that has just been made, and drops those before it that no longer matter.
    pub(crate) fn push(&mut self, change: Change) {
        let mut index = 0;
        let in_flight = self.in_flight;
        self.list.retain(|earlier| {
            index += 1;
            index <= in_flight || !change.supersedes(earlier)
        });
        self.list.push(change);
    }

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.in_flight = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Marks everything up to here as being written.
    pub(crate) fn begin_flight(&mut self) {
        self.in_flight = self.list.len();
    }

    /// Forgets what has been written.
    pub(crate) fn land(&mut self) {
        self.list.drain(..self.in_flight.min(self.list.len()));
        self.in_flight = 0;
    }

    /// Makes all changes in `record`, in order.
    pub(crate) fn apply(&self, record: &mut Record, now: Timestamp) -> Result<(), ValueError> {
        self.list.iter().try_for_each(|change| change.apply(record, now))
    }

    /// Whether doing the changes twice comes to the same as doing them once.
    pub(crate) fn are_idempotent(&self) -> bool {
        self.list.iter().all(Change::is_idempotent)
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Changes({})", self.list.len())
    }
}
