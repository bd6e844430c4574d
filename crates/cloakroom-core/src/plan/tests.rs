//! The documented table, and what no table shows.

use std::time::Duration;

use super::*;
use crate::authentication::{Authentication, Method};
use crate::id::{SALT_BYTES, SessionId};
use crate::lifetime::Lifetime;
use crate::random::SystemRandom;
use crate::record::{Device, UserId};
use crate::verifier::Verifier;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const HOUR: Duration = Duration::from_secs(3_600);
/// The age at which the table's ids are replaced.
const AGE: Duration = Duration::from_secs(7 * 86_400);

fn rows() -> Vec<[&'static str; 5]> {
    let rows: Vec<_> = include_str!("../plan.md")
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
        "only asked for its time left" => usage = Usage::Looked,
        "inserted" => drop(wanted.data.insert("new".into(), 2.into())),
        "inserted what was there" => drop(wanted.data.insert("there".into(), 1.into())),
        "removed what was there" => drop(wanted.data.shift_remove("there")),
        "proved again who its user is" => {
            wanted.authentication =
                Some(Authentication::new(Method::password(), now, &SystemRandom).unwrap());
            fate = Fate::Rotate;
        }
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
