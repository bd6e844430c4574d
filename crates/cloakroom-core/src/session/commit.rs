//! Carries out a plan: one store verb, and on a conflict load, make the changes again, plan again, try again.

use std::io;
use std::sync::Arc;

use super::error::SaveError;
use super::state::{Attempt, Flight, Held, Origin, Response};
use super::{Inner, lock};
use crate::clock::Timestamp;
use crate::error::{ErrorKind, StoreError};
use crate::event::Event;
use crate::id::{SessionId, StoreKey};
use crate::plan::{CookieStep, Fate, Plan, Verb, plan};
use crate::policy::LoadFailure;
use crate::record::{Record, Version};
use crate::store::{Loaded, Put, Store, Touch};

impl Inner {
    /// Brings the store to what the request wants, and notes what the browser must be told.
    ///
    /// Saves of one session take turns, so that no change is applied by two of them.
    ///
    /// Cancel safety: the store has done the one verb or has not. The next save finds out which before it writes.
    pub(super) async fn commit(&self) -> Result<(), SaveError> {
        let _turn = self.turn.lock().await;
        self.settle().await?;
        let mut attempts = 0;
        loop {
            let now = self.manager.now();
            let step = self.next_step(now)?;
            let store = Arc::clone(&lock(&self.state).store);
            let error = match step.perform(&*store, now).await {
                Ok(version) => return self.land(step, version, now),
                Err(error) => error,
            };
            attempts += 1;
            match self.after_failure(&step, &store, error, attempts, now).await? {
                Next::Retry => {}
                Next::Stop => return Ok(()),
            }
        }
    }

    /// Decides what to do now. From here until the store has answered, the write counts as unsettled.
    fn next_step(&self, now: Timestamp) -> Result<Step, SaveError> {
        let policy = &self.manager.policy;
        let mut state = lock(&self.state);
        match state.origin {
            Origin::Nothing | Origin::Stored(_) => {}
            Origin::Ended if state.has_unsaved_changes() => {
                state.changes.clear();
                return Err(SaveError::Gone);
            }
            Origin::Detached if !state.changes.is_empty() => {
                tracing::warn!(
                    "changes to a session are dropped, because the store could not be asked for it"
                );
                state.changes.clear();
                return Ok(Step::nothing(state.begin_flight(), CookieStep::Leave));
            }
            Origin::Ended | Origin::Detached => {
                return Ok(Step::nothing(state.begin_flight(), CookieStep::Leave));
            }
        }
        state.settle_lifetime(policy);
        let Plan { verb, cookie } = plan(&state.situation(), policy, now);
        if let Verb::Create(record) | Verb::Save(record) | Verb::Rename(record) = &verb {
            check_size(record, policy.data_limit.0)?;
        }
        if matches!(verb, Verb::Create(_) | Verb::Rename(_)) && state.response == Response::Sent {
            return Err(SaveError::ResponseSent);
        }
        let action = self.action(verb, state.held())?;
        let flight = state.begin_flight();
        state.unsure = action.writes().map(|(id, key, record)| Attempt {
            id: id.clone(),
            key: key.clone(),
            record: Arc::clone(record),
            cookie,
            flight,
        });
        Ok(Step { flight, action, cookie })
    }

    /// Gives the plan's verb the keys and versions that the store needs.
    fn action(&self, verb: Verb, held: Option<&Held>) -> Result<Action, SaveError> {
        Ok(match (verb, held) {
            (Verb::Nothing, _) | (Verb::Touch { .. } | Verb::Delete, None) => Action::Nothing,
            (Verb::Create(record) | Verb::Save(record) | Verb::Rename(record), None) => {
                let (id, key) = self.manager.new_id()?;
                Action::Create { id, key, record: record.into() }
            }
            (Verb::Create(record) | Verb::Rename(record), Some(held)) => {
                let (id, key) = self.manager.new_id()?;
                Action::Rename { from: held.clone(), id, key, record: record.into() }
            }
            (Verb::Save(record), Some(held)) => Action::Save { held: held.clone(), record: record.into() },
            (Verb::Touch { seen, expires }, Some(held)) => Action::Touch {
                held: held.clone(),
                touch: Touch { version: held.version.clone(), seen, expires },
            },
            (Verb::Delete, Some(held)) => Action::Delete { held: held.clone() },
        })
    }

