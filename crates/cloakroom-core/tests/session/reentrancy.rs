//! The application's own code may use the session that calls it.

use std::sync::mpsc;
use std::thread;

use cloakroom_core::{Lifetime, Policy, Session, ValueError};

use crate::support::*;

/// Fails instead of hanging the whole run when `work` waits for a lock that it holds itself. The limit is no timing
/// assertion: it is only ever reached by a deadlock.
fn without_deadlock(work: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        done.send(()).unwrap();
    });
    match finished.recv_timeout(HOUR / 60) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("deadlock"),
        _ => worker.join().unwrap(),
    }
}

#[test]
fn an_update_may_read_and_change_its_session() {
    without_deadlock(|| {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        let inner = session.clone();
        let update = move |n: Option<i64>| {
            inner.insert("seen", inner.get::<i64>("n").unwrap()).unwrap();
            assert!(!format!("{inner:?}").is_empty());
            n.unwrap_or(0) + 1
        };
        assert_eq!(session.update("n", update).unwrap(), 2);
        let mut another = browser.clone();
        site.visit(&mut another, |session| session.insert("n", 10).unwrap()).unwrap();
        // Now it runs during a save, on what the other request wrote.
        site.close(&mut browser, &lazy).unwrap();
        assert_eq!(site.read(&browser, "n"), Some(11));
        assert!(site.read(&browser, "seen").is_some());
    });
}

#[test]
fn an_update_that_changes_the_value_it_is_given_is_told_so() {
    without_deadlock(|| {
        let site = Site::new();
        let (_lazy, session) = site.open(&site.visitor());
        let inner = session.clone();
        let error = session.update("n", move |n: Option<i64>| {
            increment(&inner);
            n.unwrap_or(0) + 1
        });
        assert!(matches!(error, Err(ValueError::Unstable { key }) if key == "n"));
        session.destroy();
    });
}

#[test]
fn an_update_run_again_may_end_its_session() {
    without_deadlock(|| {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        let inner = session.clone();
        session
            .update("n", move |n: Option<i64>| {
                if n == Some(10) {
                    inner.destroy();
                }
                n.unwrap_or(0) + 1
            })
            .unwrap();
        let mut another = browser.clone();
        site.visit(&mut another, |session| session.insert("n", 10).unwrap()).unwrap();
        assert!(site.close(&mut browser, &lazy).unwrap().removes());
        assert_eq!(site.desk.rows(), 0);
    });
}

/// Uses the session when it is dropped.
struct Parting(Session);

impl Drop for Parting {
    fn drop(&mut self) {
        self.0.insert("parting", 1).unwrap();
    }
}

#[test]
fn a_value_that_an_update_caught_may_use_the_session_when_it_is_dropped() {
    without_deadlock(|| {
        let site = Site::new();
        let drops: [fn(&Session); 5] = [
            |session| session.insert("n", 1).unwrap(),
            Session::clear,
            Session::destroy,
            |session| run(session.save()).unwrap(),
            |session| drop(session.remove("n")),
        ];
        for drop_it in drops {
            let (_lazy, session) = site.open(&site.visitor());
            let parting = Parting(session.clone());
            session
                .update("n", move |n: Option<i64>| {
                    let _ = &parting;
                    n.unwrap_or(0) + 1
                })
                .unwrap();
            drop_it(&session);
            assert!(session.contains("parting"));
        }
    });
}

#[test]
fn updates_from_many_threads_count_exactly() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..200).for_each(|_| drop(increment(&session).to_string())));
        }
    });
    site.close(&mut browser, &lazy).unwrap();
    assert_eq!(site.read(&browser, "n"), Some(1_601));
}

#[test]
fn the_lifetime_function_sees_the_data_of_the_session_that_begins_and_only_then() {
    let site = Site::policy(Policy::default().lifetime_of(|data| {
        assert!(!data.is_empty(), "asked without need");
        if data.contains_key("basket") { Lifetime::idle(48 * HOUR).persistent() } else { Lifetime::aal3() }
    }));
    let mut browser = site.visitor();
    assert_eq!(site.open(&browser).1.lifetime(), Lifetime::aal3());
    site.visit(&mut browser, |session| session.insert("basket", 1).unwrap()).unwrap();
    assert_eq!(site.open(&browser).1.lifetime(), Lifetime::aal3(), "it began before");
    let answer = site.visit(&mut browser, |session| {
        session.destroy();
        session.insert("basket", 1).unwrap();
    });
    assert_eq!(answer.unwrap().max_age(), Some(48 * 3_600));
    let mut renewed = Browser::default();
    site.visit(&mut renewed, |session| {
        session.renew(Lifetime::aal1());
        session.insert("basket", 1).unwrap();
    })
    .unwrap();
    assert_eq!(site.open(&renewed).1.lifetime(), Lifetime::aal1(), "the handler's word counts");
}
