//! A save that was dropped, or whose answer never came, counts once.

use cloakroom_core::{ErrorKind, Outcome, Policy, Rotation, SaveError, Session, TouchPolicy};

use crate::support::*;

type Handler = fn(&Session);

const UNKNOWN: ErrorKind = ErrorKind::Unknown;

/// A request that increments, and whose first save meets `fault`; then the response is made ready.
fn counted(fault: Fault, verb: &'static str, prepare: impl Fn(&Session)) -> (Site, Browser, SaveEnd) {
    let site = Site::new();
    let mut browser = if verb == "create" { Browser::default() } else { site.visitor() };
    let (lazy, session) = site.open(&browser);
    prepare(&session);
    increment(&session);
    site.desk.next(verb, fault);
    let end = match poll_times(1, session.save()) {
        None => SaveEnd::Dropped,
        Some(Ok(())) => SaveEnd::Saved,
        Some(Err(_)) => SaveEnd::Failed,
    };
    assert!(site.close(&mut browser, &lazy).is_ok());
    (site, browser, end)
}

#[derive(Debug, PartialEq)]
enum SaveEnd {
    Dropped,
    Saved,
    Failed,
}

#[test]
fn r43_an_update_counts_once_however_its_save_was_dropped_or_answered() {
    let faults: [(fn() -> Fault, SaveEnd); 5] = [
        (|| Fault::WaitBefore, SaveEnd::Dropped),
        (|| Fault::WaitAfter, SaveEnd::Dropped),
        (|| Fault::Before(UNKNOWN), SaveEnd::Failed),
        (|| Fault::After(UNKNOWN), SaveEnd::Failed),
        (|| Fault::Late, SaveEnd::Failed),
    ];
    let verbs: [(&str, Handler, i64); 4] = [
        ("create", |_| {}, 1),
        ("save", |_| {}, 2),
        ("save", Session::rotate, 2),
        ("rename", Session::destroy, 1),
    ];
    for (verb, prepare, expected) in verbs {
        for (fault, expected_end) in &faults {
            let (site, browser, end) = counted(fault(), verb, prepare);
            assert_eq!(end, *expected_end);
            assert_eq!(site.read(&browser, "n"), Some(expected), "{verb} {end:?}");
            assert_eq!(site.desk.rows(), 1, "{verb} {end:?}");
        }
    }
}

#[test]
fn changes_made_after_a_dropped_save_are_saved_too_and_once() {
    let faults: [fn() -> Fault; 3] = [|| Fault::WaitBefore, || Fault::WaitAfter, || Fault::Late];
    for fault in faults {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        increment(&session);
        site.desk.next("save", fault());
        let _ = poll_times(1, session.save());
        increment(&session);
        session.insert("x", 1).unwrap();
        site.close(&mut browser, &lazy).unwrap();
        assert_eq!([site.read(&browser, "n"), site.read(&browser, "x")], [Some(3), Some(1)]);
    }
}

#[test]
fn a_dropped_save_after_which_others_wrote_is_not_guessed_at() {
    for fault in [Fault::WaitBefore, Fault::WaitAfter] {
        let applied = matches!(fault, Fault::WaitAfter);
        let site = Site::new();
        let browser = site.visitor();
        let (_lazy, session) = site.open(&browser);
        increment(&session);
        site.desk.next("save", fault);
        assert!(poll_times(1, session.save()).is_none());
        let mut another = browser.clone();
        site.visit(&mut another, |session| session.insert("theirs", 2).unwrap()).unwrap();
        let error = run(session.save()).unwrap_err();
        assert!(matches!(error, SaveError::Unsettled));
        assert!(matches!(run(session.save()).unwrap_err(), SaveError::Unsettled));
        run(session.reload()).unwrap();
        assert_eq!(session.get::<i64>("n").unwrap(), Some(if applied { 2 } else { 1 }));
        assert_eq!(session.get::<i64>("theirs").unwrap(), Some(2));
        run(session.save()).unwrap();
        assert_eq!(site.read(&browser, "n"), Some(if applied { 2 } else { 1 }));
    }
}

