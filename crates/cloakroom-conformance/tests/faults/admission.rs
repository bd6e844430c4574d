//! How the naive store lets somebody in who signs in, and what can be wrong with that.

use std::num::NonZeroU32;

use cloakroom_core::{
    Admission, Admitted, Authentication, Operation, Put, Record, Store as _, StoreError, StoreKey, Summary,
    Timestamp, Version, WhenFull,
};

use crate::naive::{Flaw, LONG_AGO, Naive, Row, error, summary};

impl Naive {
    pub(crate) async fn let_in(
        &self,
        key: &StoreKey,
        put: Put,
        record: &Record,
        admission: &Admission,
        now: Timestamp,
    ) -> Result<Admitted, StoreError> {
        let looked = if self.has(Flaw::AdmitTakesAnExpiredMark) { LONG_AGO } else { now };
        let current = self.live(&admission.mark, looked).map(|row| row.version);
        let marked = match self.flaw {
            Flaw::AdmitIgnoresTheMark => true,
            Flaw::AdmitTakesAnOldMark => current.is_some(),
            _ => current.map(Version::number).as_ref() == Some(&admission.version),
        };
        if !marked {
            return Ok(Admitted::Superseded);
        }
        self.gap(Flaw::AdmitLooksAtTheMarkFirst).await;
        let Some(ended) = self.make_room(key, record, admission, now) else {
            return Ok(Admitted::Full);
        };
        self.gap(Flaw::AdmitCountsThenWrites).await;
        if self.has(Flaw::AdmitEndsBeforeAFailingPut) || self.has(Flaw::AdmitEndsThenWrites) {
            self.remove(&ended);
        }
        self.gap(Flaw::AdmitEndsThenWrites).await;
        if put == Put::New && self.has(Flaw::AdmitOverwrites) {
            self.rows().remove(&self.key(key));
        }
        let written = self.put(key, put, record, now).await;
        let version = written.map_err(|failed| error(failed.kind(), Operation::Admit))?;
        self.remove(&ended);
        if self.has(Flaw::AdmitWritesTheMark) {
            self.rows().entry(admission.mark.clone()).and_modify(|row| row.version += 1);
        }
        let ended = if self.has(Flaw::AdmitForgetsWhomItEnded) { Vec::new() } else { ended };
        Ok(Admitted::In { version, ended })
    }

    /// Who has to end, or `None` when there is no room.
    fn make_room(
        &self,
        key: &StoreKey,
        record: &Record,
        admission: &Admission,
        now: Timestamp,
    ) -> Option<Vec<Summary>> {
        let Some(mut limit) = admission.limit else { return Some(Vec::new()) };
        let now = if self.has(Flaw::AdmitCountsTheExpired) { LONG_AGO } else { now };
        let same_user = |it: &Record| it.user.is_some() && it.user == record.user;
        let counts = |(other, row): &(&StoreKey, &Row)| {
            (same_user(&row.record) || self.has(Flaw::AdmitCountsEverybody))
                && self.is_live(row, now)
                && (*other != key || self.has(Flaw::AdmitCountsItself))
        };
        let rows = self.rows();
        let mut others: Vec<_> =
            rows.iter().filter(counts).map(|(key, row)| summary(key, &row.record)).collect();
        match self.flaw {
            Flaw::AdmitEndsOneTooMany => {
                limit.most = NonZeroU32::new(limit.most.get() - 1).unwrap_or(limit.most);
            }
            Flaw::AdmitNeverRefuses => limit.when_full = WhenFull::EndOldest,
            Flaw::AdmitEndsTheNewest => others.iter_mut().for_each(turn_back),
            Flaw::AdmitCountsOlderEpochs => {
                let epoch = record.authentication.as_ref().map_or(0, |it| it.epoch);
                for it in &mut others {
                    it.authentication = it.authentication.take().map(|it| Authentication { epoch, ..it });
                }
            }
            _ => {}
        }
        let mut ended = limit.make_room(record, others)?;
        if self.has(Flaw::AdmitEndsOneOnly) {
            ended.truncate(1);
        }
        Some(ended)
    }

    fn remove(&self, ended: &[Summary]) {
        for session in ended {
            self.rows().remove(&session.key);
        }
    }
}

/// Makes the oldest the newest.
fn turn_back(session: &mut Summary) {
    let turned = |at: Timestamp| Timestamp::from_millis(at.as_millis().saturating_neg());
    session.seen = turned(session.seen);
    session.authentication =
        session.authentication.take().map(|it| Authentication { at: turned(it.at), ..it });
}
