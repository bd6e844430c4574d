//! Carries out a plan: one store verb, and on a conflict load, make the changes again, plan again, try again.

use std::sync::Arc;

use super::changes::Change;
use super::error::{LoadError, Outcome, SaveError};
use super::inner::{Inner, lock};
use super::state::{Held, Origin};
use super::step::{Action, Performed, Step, check_limits};
use crate::clock::Timestamp;
use crate::error::{ErrorKind, StoreError};
use crate::event::Event;
use crate::plan::{Fate, Plan, PreviousId, Purpose, Response, Shown, Verb, plan};
use crate::policy::{LoadFailure, ServerErrorPolicy};
use crate::random::RandomError;
use crate::record::{Record, Version};
use crate::store::{Admission, Loaded, Store, Stored, Summary, Touch};
use crate::verifier::{Standing, Verifier};

impl Inner {
    /// Brings the store to what the request wants, and notes what the browser must be told.
    ///
    /// Saves of one session take turns, so that no change is applied by two of them.
    ///
    /// Cancel safety: the store has done the one verb or has not. The next save finds out which before it writes.
    pub(super) async fn commit(&self) -> Result<(), SaveError> {
        let _turn = self.turn.lock().await;
        self.commit_in_turn().await.map(drop)
    }

    /// Stores a sign-in, and with it whatever else was done, and tells which sessions made room for it. When that
    /// fails, nobody is signed in, unless nobody knows; then the next save finds out.
    ///
    /// The turn is held from before the change is made, so that no save in between takes it along.
    pub(super) async fn sign_in(
        &self,
        change: Change,
        admission: Admission,
    ) -> Result<Vec<Summary>, SaveError> {
        let _turn = self.turn.lock().await;
        let superseded = lock(&self.state).sign_in(change, admission);
        drop(superseded);
        let committed = self.commit_in_turn().await;
        if let Err(error) = &committed
            && error.outcome() == Outcome::NotWritten
        {
            let now = self.manager.now();
            let dropped = lock(&self.state).discard(&self.manager.policy, now);
            drop(dropped);
        }
        committed
    }

    /// As [`Inner::commit`], or drops what is not stored; from then on the response cannot carry a cookie any more.
    ///
    /// The turn is kept until then, so that no save in between makes an id of which no browser would hear.
    pub(super) async fn close(&self, unsaved: ServerErrorPolicy) -> Result<(), SaveError> {
        let _turn = self.turn.lock().await;
        match unsaved {
            ServerErrorPolicy::Save => match self.commit_in_turn().await {
                // The last chance to find out what became of the write: nobody can after the response. So a connection
                // that died in the pool costs the visitor nothing, and a new id that is stored reaches its browser.
                Err(SaveError::Store { source, .. }) if source.kind() == ErrorKind::Unknown => {
                    self.commit_in_turn().await?;
                }
                result => {
                    result?;
                }
            },
            ServerErrorPolicy::Discard => self.settle().await?,
        }
        let now = self.manager.now();
        let mut state = lock(&self.state);
        state.response = Response::Sent;
        let dropped = match unsaved {
            ServerErrorPolicy::Save => Vec::new(),
            ServerErrorPolicy::Discard => state.discard(&self.manager.policy, now),
        };
        drop(state);
        drop(dropped);
        Ok(())
    }

    /// Loads what is stored now and makes this request's unsaved changes on it again.
    pub(super) async fn reload(&self) -> Result<(), LoadError> {
        let _turn = self.turn.lock().await;
        match self.settle().await {
            // When nobody was let in, what is stored is what is to be seen.
            Ok(()) | Err(SaveError::SessionLimit | SaveError::SignInSuperseded) => {}
            Err(SaveError::Unsettled) => self.give_up_unsettled(),
            Err(SaveError::Store { source, retry_after }) => {
                return Err(LoadError::Store { source, retry_after });
            }
            Err(_) => debug_assert!(false, "settling meets no other error"),
        }
        let (held, store) = {
            let state = lock(&self.state);
            match &state.origin {
                Origin::Stored(held) => (held.clone(), Arc::clone(&state.store)),
                Origin::Ended => return Err(LoadError::Gone),
                Origin::Nothing | Origin::Detached => return Ok(()),
            }
        };
        self.load_again(&*store, &held, self.manager.now()).await
    }

