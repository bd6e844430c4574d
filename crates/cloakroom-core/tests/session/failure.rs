//! A store that is down, a source of random bits that is broken, an observer that panics, too much data.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use cloakroom_core::{
    ErrorKind, Event, LoadError, LoadFailure, MemoryStore, Observer, Policy, Random, RandomError, SaveError,
    Scope, SessionManagerBuilder, Store as _, TouchPolicy,
};

use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};

use crate::support::*;

const DOWN: Fault = Fault::Before(ErrorKind::Unavailable);

fn on_load_failure(policy: LoadFailure) -> Site {
    Site::policy(Policy::default().on_load_failure(policy))
}

#[test]
fn asvs_16_5_2_a_failed_load_refuses_the_request_and_may_be_tried_again() {
    let site = on_load_failure(LoadFailure::Refuse { retry_after: Duration::from_secs(9) });
    let browser = site.visitor();
    let lazy = site.begin(&browser);
    site.desk.next("load", DOWN);
    let error = run(lazy.load()).unwrap_err();
    assert_eq!((error.status().as_u16(), error.retry_after()), (503, Some(Duration::from_secs(9))));
    assert!(run(lazy.finish(OK)).unwrap().set_cookie().is_none());
    assert_eq!(site.desk.log(), ["load"], "a failed load never leads to a write");
    assert_eq!(run(lazy.load()).unwrap().len(), 1);
    site.desk.next("load", Fault::Before(ErrorKind::Corrupt));
    let error = run(site.begin(&browser).load()).unwrap_err();
    assert_eq!((error.status().as_u16(), error.retry_after()), (500, None));
    assert!(matches!(error, LoadError::Store { .. }));
}

#[test]
fn anonymous_writes_nothing_and_does_not_pretend_to_sign_out() {
    let site = on_load_failure(LoadFailure::Anonymous);
    let mut browser = site.visitor();
    let handlers: [fn(&cloakroom_core::Session); 4] = [
        |session| assert!(session.is_empty()),
        |session| session.insert("x", 1).unwrap(),
        |session| session.set_user(user("7")),
        |session| session.rotate(),
    ];
    for handler in handlers {
        site.desk.next("load", DOWN);
        assert!(site.visit(&mut browser, handler).unwrap().is_silent());
        assert_eq!(site.desk.log(), ["load"]);
    }
    site.desk.next("load", DOWN);
    let error = site.visit(&mut browser, cloakroom_core::Session::destroy).unwrap_err();
    assert!(matches!(error, SaveError::Detached { .. }));
    assert_eq!(error.status(), 503);
    assert_eq!(site.desk.log(), ["load"]);
    assert_eq!(site.read(&browser, "n"), Some(1));
}

#[test]
fn the_fallback_takes_new_sessions_and_finds_them_again() {
    let fallback = Arc::new(MemoryStore::new());
    let site = on_load_failure(LoadFailure::Fallback(fallback.clone()));
    let mut browser = Browser::default();
    site.desk.next("create", DOWN);
    assert!(site.visit(&mut browser, |session| session.insert("n", 1).unwrap()).unwrap().sets());
    assert_eq!(run(fallback.count(&Scope::All, START)).unwrap(), 1);
    assert_eq!(site.desk.rows(), 0);
    site.desk.next("load", DOWN);
    site.visit(&mut browser, |session| assert_eq!(increment(session), 2)).unwrap();
    site.desk.next("load", DOWN);
    assert_eq!(site.read(&browser, "n"), Some(2));
    assert_eq!(site.desk.rows(), 0);
}

#[test]
fn a_failed_save_is_an_error_and_can_be_made_again() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    increment(&session);
    site.desk.next("save", DOWN);
    let error = run(lazy.finish(OK)).unwrap_err();
    assert_eq!((error.status().as_u16(), error.retry_after()), (503, Some(Duration::from_secs(5))));
    site.close(&mut browser, &lazy).unwrap();
    assert_eq!(site.read(&browser, "n"), Some(2));
    site.desk.next("save", Fault::Before(ErrorKind::TooLarge));
    increment(&session);
    let error = run(session.save()).unwrap_err();
    assert_eq!((error.status().as_u16(), error.retry_after()), (413, None));
}

