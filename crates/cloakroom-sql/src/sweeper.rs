//! Removing expired sessions in the background.
//!
//! Expired sessions are never served, whether they were swept or not; sweeping only gives their room back. Every
//! batch of it is one more operation in the store's queue, so that visitors' writes go in between, and any number of
//! nodes may sweep the same table.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_core::{Clock, ErrorKind, Remaining, StoreError, Swept, Timestamp};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::gather::draw;

/// When a store removes expired sessions.
///
/// Default: [`Sweep::Every`] minute. Why: a table that is swept often is small and swept quickly. Cost: one indexed
/// query a minute and node when nothing has expired; when much has, batches of at most 500 rows during at most five
/// seconds, then a pause until the next time.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use cloakroom_sql::Sweep;
///
/// assert_eq!(Sweep::default(), Sweep::Every(Duration::from_secs(60)));
/// let like_express_mysql_session = Sweep::Every(Duration::from_secs(900));
/// let like_php = Sweep::OneRequestIn(NonZeroU32::new(100).unwrap());
/// # let _ = (like_express_mysql_session, like_php);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Never: another node does it, a job of the database's, or the application with the store's `sweep_now`.
    Off,
    /// Again and again, about this far apart: each pause is drawn between half of it and one and a half, so that
    /// several nodes do not sweep in step. Less than a second is taken for a second, more than a year for a year.
    Every(Duration),
    /// After every new session at most this many expired ones, in the background. The table is never larger than its
    /// busiest time made it, and nothing is done while nobody comes. Cost: one more statement for every new session,
    /// or for every few of them where they come together.
    OnInsert {
        /// How many for each. Two or more let the table shrink.
        at_most: NonZeroU32,
    },
    /// Once in about this many requests that carry a session, in the background.
    OneRequestIn(NonZeroU32),
}

impl Default for Sweep {
    fn default() -> Self {
        Self::Every(Duration::from_mins(1))
    }
}

/// How many rows one statement removes at most: some milliseconds of work, which is what a visitor's write waits.
const BATCH: NonZeroU32 = NonZeroU32::new(500).unwrap();
/// How long one run goes on at most.
const BUDGET: Duration = Duration::from_secs(5);
/// What an interval is held to: no busy loop, and no length that arithmetic cannot bear.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// What can be swept.
pub(crate) trait Sweepable: Send + Sync + 'static {
    /// As [`Store::sweep`](cloakroom_core::Store::sweep).
    fn sweep(
        &self,
        limit: NonZeroU32,
        now: Timestamp,
    ) -> impl Future<Output = Result<Swept, StoreError>> + Send;
}

/// Removes everything that has expired at `now`, in batches, and returns how many sessions that were.
pub(crate) async fn sweep_now(target: &impl Sweepable, now: Timestamp) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let swept = target.sweep(BATCH, now).await?;
        removed += swept.removed;
        if swept.remaining == Remaining::Nothing {
            return Ok(removed);
        }
    }
}

