//! Any sequence of calls over several requests and visitors comes to what a naive model says.

use std::collections::HashMap;
use std::time::Duration;

use cloakroom_core::Clock as _;
use cloakroom_core::{
    Data, Lifetime, Loaded, Persistence, Policy, SaveError, Session, Store as _, TouchPolicy,
};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::support::*;

const MINUTE_MS: i64 = 60_000;
/// Idle limit, absolute limit (milliseconds), and whether the browser keeps the cookie.
const LIFETIMES: [(Option<i64>, Option<i64>, bool); 3] = [
    (Some(10 * MINUTE_MS), Some(60 * MINUTE_MS), false),
    (Some(30 * MINUTE_MS), None, true),
    (None, Some(20 * MINUTE_MS), true),
];

fn lifetime(kind: usize) -> Lifetime {
    let millis = |millis: i64| Duration::from_millis(millis.unsigned_abs());
    let (idle, absolute, persistent) = LIFETIMES[kind];
    let lifetime = match (idle, absolute) {
        (Some(idle), Some(absolute)) => Lifetime::idle(millis(idle)).with_absolute(millis(absolute)),
        (Some(idle), None) => Lifetime::idle(millis(idle)),
        (None, absolute) => Lifetime::absolute(millis(absolute.unwrap())),
    };
    if persistent { lifetime.persistent() } else { lifetime }
}

#[derive(Clone, Debug)]
enum Call {
    Insert(u8, u8),
    Remove(u8),
    Update(u8),
    Clear,
    Rotate,
    Destroy,
    SetUser(u8),
    ClearUser,
    Renew(usize),
    Save,
    Reload,
    Wait(u8),
}

#[derive(Clone, Debug)]
enum Act {
    Request(usize, Vec<Call>),
    Unused(usize),
    Wait(u8),
    CloseWindow(usize),
    CopyCookie(usize, usize),
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        4 => (0..3_u8, 0..4_u8).prop_map(|(key, value)| Call::Insert(key, value)),
        2 => (0..3_u8).prop_map(Call::Remove),
        3 => (0..3_u8).prop_map(Call::Update),
        1 => Just(Call::Clear),
        1 => Just(Call::Rotate),
        2 => Just(Call::Destroy),
        2 => (0..2_u8).prop_map(Call::SetUser),
        1 => Just(Call::ClearUser),
        2 => (0..3_usize).prop_map(Call::Renew),
        2 => Just(Call::Save),
        1 => Just(Call::Reload),
        1 => (1..15_u8).prop_map(Call::Wait),
    ];
    prop::collection::vec(call, 0..8)
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => (0..3_usize, calls()).prop_map(|(visitor, calls)| Act::Request(visitor, calls)),
        1 => (0..3_usize).prop_map(Act::Unused),
        2 => (1..25_u8).prop_map(Act::Wait),
        1 => (0..3_usize).prop_map(Act::CloseWindow),
        1 => (0..3_usize, 0..3_usize).prop_map(|(from, to)| Act::CopyCookie(from, to)),
    ];
    prop::collection::vec(act, 1..16)
}

/// A session as the model keeps it.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    data: Data,
    user: Option<u8>,
    seen: i64,
    deadline: Option<i64>,
    kind: usize,
}

impl Kept {
    fn new(now: i64) -> Self {
        let mut kept = Self { data: Data::new(), user: None, seen: now, deadline: None, kind: 0 };
        kept.restart(now);
        kept
    }

    fn restart(&mut self, now: i64) {
        self.deadline = LIFETIMES[self.kind].1.map(|limit| now + limit);
    }

    fn expires(&self) -> i64 {
        let idle = LIFETIMES[self.kind].0.map_or(i64::MAX, |limit| self.seen + limit);
        idle.min(self.deadline.unwrap_or(i64::MAX))
    }

    fn is_blank(&self) -> bool {
        self.data.is_empty() && self.user.is_none()
    }
}

