//! Any situation, with instants and limits at the far ends: what `plan` decides is always within its laws.

#![no_main]

use std::time::Duration;

use cloakroom_core::plan::{CookieStep, Fate, Plan, Situation, Usage, Verb, plan};
use cloakroom_core::{Activity, Freshness, Lifetime, Policy, Record, Share, Timestamp, TouchPolicy, UserId};
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
    };
    let policy = Policy::default()
        .touch(
            [TouchPolicy::Off, TouchPolicy::Always, TouchPolicy::Throttled(Share::percent(input.touch))]
                [usize::from(input.touch % 3)],
        )
        .activity([Activity::Use, Activity::Change, Activity::Cookie][usize::from(input.activity % 3)]);
    let decided = plan(&situation, &policy, now);
    assert_eq!(decided, plan(&situation, &policy, now), "the same situation was decided in two ways");
    check(&situation, &decided, now);
});

fn check(situation: &Situation<'_>, decided: &Plan, now: Timestamp) {
    let Situation { stored, wanted, fate, .. } = *situation;
    let blank = wanted.data.is_empty() && wanted.user.is_none();
    match &decided.verb {
        Verb::Create(record) => {
            assert!(stored.is_none() && !blank, "a session was made of nothing");
            kept_within_limits(record, wanted, now);
        }
        Verb::Save(record) => {
            let stored = stored.expect("saved what was not there");
            assert_eq!(
                (record.user.as_ref(), fate),
                (stored.user.as_ref(), Fate::Keep),
                "the id had to change"
            );
            kept_within_limits(record, wanted, now);
        }
        Verb::Rename(record) => {
            assert!(stored.is_some(), "renamed what was not there");
            assert!(matches!(decided.cookie, CookieStep::Set(_)), "nobody hears of the new id");
            kept_within_limits(record, wanted, now);
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
    if stored.is_none() && blank {
        assert_eq!(decided.cookie, CookieStep::Leave, "a cookie for nothing");
    }
}

fn kept_within_limits(record: &Record, wanted: &Record, now: Timestamp) {
    assert_eq!((&record.data, &record.user), (&wanted.data, &wanted.user), "something else was written");
    assert!(record.seen >= now && record.seen >= wanted.seen, "activity was moved back");
    assert!(record.deadline.is_none_or(|deadline| record.expires <= deadline), "written past its deadline");
}
