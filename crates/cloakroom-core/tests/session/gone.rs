//! Law 2: what has ended stays ended.

use cloakroom_core::{LoadError, Policy, SaveError, Scope, Session, Store as _, TouchPolicy};

use crate::support::*;

/// Loads, lets another request end the session, and then does what `handler` does.
fn after_the_end(handler: impl FnOnce(&Session)) -> (Site, Browser, Result<Answer, SaveError>) {
    let site = Site::policy(Policy::default().touch(TouchPolicy::Always));
    let mut browser = site.visitor();
    site.clock.advance(MINUTE);
    let (lazy, session) = site.open(&browser);
    assert!(site.visit(&mut browser.clone(), Session::destroy).unwrap().removes());
    site.events();
    handler(&session);
    let answer = site.close(&mut browser, &lazy);
    (site, browser, answer)
}

#[test]
fn r01_a_save_after_the_logout_writes_nothing() {
    let (site, _, answer) = after_the_end(|session| session.insert("late", 1).unwrap());
    let error = answer.unwrap_err();
    assert!(matches!(error, SaveError::Gone));
    assert_eq!(error.status(), 409);
    assert_eq!(site.desk.rows(), 0);
    assert_eq!(site.events(), ["Gone"]);
}

#[test]
fn r02_a_touch_after_the_logout_revives_nothing_and_sends_no_cookie() {
    let (site, _, answer) = after_the_end(|session| assert_eq!(session.get::<i64>("n").unwrap(), Some(1)));
    assert!(answer.unwrap().is_silent());
    assert_eq!(site.desk.rows(), 0);
    assert_eq!(site.events(), ["Gone"]);
}

#[test]
fn r03_a_rotation_or_a_sign_in_after_the_logout_makes_no_new_session() {
    let handlers: [fn(&Session); 3] = [
        Session::rotate,
        |session| session.set_user(user("7")),
        |session| session.renew(cloakroom_core::Lifetime::aal1()),
    ];
    for handler in handlers {
        let (site, _, answer) = after_the_end(handler);
        assert!(matches!(answer.unwrap_err(), SaveError::Gone));
        assert_eq!(site.desk.rows(), 0);
    }
}

#[test]
fn a_logout_after_the_logout_succeeds() {
    let (site, browser, answer) = after_the_end(Session::destroy);
    assert!(answer.unwrap().removes());
    assert_eq!((site.desk.rows(), browser.cookie()), (0, None));
}

#[test]
fn what_is_put_in_after_destroy_begins_a_session_even_when_the_old_one_is_gone() {
    let (site, browser, answer) = after_the_end(|session| {
        session.destroy();
        session.insert("new", 1).unwrap();
    });
    assert!(answer.unwrap().sets());
    assert_eq!(site.desk.rows(), 1);
    assert_eq!([site.read(&browser, "new"), site.read(&browser, "n")], [Some(1), None]);
}

#[test]
fn r01_the_logout_may_come_at_any_step_of_a_save_that_retries() {
    // The save conflicts, and the session ends before it is loaded again.
    for at in ["load", "save"] {
        let site = Site::new();
        let browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        increment(&session);
        let mut another = browser.clone();
        site.visit(&mut another, |session| session.insert("theirs", 2).unwrap()).unwrap();
        // For "save" the end comes between the second load and the second save.
        let other = site.clone();
        let end = move || assert_eq!(run(other.desk.memory.end(&Scope::All, None, START)).unwrap(), 1);
        if at == "save" {
            site.desk.before("save", || {});
        }
        site.desk.before(at, end);
        assert!(matches!(run(lazy.finish(OK)).unwrap_err(), SaveError::Gone), "at {at}");
        assert_eq!(site.desk.rows(), 0);
        assert_eq!((session.id(), session.user(), session.len()), (None, None, 0));
        assert!(run(lazy.finish(OK)).unwrap().set_cookie().is_none());
    }
}