/// The background task of a store. Dropping it stops the task.
#[derive(Debug)]
pub(crate) struct Sweeper {
    trigger: Arc<Trigger>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Sweeper {
    /// Starts the task that `sweep` asks for, if it asks for one.
    pub(crate) fn start(
        sweep: Sweep,
        target: Arc<impl Sweepable>,
        clock: Arc<dyn Clock>,
        runtime: &Handle,
    ) -> Self {
        let trigger = Arc::new(Trigger::new(sweep));
        let task = match sweep {
            Sweep::Off => None,
            _ => Some(runtime.spawn(work(target, clock, Arc::clone(&trigger)))),
        };
        Self { trigger, task: Mutex::new(task) }
    }

    /// Says that a session was created.
    pub(crate) fn inserted(&self) {
        if matches!(self.trigger.sweep, Sweep::OnInsert { .. }) {
            self.trigger.count.fetch_add(1, Ordering::Relaxed);
            self.trigger.bell.notify_one();
        }
    }

    /// Says that a request asked for its session.
    pub(crate) fn requested(&self) {
        if let Sweep::OneRequestIn(requests) = self.trigger.sweep
            && self.trigger.count.fetch_add(1, Ordering::Relaxed) % requests == 0
        {
            self.trigger.bell.notify_one();
        }
    }

    /// Stops the task and waits until it has stopped. A batch that was begun is finished by the store.
    pub(crate) async fn stop(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            // The error says that it was stopped.
            let _stopped = task.await;
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

/// Says when the next run is due, and how much it may do.
#[derive(Debug)]
struct Trigger {
    sweep: Sweep,
    /// New sessions since the last run, or requests since the start, the first of them anywhere in the round.
    count: AtomicU32,
    bell: Notify,
}

/// How much a run may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    /// Everything that the budget of time allows.
    Everything,
    /// One batch of at most this many rows.
    AtMost(NonZeroU32),
}

impl Trigger {
    fn new(sweep: Sweep) -> Self {
        let count = match sweep {
            Sweep::OneRequestIn(requests) => draw() % requests,
            _ => 0,
        };
        Self { sweep, count: AtomicU32::new(count), bell: Notify::new() }
    }

    async fn due(&self) -> Amount {
        match self.sweep {
            Sweep::Off => std::future::pending().await,
            Sweep::Every(interval) => {
                sleep(jittered(interval, draw())).await;
                Amount::Everything
            }
            Sweep::OneRequestIn(_) => {
                self.bell.notified().await;
                Amount::Everything
            }
            Sweep::OnInsert { at_most } => loop {
                self.bell.notified().await;
                let inserted = self.count.swap(0, Ordering::Relaxed);
                if let Some(inserted) = NonZeroU32::new(inserted) {
                    break Amount::AtMost(at_most.saturating_mul(inserted).min(BATCH));
                }
            },
        }
    }
}

async fn work(target: Arc<impl Sweepable>, clock: Arc<dyn Clock>, trigger: Arc<Trigger>) {
    let mut health = Health { state: State::Well, said: None };
    loop {
        let amount = trigger.due().await;
        let outcome = run(target.as_ref(), clock.as_ref(), amount).await;
        if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Closed) {
            return;
        }
        match (health.turn(&outcome, Instant::now()), outcome) {
            (Turn::Worse, Err(error)) => {
                tracing::warn!(%error, "expired sessions cannot be removed; trying on");
            }
            (Turn::Better, Ok(removed)) => {
                tracing::info!(removed, "expired sessions are being removed again");
            }
            _ => {}
        }
    }
}

async fn run(target: &impl Sweepable, clock: &dyn Clock, amount: Amount) -> Result<u64, StoreError> {
    let limit = match amount {
        Amount::AtMost(limit) => return Ok(target.sweep(limit, clock.now()).await?.removed),
        Amount::Everything => BATCH,
    };
    let end = Instant::now() + BUDGET;
    let mut removed = 0;
    loop {
        let swept = target.sweep(limit, clock.now()).await?;
        removed += swept.removed;
        if swept.remaining == Remaining::Nothing || Instant::now() >= end {
            return Ok(removed);
        }
    }
}

/// How sweeping goes. Only a change is worth a line in a log, and of changes that come and go one in a minute.
#[derive(Debug)]
struct Health {
    state: State,
    /// When the log last heard that it fails.
    said: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Well,
    /// The last run failed, and the log knows.
    Failing,
    /// The last run failed, too soon after the log heard of another that did.
    Wavering,
}

#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Better,
    Worse,
    Same,
}

impl Health {
    fn turn(&mut self, outcome: &Result<u64, StoreError>, now: Instant) -> Turn {
        const QUIET: Duration = Duration::from_mins(1);
        let may_speak = self.said.is_none_or(|said| now.duration_since(said) >= QUIET);
        let (state, turn) = match (&self.state, outcome) {
            (State::Well | State::Wavering, Err(_)) if may_speak => (State::Failing, Turn::Worse),
            (State::Well | State::Wavering, Err(_)) => (State::Wavering, Turn::Same),
            (State::Failing, Err(_)) => (State::Failing, Turn::Same),
            (State::Failing, Ok(_)) => (State::Well, Turn::Better),
            (State::Well | State::Wavering, Ok(_)) => (State::Well, Turn::Same),
        };
        self.state = state;
        if turn == Turn::Worse {
            self.said = Some(now);
        }
        turn
    }
}

/// Between half of `interval` and one and a half.
fn jittered(interval: Duration, draw: u32) -> Duration {
    let interval = interval.clamp(SHORTEST, LONGEST);
    interval / 2 + interval.mul_f64(f64::from(draw) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests;
