//! A store that is right but for one flaw.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_core::{
    Admission, Admitted, Authentication, Data, ErrorKind, Loaded, Operation, Page, Put, Record, Remaining,
    Scope, Store, StoreError, StoreFuture, StoreKey, Stored, Summary, Swept, Timestamp, Touch, UserId,
    Version,
};
use serde_json::{Value, json};

/// Declares the flaws and the list of them in one go.
macro_rules! flaws {
    ($($flaw:ident,)*) => {
        /// What is wrong with a store. Each of these was found in a published session library, or nearly so.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Flaw {
            None,
            $($flaw,)*
        }

        impl Flaw {
            /// Every flaw but none.
            pub(crate) const ALL: &[Self] = &[$(Self::$flaw,)*];
        }
    };
}

flaws! {
    UpsertsOnSave,
    IgnoresVersions,
    RevivesOnSave,
    RevivesOnTouch,
    CreatesOnTouch,
    TouchGoesBackwards,
    TouchRaisesTheVersion,
    TouchIgnoresVersions,
    TouchWritesNothing,
    ServesExpired,
    EndsAMillisecondLate,
    CreateOverwrites,
    CreateSilentlyKeepsTheOld,
    CreateRefusesOverExpired,
    RenameKeepsTheOldKey,
    RenameOverwrites,
    RenameForgetsTheRecord,
    RenameCreates,
    SweepsWithoutLimit,
    SweepsTheLiving,
    SweepNeverFinishes,
    SweepMiscounts,
    SweepCountsTwice,
    SweepsByTheFirstExpiry,
    CountsExpired,
    ListsExpired,
    ListsEverybody,
    ListsUnsorted,
    ListRepeatsTheLastKey,
    EndMissesSessions,
    EndIgnoresTheKept,
    EndCountsTheExpired,
    FoldsTheCaseOfUsers,
    DeleteFailsOnAbsent,
    ReusesVersions,
    SortsKeys,
    KeepsNumbersAsFloats,
    CutsLongData,
    RoundsToSeconds,
    LosesTheDevice,
    LosesTheDeadline,
    TurnsNulIntoNothing,
    FoldsTheCaseOfKeys,
    ChecksThenWrites,
    EndsOneByOne,
    HalfRename,
    AdmitIgnoresTheMark,
    AdmitTakesAnOldMark,
    AdmitTakesAnExpiredMark,
    AdmitLooksAtTheMarkFirst,
    AdmitCountsThenWrites,
    AdmitEndsThenWrites,
    AdmitEndsBeforeAFailingPut,
    AdmitEndsOneTooMany,
    AdmitEndsTheNewest,
    AdmitEndsOneOnly,
    AdmitNeverRefuses,
    AdmitCountsTheExpired,
    AdmitCountsEverybody,
    AdmitCountsItself,
    AdmitCountsOlderEpochs,
    AdmitForgetsWhomItEnded,
    AdmitOverwrites,
    AdmitWritesTheMark,
    SessionIgnoresTheUser,
    SessionIgnoresTheHandle,
    AllShowsMarks,
    AllEndsMarks,
    LosesTheFingerprint,
    ListForgetsTheAuthentication,
    RenameLosesTheAuthentication,
    Panics,
}

#[derive(Debug)]
pub(crate) struct Naive {
    pub(crate) flaw: Flaw,
    rows: Mutex<BTreeMap<StoreKey, Row>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) record: Record,
    pub(crate) version: i64,
    /// The expiry that the row was created with.
    first_expiry: Timestamp,
}

