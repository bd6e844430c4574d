//! Any sequence of calls over several requests and visitors comes to what a naive model says.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use cloakroom_core::Clock as _;
use cloakroom_core::{
    Lifetime, Loaded, Persistence, Policy, SaveError, Session, SessionLimit, Store as _, Summary,
    TouchPolicy, Version, WhenFull,
};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::naive::{Call, Entry, LIFETIMES, MINUTE_MS, Model, Wish};
use crate::support::*;

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
        2 => (0..2_u8, entries()).prop_map(|(user, entry)| Call::SignIn(user, entry)),
        2 => (0..3_usize).prop_map(Call::Renew),
        2 => Just(Call::Save),
        1 => Just(Call::Reload),
        1 => (1..15_u8).prop_map(Call::Wait),
    ];
    prop::collection::vec(call, 0..8)
}

fn entries() -> impl Strategy<Value = Entry> {
    prop_oneof![Just(Entry::Open), Just(Entry::Superseded), Just(Entry::Only), Just(Entry::First)]
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
            assert_eq!(self.perform(&session, call), expected.is_ok(), "{call:?}");
            self.tick();
            assert_eq!(session.data(), work.wanted.data, "{call:?}");
            assert_eq!(session.user(), work.wanted.user.map(|name| user(&name.to_string())), "{call:?}");
            let signed_in = session.authentication().map(|it| it.at.as_millis());
            assert_eq!(signed_in, work.wanted.signed_in, "{call:?}");
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

    fn perform(&self, session: &Session, call: &Call) -> bool {
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
            Call::SignIn(name, entry) => return self.sign_in(session, &name.to_string(), *entry).is_ok(),
            Call::Renew(kind) => session.renew(lifetime(*kind)),
            Call::Save => return run(session.save()).is_ok(),
            Call::Reload => return run(session.reload()).is_ok(),
            Call::Wait(_) => {}
        }
        true
    }

    fn sign_in(&self, session: &Session, name: &str, entry: Entry) -> Result<Vec<Summary>, SaveError> {
        let mut admission = crate::sign_in::admission(&self.site, name);
        let one = |when_full| Some(SessionLimit { most: NonZeroU32::MIN, when_full });
        match entry {
            Entry::Open => {}
            Entry::Superseded => admission.version = Version::number(-1),
            Entry::Only => admission.limit = one(WhenFull::EndOldest),
            Entry::First => admission.limit = one(WhenFull::Refuse),
        }
        run(session.sign_in(user(name), crate::sign_in::password(&self.site), admission))
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
            assert_eq!(record.authentication.map(|it| it.at.as_millis()), kept.signed_in);
            assert_eq!(record.lifetime, lifetime(kept.kind));
            assert_eq!(record.lifetime.persistence() == Persistence::Persistent, LIFETIMES[kept.kind].2);
            assert_eq!(record.deadline.map(cloakroom_core::Timestamp::as_millis), kept.deadline);
            assert_eq!(record.expires.as_millis(), kept.expires());
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 400, failure_persistence: None, ..Config::default() })]

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
