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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::{SALT_BYTES, SessionId};
    use crate::lifetime::Lifetime;
    use crate::record::{Device, UserId};
    use crate::verifier::Verifier;

    const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);
    /// The age at which the table's ids are replaced.
    const AGE: Duration = Duration::from_secs(7 * 86_400);

    fn rows() -> Vec<[&'static str; 5]> {
        let rows: Vec<_> = include_str!("plan.md")
            .lines()
            .skip(2)
            .map(|line| {
                let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
                <[&str; 5]>::try_from(cells).expect("five cells")
            })
            .collect();
        assert!(rows.len() > 30, "the table was not read");
        rows
    }

    fn stored(arrived: &str) -> Option<Record> {
        let lifetime = Lifetime::idle(HOUR).with_absolute(24 * HOUR);
        let mut record = match arrived {
            "no session" => return None,
            "a browser session"
            | "a session whose id is old"
            | "a session whose id is old, on a response that has left" => Record::new(lifetime, START),
            "a session under its previous id" | "a session under its new id for the first time" => {
                let (id, salt) = (SessionId::parse(&"A".repeat(43)).unwrap(), [1; SALT_BYTES]);
                let (first, second) = (Verifier::issue("id", &id, START), id.successor(&salt));
                let verifier = first.succeeded(("id", &second), salt, START, START.plus(HOUR));
                Record { verifier, ..Record::new(lifetime, START) }
            }
            "a persistent session" => Record::new(lifetime.persistent(), START),
            other => panic!("unknown arrival {other:?}"),
        };
        if !record.verifier.is_waiting() {
            let age = if arrived.contains("old") { AGE } else { Duration::ZERO };
            let issued = Timestamp::from_millis(START.as_millis() - crate::clock::millis_of(age));
            record.verifier =
                Verifier::issue("id", &SessionId::parse(&format!("{}A", "B".repeat(42))).unwrap(), issued);
        }
        record.data.insert("there".into(), 1.into());
        Some(record)
    }

    fn handle(handler: &str, wanted: &mut Record, now: Timestamp) -> (Fate, Usage) {
        let mut fate = Fate::Keep;
        let mut usage = Usage::Used;
        match handler {
            "looked" | "looked, found nothing" | "inserted, removed again" => {}
            "did not ask for it" => usage = Usage::Ignored,
            "inserted" => drop(wanted.data.insert("new".into(), 2.into())),
            "inserted what was there" => drop(wanted.data.insert("there".into(), 1.into())),
            "removed what was there" => drop(wanted.data.shift_remove("there")),
            "signed a user in" => wanted.user = Some(UserId::new("7").unwrap()),
            "recorded the device only" => wanted.device = Some(Device::new("a browser")),
            "asked for a longer lifetime only" => {
                wanted.lifetime = Lifetime::idle(48 * HOUR).persistent();
                wanted.deadline = None;
            }
            "rotated" => fate = Fate::Rotate,
            "destroyed" | "destroyed, then inserted" => {
                fate = Fate::Destroy;
                *wanted = Record::new(wanted.lifetime, now);
                if handler == "destroyed, then inserted" {
                    wanted.data.insert("new".into(), 2.into());
                }
            }
            other => panic!("unknown handler {other:?}"),
        }
        (fate, usage)
    }

    #[test]
    fn the_documented_table_holds() {
        let policy = Policy::default().rotation(Rotation::every(AGE));
        for row @ [arrived, handler, gain, verb, cookie] in rows() {
            let now = match gain {
                "not at all" => START,
                "–" | "a little" => START.plus(Duration::from_secs(60)),
                "a lot" => START.plus(HOUR / 2),
                other => panic!("unknown gain {other:?}"),
            };
            let stored = stored(arrived);
            let mut wanted = stored.clone().unwrap_or_else(|| Record::new(Lifetime::default(), now));
            let (fate, usage) = handle(handler, &mut wanted, now);
            let situation = Situation {
                stored: stored.as_ref(),
                wanted: &wanted,
                fate,
                usage,
                freshness: Freshness::Current,
                shown: if arrived.contains("previous") { Shown::No } else { Shown::Yes },
                response: if arrived.contains("has left") { Response::Sent } else { Response::Open },
            };
            let decided = plan(&situation, &policy, now);
            let decided_verb = match &decided.verb {
                Verb::Nothing => "nothing",
                Verb::Create(_) => "create",
                Verb::Save(_) => "save",
                Verb::Touch { .. } => "touch",
                Verb::Rotate { .. } => "rotate",
                Verb::Rename(_) => "rename",
                Verb::Delete => "delete",
            };
            let decided_cookie = match decided.cookie {
                CookieStep::Leave => "leave",
                CookieStep::Set(_) => "set",
                CookieStep::Remove => "remove",
            };
            assert_eq!((decided_verb, decided_cookie), (verb, cookie), "row {row:?}");
        }
    }

    fn plan_used(stored: &Record, wanted: &Record, policy: &Policy, now: Timestamp) -> Plan {
        let situation = Situation {
            stored: Some(stored),
            wanted,
            fate: Fate::Keep,
            usage: Usage::Used,
            freshness: Freshness::Current,
            shown: Shown::Yes,
            response: Response::Open,
        };
        plan(&situation, policy, now)
    }

    #[test]
    fn asvs_7_3_2_activity_never_moves_the_deadline() {
        let stored = stored("a browser session").unwrap();
        let late = START.plus(23 * HOUR + Duration::from_secs(59 * 60));
        let mut wanted = stored.clone();
        wanted.data.insert("new".into(), 2.into());
        let Verb::Save(record) = plan_used(&stored, &wanted, &Policy::default(), late).verb else {
            panic!("no save");
        };
        assert_eq!(record.expires, START.plus(24 * HOUR));
    }

    #[test]
    fn the_throttle_is_a_share_of_the_idle_limit() {
        let stored = stored("a browser session").unwrap();
        let policy = Policy::default();
        let six_minutes = Duration::from_secs(360);
        let nothing = plan_used(&stored, &stored, &policy, START.plus(six_minutes));
        assert_eq!(nothing.verb, Verb::Nothing);
        let later = START.plus(six_minutes + Duration::from_millis(1));
        let touch = plan_used(&stored, &stored, &policy, later);
        assert_eq!(touch.verb, Verb::Touch { seen: later, expires: later.plus(HOUR) });
    }

    #[test]
    fn a_clock_that_was_set_back_moves_nothing_back() {
        let stored = stored("a persistent session").unwrap();
        let mut wanted = stored.clone();
        wanted.data.insert("new".into(), 2.into());
        let earlier = Timestamp::from_millis(START.as_millis() - 3_600_000);
        let Verb::Save(record) = plan_used(&stored, &wanted, &Policy::default(), earlier).verb else {
            panic!("no save");
        };
        assert_eq!((record.seen, record.expires), (stored.seen, stored.expires));
    }

    #[test]
    fn asvs_13_3_4_a_cookie_of_an_older_key_is_sent_again_once_its_session_is_used() {
        let stored = stored("a persistent session").unwrap();
        let situation = Situation {
            stored: Some(&stored),
            wanted: &stored,
            fate: Fate::Keep,
            usage: Usage::Used,
            freshness: Freshness::OlderKey,
            shown: Shown::Yes,
            response: Response::Open,
        };
        let decided = plan(&situation, &Policy::default(), START.plus(Duration::from_secs(60)));
        assert_eq!(decided.verb, Verb::Nothing);
        assert_eq!(decided.cookie, CookieStep::Set(Expiration::After(Duration::from_secs(59 * 60))));
        let ignored = Situation { usage: Usage::Ignored, ..situation };
        assert_eq!(plan(&ignored, &Policy::default(), START).cookie, CookieStep::Leave);
    }
}