#[test]
fn a_client_that_is_told_to_try_again_is_not_served_twice() {
    for (answer, stored) in [(StatusCode::SERVICE_UNAVAILABLE, None), (OK, Some(1))] {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        session.insert("order", 1).unwrap();
        site.desk.next("save", DOWN);
        assert!(run(session.save()).is_err());
        site.close_with(&mut browser, &lazy, answer).unwrap();
        assert_eq!(site.read(&browser, "order"), stored, "after {answer}");
    }
}

#[test]
fn an_id_that_was_changed_by_a_save_reaches_the_browser_although_the_rest_fails() {
    let site = Site::new();
    let browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    session.set_user(user("7"));
    run(session.save()).unwrap();
    increment(&session);
    site.desk.next("save", DOWN);
    assert_eq!(run(lazy.finish(OK)).unwrap_err().status().as_u16(), 503);

    let mut headers = HeaderMap::new();
    lazy.committed().apply(&mut headers);
    let line = headers[SET_COOKIE].to_str().unwrap();
    assert!(line.contains(session.id().unwrap().expose()), "the browser was left with a dead id");
    assert!(lazy.committed().set_cookie().is_none(), "the cookie was given out twice");
}

#[test]
fn a_failed_touch_or_a_failed_logout() {
    let site = Site::policy(Policy::default().touch(TouchPolicy::Always));
    let mut browser = site.visitor();
    site.clock.advance(MINUTE);
    site.desk.next("touch", DOWN);
    assert!(site.visit(&mut browser, |_| {}).unwrap().is_silent());
    assert!(site.events().iter().any(|event| event.starts_with("StoreFailed")));
    site.desk.next("delete", DOWN);
    let error = site.visit(&mut browser, cloakroom_core::Session::destroy).unwrap_err();
    assert_eq!(error.status(), 503);
    assert_eq!(site.read(&browser, "n"), Some(1), "nobody was told that it ended");
}

#[test]
fn r33_too_much_data_is_refused_before_the_store_is_asked() {
    let site = Site::policy(Policy::default().data_limit(20));
    let mut browser = Browser::default();
    // {"k":"…"} is eight bytes around the text.
    let fits = "x".repeat(12);
    site.visit(&mut browser, |session| session.insert("k", &fits).unwrap()).unwrap();
    site.desk.log();
    let (lazy, session) = site.open(&browser);
    session.insert("k", "x".repeat(13)).unwrap();
    let error = run(lazy.finish(OK)).unwrap_err();
    assert!(matches!(error, SaveError::TooLarge { limit: 20 }));
    assert_eq!((error.status().as_u16(), site.desk.log()), (413, vec!["load"]));
    session.destroy();
    assert!(site.close(&mut browser, &lazy).unwrap().removes());
}

#[derive(Debug)]
struct Sequence(AtomicU8, &'static [u8]);

impl Random for Sequence {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        let drawn = self.0.fetch_add(1, Ordering::SeqCst);
        let byte = self.1.get(usize::from(drawn)).ok_or_else(|| RandomError::new("used up"))?;
        bytes.fill(*byte);
        Ok(())
    }
}

fn with_random(bytes: &'static [u8]) -> Site {
    Site::with(|builder: SessionManagerBuilder| builder.random(Sequence(AtomicU8::new(0), bytes)))
}

