//! Finding out what became of a write of which nobody saw the end.

use std::sync::Arc;

use super::error::SaveError;
use super::inner::{Inner, lock};
use super::state::{Held, Origin};
use super::step::{Action, Performed, Step};
use crate::error::{ErrorKind, StoreError};
use crate::event::Event;
use crate::store::Loaded;

impl Inner {
    /// Finds out whether the last write, whose outcome nobody saw, was applied: by repeating it as it was. While that
    /// fails too, the error says that the outcome is unknown, whatever has become of the repetition.
    ///
    /// Loading alone would not do, because a statement that nobody waits for any more may still be applied later.
    /// Both writes expect the same version or create the same key, so at most one of them is ever applied.
    pub(super) async fn settle(&self) -> Result<(), SaveError> {
        let (step, store) = {
            let state = lock(&self.state);
            let Some(step) = &state.unsure else { return Ok(()) };
            (Arc::clone(step), Arc::clone(&state.store))
        };
        let now = self.manager.now();
        // Whatever keeps it from being repeated, the write is as much in doubt as before.
        let failed = |error: StoreError| {
            self.manager.notify(&Event::StoreFailed(&error));
            let in_doubt = StoreError::new(ErrorKind::Unknown, step.action.operation(), error.backend());
            self.manager.save_error(in_doubt.with_source(error))
        };
        let error = match step.perform(&*store, now).await {
            Ok(Performed::Done(version, _)) => {
                self.land(&step, version);
                return Ok(());
            }
            // What lets nobody in now would have let nobody in before: a mark never takes a version twice.
            Ok(Performed::Superseded) => return Err(self.turned_away(SaveError::SignInSuperseded, now)),
            Ok(Performed::Full) => return Err(self.turned_away(SaveError::SessionLimit, now)),
            Err(error) => error,
        };
        match (error.kind(), &step.action) {
            (ErrorKind::Conflict, Action::Create { .. } | Action::Save { .. } | Action::Rotate { .. })
            | (ErrorKind::Gone, Action::Rename { .. }) => {}
            // It can never be applied any more; the next attempt meets the same answer and deals with it.
            (ErrorKind::Conflict | ErrorKind::Gone, _) => {
                lock(&self.state).refused();
                return Ok(());
            }
            _ => return Err(failed(error)),
        }
        let Some((key, written)) = step.action.writes() else { return Ok(()) };
        match store.load(key, now).await.map_err(failed)? {
            Loaded::Live(stored) if stored.record == *written => self.land(&step, Some(stored.version)),
            Loaded::Live(stored) if step.has_only_been_touched_since(&stored.record) => {
                let Some(Origin::Stored(held)) = step.action.origin(Some(stored.version)) else {
                    return Ok(());
                };
                self.land_as(&step, Some(Origin::Stored(Held { record: stored.record.into(), ..held })));
            }
            Loaded::Live(_) if self.must_not_repeat(&step) => return Err(SaveError::Unsettled),
            Loaded::Live(_) | Loaded::Expired | Loaded::Absent => lock(&self.state).refused(),
        }
        Ok(())
    }

    /// Whether a save that may have been applied before somebody else wrote cannot be made again.
    fn must_not_repeat(&self, step: &Step) -> bool {
        let idempotent = || lock(&self.state).changes.are_idempotent(step.until);
        matches!(step.action, Action::Save { .. } | Action::Rotate { .. }) && !idempotent()
    }

    /// Drops the changes of which nobody can say whether they were stored.
    pub(super) fn give_up_unsettled(&self) {
        let mut state = lock(&self.state);
        let dropped = state.unsure.take().map(|step| state.changes.forget(step.until));
        drop(state);
        drop(dropped);
    }
}