impl Naive {
    pub(crate) fn with(flaw: Flaw) -> Self {
        Self { flaw, rows: Mutex::default() }
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, BTreeMap<StoreKey, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_live(&self, row: &Row, now: Timestamp) -> bool {
        let now = if self.has(Flaw::EndsAMillisecondLate) {
            Timestamp::from_millis(now.as_millis().saturating_sub(1))
        } else {
            now
        };
        row.record.is_live(now)
    }

    pub(crate) fn live(&self, key: &StoreKey, now: Timestamp) -> Option<Row> {
        self.rows().get(&self.key(key)).filter(|row| self.is_live(row, now)).cloned()
    }

    pub(crate) fn key(&self, key: &StoreKey) -> StoreKey {
        if self.has(Flaw::FoldsTheCaseOfKeys) {
            return StoreKey::from_bytes(key.as_bytes().to_ascii_lowercase());
        }
        key.clone()
    }

    fn write(&self, key: &StoreKey, record: &Record, last: i64) -> Version {
        let mut record = record.clone();
        self.spoil(&mut record);
        let version = if self.has(Flaw::ReusesVersions) { (last + 1) % 3 } else { last + 1 };
        let row = Row { first_expiry: record.expires, record, version };
        self.rows().insert(self.key(key), row);
        Version::number(version)
    }

    /// What a careless encoding does to a record.
    fn spoil(&self, record: &mut Record) {
        match self.flaw {
            Flaw::SortsKeys => record.data = sorted(&record.data),
            Flaw::KeepsNumbersAsFloats => record.data.values_mut().for_each(to_floats),
            Flaw::CutsLongData => record.data.values_mut().for_each(cut),
            Flaw::TurnsNulIntoNothing => record.data.values_mut().for_each(drop_nul),
            Flaw::RoundsToSeconds => {
                let millis = record.expires.as_millis();
                record.expires = Timestamp::from_millis(millis - millis.rem_euclid(1_000));
            }
            Flaw::LosesTheDevice => record.device = None,
            Flaw::LosesTheDeadline => record.deadline = None,
            Flaw::LosesTheFingerprint => {
                record.authentication =
                    record.authentication.take().map(|it| Authentication { fingerprint: None, ..it });
            }
            _ => {}
        }
    }

    /// Where a store with a check and a write in two statements lets others in.
    pub(crate) async fn gap(&self, flaw: Flaw) {
        if self.has(flaw) {
            crate::yield_now().await;
        }
    }

    fn in_scope(&self, scope: &Scope, row: &Row, now: Timestamp) -> bool {
        let user = |user: &UserId| {
            if self.has(Flaw::FoldsTheCaseOfUsers) {
                user.as_str().to_lowercase()
            } else {
                user.as_str().to_owned()
            }
        };
        let of = |wanted| row.record.user.as_ref().map(user) == Some(user(wanted));
        let mine = match scope {
            Scope::All => row.record.verifier.is_issued() || self.has(Flaw::AllShowsMarks),
            Scope::User(wanted) => of(wanted),
            Scope::Session(wanted, handle) => {
                let authentication = row.record.authentication.as_ref();
                let named = authentication.is_some_and(|it| it.handle == *handle);
                (of(wanted) || self.has(Flaw::SessionIgnoresTheUser))
                    && (named || self.has(Flaw::SessionIgnoresTheHandle))
            }
        };
        mine && self.is_live(row, now)
    }
}

impl Store for Naive {
    fn backend(&self) -> &'static str {
        "naive"
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
        Box::pin(async move {
            assert!(!self.has(Flaw::Panics), "a row that cannot be read");
            let now = if self.has(Flaw::ServesExpired) { LONG_AGO } else { now };
            let Some(row) = self.rows().get(&self.key(key)).cloned() else {
                return Ok(Loaded::Absent);
            };
            if !self.is_live(&row, now) {
                return Ok(Loaded::Expired);
            }
            Ok(Loaded::Live(Stored { record: row.record, version: Version::number(row.version) }))
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            let live = self.live(key, now);
            self.gap(Flaw::ChecksThenWrites).await;
            match (put, live) {
                (Put::New, None) => {
                    let there = self.rows().contains_key(&self.key(key));
                    if self.has(Flaw::CreateRefusesOverExpired) && there {
                        return Err(error(ErrorKind::Conflict, Operation::Create));
                    }
                    Ok(self.write(key, record, 0))
                }
                (Put::New, Some(row)) if self.has(Flaw::CreateOverwrites) => {
                    Ok(self.write(key, record, row.version))
                }
                (Put::New, Some(row)) if self.has(Flaw::CreateSilentlyKeepsTheOld) => {
                    Ok(Version::number(row.version))
                }
                (Put::New, Some(_)) => Err(error(ErrorKind::Conflict, Operation::Create)),
                (Put::At(version), Some(row)) => {
                    if version != Version::number(row.version) && !self.has(Flaw::IgnoresVersions) {
                        return Err(error(ErrorKind::Conflict, Operation::Save));
                    }
                    Ok(self.write(key, record, row.version))
                }
                (Put::At(_), None) => {
                    let there = self.rows().contains_key(&self.key(key));
                    if self.has(Flaw::UpsertsOnSave) || self.has(Flaw::RevivesOnSave) && there {
                        return Ok(self.write(key, record, 0));
                    }
                    Err(error(ErrorKind::Gone, Operation::Save))
                }
            }
        })
    }

