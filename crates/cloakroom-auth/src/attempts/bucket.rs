//! The failures of one account or address.

use std::time::Duration;

use cloakroom_core::Timestamp;

use super::limits::Limit;

/// What fails is put in, and runs out by and by. The default is empty. Instants are milliseconds since 1970.
#[derive(Clone, Copy, Default)]
pub(super) struct Bucket {
    failures: u32,
    /// Up to when failures have been forgotten.
    forgotten: i64,
    /// When the last try began.
    tried: i64,
}

/// A try that was put in.
#[derive(Clone, Copy)]
pub(super) struct Charge {
    tried: i64,
    before: i64,
}

impl Bucket {
    /// How long the next try has to wait, if it has to.
    pub(super) fn wait(&mut self, limit: &Limit, now: Timestamp) -> Option<Duration> {
        self.forget(limit, now);
        let gone = now.since(Timestamp::from_millis(self.tried));
        let left = |failures| limit.wait_after(failures).saturating_sub(gone);
        // No wait is longer than it takes to forget one failure, so that at most one will be forgotten meanwhile.
        let until_forgotten =
            limit.longest().saturating_sub(now.since(Timestamp::from_millis(self.forgotten)));
        let wait = left(self.failures).min(left(self.failures.saturating_sub(1)).max(until_forgotten));
        (!wait.is_zero()).then_some(wait)
    }

    /// Puts a try in, or says how long it has to wait.
    pub(super) fn charge(&mut self, limit: &Limit, now: Timestamp) -> Result<Charge, Duration> {
        if let Some(wait) = self.wait(limit, now) {
            return Err(wait);
        }
        let charge = Charge { tried: now.as_millis(), before: self.tried };
        if self.failures == 0 {
            self.forgotten = charge.tried;
        }
        self.failures = self.failures.saturating_add(1);
        self.tried = charge.tried;
        Ok(charge)
    }

    /// Takes a try out again, as if it had not been made.
    pub(super) fn give_back(&mut self, charge: Charge) {
        self.failures = self.failures.saturating_sub(1);
        if self.tried == charge.tried {
            self.tried = charge.before;
        }
    }

    /// What makes it worth keeping: its failures, then how recent they are.
    pub(super) fn weight(mut self, limit: &Limit, now: Timestamp) -> (u32, i64) {
        self.forget(limit, now);
        (self.failures, self.tried)
    }

    fn forget(&mut self, limit: &Limit, now: Timestamp) {
        let now = now.as_millis();
        // After the clock was set back, nobody waits for it to catch up.
        self.forgotten = self.forgotten.min(now);
        self.tried = self.tried.min(now);
        let each = i64::try_from(limit.longest().as_millis()).unwrap_or(i64::MAX);
        let due = now.saturating_sub(self.forgotten) / each.max(1);
        self.forgotten = self.forgotten.saturating_add(due.saturating_mul(each));
        self.failures = self.failures.saturating_sub(u32::try_from(due).unwrap_or(u32::MAX));
    }
}