    async fn commit_in_turn(&self) -> Result<Vec<Summary>, SaveError> {
        self.settle().await?;
        let mut attempts = 0;
        loop {
            let now = self.manager.now();
            let (step, store) = self.next_step(now)?;
            let error = match step.perform(&*store, now).await {
                Ok(Performed::Done(version, ended)) => {
                    self.land(&step, version);
                    return Ok(ended);
                }
                Ok(Performed::Full) => return Err(self.turned_away(SaveError::SessionLimit, now)),
                Ok(Performed::Superseded) => return Err(self.turned_away(SaveError::SignInSuperseded, now)),
                Err(error) => error,
            };
            attempts += 1;
            match self.after_failure(&step, &store, error, attempts, now).await? {
                Next::Retry => {}
                Next::Stop => return Ok(Vec::new()),
            }
        }
    }

    /// Decides what to do now. From here until the store has answered, a write counts as unsettled.
    fn next_step(&self, now: Timestamp) -> Result<(Arc<Step>, Arc<dyn Store>), SaveError> {
        let policy = &self.manager.policy;
        if let Some(decide) = policy.lifetime_function() {
            let beginning = lock(&self.state).beginning();
            if let Some(lifetime) = beginning.map(|view| decide(&view.data)) {
                lock(&self.state).begin_with(lifetime);
            }
        }
        // Declared before the lock, so that it is dropped after it.
        let _dropped;
        let mut state = lock(&self.state);
        let Plan { verb, cookie, purpose } = match state.origin {
            Origin::Nothing | Origin::Stored(_) => plan(&state.situation(), policy, now),
            Origin::Ended if state.has_unsaved_changes() => {
                _dropped = state.discard(policy, now);
                return Err(SaveError::Gone);
            }
            // Whoever asked for either is told that it did not happen; other changes are dropped as the policy says.
            Origin::Detached if state.fate == Fate::Destroy || state.admission.is_some() => {
                return Err(SaveError::Detached { retry_after: self.manager.retry_after() });
            }
            Origin::Detached if !state.changes.is_empty() => {
                self.manager.changes_dropped();
                _dropped = state.discard(policy, now);
                Plan::NOTHING
            }
            Origin::Ended | Origin::Detached => Plan::NOTHING,
        };
        if let Some(record) = verb.record()
            && purpose == Purpose::Asked
        {
            check_limits(&record.data, policy)?;
        }
        if verb.needs_a_cookie() && state.response == Response::Sent {
            return Err(SaveError::ResponseSent);
        }
        let verb = match verb {
            // Whoever ends a session and signs in at once gets the key of the one that ends, so that letting them in
            // stays one write. Its id dies, and nothing of it is left but the key.
            Verb::Rename(record) if state.admission.is_some() => {
                Verb::Rotate { record, previous: PreviousId::Dies }
            }
            verb => verb,
        };
        let action = self.action(verb, state.held(), now)?;
        let admission = state.admission.clone();
        let step = Arc::new(Step { action, cookie, purpose, until: state.changes.begin_flight(), admission });
        state.unsure = step.action.matters().then(|| Arc::clone(&step));
        Ok((step, Arc::clone(&state.store)))
    }