#[derive(Clone, Debug, Default)]
struct Model {
    now: i64,
    sessions: HashMap<usize, Kept>,
    made: usize,
    /// What each browser holds: a session and until when.
    browsers: [Option<(usize, i64)>; 3],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stored {
    Nothing,
    At(usize),
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wish {
    Stay,
    Move,
    End,
}

/// One request in the model.
struct Work {
    arrived: bool,
    stored: Stored,
    /// The session as this request last saw it stored.
    seen: Kept,
    wanted: Kept,
    wish: Wish,
    /// Whether anything was asked for since the session ended.
    touched: bool,
    cookie: Option<Option<i64>>,
}

struct Gone;

impl Model {
    fn live(&self, id: usize) -> Option<&Kept> {
        self.sessions.get(&id).filter(|kept| self.now < kept.expires())
    }

    fn begin(&self, visitor: usize) -> Work {
        let held = self.browsers[visitor].filter(|(_, until)| self.now < *until).map(|(id, _)| id);
        let stored = held.filter(|id| self.live(*id).is_some());
        let wanted = stored.and_then(|id| self.live(id).cloned()).unwrap_or_else(|| Kept::new(self.now));
        Work {
            arrived: stored.is_some(),
            seen: wanted.clone(),
            wanted,
            stored: stored.map_or(Stored::Nothing, Stored::At),
            wish: Wish::Stay,
            touched: false,
            cookie: None,
        }
    }

    fn call(&mut self, work: &mut Work, call: &Call) -> Result<(), Gone> {
        let key = |key: &u8| format!("k{key}");
        let now = self.now;
        work.touched |= match call {
            Call::Rotate | Call::Destroy | Call::Save | Call::Reload | Call::Wait(_) => false,
            Call::Remove(name) => work.wanted.data.contains_key(&key(name)),
            _ => true,
        };
        match call {
            Call::Insert(name, value) => drop(work.wanted.data.insert(key(name), (*value).into())),
            Call::Remove(name) => drop(work.wanted.data.shift_remove(&key(name))),
            Call::Update(name) => {
                let old = work.wanted.data.get(&key(name)).and_then(serde_json::Value::as_i64).unwrap_or(0);
                work.wanted.data.insert(key(name), (old + 1).into());
            }
            Call::Clear => work.wanted.data.clear(),
            Call::Rotate if work.wish == Wish::Stay => work.wish = Wish::Move,
            Call::Rotate => {}
            Call::Destroy => {
                work.wish = Wish::End;
                work.wanted = Kept::new(now);
                work.touched = false;
                if work.stored == Stored::Ended {
                    work.stored = Stored::Nothing;
                }
            }
            Call::SetUser(user) => {
                work.wanted.user = Some(*user);
                work.wanted.restart(now);
                if work.wish == Wish::Stay {
                    work.wish = Wish::Move;
                }
            }
            Call::ClearUser => work.wanted.user = None,
            Call::Renew(kind) => {
                work.wanted.kind = *kind;
                work.wanted.restart(now);
            }
            Call::Wait(minutes) => self.now += i64::from(*minutes) * MINUTE_MS,
            Call::Save => self.commit(work)?,
            Call::Reload => match work.stored {
                Stored::Ended => return Err(Gone),
                Stored::At(id) if self.live(id).is_none() => {
                    self.end(work);
                    return Err(Gone);
                }
                Stored::At(_) | Stored::Nothing => {}
            },
        }
        Ok(())
    }

    fn end(&self, work: &mut Work) {
        work.stored = Stored::Ended;
        work.wanted = Kept::new(self.now);
        work.wish = Wish::Stay;
        work.touched = false;
    }

    fn commit(&mut self, work: &mut Work) -> Result<(), Gone> {
        let id = match work.stored {
            Stored::Ended if work.touched => {
                self.end(work);
                return Err(Gone);
            }
            Stored::Ended => return Ok(()),
            Stored::Nothing if work.wanted.is_blank() => return Ok(()),
            Stored::Nothing => return Ok(self.make(work)),
            Stored::At(id) => id,
        };
        if work.wish == Wish::End && work.wanted.is_blank() {
            self.sessions.remove(&id);
            (work.stored, work.wish) = (Stored::Nothing, Wish::Stay);
            work.cookie = work.arrived.then_some(None);
            return Ok(());
        }
        let alive = self.live(id).is_some();
        if !alive && work.wish == Wish::End {
            work.stored = Stored::Nothing;
            return Ok(self.make(work));
        }
        let before = work.seen.clone();
        let limits_changed = (work.wanted.kind, work.wanted.deadline) != (before.kind, before.deadline);
        let moved = Kept { seen: work.wanted.seen.max(self.now), ..work.wanted.clone() };
        let changed = limits_changed || work.wanted.data != before.data;
        let renames = work.wish != Wish::Stay || work.wanted.user != before.user;
        if !changed && !renames && moved.expires() == before.expires() {
            return Ok(());
        }
        if !alive {
            self.end(work);
            // A mere sign of life that comes too late is no error.
            return if changed || renames { Err(Gone) } else { Ok(()) };
        }
        if renames {
            self.sessions.remove(&id);
            return Ok(self.make(work));
        }
        (work.wanted, work.seen) = (moved.clone(), moved.clone());
        self.sessions.insert(id, moved);
        let moves = LIFETIMES[work.wanted.kind].2 && work.wanted.expires() != before.expires();
        if limits_changed || moves {
            work.cookie = Some(self.until(&work.wanted));
        }
        Ok(())
    }

    fn make(&mut self, work: &mut Work) {
        self.made += 1;
        work.wanted.seen = work.wanted.seen.max(self.now);
        self.sessions.insert(self.made, work.wanted.clone());
        work.cookie = Some(self.until(&work.wanted));
        work.seen = work.wanted.clone();
        (work.stored, work.wish) = (Stored::At(self.made), Wish::Stay);
    }

    /// How long the browser is told to keep the cookie, in whole seconds.
    fn until(&self, kept: &Kept) -> Option<i64> {
        Some(if LIFETIMES[kept.kind].2 { (kept.expires() - self.now) / 1_000 } else { i64::MAX })
    }

    fn finish(&mut self, visitor: usize, work: &mut Work) -> Result<(), Gone> {
        self.commit(work)?;
        match (work.cookie, work.stored) {
            (Some(Some(seconds)), Stored::At(id)) => {
                let until = seconds.checked_mul(1_000).map_or(i64::MAX, |millis| self.now + millis);
                self.browsers[visitor] = Some((id, until));
            }
            (Some(None), Stored::Nothing) => self.browsers[visitor] = None,
            _ => {}
        }
        Ok(())
    }
}

/// The real thing, beside the model.
struct Both {
    site: Site,
    browsers: [Browser; 3],
    model: Model,
    /// The cookie that the site gave to each session of the model.
    cookies: HashMap<usize, String>,
}

impl Both {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Wait(minutes) => self.model.now += i64::from(*minutes) * MINUTE_MS,
            Act::CloseWindow(visitor) => {
                self.browsers[*visitor].close_window();
                let held = &mut self.model.browsers[*visitor];
                *held = held.filter(|(_, until)| *until != i64::MAX);
            }
            Act::CopyCookie(from, to) => {
                self.browsers[*to] = self.browsers[*from].clone();
                self.model.browsers[*to] = self.model.browsers[*from];
            }
            Act::Unused(visitor) => {
                let lazy = self.site.begin(&self.browsers[*visitor]);
                assert!(run(lazy.finish(OK)).unwrap().set_cookie().is_none());
            }
            Act::Request(visitor, calls) => self.request(*visitor, calls),
        }
        self.tick();
        self.compare();
    }

