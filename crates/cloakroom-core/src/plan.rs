//! What has to happen after the handler: at most one store verb and at most one cookie.
//!
//! [`plan`] is a pure function. This table is its specification, and its test reads the table from the same file:
//!
#![doc = include_str!("plan.md")]
//!
//! "A little" is less than the share that the policy's [`TouchPolicy`](crate::TouchPolicy) names. An insert of an
//! equal value writes nothing when nothing else changed: the outcome is that of a request which came a moment
//! earlier. A cookie that was signed or encrypted with an older key of the ring is sent again, whatever else happens,
//! as soon as its session is used.

#[cfg(test)]
mod tests;

use crate::clock::Timestamp;
use crate::cookie::{Expiration, Freshness};
use crate::lifetime::Persistence;
use crate::policy::{Activity, Policy};
use crate::record::Record;
use crate::rotation::Rotation;

/// What a request knows when its handler has finished.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The record as the store holds it, to the best of this request's knowledge.
    pub stored: Option<&'a Record>,
    /// The record as the handler wants it, its times not yet brought up to date. After an end of the session this
    /// is what was put into the new one.
    pub wanted: &'a Record,
    /// What is to become of the id.
    pub fate: Fate,
    /// Whether the handler asked for the session.
    pub usage: Usage,
    /// Which key of the ring the visitor's cookie was made with.
    pub freshness: Freshness,
    /// Whether the browser has shown the session's current id.
    pub shown: Shown,
    /// Whether the response can still carry a cookie.
    pub response: Response,
}

/// What is to become of the session's id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    #[default]
    Keep,
    /// The session gets another one.
    Rotate,
    /// The session ends.
    Destroy,
}

/// Whether the handler asked for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// It did.
    Used,
    /// It only asked how much time is left, which is no use of it.
    Looked,
    /// It did not; the session was loaded because the policy counts every cookie as activity.
    Ignored,
}

/// Whether the browser has shown the session's current id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The request came with it.
    Yes,
    /// The request came with the previous one, or the id was changed meanwhile.
    No,
    /// This request's response tells it.
    Told,
}

/// Whether the response can still carry a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// It can.
    Open,
    /// It has left.
    Sent,
}

/// At most one store verb and at most one cookie.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What the store is asked to do.
    pub verb: Verb,
    /// What the browser is told.
    pub cookie: CookieStep,
    /// Whose wish the verb is.
    pub purpose: Purpose,
}

/// Whose wish a verb is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The handler's: when it fails, the response claims what did not happen.
    Asked,
    /// Nobody's but the session's own: activity, an id that has grown old. The response is true without it.
    Upkeep,
}

/// What the store is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Nothing.
    Nothing,
    /// Put this record under a new id.
    Create(Record),
    /// Put this record in the place of the version that was loaded.
    Save(Record),
    /// Move activity and expiry only.
    Touch {
        /// The new time of last activity.
        seen: Timestamp,
        /// The new expiry.
        expires: Timestamp,
    },
    /// Put this record in the place of the version that was loaded, under another id of the session.
    Rotate {
        /// What is stored from then on.
        record: Record,
        /// What becomes of the id before.
        previous: PreviousId,
    },
    /// Put this record under the key of a new session and end the old one.
    Rename(Record),
    /// End the session.
    Delete,
}

impl Verb {
    /// The record that is written.
    pub(crate) const fn record(&self) -> Option<&Record> {
        match self {
            Self::Create(record)
            | Self::Save(record)
            | Self::Rename(record)
            | Self::Rotate { record, .. } => Some(record),
            Self::Nothing | Self::Touch { .. } | Self::Delete => None,
        }
    }

    /// Whether the session is lost unless the browser is told its id.
    pub(crate) const fn needs_a_cookie(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Rename(_) | Self::Rotate { .. })
    }
}

/// What becomes of the id that a new one replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviousId {
    /// It is dead at once.
    Dies,
    /// It is accepted for a moment, see [`Rotation`].
    Lingers,
}

/// What the browser is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieStep {
    /// Nothing: no `Set-Cookie`.
    Leave,
    /// The id, and how long to keep it.
    Set(Expiration),
    /// To remove the cookie.
    Remove,
}

