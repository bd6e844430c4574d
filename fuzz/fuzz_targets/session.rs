//! Stories of two visitors and their requests, written in letters, on a store in memory that notes every verb.
//!
//! ```text
//! a b     a request of that visitor begins and its session is loaded; it ends where the next letter of a visitor is
//! i u x   insert, update, remove a value      c   clear       s o   sign in, sign out
//! r d n   rotate, destroy, renew              w   write now   q     ask what is stored
//! t T     five minutes pass, an hour passes   y   the visitors change cookies         5   the answer will be a 500
//! ```
//!
//! Nothing panics; the end of a request is at most one writing verb and one cookie; a page that only looked makes and
//! ends nothing; what was counted is stored, once; and no cookie that a session ever had opens it after its end. Ids
//! are replaced after a quarter of an hour.

#![no_main]

use std::time::Duration;

use cloakroom_conformance::{Log, ManualClock, Outcome, SpyStore, block_on};
use cloakroom_core::{
    LazySession, Lifetime, MemoryStore, Operation, Policy, Rotation, Session, SessionManager, Timestamp,
    UserId,
};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;

struct World {
    clock: ManualClock,
    log: Log,
    manager: SessionManager,
    cookies: [Option<String>; 2],
    /// Every cookie that was set.
    given: Vec<String>,
    /// How the cookies of sessions begin that were destroyed: with what finds the session.
    dead: Vec<String>,
}

/// A request under way.
struct Request {
    visitor: usize,
    /// How the cookie begins that opened a session: with what finds it.
    found: Option<String>,
    lazy: LazySession,
    session: Session,
    status: StatusCode,
    /// Whether the handler has done anything but look.
    acted: bool,
    destroyed: bool,
}

impl World {
    fn new() -> Self {
        let store = SpyStore::new(MemoryStore::new());
        let (clock, log) = (ManualClock::at(Timestamp::from_millis(1_700_000_000_000)), store.log());
        let policy = Policy::default().rotation(Rotation::every(Duration::from_secs(900)));
        let builder = SessionManager::builder(store).clock(clock.clone()).policy(policy);
        let manager = builder.build().expect("a good configuration");
        Self { clock, log, manager, cookies: [None, None], given: Vec::new(), dead: Vec::new() }
    }

    fn open(&self, cookie: Option<&str>) -> (LazySession, Session) {
        let headers: HeaderMap =
            cookie.iter().map(|cookie| (COOKIE, HeaderValue::try_from(*cookie).expect("a cookie"))).collect();
        let lazy = self.manager.begin(&headers);
        let session = block_on(lazy.load()).expect("memory does not fail");
        (lazy, session)
    }

    fn begin(&self, visitor: usize) -> Request {
        let sent = self.cookies[visitor].as_deref();
        let (lazy, session) = self.open(sent);
        let found = sent.filter(|_| !session.is_new()).map(|sent| lookup(sent).to_owned());
        assert!(self.log.take_operations().len() <= 1, "a request loads once");
        Request { visitor, found, lazy, session, status: StatusCode::OK, acted: false, destroyed: false }
    }

    fn act(&mut self, request: &mut Request, letter: u8) {
        let session = &request.session;
        match letter {
            b'i' => session.insert("value", 7).expect("a number"),
            b'u' => drop(session.update("n", |n: Option<u64>| n.unwrap_or(0) + 1).expect("a number")),
            b'x' => drop(session.remove("value")),
            b'c' => session.clear(),
            b's' => session.set_user(UserId::new("ada").expect("a name")),
            b'o' => session.clear_user(),
            b'r' => session.rotate(),
            b'd' => session.destroy(),
            b'n' => session.renew(Lifetime::idle(Duration::from_secs(600)).persistent()),
            // The session may have run out meanwhile; the end of the request says the same.
            b'w' => drop(block_on(session.save())),
            b'q' => drop(block_on(session.reload())),
            b't' => self.clock.advance(Duration::from_secs(300)),
            b'T' => self.clock.advance(Duration::from_secs(3_600)),
            b'5' => request.status = StatusCode::INTERNAL_SERVER_ERROR,
            _ => return,
        }
        request.acted |= !matches!(letter, b'q' | b't' | b'T' | b'5');
        request.destroyed |= letter == b'd';
    }

    fn finish(&mut self, request: Request) {
        let counted = request.session.get::<u64>("n").expect("a number");
        self.log.take();
        let finished = block_on(request.lazy.finish(request.status));
        // One that came too late has done nothing, and may be followed by another.
        let done = self.log.take().into_iter().filter(|call| call.outcome == Outcome::Done);
        let verbs: Vec<_> = done.map(|call| call.operation).filter(|verb| *verb != Operation::Load).collect();
        assert!(verbs.len() <= 1, "the end of a request is one verb: {verbs:?}");
        let kept_up = matches!(verbs[..], [Operation::Touch | Operation::Save]);
        assert!(request.acted || kept_up || verbs.is_empty(), "a page that looked did {verbs:?}");
        let mut headers = HeaderMap::new();
        let stored = finished.is_ok();
        match finished {
            Ok(finished) => finished.apply(&mut headers),
            Err(_) => request.lazy.committed().apply(&mut headers),
        }
        let lines: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert!(lines.len() <= 1, "one cookie");
        if let Some(line) = lines.first() {
            let line = line.to_str().expect("ASCII");
            let pair = line.split(';').next().expect("a pair").to_owned();
            let pair = Some(pair).filter(|_| !line.contains("Max-Age=0"));
            self.given.extend(pair.clone());
            self.cookies[request.visitor] = pair;
        }
        if request.destroyed && stored {
            self.dead.extend(request.found);
        }
        if stored && !lines.is_empty() && self.cookies[request.visitor].is_some() {
            let (_, again) = self.open(self.cookies[request.visitor].as_deref());
            assert_eq!(again.get::<u64>("n").expect("a number"), counted, "what was answered is not stored");
        }
        self.log.take();
    }

    fn is_sound(&self) {
        for cookie in self.given.iter().filter(|cookie| self.dead.iter().any(|dead| dead == lookup(cookie))) {
            let (_, session) = self.open(Some(cookie));
            assert!(session.is_empty() && session.user().is_none(), "a session came back from the dead");
        }
    }
}

/// The part of a cookie that finds the session and stays when its id changes.
fn lookup(cookie: &str) -> &str {
    &cookie["__Host-id=".len()..][..21]
}

fuzz_target!(|story: &[u8]| {
    let mut world = World::new();
    let mut request = None;
    for letter in story.iter().take(200) {
        match letter {
            b'a' | b'b' | b'y' => {
                if let Some(request) = request.take() {
                    world.finish(request);
                }
                if *letter == b'y' {
                    world.cookies.swap(0, 1);
                } else {
                    request = Some(world.begin(usize::from(letter - b'a')));
                }
            }
            _ => {
                if let Some(request) = &mut request {
                    world.act(request, *letter);
                }
            }
        }
    }
    request.into_iter().for_each(|request| world.finish(request));
    world.is_sound();
});