    fn request(&mut self, visitor: usize, calls: &[Call]) {
        let (lazy, session) = self.site.open(&self.browsers[visitor]);
        let mut work = self.model.begin(visitor);
        for call in calls {
            // What has to happen then is a matter of taste, and the model has none.
            if matches!(call, Call::Reload) && work.wish == Wish::End {
                continue;
            }
            let expected = self.model.call(&mut work, call);
            assert_eq!(perform(&session, call), expected.is_ok(), "{call:?}");
            self.tick();
            assert_eq!(session.data(), work.wanted.data, "{call:?}");
            assert_eq!(session.user(), work.wanted.user.map(|name| user(&name.to_string())), "{call:?}");
        }
        let expected = self.model.finish(visitor, &mut work);
        match self.site.close(&mut self.browsers[visitor], &lazy) {
            Ok(_) => assert!(expected.is_ok(), "the model was told that it is gone"),
            Err(error) => assert!(matches!(error, SaveError::Gone) && expected.is_err(), "{error:?}"),
        }
        if let (Some((id, _)), Some(cookie)) = (self.model.browsers[visitor], self.browsers[visitor].cookie())
        {
            let known = self.cookies.entry(id).or_insert_with(|| cookie.to_owned());
            assert_eq!(known, cookie);
        }
    }