    fn admit<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        admission: &'a Admission,
        now: Timestamp,
    ) -> StoreFuture<'a, Admitted> {
        Box::pin(self.let_in(key, put, record, admission, now))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let now = if self.has(Flaw::RevivesOnTouch) { LONG_AGO } else { now };
            let Some(mut row) = self.live(key, now) else {
                if self.has(Flaw::CreatesOnTouch) {
                    let lifetime = cloakroom_core::Lifetime::default();
                    self.write(key, &Record { expires: touch.expires, ..Record::new(lifetime, now) }, 0);
                    return Ok(());
                }
                return Err(error(ErrorKind::Gone, Operation::Touch));
            };
            if touch.version != Version::number(row.version) && !self.has(Flaw::TouchIgnoresVersions) {
                return Ok(());
            }
            let record = &mut row.record;
            match self.flaw {
                Flaw::TouchWritesNothing => return Ok(()),
                Flaw::TouchGoesBackwards => (record.seen, record.expires) = (touch.seen, touch.expires),
                _ => {
                    record.seen = record.seen.max(touch.seen);
                    record.expires = record.expires.max(touch.expires);
                }
            }
            if self.has(Flaw::TouchRaisesTheVersion) {
                row.version += 1;
            }
            self.rows().insert(self.key(key), row);
            Ok(())
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            let Some(row) = self.live(from, now) else {
                if self.has(Flaw::RenameCreates) {
                    return Ok(self.write(to, record, 0));
                }
                return Err(error(ErrorKind::Gone, Operation::Rename));
            };
            let taken = self.live(to, now).is_some() && !self.has(Flaw::RenameOverwrites);
            if version != Version::number(row.version) || taken {
                return Err(error(ErrorKind::Conflict, Operation::Rename));
            }
            if !self.has(Flaw::RenameKeepsTheOldKey) {
                self.rows().remove(&self.key(from));
            }
            self.gap(Flaw::HalfRename).await;
            let record = match self.flaw {
                Flaw::RenameForgetsTheRecord => row.record.clone(),
                Flaw::RenameLosesTheAuthentication => Record { authentication: None, ..record.clone() },
                _ => record.clone(),
            };
            Ok(self.write(to, &record, row.version))
        })
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            if self.rows().remove(&self.key(key)).is_none() && self.has(Flaw::DeleteFailsOnAbsent) {
                return Err(error(ErrorKind::Gone, Operation::Delete));
            }
            Ok(())
        })
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
        Box::pin(async move {
            let limit = if self.has(Flaw::SweepsWithoutLimit) { usize::MAX } else { limit.get() as usize };
            let ended = |row: &Row| match self.flaw {
                Flaw::SweepsTheLiving => {
                    row.record.expires.as_millis().saturating_sub(60_000) <= now.as_millis()
                }
                Flaw::SweepsByTheFirstExpiry => row.first_expiry <= now,
                _ => row.record.expires <= now,
            };
            let expired: Vec<_> =
                self.rows().iter().filter(|(_, row)| ended(row)).map(|(key, _)| key.clone()).collect();
            self.gap(Flaw::SweepCountsTwice).await;
            for key in expired.iter().take(limit) {
                self.rows().remove(key);
            }
            let removed =
                if self.has(Flaw::SweepMiscounts) { expired.len() } else { expired.len().min(limit) };
            let more = expired.len() > limit || self.has(Flaw::SweepNeverFinishes);
            let remaining = if more { Remaining::Perhaps } else { Remaining::Nothing };
            Ok(Swept { removed: removed as u64, remaining })
        })
    }

    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>> {
        Box::pin(async move {
            let now = if self.has(Flaw::ListsExpired) { LONG_AGO } else { now };
            let scope = if self.has(Flaw::ListsEverybody) { &Scope::All } else { scope };
            let later = |key: &StoreKey| match &page.after {
                Some(after) if self.has(Flaw::ListRepeatsTheLastKey) => key >= after,
                Some(after) => key > after,
                None => true,
            };
            let rows = self.rows();
            let mut found: Vec<_> = rows
                .iter()
                .filter(|(key, row)| self.in_scope(scope, row, now) && later(key))
                .take(page.limit.get() as usize)
                .map(|(key, row)| summary(key, &row.record))
                .collect();
            if self.has(Flaw::ListForgetsTheAuthentication) {
                for it in &mut found {
                    it.authentication = None;
                }
            }
            if self.has(Flaw::ListsUnsorted) {
                found.reverse();
            }
            Ok(found)
        })
    }

    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let now = if self.has(Flaw::CountsExpired) { LONG_AGO } else { now };
            Ok(self.rows().values().filter(|row| self.in_scope(scope, row, now)).count() as u64)
        })
    }

    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let now = if self.has(Flaw::EndCountsTheExpired) { LONG_AGO } else { now };
            let keep = keep.filter(|_| !self.has(Flaw::EndIgnoresTheKept));
            let mut keys: Vec<_> = self
                .rows()
                .iter()
                .filter(|(key, row)| {
                    let all = *scope == Scope::All && self.has(Flaw::AllEndsMarks);
                    (all || self.in_scope(scope, row, now)) && Some(*key) != keep
                })
                .map(|(key, _)| key.clone())
                .collect();
            if self.has(Flaw::EndMissesSessions) {
                keys.truncate(2);
            }
            for key in &keys {
                self.gap(Flaw::EndsOneByOne).await;
                self.rows().remove(key);
            }
            Ok(keys.len() as u64)
        })
    }
}

/// When every record was live that ever is.
pub(crate) const LONG_AGO: Timestamp = Timestamp::from_millis(i64::MIN);

pub(crate) fn summary(key: &StoreKey, record: &Record) -> Summary {
    Summary {
        key: key.clone(),
        user: record.user.clone(),
        authentication: record.authentication.clone(),
        created: record.created,
        seen: record.seen,
        expires: record.expires,
        device: record.device.clone(),
    }
}

pub(crate) fn error(kind: ErrorKind, operation: Operation) -> StoreError {
    StoreError::new(kind, operation, "naive")
}

fn sorted(data: &Data) -> Data {
    let sorted: BTreeMap<_, _> = data.clone().into_iter().collect();
    sorted.into_iter().collect()
}

fn to_floats(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64()),
        Value::Array(values) => values.iter_mut().for_each(to_floats),
        _ => {}
    }
}

fn cut(value: &mut Value) {
    if let Value::String(text) = value {
        *text = text.chars().take(65_535).collect();
    }
}

fn drop_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|character| character != '\0'),
        Value::Array(values) => values.iter_mut().for_each(drop_nul),
        _ => {}
    }
}