#[test]
fn r32_a_broken_random_source_fails_the_request() {
    let site = with_random(&[1]);
    let mut browser = site.visitor();
    let mut another = Browser::default();
    let error = site.visit(&mut another, |session| session.insert("n", 2).unwrap()).unwrap_err();
    assert!(matches!(error, SaveError::Random(_)));
    assert_eq!((error.status().as_u16(), site.desk.rows()), (500, 1));
    let error = site.visit(&mut browser, |session| session.set_user(user("7"))).unwrap_err();
    assert!(matches!(error, SaveError::Random(_)));
    assert_eq!(site.open(&browser).1.user(), None, "signed in under the old id");
}

#[test]
fn asvs_7_2_3_a_repeated_id_is_drawn_again_and_overwrites_nothing() {
    let site = with_random(&[1, 1, 1, 2, 1, 2, 3]);
    let first = site.visitor();
    let mut second = Browser::default();
    site.visit(&mut second, |session| session.insert("n", 2).unwrap()).unwrap();
    assert_eq!([site.read(&first, "n"), site.read(&second, "n")], [Some(1), Some(2)]);
    let mut renamed = second.clone();
    site.visit(&mut renamed, cloakroom_core::Session::rotate).unwrap();
    assert_eq!([site.read(&first, "n"), site.read(&renamed, "n")], [Some(1), Some(2)]);
    assert!(site.open(&second).1.is_new());
    let site = with_random(&[1; 64]);
    site.visitor();
    let error = site.visit(&mut Browser::default(), |session| session.insert("n", 2).unwrap());
    assert!(matches!(error.unwrap_err(), SaveError::Random(_)));
    assert_eq!(site.desk.rows(), 1);
}

#[derive(Debug)]
struct Panicking;

impl Observer for Panicking {
    fn observe(&self, _: &Event<'_>) {
        std::panic::resume_unwind(Box::new("observer"));
    }
}

#[test]
fn r22_a_panicking_observer_does_not_keep_a_session_alive() {
    let site = Site::with(|builder| builder.observer(Panicking));
    let mut browser = Browser::default();
    site.visit(&mut browser, |session| session.insert("n", 1).unwrap()).unwrap();
    assert!(site.visit(&mut browser, cloakroom_core::Session::destroy).unwrap().removes());
    assert_eq!(site.desk.rows(), 0);
}

#[test]
fn a_panicking_update_leaves_the_session_usable() {
    let site = Site::new();
    let mut browser = site.visitor();
    site.visit(&mut browser, |session| {
        let update = || session.update("n", |_: Option<i64>| std::panic::resume_unwind(Box::new("update")));
        assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
        assert_eq!(increment(session), 2);
    })
    .unwrap();
    assert_eq!(site.read(&browser, "n"), Some(2));
}

#[test]
fn one_load_serves_all_who_ask_and_nobody_asking_costs_nothing() {
    let site = Site::new();
    let mut browser = site.visitor();
    let lazy = site.begin(&browser);
    site.desk.next("load", Fault::WaitBefore);
    let (first, second) = run(futures_util::future::join(lazy.load(), lazy.load()));
    increment(&first.unwrap());
    assert_eq!(second.unwrap().get::<i64>("n").unwrap(), Some(2), "they are one session");
    assert_eq!(site.desk.log(), ["load"]);
    site.close(&mut browser, &lazy).unwrap();
    assert_eq!(site.desk.log(), ["save"]);
    assert!(run(site.begin(&browser).finish(OK)).unwrap().set_cookie().is_none());
    assert_eq!(site.desk.log(), Vec::<&str>::new());
}

#[test]
fn r33_requests_that_store_nothing_make_no_rows() {
    let site = Site::new();
    for request in 0..1_000 {
        let mut browser = match request % 3 {
            0 => Browser::default(),
            1 => Browser::holding("__Host-id=../../etc/passwd"),
            _ => Browser::holding(&format!("__Host-id={}", "A".repeat(43))),
        };
        let answer = site.visit(&mut browser, |session| {
            session.rotate();
            session.insert("x", 1).unwrap();
            session.remove("x");
            session.clear();
        });
        assert!(answer.unwrap().is_silent());
    }
    assert_eq!(site.desk.rows(), 0);
}
