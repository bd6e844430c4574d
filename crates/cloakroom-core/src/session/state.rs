//! What a request knows about its session: what is stored, what was done since, and what the browser must be told.

use std::sync::Arc;

use super::changes::{Change, Changes};
use super::value::ValueError;
use crate::clock::Timestamp;
use crate::cookie::Freshness;
use crate::id::{SessionId, StoreKey};
use crate::plan::{CookieStep, Fate, Situation, Usage};
use crate::policy::Policy;
use crate::record::{Data, Record, Version};
use crate::store::Store;

/// The state behind every clone of a [`Session`](super::Session).
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
    pub(crate) unsure: Option<Attempt>,
    /// Where the session is kept: the manager's store, or the fallback.
    pub(crate) store: Arc<dyn Store>,
    /// Counts the calls that decide the id's fate, so that one made during a write is not taken for the written one.
    fate_calls: u64,
    /// Whether the application chose the lifetime itself.
    renewed: Renewed,
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
    pub(crate) id: SessionId,
    pub(crate) key: StoreKey,
    pub(crate) record: Arc<Record>,
    pub(crate) version: Version,
}

/// Whether the response can still carry a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Response {
    Open,
    Sent,
}

/// A write of which it is not known whether it was applied, because its caller was dropped or the store did not
/// answer in time.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) id: SessionId,
    pub(crate) key: StoreKey,
    pub(crate) record: Arc<Record>,
    pub(crate) cookie: CookieStep,
    pub(crate) flight: Flight,
}

impl State {
    pub(crate) fn new(
        origin: Origin,
        freshness: Freshness,
        store: Arc<dyn Store>,
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let view = match &origin {
            Origin::Stored(held) => Arc::clone(&held.record),
            Origin::Nothing | Origin::Ended | Origin::Detached => Arc::new(fresh(policy, now)),
        };
        Self {
            store,
            fate_calls: 0,
            renewed: Renewed::No,
            origin,
            fate: Fate::Keep,
            usage: Usage::Ignored,
            freshness,
            changes: Changes::default(),
            view,
            cookie: CookieStep::Leave,
            response: Response::Open,
            unsure: None,
        }
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        match &self.origin {
            Origin::Stored(held) => Some(held),
            Origin::Nothing | Origin::Ended | Origin::Detached => None,
        }
    }

    /// Makes a change now and remembers it.
    pub(crate) fn change(&mut self, change: Change, now: Timestamp) -> Result<(), ValueError> {
        change.apply(Arc::make_mut(&mut self.view), now)?;
        if matches!(change, Change::Renew(_)) {
            self.renewed = Renewed::Yes;
        }
        self.changes.push(change);
        Ok(())
    }

    /// Asks for another id.
    pub(crate) fn rotate(&mut self) {
        self.fate_calls += 1;
        if self.fate == Fate::Keep {
            self.fate = Fate::Rotate;
        }
    }

    /// Ends the session: what is put into it from here on belongs to a new one.
    pub(crate) fn destroy(&mut self, policy: &Policy, now: Timestamp) {
        self.fate_calls += 1;
        self.fate = Fate::Destroy;
        if matches!(self.origin, Origin::Ended) {
            self.origin = Origin::Nothing;
        }
        self.renewed = Renewed::No;
        self.changes.clear();
        self.view = Arc::new(fresh(policy, now));
    }

    /// Gives a session that is about to begin the lifetime that the policy finds for its data.
    pub(crate) fn settle_lifetime(&mut self, policy: &Policy) {
        let begins = self.held().is_none() || self.fate == Fate::Destroy;
        if begins && self.renewed == Renewed::No {
            let lifetime = policy.lifetime_for(&self.view.data);
            if lifetime != self.view.lifetime {
                let view = Arc::make_mut(&mut self.view);
                view.lifetime = lifetime;
                view.deadline = lifetime.deadline(view.created);
            }
        }
    }

    /// A mark for [`State::landed`]: everything done up to here is being written.
    pub(crate) fn begin_flight(&mut self) -> Flight {
        self.changes.begin_flight();
        Flight { fate_calls: self.fate_calls }
    }

    pub(crate) fn situation(&self) -> Situation<'_> {
        Situation {
            stored: self.held().map(|held| &*held.record),
            wanted: &self.view,
            fate: self.fate,
            usage: self.usage,
            freshness: self.freshness,
        }
    }

    /// Takes over what the store holds now and makes this request's changes in it again.
    pub(crate) fn rebase(
        &mut self,
        origin: Origin,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), ValueError> {
        self.origin = origin;
        let mut record = match (&self.origin, self.fate) {
            (Origin::Stored(held), Fate::Keep | Fate::Rotate) => Record::clone(&held.record),
            _ => fresh(policy, now),
        };
        let applied = self.changes.apply(&mut record, now);
        if applied.is_ok() {
            self.view = Arc::new(record);
        }
        applied
    }

    /// Takes note that `held` (or nothing) is what the store now holds, as this request wanted it.
    ///
    /// Changes made while the write was under way are made again on top of it.
    pub(crate) fn landed(
        &mut self,
        flight: Flight,
        origin: Origin,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(), ValueError> {
        self.changes.land();
        if self.fate_calls == flight.fate_calls {
            self.fate = Fate::Keep;
        }
        self.unsure = None;
        self.freshness = Freshness::Current;
        self.rebase(origin, policy, now)
    }

    /// Takes note that the session ended elsewhere. What was done to it is dropped, because there is nothing left to
    /// do it to.
    pub(crate) fn ended(&mut self) {
        self.origin = Origin::Ended;
        self.fate = Fate::Keep;
        self.unsure = None;
        self.changes.clear();
    }

    /// Whether something was done that no store has seen.
    pub(crate) fn has_unsaved_changes(&self) -> bool {
        match &self.origin {
            Origin::Stored(held) => self.fate != Fate::Keep || *held.record != *self.view,
            Origin::Nothing => !self.view.data.is_empty() || self.view.user.is_some(),
            Origin::Ended => !self.changes.is_empty(),
            Origin::Detached => false,
        }
    }
}

/// How far a write that is under way reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    fate_calls: u64,
}

/// An empty record of a session that begins now.
pub(crate) fn fresh(policy: &Policy, now: Timestamp) -> Record {
    Record::new(policy.lifetime_for(&Data::new()), now)
}