#[test]
fn r04_a_rotation_elsewhere_ends_the_session_of_a_request_under_way() {
    let site = Site::new();
    let mut browser = site.visitor();
    let old = browser.clone();
    let (lazy, session) = site.open(&old);
    site.visit(&mut browser, |session| session.set_user(user("7"))).unwrap();
    session.insert("late", 1).unwrap();
    assert!(matches!(run(lazy.finish(OK)).unwrap_err(), SaveError::Gone));
    assert!(site.open(&old).1.is_new());
    assert_eq!(site.open(&browser).1.user(), Some(user("7")));
    assert_eq!(site.read(&browser, "late"), None);
}

#[test]
fn r01_after_gone_nothing_creates_a_row_until_the_handler_begins_anew() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    session.set_user(user("7"));
    site.visit(&mut browser.clone(), Session::destroy).unwrap();
    assert!(matches!(run(session.reload()).unwrap_err(), LoadError::Gone));
    assert!(matches!(run(session.reload()).unwrap_err(), LoadError::Gone), "it does not come back");
    assert_eq!((session.user(), session.is_empty()), (None, true));
    session.insert("late", 1).unwrap();
    assert!(matches!(run(session.save()).unwrap_err(), SaveError::Gone));
    assert_eq!(session.get::<i64>("late").unwrap(), None);
    session.rotate();
    run(session.save()).unwrap();
    session.set_user(user("7"));
    assert!(matches!(run(session.save()).unwrap_err(), SaveError::Gone));
    assert_eq!(site.desk.rows(), 0);
    session.destroy();
    session.insert("new", 1).unwrap();
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert_eq!(site.read(&browser, "new"), Some(1));
}

#[test]
fn destroy_called_while_a_save_is_under_way_and_met_by_gone_begins_anew() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    session.insert("old", 1).unwrap();
    let (inner, other) = (session.clone(), site.clone());
    site.desk.before("save", move || {
        inner.destroy();
        inner.insert("new", 2).unwrap();
        run(other.desk.memory.end(&Scope::All, None, START)).unwrap();
    });
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert_eq!([site.read(&browser, "new"), site.read(&browser, "old")], [Some(2), None]);
}

#[test]
fn r10_destroy_issues_one_delete_and_nothing_else() {
    let site = Site::policy(Policy::default().touch(TouchPolicy::Always));
    let mut browser = site.visitor();
    site.clock.advance(MINUTE);
    site.visit(&mut browser, |session| {
        session.insert("x", 1).unwrap();
        session.destroy();
    })
    .unwrap();
    assert_eq!(site.desk.log(), ["load", "delete"]);
    assert_eq!(site.events(), ["Loaded", "Destroyed"]);
}

#[test]
fn destroy_then_insert_ends_one_session_and_begins_another() {
    let site = Site::new();
    let mut browser = site.visitor();
    site.visit(&mut browser, |session| session.set_user(user("7"))).unwrap();
    let old = browser.clone();
    site.events();
    site.visit(&mut browser, |session| {
        session.destroy();
        session.insert("new", 1).unwrap();
    })
    .unwrap();
    assert_eq!(site.events(), ["Loaded", "Destroyed", "Created"]);
    let record = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!((record.user, record.data.len()), (None, 1));
    assert!(site.open(&old).1.is_new());
}

#[test]
fn r14_an_id_that_names_nothing_is_never_stored_under() {
    let site = Site::new();
    let sent = format!("__Host-id={}", "A".repeat(43));
    let handlers: [fn(&Session); 4] = [
        |session| session.insert("x", 1).unwrap(),
        |session| session.set_user(user("7")),
        |session| {
            session.clear();
            session.insert("x", 1).unwrap();
        },
        |session| {
            session.rotate();
            session.destroy();
            session.insert("x", 1).unwrap();
        },
    ];
    for handler in handlers {
        let mut browser = Browser::holding(&sent);
        assert!(site.visit(&mut browser, handler).unwrap().sets());
        assert_ne!(browser.cookie(), Some(&*sent));
        assert!(site.open(&Browser::holding(&sent)).1.is_new());
    }
    // Law 5: what is unknown is left alone.
    assert!(site.visit(&mut Browser::holding(&sent), Session::destroy).unwrap().is_silent());
    assert!(site.events().contains(&"Rejected(Unknown)".to_owned()));
}