    /// The store has done what it was asked.
    fn land(&self, step: Step, version: Option<Version>, now: Timestamp) -> Result<(), SaveError> {
        let Step { flight, action, cookie } = step;
        let event = action.event();
        {
            let mut state = lock(&self.state);
            match action.origin(version) {
                Some(origin) => state.landed(flight, origin, &self.manager.policy, now)?,
                None => state.unsure = None,
            }
            if cookie != CookieStep::Leave {
                state.cookie = cookie;
            }
        }
        if let Some(event) = event {
            self.manager.notify(&event);
        }
        Ok(())
    }

    /// The store has refused, or it is not known what it has done.
    async fn after_failure(
        &self,
        step: &Step,
        store: &Arc<dyn Store>,
        error: StoreError,
        attempts: u32,
        now: Timestamp,
    ) -> Result<Next, SaveError> {
        if error.kind() != ErrorKind::Unknown {
            lock(&self.state).unsure = None;
        }
        match (error.kind(), &step.action) {
            // The new id was taken: the next attempt draws another.
            (ErrorKind::Conflict, Action::Create { .. }) if attempts <= self.manager.policy.retries.0 => {
                Ok(Next::Retry)
            }
            (ErrorKind::Conflict, action) if attempts <= self.manager.policy.retries.0 => {
                self.manager.notify(&Event::Conflict { attempt: attempts });
                let Some(held) = action.held() else { return Ok(Next::Retry) };
                self.load_again(store, held, now).await?;
                Ok(Next::Retry)
            }
            (ErrorKind::Conflict, _) => Err(SaveError::Contended { attempts }),
            // What ended first was to end anyway: what comes after it begins by itself.
            (ErrorKind::Gone, Action::Rename { .. }) if lock(&self.state).fate == Fate::Destroy => {
                lock(&self.state).origin = Origin::Nothing;
                Ok(Next::Retry)
            }
            (ErrorKind::Gone, action) => {
                lock(&self.state).ended();
                self.manager.notify(&Event::Gone);
                if matches!(action, Action::Touch { .. }) { Ok(Next::Stop) } else { Err(SaveError::Gone) }
            }
            (ErrorKind::Unavailable, Action::Create { .. }) if self.fall_back(store) => {
                self.manager.notify(&Event::StoreFailed(&error));
                Ok(Next::Retry)
            }
            _ => {
                self.manager.notify(&Event::StoreFailed(&error));
                Err(self.manager.save_error(error))
            }
        }
    }

    /// Loads what another request wrote and makes this request's changes in it.
    pub(super) async fn load_again(
        &self,
        store: &Arc<dyn Store>,
        held: &Held,
        now: Timestamp,
    ) -> Result<(), SaveError> {
        let loaded = match store.load(&held.key, now).await {
            Ok(loaded) => loaded,
            Err(error) => {
                self.manager.notify(&Event::StoreFailed(&error));
                return Err(self.manager.save_error(error));
            }
        };
        let mut state = lock(&self.state);
        match loaded {
            Loaded::Live(stored) if stored.record.is_live(now) => {
                let held = Held { record: Arc::new(stored.record), version: stored.version, ..held.clone() };
                state.rebase(Origin::Stored(held), &self.manager.policy, now)?;
                Ok(())
            }
            _ if state.fate == Fate::Destroy => {
                state.origin = Origin::Nothing;
                Ok(())
            }
            _ => {
                state.ended();
                drop(state);
                self.manager.notify(&Event::Gone);
                Err(SaveError::Gone)
            }
        }
    }

    /// Finds out whether the last write, whose outcome nobody saw, was applied.
    async fn settle(&self) -> Result<(), SaveError> {
        let (attempt, store, held_version) = {
            let state = lock(&self.state);
            let Some(attempt) = state.unsure.clone() else { return Ok(()) };
            let saved = state.held().filter(|held| held.key == attempt.key).map(|held| held.version.clone());
            (attempt, Arc::clone(&state.store), saved)
        };
        let now = self.manager.now();
        let loaded = store.load(&attempt.key, now).await.map_err(|error| {
            self.manager.notify(&Event::StoreFailed(&error));
            self.manager.save_error(error)
        })?;
        let mut state = lock(&self.state);
        let Loaded::Live(stored) = loaded else {
            // Nothing is there: a new id was not written, and a session that ended meanwhile says so when saved.
            state.unsure = None;
            return Ok(());
        };
        let held = |version| Held {
            id: attempt.id.clone(),
            key: attempt.key.clone(),
            record: Arc::new(stored.record.clone()),
            version,
        };
        match held_version {
            Some(version) if stored.version == version => state.unsure = None,
            Some(_) if stored.record != *attempt.record => {
                if !state.changes.are_idempotent() {
                    return Err(SaveError::Unsettled);
                }
                state.unsure = None;
                state.rebase(Origin::Stored(held(stored.version.clone())), &self.manager.policy, now)?;
            }
            Some(_) | None => {
                let origin = Origin::Stored(held(stored.version.clone()));
                state.landed(attempt.flight, origin, &self.manager.policy, now)?;
                if attempt.cookie != CookieStep::Leave {
                    state.cookie = attempt.cookie;
                }
            }
        }
        Ok(())
    }