#[test]
fn a_dropped_save_that_only_set_values_is_made_again_beside_what_others_wrote() {
    for fault in [Fault::WaitBefore, Fault::WaitAfter] {
        let site = Site::new();
        let browser = site.visitor();
        let (_lazy, session) = site.open(&browser);
        session.insert("ours", 1).unwrap();
        site.desk.next("save", fault);
        assert!(poll_times(1, session.save()).is_none());
        let mut another = browser.clone();
        site.visit(&mut another, |session| session.insert("theirs", 2).unwrap()).unwrap();
        run(session.save()).unwrap();
        assert_eq!([site.read(&browser, "ours"), site.read(&browser, "theirs")], [Some(1), Some(2)]);
    }
}

#[test]
fn r01_a_dropped_save_repeated_after_the_logout_writes_nothing() {
    let handlers: [Handler; 2] = [|_| {}, Session::rotate];
    for prepare in handlers {
        let site = Site::new();
        let browser = site.visitor();
        let (_lazy, session) = site.open(&browser);
        prepare(&session);
        increment(&session);
        site.desk.next("save", Fault::WaitBefore);
        assert!(poll_times(1, session.save()).is_none());
        site.visit(&mut browser.clone(), Session::destroy).unwrap();
        assert!(matches!(run(session.save()).unwrap_err(), SaveError::Gone));
        assert_eq!(site.desk.rows(), 0);
    }
}

#[test]
fn a_dropped_creation_that_is_then_destroyed_leaves_no_row_and_no_cookie() {
    let faults: [fn() -> Fault; 3] = [|| Fault::WaitBefore, || Fault::WaitAfter, || Fault::After(UNKNOWN)];
    for fault in faults {
        let site = Site::new();
        let mut browser = Browser::default();
        let (lazy, session) = site.open(&browser);
        session.insert("x", 1).unwrap();
        site.desk.next("create", fault());
        let _ = poll_times(1, session.save());
        session.destroy();
        assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
        assert_eq!(site.desk.rows(), 0);
    }
}

#[test]
fn a_dropped_logout_is_done_by_the_next_save() {
    for fault in [Fault::WaitBefore, Fault::WaitAfter] {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        session.destroy();
        site.desk.next("delete", fault);
        assert!(poll_times(1, session.save()).is_none());
        assert!(site.close(&mut browser, &lazy).unwrap().removes());
        assert_eq!(site.desk.rows(), 0);
    }
}

#[test]
fn a_save_dropped_while_it_loads_again_leaves_its_changes() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    increment(&session);
    let mut another = browser.clone();
    site.visit(&mut another, |session| assert_eq!(increment(session), 2)).unwrap();
    site.desk.next("load", Fault::WaitAfter);
    assert!(poll_times(1, session.save()).is_none());
    site.close(&mut browser, &lazy).unwrap();
    assert_eq!(site.read(&browser, "n"), Some(3));
}

#[test]
fn a_write_whose_outcome_was_found_out_is_told_to_the_observer_once() {
    let site = Site::new();
    let mut browser = Browser::default();
    let (lazy, session) = site.open(&browser);
    increment(&session);
    site.desk.next("create", Fault::WaitAfter);
    assert!(poll_times(1, session.save()).is_none());
    assert_eq!(site.events(), Vec::<String>::new());
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert_eq!(site.events(), ["Created"]);
}

#[test]
fn r07_saves_of_one_session_take_turns_and_each_change_is_written_once() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    increment(&session);
    site.desk.next("save", Fault::WaitBefore);
    let second = session.clone();
    let (first, second) = run(futures_util::future::join(session.save(), second.save()));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(site.desk.log(), ["load", "save"]);
    site.close(&mut browser, &lazy).unwrap();
    assert_eq!(site.read(&browser, "n"), Some(2));
}

#[test]
fn r07_changes_made_during_a_save_stay_and_are_saved_next() {
    for fault in [Fault::WaitBefore, Fault::WaitAfter] {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        increment(&session);
        session.insert("x", 1).unwrap();
        site.desk.next("save", fault);
        let during = async {
            increment(&session);
            session.insert("x", 2).unwrap();
            session.set_user(user("7"));
        };
        run(futures_util::future::join(session.save(), during)).0.unwrap();
        assert_eq!([site.read(&browser, "n"), site.read(&browser, "x")], [Some(2), Some(1)]);
        assert_eq!(session.get::<i64>("n").unwrap(), Some(3));
        assert!(site.close(&mut browser, &lazy).unwrap().sets());
        assert_eq!([site.read(&browser, "n"), site.read(&browser, "x")], [Some(3), Some(2)]);
        assert_eq!(site.open(&browser).1.user(), Some(user("7")));
    }
}

