//! What the clones of a session share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::changes::{Change, Update};
use super::state::{Held, LastSave, Origin, State};
use super::value::{DecodeError, ValueError};
use crate::clock::Timestamp;
use crate::event::Event;
use crate::manager::ManagerState;
use crate::plan::Response;

/// The state of a session behind its lock.
///
/// The application's own code (an update, a lifetime function, an observer, the end of a value that a closure caught)
/// never runs while the lock is held, because it may use the session.
pub(super) struct Inner {
    pub(super) manager: Arc<ManagerState>,
    pub(super) state: Mutex<State>,
    /// Held while a save or reload is under way; `state` is only ever held between awaits.
    pub(super) turn: async_lock::Mutex<()>,
}

/// How often an update is run before it is blamed for changing the very value that it is given. Clones of a session
/// that update one value from several threads meet a few times in a row at most.
const MOST_RUNS: u32 = 1_000;

impl Inner {
    pub(super) fn new(manager: Arc<ManagerState>, state: State) -> Self {
        Self { manager, state: Mutex::new(state), turn: async_lock::Mutex::new(()) }
    }

    /// Makes a change that is no update.
    pub(super) fn change(&self, change: Change) {
        let superseded = lock(&self.state).change(change);
        drop(superseded);
    }

    /// Runs an update without the lock, and again when somebody else changed its value meanwhile.
    pub(super) fn update(&self, key: &str, update: &Update) -> Result<Value, ValueError> {
        for _ in 0..MOST_RUNS {
            let before = Arc::clone(&lock(&self.state).view);
            let value = update(before.data.get(key)).inspect_err(|error| self.report(error))?;
            let mut state = lock(&self.state);
            if Arc::ptr_eq(&before, &state.view) || before.data.get(key) == state.view.data.get(key) {
                // Otherwise the change would have to copy the whole record.
                drop(before);
                let superseded = state.updated(key, value.clone(), Arc::clone(update));
                drop(state);
                drop(superseded);
                return Ok(value);
            }
        }
        Err(ValueError::Unstable { key: key.to_owned() })
    }

    /// Takes over what the store holds now and makes this request's changes on it again; on an error everything stays
    /// as it was.
    pub(super) fn rebase(&self, held: Held, now: Timestamp) -> Result<(), ValueError> {
        'anew: loop {
            let (mut record, mut changes, mut mark) = {
                let state = lock(&self.state);
                (state.base(&held, &self.manager.policy, now), state.changes.all(), state.changes.mark())
            };
            loop {
                for change in &changes {
                    change.apply(&mut record).inspect_err(|error| self.report(error))?;
                }
                let mut state = lock(&self.state);
                let Some(later) = state.changes.since(mark) else { continue 'anew };
                if later.is_empty() {
                    state.origin = Origin::Stored(held);
                    state.view = Arc::new(record);
                    return Ok(());
                }
                mark = state.changes.mark();
                drop(state);
                changes = later;
            }
        }
    }

    pub(super) fn undecodable(&self, error: &DecodeError) {
        self.manager.notify(&Event::Undecodable { key: error.key() });
    }

    fn report(&self, error: &ValueError) {
        if let ValueError::Decode(error) = error {
            self.undecodable(error);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let forgotten = state.response == Response::Sent && state.last_save == LastSave::Fine;
        if forgotten && state.has_unsaved_changes() {
            tracing::warn!(
                "a session was changed after its response had left and was never saved: call Session::save in handlers that go on"
            );
        }
    }
}

/// Locks even after a panic of another holder: every change leaves the state consistent.
pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