    /// Turns to the policy's fallback store, if it has one that is not in use already.
    fn fall_back(&self, failed: &Arc<dyn Store>) -> bool {
        match &self.manager.policy.on_load_failure {
            LoadFailure::Fallback(fallback) if !Arc::ptr_eq(fallback, failed) => {
                lock(&self.state).store = Arc::clone(fallback);
                true
            }
            _ => false,
        }
    }
}

enum Next {
    Retry,
    Stop,
}

/// One attempt to carry out a plan.
struct Step {
    flight: Flight,
    action: Action,
    cookie: CookieStep,
}

/// A store verb with all its arguments.
enum Action {
    Nothing,
    Create { id: SessionId, key: StoreKey, record: Arc<Record> },
    Save { held: Held, record: Arc<Record> },
    Touch { held: Held, touch: Touch },
    Rename { from: Held, id: SessionId, key: StoreKey, record: Arc<Record> },
    Delete { held: Held },
}

impl Step {
    const fn nothing(flight: Flight, cookie: CookieStep) -> Self {
        Self { flight, action: Action::Nothing, cookie }
    }

    /// The one place that calls a writing verb.
    async fn perform(&self, store: &dyn Store, now: Timestamp) -> Result<Option<Version>, StoreError> {
        match &self.action {
            Action::Nothing => Ok(None),
            Action::Create { key, record, .. } => store.put(key, Put::New, record, now).await.map(Some),
            Action::Save { held, record } => {
                store.put(&held.key, Put::At(held.version.clone()), record, now).await.map(Some)
            }
            Action::Touch { held, touch } => store.touch(&held.key, touch.clone(), now).await.map(|()| None),
            Action::Rename { from, key, record, .. } => {
                store.rename(&from.key, from.version.clone(), key, record, now).await.map(Some)
            }
            Action::Delete { held } => store.delete(&held.key).await.map(|()| None),
        }
    }
}

impl Action {
    /// What is written where, for verbs that write a record.
    fn writes(&self) -> Option<(&SessionId, &StoreKey, &Arc<Record>)> {
        match self {
            Self::Create { id, key, record } | Self::Rename { id, key, record, .. } => {
                Some((id, key, record))
            }
            Self::Save { held, record } => Some((&held.id, &held.key, record)),
            Self::Nothing | Self::Touch { .. } | Self::Delete { .. } => None,
        }
    }

    /// The stored session that the verb works on.
    fn held(&self) -> Option<&Held> {
        match self {
            Self::Save { held, .. } | Self::Touch { held, .. } | Self::Delete { held } => Some(held),
            Self::Rename { from, .. } => Some(from),
            Self::Nothing | Self::Create { .. } => None,
        }
    }

    /// What is stored once the verb has succeeded; `None` when nothing changed.
    fn origin(self, version: Option<Version>) -> Option<Origin> {
        match (self, version) {
            (Self::Create { id, key, record } | Self::Rename { id, key, record, .. }, Some(version)) => {
                Some(Origin::Stored(Held { id, key, record, version }))
            }
            (Self::Save { held, record }, Some(version)) => {
                Some(Origin::Stored(Held { record, version, ..held }))
            }
            (Self::Touch { held, touch }, _) => {
                let record =
                    Record { seen: touch.seen, expires: touch.expires, ..Record::clone(&held.record) };
                Some(Origin::Stored(Held { record: Arc::new(record), ..held }))
            }
            (Self::Delete { .. }, _) => Some(Origin::Nothing),
            _ => None,
        }
    }

    const fn event(&self) -> Option<Event<'static>> {
        match self {
            Self::Nothing => None,
            Self::Create { .. } => Some(Event::Created),
            Self::Save { .. } => Some(Event::Saved),
            Self::Touch { .. } => Some(Event::Touched),
            Self::Rename { .. } => Some(Event::Rotated),
            Self::Delete { .. } => Some(Event::Destroyed),
        }
    }
}

/// Measures the data without keeping its text.
fn check_size(record: &Record, limit: usize) -> Result<(), SaveError> {
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
    serde_json::to_writer(Counter(limit), &record.data).map_err(|_| SaveError::TooLarge { limit })
}
