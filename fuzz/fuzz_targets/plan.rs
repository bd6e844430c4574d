//! Any situation, with instants and limits at the far ends: what `plan` decides is always within its laws.

#![no_main]

use std::time::Duration;

use cloakroom_core::plan::{
    CookieStep, Fate, Plan, PreviousId, Purpose, Response, Shown, Situation, Usage, Verb, plan,
};
use cloakroom_core::{
    Activity, Freshness, Lifetime, Policy, Record, Rotation, SessionId, Share, Timestamp, TouchPolicy,
    UserId, Verifier,
};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    stored: Option<Row>,
    changes: Vec<Change>,
    rotated: bool,
    destroyed: bool,
    used: bool,
    older_key: bool,
    shown: u8,
    sent: bool,
    rotation: Option<u64>,
    touch: u8,
    activity: u8,
    now: i64,
}

#[derive(Arbitrary, Debug)]
struct Row {
    idle: Option<u64>,
    absolute: u64,
    persistent: bool,
    user: Option<u8>,
    created: i64,
    seen: i64,
    expires: i64,
    deadline: Option<i64>,
    verifier: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Change {
    Insert(u8),
    Remove(u8),
    SignIn(u8),
    SignOut,
    Renew { idle: u64, absolute: u64 },
}

impl Row {
    /// What the bytes say if they can be read, and otherwise one that was made at the beginning.
    fn verifier(&self) -> Verifier {
        let id = SessionId::parse(&"A".repeat(43)).expect("an id");
        let made = Verifier::issue("__Host-id", &id, Timestamp::from_millis(self.created));
        Verifier::from_bytes(&self.verifier).unwrap_or(made)
    }

