//! Letting in somebody who signs in: what travels through the queue, and what is decided within the transaction.

use std::num::NonZeroU32;

use cloakroom_core::{
    Admission, Admitted, ErrorKind, Operation as Verb, Page, Put, Record, Scope, SessionLimit, StoreError,
    StoreKey, Summary, Timestamp, Version,
};

use crate::failure::{Cause, Failure};
use crate::operation::{Answer, Operation, Row};
use crate::row;
use crate::store::Inner;
use crate::write::Argument;

/// A put and the conditions of its admission.
#[derive(Clone, Debug)]
pub(crate) struct Admit {
    /// A `Create` or `Save`.
    pub(crate) put: Operation,
    /// What it puts, and where.
    pub(crate) key: StoreKey,
    /// The same without its data.
    pub(crate) record: Record,
    pub(crate) mark: StoreKey,
    /// The version that the mark has to be at.
    pub(crate) version: i64,
    pub(crate) limit: Option<SessionLimit>,
    pub(crate) now: Timestamp,
}

impl Admit {
    /// The parameters of `Names::mark`.
    pub(crate) fn mark(&self) -> [Argument<'_>; 3] {
        let now = self.now.as_millis();
        [Argument::Bytes(self.mark.as_bytes()), Argument::Integer(self.version), Argument::Integer(now)]
    }

    /// The `List` of all sessions that the user has, where that is limited.
    pub(crate) fn list(&self) -> Option<Operation> {
        self.limit?;
        let scope = Scope::User(self.record.user.clone()?);
        Some(Operation::List { scope, page: Page { after: None, limit: NonZeroU32::MAX }, now: self.now })
    }

    /// The sessions out of `listed` that have to end, in the order of their keys; nothing when there is no room.
    ///
    /// # Errors
    /// When a row cannot be read: whether it counts is not known, and nothing is ended by guess.
    pub(crate) fn make_room(&self, listed: Vec<(StoreKey, Row)>) -> Result<Option<Vec<Summary>>, Failure> {
        let Some(limit) = self.limit else { return Ok(Some(Vec::new())) };
        let others = listed.into_iter().filter(|(key, _)| *key != self.key);
        let others = others.map(|(key, row)| summarise(key, &row)).collect::<Result<_, _>>()?;
        let ended = limit.make_room(&self.record, others).map(|mut ended| {
            ended.sort_by(|one, other| one.key.cmp(&other.key));
            ended
        });
        Ok(ended)
    }
}

/// As [`row::summarise`], within a transaction.
pub(crate) fn summarise(key: StoreKey, row: &Row) -> Result<Summary, Failure> {
    row::summarise(key, row)
        .map_err(|source| Failure::new(Cause::Refused(ErrorKind::Corrupt), source.to_string()))
}

/// The answer when the put has come to `version`.
pub(crate) fn admitted(version: i64, ended: Vec<Summary>) -> Answer {
    Answer::Admitted(Admitted::In { version: Version::number(version), ended })
}

impl Inner {
    /// See [`Store::admit`](cloakroom_core::Store::admit).
    pub(crate) async fn admit(
        &self,
        key: &StoreKey,
        put: Put,
        record: &Record,
        admission: &Admission,
        now: Timestamp,
    ) -> Result<Admitted, StoreError> {
        // A version of another store's matches no row.
        let number = |version: &Version| version.as_number().unwrap_or(-1);
        let (row, is_new) = (self.encoded(record, Verb::Admit)?, put == Put::New);
        let put = match put {
            Put::New => {
                let (key, version) = (self.fitting(key, Verb::Admit)?, self.first_version(Verb::Admit)?);
                Operation::Create { key, version, row, now }
            }
            Put::At(version) => Operation::Save { key: key.clone(), version: number(&version), row, now },
        };
        let mut record = record.clone();
        record.data.clear();
        let Admission { mark, version, limit } = admission;
        let (mark, version, limit) = (mark.clone(), number(version), *limit);
        let admit = Admit { put, key: key.clone(), record, mark, version, limit, now };
        let Answer::Admitted(admitted) = self.run(Operation::Admit(Box::new(admit))).await? else {
            return Err(self.mismatched(Verb::Admit));
        };
        if is_new && matches!(admitted, Admitted::In { .. }) {
            self.sweeper.inserted();
        }
        Ok(admitted)
    }
}