#[test]
fn destroy_called_during_a_save_wins() {
    for (verb, prepare) in [
        ("save", increment as fn(&Session) -> i64),
        ("save", |session| {
            session.rotate();
            0
        }),
        ("rename", |session| {
            session.destroy();
            increment(session)
        }),
    ] {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        prepare(&session);
        site.desk.next(verb, Fault::WaitBefore);
        let during = async { session.destroy() };
        run(futures_util::future::join(session.save(), during)).0.unwrap();
        assert!(site.close(&mut browser, &lazy).unwrap().removes());
        assert_eq!(site.desk.rows(), 0);
    }
}

#[test]
fn a_write_stays_in_doubt_while_its_repetition_fails_too() {
    let site = Site::new();
    let browser = site.visitor();
    let (_lazy, session) = site.open(&browser);
    increment(&session);
    site.desk.next("save", Fault::After(UNKNOWN));
    site.desk.next("save", Fault::Before(ErrorKind::Unavailable));
    assert!(run(session.save()).is_err() && run(session.save()).is_err());
    run(session.save()).unwrap();
    assert_eq!(site.read(&browser, "n"), Some(2));
}

#[test]
fn a_rotation_that_nobody_saw_and_others_followed_is_not_made_again() {
    let policy = Policy::default().rotation(Rotation::every(MINUTE)).touch(TouchPolicy::Always);
    let site = Site::policy(policy);
    let mut browser = site.visitor();
    let mut tab = browser.clone();
    site.clock.advance(MINUTE);
    let (lazy, session) = site.open(&browser);
    increment(&session);
    site.desk.next("save", Fault::After(UNKNOWN));
    assert!(run(session.save()).is_err());
    // The id is another one by now; a tab that still has the previous one is told, and its visit is a touch.
    site.clock.advance(MINUTE / 60);
    assert!(
        site.visit(&mut tab, |session| assert_eq!(session.get::<i64>("n").unwrap(), Some(2))).unwrap().sets()
    );
    run(session.save()).unwrap();
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert_eq!(browser.cookie(), tab.cookie());
    assert_eq!(site.read(&browser, "n"), Some(2));
}

#[test]
fn r43_a_lost_answer_is_asked_for_once_more_before_the_response() {
    let verbs: [(&str, Handler); 3] =
        [("save", |_| {}), ("save", Session::rotate), ("delete", Session::destroy)];
    for (verb, prepare) in verbs {
        for fault in [|| Fault::Before(UNKNOWN), || Fault::After(UNKNOWN), || Fault::Late] {
            let site = Site::new();
            let mut browser = site.visitor();
            let (lazy, session) = site.open(&browser);
            increment(&session);
            prepare(&session);
            site.desk.next(verb, fault());
            site.close(&mut browser, &lazy).unwrap();
            let expected = if verb == "save" { (Some(2), 1) } else { (None, 0) };
            assert_eq!((site.read(&browser, "n"), site.desk.rows()), expected, "{verb}");
        }
    }
}

#[test]
fn r43_a_write_in_doubt_whose_repetition_fails_is_not_denied() {
    let verbs: [(&str, Handler); 3] =
        [("save", |_| {}), ("save", Session::rotate), ("delete", Session::destroy)];
    for (verb, prepare) in verbs {
        for second in [ErrorKind::Unavailable, ErrorKind::Overloaded, UNKNOWN] {
            let site = Site::new();
            let browser = site.visitor();
            let (lazy, session) = site.open(&browser);
            increment(&session);
            prepare(&session);
            site.desk.next(verb, Fault::After(UNKNOWN));
            site.desk.next(verb, Fault::Before(second));
            let error = site.close(&mut browser.clone(), &lazy).unwrap_err();
            assert_eq!((error.outcome(), error.status().as_u16()), (Outcome::Unknown, 503), "{verb}");
        }
    }
}
