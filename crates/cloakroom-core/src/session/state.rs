//! What a request knows about its session: what is stored, what was done since, and what the browser must be told.

use std::sync::Arc;

use serde_json::Value;

use super::changes::{Change, Changes, Mark, Update};
use super::step::Step;
use crate::clock::Timestamp;
use crate::cookie::Freshness;
use crate::id::{SessionId, StoreKey};
use crate::lifetime::Lifetime;
use crate::plan::{CookieStep, Fate, Response, Shown, Situation, Usage};
use crate::policy::Policy;
use crate::record::{Record, Version};
use crate::store::{Admission, Store};

/// The state behind every clone of a [`Session`](super::Session).
///
/// What its methods hand back as `Vec<Change>` is to be dropped after the lock is given back, see [`Changes`].
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) origin: Origin,
    pub(crate) fate: Fate,
    pub(crate) usage: Usage,
    pub(crate) freshness: Freshness,
    pub(crate) changes: Changes,
    /// The stored record, or a new one, with all changes made. Shared with `origin` until the first change.
    pub(crate) view: Arc<Record>,
    /// What the browser must be told, gathered over all saves until the response leaves.
    pub(crate) cookie: CookieStep,
    pub(crate) response: Response,
    /// A write of which it is not known whether it was applied, because its caller was dropped or the store did not
    /// answer in time.
    pub(crate) unsure: Option<Arc<Step>>,
    /// Under what conditions a sign-in that is not stored yet may be.
    pub(crate) admission: Option<Arc<Admission>>,
    /// Where the session is kept: the manager's store, or the fallback.
    pub(crate) store: Arc<dyn Store>,
    /// When the id's fate was last decided, so that a decision made during a write is not taken for the written one.
    decided: Mark,
    arrival: Arrival,
    /// What became of the last save.
    pub(crate) last_save: LastSave,
    /// Whether the application chose the lifetime itself.
    renewed: Renewed,
}

/// What the browser holds, as far as its request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    /// The cookie of a session that was live.
    WithSession,
    /// No cookie, or one that named nothing and is none of our business.
    Without,
}

/// What became of the last save of which the handler or the framework was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastSave {
    /// There was none, or it succeeded.
    Fine,
    /// It failed, and whoever asked for it knows.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewed {
    No,
    Yes,
}

/// Where the session comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// Nothing is stored.
    Nothing,
    /// This is stored.
    Stored(Held),
    /// The session ended while this request was using it: nothing is ever written (law 2).
    Ended,
    /// The store could not be asked and the policy lets the request go on: nothing is ever written (law 7).
    Detached,
}

/// A stored session as this request last saw it.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The session's current id; an earlier one when only the browser knows the current one. The verifier tells.
    pub(crate) id: SessionId,
    pub(crate) shown: Shown,
    pub(crate) key: StoreKey,
    pub(crate) record: Arc<Record>,
    pub(crate) version: Version,
}

impl State {
    pub(crate) fn new(
        origin: Origin,
        freshness: Freshness,
        store: Arc<dyn Store>,
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let (view, arrival) = match &origin {
            Origin::Stored(held) => (Arc::clone(&held.record), Arrival::WithSession),
            Origin::Nothing | Origin::Ended | Origin::Detached => {
                (Arc::new(fresh(policy, now)), Arrival::Without)
            }
        };
        Self {
            store,
            decided: Mark::default(),
            arrival,
            renewed: Renewed::No,
            last_save: LastSave::Fine,
            origin,
            fate: Fate::Keep,
            usage: Usage::Ignored,
            freshness,
            changes: Changes::default(),
            view,
            cookie: CookieStep::Leave,
            response: Response::Open,
            unsure: None,
            admission: None,
        }
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        match &self.origin {
            Origin::Stored(held) => Some(held),
            Origin::Nothing | Origin::Ended | Origin::Detached => None,
        }
    }

    /// Makes a change that is no update and remembers it.
    pub(crate) fn change(&mut self, change: Change) -> Vec<Change> {
        let applied = change.apply(Arc::make_mut(&mut self.view));
        debug_assert!(applied.is_ok(), "only an update can fail");
        if matches!(change, Change::Renew { .. }) {
            self.renewed = Renewed::Yes;
        }
        self.changes.push(change)
    }

    /// Remembers an update, which has been run already and has made `value`.
    pub(crate) fn updated(&mut self, key: &str, value: Value, update: Update) -> Vec<Change> {
        Arc::make_mut(&mut self.view).data.insert(key.to_owned(), value);
        self.changes.push(Change::Update { key: key.to_owned(), update })
    }

    /// Asks for another id.
    pub(crate) fn rotate(&mut self) {
        self.decided = self.changes.tick();
        if self.fate == Fate::Keep {
            self.fate = Fate::Rotate;
        }
    }

    /// Makes the session that of a user who signs in, to be stored only as `admission` says.
    pub(crate) fn sign_in(&mut self, change: Change, admission: Admission) -> Vec<Change> {
        self.rotate();
        self.admission = Some(Arc::new(admission));
        self.change(change)
    }