    fn record(&self) -> Record {
        let absolute = Duration::from_millis(self.absolute);
        let lifetime = match self.idle {
            Some(idle) => Lifetime::idle(Duration::from_millis(idle)).with_absolute(absolute),
            None => Lifetime::absolute(absolute),
        };
        let lifetime = if self.persistent { lifetime.persistent() } else { lifetime };
        Record {
            user: self.user.map(user),
            seen: Timestamp::from_millis(self.seen),
            expires: Timestamp::from_millis(self.expires),
            deadline: self.deadline.map(Timestamp::from_millis),
            verifier: self.verifier(),
            ..Record::new(lifetime, Timestamp::from_millis(self.created))
        }
    }
}

fn user(name: u8) -> UserId {
    UserId::new(name.to_string()).expect("a short name")
}

fn apply(change: &Change, wanted: &mut Record, now: Timestamp) {
    match change {
        Change::Insert(key) => drop(wanted.data.insert(key.to_string(), 1.into())),
        Change::Remove(key) => drop(wanted.data.remove(&key.to_string())),
        Change::SignIn(name) => wanted.user = Some(user(*name)),
        Change::SignOut => wanted.user = None,
        Change::Renew { idle, absolute } => {
            let idle = Lifetime::idle(Duration::from_millis(*idle));
            wanted.lifetime = idle.with_absolute(Duration::from_millis(*absolute));
            wanted.deadline = Record::new(wanted.lifetime, now).deadline;
        }
    }
}

fuzz_target!(|input: Input| {
    let now = Timestamp::from_millis(input.now);
    let stored = input.stored.as_ref().map(Row::record);
    let mut wanted = match &stored {
        Some(record) if !input.destroyed => record.clone(),
        _ => Record::new(Lifetime::default(), now),
    };
    input.changes.iter().for_each(|change| apply(change, &mut wanted, now));
    let fate = match (input.destroyed, input.rotated) {
        (true, _) => Fate::Destroy,
        (false, true) => Fate::Rotate,
        (false, false) => Fate::Keep,
    };
    let situation = Situation {
        stored: stored.as_ref(),
        wanted: &wanted,
        fate,
        usage: if input.used { Usage::Used } else { Usage::Ignored },
        freshness: if input.older_key { Freshness::OlderKey } else { Freshness::Current },
        shown: [Shown::Yes, Shown::No, Shown::Told][usize::from(input.shown % 3)],
        response: if input.sent { Response::Sent } else { Response::Open },
    };
    let policy = Policy::default()
        .touch(
            [TouchPolicy::Off, TouchPolicy::Always, TouchPolicy::Throttled(Share::percent(input.touch))]
                [usize::from(input.touch % 3)],
        )
        .activity([Activity::Use, Activity::Change, Activity::Cookie][usize::from(input.activity % 3)]);
    let policy = match input.rotation {
        Some(age) => policy.rotation(Rotation::every(Duration::from_millis(age))),
        None => policy,
    };
    let decided = plan(&situation, &policy, now);
    assert_eq!(decided, plan(&situation, &policy, now), "the same situation was decided in two ways");
    check(&situation, &decided);
});

fn check(situation: &Situation<'_>, decided: &Plan) {
    let Situation { stored, wanted, fate, .. } = *situation;
    let blank = wanted.data.is_empty() && wanted.user.is_none();
    match &decided.verb {
        Verb::Create(record) => {
            assert!(stored.is_none() && !blank, "a session was made of nothing");
            kept_within_limits(record, wanted);
        }
        Verb::Save(record) => {
            let stored = stored.expect("saved what was not there");
            assert_eq!(
                (record.user.as_ref(), fate),
                (stored.user.as_ref(), Fate::Keep),
                "the id had to change"
            );
            kept_within_limits(record, wanted);
        }
        Verb::Rotate { record, previous } => {
            let stored = stored.expect("rotated what was not there");
            assert!(matches!(decided.cookie, CookieStep::Set(_)), "nobody hears of the new id");
            let asked = fate == Fate::Rotate || record.user != stored.user;
            assert_eq!(*previous == PreviousId::Dies, asked, "what becomes of the previous id");
            assert!(asked || situation.response == Response::Open, "an id was replaced that nobody hears of");
            kept_within_limits(record, wanted);
        }
        Verb::Rename(record) => {
            assert!(stored.is_some() && fate == Fate::Destroy, "renamed what was to stay");
            assert!(matches!(decided.cookie, CookieStep::Set(_)), "nobody hears of the new id");
            kept_within_limits(record, wanted);
        }
        Verb::Touch { seen, expires } => {
            let stored = stored.expect("touched what was not there");
            assert!(*seen >= stored.seen && *expires > stored.expires, "a touch moved something back");
            assert!(
                stored.deadline.is_none_or(|deadline| *expires <= deadline),
                "a touch passed the deadline"
            );
        }
        Verb::Delete => {
            assert!(stored.is_some() && fate == Fate::Destroy, "ended what nobody asked to end");
            assert_eq!(decided.cookie, CookieStep::Remove);
        }
        Verb::Nothing => assert!(stored.is_some() || blank, "a new session was dropped"),
    }
    if decided.cookie == CookieStep::Remove {
        assert_eq!(decided.verb, Verb::Delete, "a cookie was removed whose session lives");
    }
    let user_changes = stored.is_some_and(|stored| stored.user != wanted.user);
    assert!(!(user_changes && decided.purpose == Purpose::Upkeep), "a sign-in that may fail unseen");
    if stored.is_none() && blank {
        assert_eq!(decided.cookie, CookieStep::Leave, "a cookie for nothing");
    }
}

fn kept_within_limits(record: &Record, wanted: &Record) {
    assert_eq!((&record.data, &record.user), (&wanted.data, &wanted.user), "something else was written");
    assert!(record.seen >= wanted.seen, "activity was moved back");
    let moved = (record.seen, record.expires) != (wanted.seen, wanted.expires);
    let over = record.deadline.is_some_and(|deadline| record.expires > deadline);
    assert!(!(moved && over), "moved past its deadline");
}