    /// Gives the plan's verb the keys and versions that the store needs.
    fn action(&self, verb: Verb, held: Option<&Held>, now: Timestamp) -> Result<Action, SaveError> {
        let opened_by = |record, verifier: Verifier| Arc::new(Record { verifier, ..record });
        Ok(match (verb, held) {
            (Verb::Nothing, _) | (Verb::Touch { .. } | Verb::Delete, None) => Action::Nothing,
            (
                Verb::Create(record)
                | Verb::Save(record)
                | Verb::Rename(record)
                | Verb::Rotate { record, .. },
                None,
            ) => {
                let (id, key, verifier) = self.manager.new_id(now)?;
                Action::Create { id, key, record: opened_by(record, verifier) }
            }
            (Verb::Create(record) | Verb::Rename(record), Some(held)) => {
                let (id, key, verifier) = self.manager.new_id(now)?;
                Action::Rename { from: held.clone(), id, key, record: opened_by(record, verifier) }
            }
            (Verb::Rotate { record, previous }, Some(held)) => {
                let (id, verifier) = self.manager.next_id(held, previous, now)?;
                Action::Rotate { held: held.clone(), id, record: opened_by(record, verifier) }
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
    pub(super) fn land(&self, step: &Step, version: Option<Version>) {
        self.land_as(step, step.action.origin(version));
    }

    pub(super) fn land_as(&self, step: &Step, origin: Option<Origin>) {
        let mut state = lock(&self.state);
        let landed = match origin {
            Some(origin) => state.landed(step.until, origin),
            None => state.unchanged(step.until),
        };
        if step.admission.is_some() {
            // Whoever is in needs none for what was done during the sign-in.
            state.admission = None;
        }
        state.tell(step.cookie);
        drop(state);
        drop(landed);
        step.action.events().iter().for_each(|event| self.manager.notify(event));
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
            lock(&self.state).refused();
        }
        let retries = self.manager.policy.retries.0;
        match (error.kind(), &step.action) {
            // The new id was taken: the next attempt draws another.
            (ErrorKind::Conflict, Action::Create { .. }) if attempts <= retries => Ok(Next::Retry),
            (ErrorKind::Conflict, Action::Create { .. }) => {
                Err(RandomError::new("every id that it gave was taken").into())
            }
            (ErrorKind::Conflict, action) => {
                self.manager.notify(&Event::Conflict { attempt: attempts });
                if attempts > retries {
                    return upkeep_or(step, SaveError::Contended { attempts });
                }
                let Some(held) = action.held() else { return Ok(Next::Retry) };
                match self.load_again(&**store, held, now).await {
                    Ok(()) => Ok(Next::Retry),
                    Err(error) => upkeep_or(step, error.into()),
                }
            }
            (ErrorKind::Gone, _) => match self.end_elsewhere(now) {
                Ended::AsWanted => Ok(Next::Retry),
                Ended::Unexpectedly => upkeep_or(step, SaveError::Gone),
            },
            (ErrorKind::Unavailable | ErrorKind::Overloaded | ErrorKind::Closed, Action::Create { .. })
                // The fallback knows nothing of a user's right to sign in.
                if step.admission.is_none() && self.fall_back(store) =>
            {
                self.manager.notify(&Event::StoreFailed(&error));
                Ok(Next::Retry)
            }
            _ => {
                self.manager.notify(&Event::StoreFailed(&error));
                upkeep_or(step, self.manager.save_error(error))
            }
        }
    }

    /// Loads what another request wrote and makes this request's changes in it.
    async fn load_again(&self, store: &dyn Store, held: &Held, now: Timestamp) -> Result<(), LoadError> {
        let loaded = store.load(&held.key, now).await.map_err(|source| {
            self.manager.notify(&Event::StoreFailed(&source));
            LoadError::Store { source, retry_after: self.manager.retry_after() }
        })?;
        match loaded {
            Loaded::Live(stored) if stored.record.is_live(now) => match self.follow(held, stored) {
                Some(held) => Ok(self.rebase(held, now)?),
                None => self.ended(now),
            },
            Loaded::Live(_) | Loaded::Expired | Loaded::Absent => self.ended(now),
        }
    }

    /// The session as it is stored now, unless its id was changed by somebody who did not want this request to go on.
    fn follow(&self, held: &Held, stored: Stored) -> Option<Held> {
        let Stored { record, version } = stored;
        let standing = record.verifier.standing_under_way(self.manager.cookie.name(), &held.id);
        let held = Held { record: Arc::new(record), version, ..held.clone() };
        match standing {
            Standing::Current => Some(held),
            Standing::Previous(Some(id)) => Some(Held { id, shown: Shown::No, ..held }),
            Standing::Previous(None) | Standing::Reused => Some(Held { shown: Shown::No, ..held }),
            // Whoever ends a session means it, whatever its id is now.
            Standing::Superseded if lock(&self.state).fate == Fate::Destroy => Some(held),
            Standing::Superseded => None,
        }
    }

    /// Nobody is let in: what was done goes with the sign-in, which it may rest on.
    pub(super) fn turned_away(&self, error: SaveError, now: Timestamp) -> SaveError {
        let mut state = lock(&self.state);
        state.refused();
        let dropped = state.discard(&self.manager.policy, now);
        drop(state);
        drop(dropped);
        error
    }

    fn ended(&self, now: Timestamp) -> Result<(), LoadError> {
        match self.end_elsewhere(now) {
            Ended::AsWanted => Ok(()),
            Ended::Unexpectedly => Err(LoadError::Gone),
        }
    }

    /// Takes note that the session is no longer in the store, and that this request did not end it.
    fn end_elsewhere(&self, now: Timestamp) -> Ended {
        let mut state = lock(&self.state);
        if state.fate == Fate::Destroy {
            // It was to end anyway; what was put in afterwards begins another one.
            state.origin = Origin::Nothing;
            return Ended::AsWanted;
        }
        let dropped = state.ended(&self.manager.policy, now);
        drop(state);
        drop(dropped);
        self.manager.notify(&Event::Gone);
        Ended::Unexpectedly
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

/// What nobody asked for is not worth an error: the handler's answer is true, and the next request tries again.
fn upkeep_or(step: &Step, error: SaveError) -> Result<Next, SaveError> {
    match step.purpose {
        Purpose::Upkeep => Ok(Next::Stop),
        Purpose::Asked => Err(error),
    }
}

enum Next {
    Retry,
    Stop,
}

/// Whether this request wanted the end that another one brought about.
enum Ended {
    AsWanted,
    Unexpectedly,
}