    /// Ends the session: what is put into it from here on belongs to a new one.
    pub(crate) fn destroy(&mut self, policy: &Policy, now: Timestamp) -> Vec<Change> {
        let changes = self.discard(policy, now);
        self.decided = self.changes.tick();
        self.fate = Fate::Destroy;
        self.view = Arc::new(fresh(policy, now));
        if matches!(self.origin, Origin::Ended) {
            self.origin = Origin::Nothing;
        }
        changes
    }

    /// Forgets whatever was done and is not stored.
    pub(crate) fn discard(&mut self, policy: &Policy, now: Timestamp) -> Vec<Change> {
        self.fate = Fate::Keep;
        self.admission = None;
        self.renewed = Renewed::No;
        self.view = match self.held() {
            Some(held) => Arc::clone(&held.record),
            None => Arc::new(fresh(policy, now)),
        };
        self.changes.clear()
    }

    /// Takes note that the session ended elsewhere. What it held and what was done to it is dropped: there is nobody
    /// signed in any more.
    pub(crate) fn ended(&mut self, policy: &Policy, now: Timestamp) -> Vec<Change> {
        self.origin = Origin::Ended;
        self.unsure = None;
        self.discard(policy, now)
    }

    /// The record of a session that is about to begin, unless the application chose its lifetime already.
    pub(crate) fn beginning(&self) -> Option<Arc<Record>> {
        let begins = self.held().is_none() || self.fate == Fate::Destroy;
        (begins && self.renewed == Renewed::No && !self.view.is_blank()).then(|| Arc::clone(&self.view))
    }

    /// Gives a session that is about to begin its lifetime.
    pub(crate) fn begin_with(&mut self, lifetime: Lifetime) {
        if self.beginning().is_some_and(|view| view.lifetime != lifetime) {
            let view = Arc::make_mut(&mut self.view);
            view.lifetime = lifetime;
            view.deadline = lifetime.deadline(view.created);
        }
    }

    pub(crate) fn situation(&self) -> Situation<'_> {
        Situation {
            stored: self.held().map(|held| &*held.record),
            wanted: &self.view,
            fate: self.fate,
            usage: self.usage,
            freshness: self.freshness,
            shown: self.held().map_or(Shown::Yes, |held| held.shown),
            response: self.response,
        }
    }

    /// Where the changes start from when they are made again on what the store holds now.
    pub(crate) fn base(&self, held: &Held, policy: &Policy, now: Timestamp) -> Record {
        match self.fate {
            Fate::Keep | Fate::Rotate => Record::clone(&held.record),
            Fate::Destroy => fresh(policy, now),
        }
    }

    /// Takes note that everything before `until` is stored and that this is what the store now holds.
    ///
    /// What was done during the write is in the view already, and stays unsaved.
    pub(crate) fn landed(&mut self, until: Mark, origin: Origin) -> Vec<Change> {
        let landed = self.changes.forget(until);
        if self.decided < until {
            self.fate = Fate::Keep;
        }
        self.unsure = None;
        self.origin = origin;
        if let Origin::Stored(held) = &self.origin
            && self.fate != Fate::Destroy
        {
            if self.changes.is_empty() {
                self.view = Arc::clone(&held.record);
            } else {
                let view = Arc::make_mut(&mut self.view);
                (view.seen, view.expires) = (held.record.seen, held.record.expires);
                view.verifier = held.record.verifier.clone();
            }
        }
        landed
    }

    /// Takes note that what the request did before `until` comes to what the store held already.
    pub(crate) fn unchanged(&mut self, until: Mark) -> Vec<Change> {
        let Some(held) = self.held() else {
            self.changes.end_flight();
            return Vec::new();
        };
        let record = Arc::clone(&held.record);
        let landed = self.changes.forget(until);
        if self.changes.is_empty() && self.fate != Fate::Destroy {
            self.view = record;
        }
        landed
    }

    /// Takes note that a write was refused, so that nothing of it can be in the store.
    pub(crate) fn refused(&mut self) {
        self.unsure = None;
        self.changes.end_flight();
    }

    /// Takes note of what the browser must be told.
    pub(crate) fn tell(&mut self, step: CookieStep) {
        self.cookie = match (step, self.arrival) {
            (CookieStep::Leave, _) => return,
            // Law 5: the browser was never given the cookie of this session. What else it holds is not ours to remove.
            (CookieStep::Remove, Arrival::Without) => CookieStep::Leave,
            (CookieStep::Set(_) | CookieStep::Remove, _) => step,
        };
        self.freshness = Freshness::Current;
    }

    /// Whether something was done that no store has seen.
    pub(crate) fn has_unsaved_changes(&self) -> bool {
        match &self.origin {
            Origin::Stored(held) => {
                // Nearly every session was only read, and then both are one.
                self.fate != Fate::Keep
                    || (!Arc::ptr_eq(&held.record, &self.view) && *held.record != *self.view)
            }
            Origin::Nothing => !self.view.is_blank(),
            Origin::Ended => !self.changes.is_empty(),
            Origin::Detached => false,
        }
    }
}

/// An empty record of a session that may begin now. Its lifetime is final when the policy has a fixed one.
fn fresh(policy: &Policy, now: Timestamp) -> Record {
    Record::new(policy.usual_lifetime(), now)
}