/// Decides what follows from `situation` at `now`. Pure: the same arguments give the same plan.
pub fn plan(situation: &Situation<'_>, policy: &Policy, now: Timestamp) -> Plan {
    let Situation { stored, wanted, fate, .. } = *situation;
    let blank = wanted.is_blank();
    match (stored, fate) {
        (None, _) if blank => Plan::NOTHING,
        (None, _) => written(Verb::Create, wanted, now),
        (Some(_), Fate::Destroy) if blank => {
            Plan { verb: Verb::Delete, cookie: CookieStep::Remove, purpose: Purpose::Asked }
        }
        (Some(_), Fate::Destroy) => written(Verb::Rename, wanted, now),
        (Some(_), Fate::Rotate) => written(rotated, wanted, now),
        // Law 4: whoever the session belongs to changes only together with the id (ASVS 7.2.4).
        (Some(stored), Fate::Keep) if wanted.user != stored.user => written(rotated, wanted, now),
        (Some(stored), Fate::Keep) => kept(stored, situation, policy, now),
    }
}

impl Plan {
    pub(crate) const NOTHING: Self =
        Self { verb: Verb::Nothing, cookie: CookieStep::Leave, purpose: Purpose::Upkeep };
}

/// A record that goes out under a new id, and its cookie.
fn written(verb: fn(Record) -> Verb, wanted: &Record, now: Timestamp) -> Plan {
    let record = Moved::by_activity(wanted, now).applied_to(wanted);
    let cookie = CookieStep::Set(expiration(record.expires, record.lifetime.persistence(), now));
    Plan { verb: verb(record), cookie, purpose: Purpose::Asked }
}

fn rotated(record: Record) -> Verb {
    Verb::Rotate { record, previous: PreviousId::Dies }
}

/// A session that keeps its id.
fn kept(stored: &Record, situation: &Situation<'_>, policy: &Policy, now: Timestamp) -> Plan {
    let Situation { wanted, usage, freshness, shown, response, .. } = *situation;
    let moved = Moved::by_activity(wanted, now);
    let lifetime_changed = wanted.lifetime != stored.lifetime || wanted.deadline != stored.deadline;
    // A session that was only read is one record in memory: nothing has to be compared.
    let changed = !std::ptr::eq(wanted, stored)
        && (lifetime_changed || wanted.data != stored.data || wanted.device != stored.device);
    let counts = match policy.activity {
        Activity::Use => usage == Usage::Used,
        Activity::Cookie => true,
        Activity::Change => false,
    };
    let rotates = usage == Usage::Used
        && (shown, response) == (Shown::Yes, Response::Open)
        && policy.rotation.is_some_and(|rotation| rotation.is_due(&stored.verifier, now));
    let confirms = shown == Shown::Yes && stored.verifier.is_waiting();
    // What was wanted may rest on an earlier writing of the record, and the ids are none of the handler's business.
    let written = || {
        let verifier = if confirms {
            stored.verifier.confirmed(Rotation::overlap_from(policy.rotation.as_ref(), now))
        } else {
            stored.verifier.clone()
        };
        let record = if changed || counts { moved.applied_to(wanted) } else { wanted.clone() };
        Record { verifier, ..record }
    };
    let verb = if rotates {
        Verb::Rotate { record: written(), previous: PreviousId::Lingers }
    } else if changed || confirms {
        Verb::Save(written())
    } else if counts && policy.touch.is_due(stored, moved.expires) {
        Verb::Touch { seen: moved.seen, expires: moved.expires }
    } else {
        Verb::Nothing
    };
    let expires = match &verb {
        Verb::Save(record) | Verb::Rotate { record, .. } => record.expires,
        Verb::Touch { expires, .. } => *expires,
        _ => stored.expires,
    };
    let persistence = wanted.lifetime.persistence();
    let cookie_moves = persistence == Persistence::Persistent && expires != stored.expires;
    let outdated = (freshness == Freshness::OlderKey || shown == Shown::No) && usage == Usage::Used;
    let cookie = if rotates || lifetime_changed || cookie_moves || outdated {
        CookieStep::Set(expiration(expires, persistence, now))
    } else {
        CookieStep::Leave
    };
    let purpose = if changed { Purpose::Asked } else { Purpose::Upkeep };
    Plan { verb, cookie, purpose }
}

fn expiration(expires: Timestamp, persistence: Persistence, now: Timestamp) -> Expiration {
    match persistence {
        Persistence::Browser => Expiration::Browser,
        Persistence::Persistent => Expiration::After(expires.since(now)),
    }
}

/// The times of a record as of activity at an instant.
#[derive(Clone, Copy)]
struct Moved {
    seen: Timestamp,
    expires: Timestamp,
}

impl Moved {
    /// A clock that was set back moves nothing back.
    fn by_activity(record: &Record, now: Timestamp) -> Self {
        let seen = record.seen.max(now);
        Self { seen, expires: record.lifetime.expiry(seen, record.deadline) }
    }

    fn applied_to(self, record: &Record) -> Record {
        Record { seen: self.seen, expires: self.expires, ..record.clone() }
    }
}
