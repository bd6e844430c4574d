//! Limits are the server's, whatever the browser and the clock do.

use std::time::Duration;

use cloakroom_core::{Activity, Clock as _, Lifetime, Policy, Session, SessionManager, TouchPolicy};

use crate::support::*;

const MILLISECOND: Duration = Duration::from_millis(1);
const NEARLY_A_MINUTE: Duration = Duration::from_millis(59_999);

fn limits(idle: Duration, absolute: Duration) -> Site {
    Site::policy(Policy::default().lifetime(Lifetime::idle(idle).with_absolute(absolute)))
}

#[test]
fn asvs_7_3_1_a_session_ends_at_its_idle_limit_to_the_millisecond() {
    let site = limits(15 * MINUTE, 12 * HOUR);
    let browser = site.visitor();
    site.clock.advance(14 * MINUTE + NEARLY_A_MINUTE);
    assert_eq!(site.read(&browser, "n"), Some(1));
    site.clock.advance(MILLISECOND);
    assert_eq!(site.read(&browser, "n"), None);
    assert_eq!(site.events(), ["Loaded", "Expired"]);
    assert!(site.visit(&mut browser.clone(), Session::destroy).unwrap().is_silent(), "it is left alone");
}

#[test]
fn asvs_7_3_2_activity_and_rotation_never_move_the_absolute_limit() {
    let site = limits(15 * MINUTE, 12 * HOUR);
    let mut browser = site.visitor();
    for minute in 1..720 {
        site.clock.advance(MINUTE);
        site.visit(&mut browser, |session| {
            if minute % 7 == 0 {
                session.rotate();
            }
            assert_eq!(session.len(), 1, "minute {minute}");
        })
        .unwrap();
    }
    assert_eq!(site.open(&browser).1.expires_at(), START.plus(12 * HOUR));
    site.clock.advance(NEARLY_A_MINUTE);
    assert_eq!(site.read(&browser, "n"), Some(1));
    site.clock.advance(MILLISECOND);
    assert_eq!(site.read(&browser, "n"), None);
}

#[test]
fn signing_in_and_renewing_start_the_absolute_limit_afresh_from_the_moment_of_the_call() {
    let handlers: [fn(&Session); 2] =
        [|session| session.set_user(user("7")), |session| session.renew(session.lifetime())];
    for handler in handlers {
        let site = limits(4 * HOUR, 12 * HOUR);
        let mut browser = site.visitor();
        site.clock.advance(3 * HOUR);
        let (lazy, session) = site.open(&browser);
        handler(&session);
        // A save that comes late, or comes twice, counts from the same moment.
        site.clock.advance(HOUR / 2);
        run(session.reload()).unwrap();
        site.close(&mut browser, &lazy).unwrap();
        let record = site.desk.row(&site, &browser.id()).unwrap();
        assert_eq!(record.deadline, Some(START.plus(15 * HOUR)));
        assert_eq!(record.created, START);
        assert_eq!(record.expires, site.clock.now().plus(4 * HOUR));
    }
}

#[test]
fn asvs_7_2_4_signing_in_over_a_signed_in_session_and_signing_out_change_the_id() {
    let site = Site::new();
    let mut browser = site.visitor();
    let handlers: [fn(&Session); 3] =
        [|session| session.set_user(user("7")), |session| session.set_user(user("7")), Session::clear_user];
    for handler in handlers {
        let old = browser.clone();
        assert!(site.visit(&mut browser, handler).unwrap().sets());
        assert_ne!(old.cookie(), browser.cookie());
        assert!(site.open(&old).1.is_new());
        assert_eq!((site.read(&browser, "n"), site.desk.rows()), (Some(1), 1));
    }
    assert_eq!(site.open(&browser).1.user(), None);
    assert!(site.visit(&mut browser, Session::clear_user).unwrap().is_silent());
}

#[test]
fn a_clock_that_was_set_back_moves_no_limit_back() {
    let site = limits(HOUR, 12 * HOUR);
    let mut browser = site.visitor();
    site.clock.advance(HOUR / 2);
    site.visit(&mut browser, |session| session.insert("x", 1).unwrap()).unwrap();
    let before = site.desk.row(&site, &browser.id()).unwrap();
    site.clock.set(START);
    site.visit(&mut browser, |session| session.insert("x", 2).unwrap()).unwrap();
    let after = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!((after.seen, after.expires), (before.seen, before.expires));
}

#[test]
fn a_touch_is_written_once_the_throttle_is_passed_and_not_before() {
    let site = Site::new();
    let mut browser = site.visitor();
    site.clock.advance(6 * MINUTE);
    site.visit(&mut browser, |session| assert_eq!(session.len(), 1)).unwrap();
    assert_eq!(site.desk.log(), ["load"]);
    site.clock.advance(MILLISECOND);
    assert!(site.visit(&mut browser, |session| assert_eq!(session.len(), 1)).unwrap().is_silent());
    assert_eq!(site.desk.log(), ["load", "touch"]);
    let record = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!((record.seen, record.expires), (site.clock.now(), site.clock.now().plus(HOUR)));
    assert_eq!(site.events(), ["Loaded", "Loaded", "Touched"]);
}

#[test]
fn what_counts_as_activity_is_the_policy_s_decision() {
    let verbs = |activity, used| {
        let site = Site::policy(Policy::default().activity(activity).touch(TouchPolicy::Always));
        let browser = site.visitor();
        site.clock.advance(MINUTE);
        let lazy = site.begin(&browser);
        if used {
            run(lazy.load()).unwrap();
        }
        let finished = run(lazy.finish(OK)).unwrap();
        assert_eq!(finished.varies(), used);
        site.desk.log()
    };
    assert_eq!(verbs(Activity::Use, true), ["load", "touch"]);
    assert_eq!(verbs(Activity::Use, false), Vec::<&str>::new());
    assert_eq!(verbs(Activity::Cookie, false), ["load", "touch"]);
    assert_eq!(verbs(Activity::Change, true), ["load"]);
    let site = Site::policy(Policy::default().touch(TouchPolicy::Off));
    let browser = site.visitor();
    site.clock.advance(HOUR / 2);
    assert_eq!(site.read(&browser, "n"), Some(1));
    assert_eq!(site.desk.log(), ["load"]);
}

#[test]
fn a_session_keeps_its_lifetime_when_the_policy_changes() {
    let site = limits(HOUR, 12 * HOUR);
    let mut browser = site.visitor();
    let stricter = SessionManager::builder(site.desk.clone())
        .clock(site.clock.clone())
        .policy(Policy::default().lifetime(Lifetime::aal3()))
        .build()
        .unwrap();
    let site = Site { manager: stricter, ..site };
    site.visit(&mut browser, |session| session.insert("x", 1).unwrap()).unwrap();
    assert_eq!(site.open(&browser).1.lifetime(), Lifetime::idle(HOUR).with_absolute(12 * HOUR));
}