    fn tick(&self) {
        self.site.clock.set(cloakroom_core::Timestamp::from_millis(self.model.now));
    }

    fn compare(&self) {
        for (real, model) in self.browsers.iter().zip(&self.model.browsers) {
            assert_eq!(real.cookie(), model.map(|(id, _)| &*self.cookies[&id]));
        }
        let now = self.site.clock.now();
        let live: Vec<_> =
            self.model.sessions.keys().filter_map(|id| Some((id, self.model.live(*id)?))).collect();
        let rows = run(self.site.desk.memory.count(&cloakroom_core::Scope::All, now)).unwrap();
        assert_eq!(rows, live.len() as u64);
        for (id, kept) in live {
            // A session made and replaced within one request, or one whose request failed, has no cookie.
            let Some(cookie) = self.cookies.get(id) else { continue };
            let key = self.site.manager.key(&Browser::holding(cookie).id());
            let Loaded::Live(stored) = run(self.site.desk.memory.load(&key, now)).unwrap() else {
                panic!("{id} is not there");
            };
            let record = stored.record;
            assert_eq!(record.data, kept.data);
            assert_eq!(record.user, kept.user.map(|name| user(&name.to_string())));
            assert_eq!(record.lifetime, lifetime(kept.kind));
            assert_eq!(record.lifetime.persistence() == Persistence::Persistent, LIFETIMES[kept.kind].2);
            assert_eq!(record.deadline.map(|deadline| deadline.as_millis()), kept.deadline);
            assert_eq!(record.expires.as_millis(), kept.expires());
        }
    }
}

fn perform(session: &Session, call: &Call) -> bool {
    let key = |key: &u8| format!("k{key}");
    match call {
        Call::Insert(name, value) => session.insert(key(name), value).unwrap(),
        Call::Remove(name) => drop(session.remove(key(name))),
        Call::Update(name) => {
            session.update(key(name), |n: Option<i64>| n.unwrap_or(0) + 1).unwrap();
        }
        Call::Clear => session.clear(),
        Call::Rotate => session.rotate(),
        Call::Destroy => session.destroy(),
        Call::SetUser(name) => session.set_user(user(&name.to_string())),
        Call::ClearUser => session.clear_user(),
        Call::Renew(kind) => session.renew(lifetime(*kind)),
        Call::Save => return run(session.save()).is_ok(),
        Call::Reload => return run(session.reload()).is_ok(),
        Call::Wait(_) => {}
    }
    true
}

proptest! {
    #![proptest_config(Config { cases: 1_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_sequence_of_calls_equals_the_model(acts in acts()) {
        let policy = Policy::default().lifetime(lifetime(0)).touch(TouchPolicy::Always);
        let model = Model { now: START.as_millis(), ..Model::default() };
        let mut both = Both { site: Site::policy(policy), browsers: Default::default(), model, cookies: HashMap::new() };
        for act in &acts {
            both.act(act);
        }
    }
}
