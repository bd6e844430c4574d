//! Signing in where a session has just ended, where its id has just changed, where no session can be, and proving
//! again who one is.

use std::time::Duration;

use cloakroom_core::*;

use crate::sign_in::{admission, password, sign_in, signed_in};
use crate::support::*;

fn who(site: &Site, browser: &Browser) -> Option<UserId> {
    site.open(browser).1.user()
}

#[test]
fn whoever_ends_a_session_and_signs_in_gets_its_key_and_nothing_else_of_it() {
    for policy in [Policy::default(), Policy::default().rotation(Rotation::every(HOUR))] {
        let site = Site::policy(policy);
        let mut browser = signed_in(&site, "bob");
        let device = Device::new("a browser");
        site.visit(&mut browser, |session| {
            session.insert("bobs", 1).unwrap();
            session.set_device(device.clone());
            session.renew(Lifetime::idle(720 * HOUR).persistent());
        })
        .unwrap();
        let (old, admission) = (browser.clone(), admission(&site, "ada"));
        site.clock.advance(MINUTE);
        let (lazy, session) = site.open(&browser);
        site.desk.log();
        session.destroy();
        session.insert("adas", 2).unwrap();
        run(session.sign_in(user("ada"), password(&site), admission)).unwrap();
        assert!(site.close(&mut browser, &lazy).unwrap().sets());
        assert_eq!(site.desk.log(), ["admit"]);
        assert_eq!(site.manager.key(&browser.id()), site.manager.key(&old.id()));
        assert!(site.open(&old).1.is_new(), "the old id still answers");
        let record = site.desk.row(&site, &browser.id()).unwrap();
        assert_eq!(record.data.keys().collect::<Vec<_>>(), ["adas"]);
        assert_eq!((record.user, record.device, record.created), (Some(user("ada")), None, site.clock.now()));
        assert_eq!(record.lifetime, Lifetime::default());
        assert_eq!(site.desk.rows(), 1);
    }
}

#[test]
fn nothing_of_a_session_that_ends_comes_back_by_a_conflict() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    session.destroy();
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("admit", move || {
        other.visit(&mut another, |session| session.insert("theirs", 2).unwrap()).unwrap();
    });
    sign_in(&site, &session, "ada").unwrap();
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    let record = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!((record.user, record.data.len(), site.desk.rows()), (Some(user("ada")), 0, 1));
}

#[test]
fn a_session_that_was_ended_twice_is_signed_in_to_anew() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    session.destroy();
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("admit", move || drop(other.visit(&mut another, Session::destroy).unwrap()));
    sign_in(&site, &session, "ada").unwrap();
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert_eq!((who(&site, &browser), site.desk.rows()), (Some(user("ada")), 1));
}

#[test]
fn a_refused_sign_in_takes_the_end_before_it_along() {
    let site = Site::new();
    let mut browser = signed_in(&site, "bob");
    let (lazy, session) = site.open(&browser);
    session.destroy();
    let stale = Admission { version: Version::number(-1), ..admission(&site, "ada") };
    let error = run(session.sign_in(user("ada"), password(&site), stale)).unwrap_err();
    assert!(matches!(error, SaveError::SignInSuperseded), "{error:?}");
    // All that the request did is dropped, so that the handler sees what is stored.
    assert_eq!(session.user(), Some(user("bob")));
    assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
    assert_eq!(who(&site, &browser), Some(user("bob")));
}

#[test]
fn r09_a_sign_in_under_the_previous_id_ends_both_ids() {
    let site = Site::policy(Policy::default().rotation(Rotation::every(HOUR / 2)));
    let mut browser = site.visitor();
    let mut tab = browser.clone();
    site.clock.advance(HOUR / 2);
    assert!(site.visit(&mut browser, |session| assert!(!session.is_new())).unwrap().sets());
    let previous = tab.clone();
    let (lazy, session) = site.open(&tab);
    sign_in(&site, &session, "ada").unwrap();
    assert!(site.close(&mut tab, &lazy).unwrap().sets());
    assert_eq!((who(&site, &tab), site.read(&tab, "n")), (Some(user("ada")), Some(1)));
    for old in [previous, browser] {
        assert!(site.open(&old).1.is_new(), "an id from before the sign-in still answers");
    }
    assert_eq!(site.desk.rows(), 1);
}

#[test]
fn r09_an_id_that_is_replaced_during_a_sign_in_is_followed() {
    let site = Site::policy(Policy::default().rotation(Rotation::every(HOUR / 2)));
    let mut browser = site.visitor();
    site.clock.advance(HOUR / 2);
    let (lazy, session) = site.open(&browser);
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("admit", move || {
        assert!(other.visit(&mut another, |session| session.insert("theirs", 1).unwrap()).unwrap().sets());
    });
    sign_in(&site, &session, "ada").unwrap();
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert_eq!((who(&site, &browser), site.read(&browser, "theirs")), (Some(user("ada")), Some(1)));
}

#[test]
fn no_save_in_between_takes_a_sign_in_along() {
    let site = Site::new();
    let browser = site.visitor();
    let (_lazy, session) = site.open(&browser);
    session.insert("x", 1).unwrap();
    site.desk.next("save", Fault::WaitBefore);
    let stale = Admission { version: Version::number(-1), ..admission(&site, "ada") };
    site.desk.log();
    // The second save waits for the first, and the sign-in for both.
    let second = async {
        session.insert("y", 1).unwrap();
        session.save().await
    };
    let sign_in = session.sign_in(user("ada"), password(&site), stale);
    let (first, second, signed_in) = run(futures_util::future::join3(session.save(), second, sign_in));
    assert!(first.is_ok() && second.is_ok(), "{second:?}");
    assert!(matches!(signed_in.unwrap_err(), SaveError::SignInSuperseded));
    assert_eq!(site.desk.log(), ["save", "save", "admit"]);
    run(session.save()).unwrap();
    assert_eq!(
        (who(&site, &browser), site.read(&browser, "x"), site.read(&browser, "y")),
        (None, Some(1), Some(1))
    );
}

#[test]
fn a_sign_in_behind_a_save_in_doubt_is_carried_out_once_that_is_settled_and_not_if_the_client_tries_again() {
    for (status, expected) in [(OK, Some(user("ada"))), (http::StatusCode::SERVICE_UNAVAILABLE, None)] {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        increment(&session);
        site.desk.next("save", Fault::After(ErrorKind::Unknown));
        site.desk.next("save", Fault::Before(ErrorKind::Unavailable));
        assert!(run(session.save()).is_err());
        let error = sign_in(&site, &session, "ada").unwrap_err();
        assert_eq!((error.outcome(), error.status().as_u16()), (Outcome::Unknown, 503));
        site.close_with(&mut browser, &lazy, status).unwrap();
        assert_eq!((who(&site, &browser), site.read(&browser, "n")), (expected, Some(2)));
    }
}

#[test]
fn what_is_done_during_a_sign_in_is_saved_without_its_conditions() {
    let handlers: [fn(&Session); 2] = [Session::rotate, |session| session.set_user(user("bob"))];
    for during in handlers {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        let admission = admission(&site, "ada");
        site.desk.next("admit", Fault::WaitBefore);
        let sign_in = session.sign_in(user("ada"), password(&site), admission.clone());
        run(futures_util::future::join(sign_in, async { during(&session) })).0.unwrap();
        // Somebody else moves the mark: that was for those who had not come in yet.
        let put = Put::At(admission.version);
        let mark = Record::new(Lifetime::idle(10_000 * HOUR), START);
        run(site.desk.memory.put(&admission.mark, put, &mark, START)).unwrap();
        site.desk.log();
        assert!(site.close(&mut browser, &lazy).unwrap().sets());
        assert_eq!(site.desk.log(), ["save"]);
        assert!(who(&site, &browser).is_some());
    }
}

#[test]
fn a_session_that_has_ended_is_not_signed_in_to() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    site.visit(&mut browser.clone(), Session::destroy).unwrap();
    assert!(run(session.reload()).is_err());
    assert!(matches!(sign_in(&site, &session, "ada").unwrap_err(), SaveError::Gone));
    assert_eq!((session.user(), site.desk.rows()), (None, 0));
    assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
}

#[test]
fn a_sign_in_whose_browser_cannot_hear_of_it_is_refused() {
    let site = Site::new();
    for browser in [Browser::default(), site.visitor()] {
        let (lazy, session) = site.open(&browser);
        let rows = site.desk.rows();
        let _ = run(lazy.finish(OK)).unwrap();
        assert!(matches!(sign_in(&site, &session, "ada").unwrap_err(), SaveError::ResponseSent));
        assert_eq!((session.user(), site.desk.rows()), (None, rows));
        run(session.save()).unwrap();
        assert_eq!(run(site.desk.memory.count(&Scope::User(user("ada")), START)).unwrap(), 0);
    }
}

#[test]
fn what_is_too_large_signs_nobody_in() {
    let site = Site::policy(Policy::default().data_limit(100));
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    session.insert("large", "x".repeat(200)).unwrap();
    assert!(matches!(sign_in(&site, &session, "ada").unwrap_err(), SaveError::TooLarge { .. }));
    assert_eq!(session.user(), None);
    assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
    assert_eq!(who(&site, &browser), None);
}

#[test]
fn asvs_16_5_3_a_session_that_could_not_be_loaded_is_not_signed_in_to() {
    let site = Site::policy(Policy::default().on_load_failure(LoadFailure::Anonymous));
    let mut browser = site.visitor();
    site.desk.next("load", Fault::Before(ErrorKind::Unavailable));
    let (lazy, session) = site.open(&browser);
    let error = sign_in(&site, &session, "ada").unwrap_err();
    assert_eq!((error.status().as_u16(), error.outcome()), (503, Outcome::NotWritten));
    assert_eq!(session.user(), None);
    assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
    assert_eq!(who(&site, &browser), None);
}

#[test]
fn asvs_16_5_3_nobody_is_signed_in_to_the_fallback() {
    let fallback = std::sync::Arc::new(MemoryStore::new());
    let policy = Policy::default().on_load_failure(LoadFailure::Fallback(fallback.clone()));
    let site = Site::policy(policy);
    let mut browser = Browser::default();
    let (lazy, session) = site.open(&browser);
    site.desk.next("admit", Fault::Before(ErrorKind::Unavailable));
    let error = sign_in(&site, &session, "ada").unwrap_err();
    // It is the store that failed: nobody has ended the user's sessions.
    assert_eq!((error.status().as_u16(), error.outcome()), (503, Outcome::NotWritten));
    assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
    assert_eq!((site.desk.rows(), run(fallback.count(&Scope::All, START)).unwrap()), (0, 0));
}

#[test]
fn asvs_7_2_4_asvs_7_5_3_proving_again_who_one_is_changes_the_id_and_starts_both_limits_afresh() {
    let site = Site::policy(Policy::default().lifetime(Lifetime::idle(HOUR).with_absolute(3 * HOUR)));
    let mut browser = signed_in(&site, "ada");
    let old = browser.clone();
    site.clock.advance(HOUR / 2);
    let now = site.clock.now();
    let (lazy, session) = site.open(&browser);
    let before = session.authentication().unwrap();
    assert_eq!(before.at, START);
    let again = Authentication { handle: before.handle, ..password(&site) };
    session.authenticate_again(again.clone());
    assert_eq!(session.authentication(), Some(again.clone()));
    site.desk.log();
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert_eq!(site.desk.log(), ["save"]);
    assert!(site.open(&old).1.is_new(), "the old id still answers");
    let record = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!((record.user, record.authentication), (Some(user("ada")), Some(again)));
    assert_eq!((record.expires, record.deadline), (now.plus(HOUR), Some(now.plus(3 * HOUR))));
}

#[test]
fn whoever_proved_nothing_new_gets_a_new_id_and_no_more_time() {
    let site = Site::policy(Policy::default().lifetime(Lifetime::idle(HOUR).with_absolute(3 * HOUR)));
    let mut browser = signed_in(&site, "ada");
    let old = browser.clone();
    site.clock.advance(HOUR / 2);
    let (lazy, session) = site.open(&browser);
    // Their password was changed, say.
    let fingerprint = Some(Fingerprint::new(&user("ada"), b"another"));
    let changed = Authentication { fingerprint, ..session.authentication().unwrap() };
    session.authenticate_again(changed.clone());
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert!(site.open(&old).1.is_new(), "the old id still answers");
    let record = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!((record.authentication, record.deadline), (Some(changed), Some(START.plus(3 * HOUR))));
}

#[test]
fn asvs_7_5_3_no_activity_moves_the_time_of_authentication() {
    let site = Site::policy(Policy::default().touch(TouchPolicy::Always));
    let mut browser = signed_in(&site, "ada");
    let before = site.open(&browser).1.authentication();
    for _ in 0..3 {
        site.clock.advance(Duration::from_secs(60));
        site.visit(&mut browser, |session| drop(session.user())).unwrap();
        site.visit(&mut browser, |session| assert!(increment(session) > 0)).unwrap();
        site.visit(&mut browser, Session::rotate).unwrap();
        assert_eq!(site.open(&browser).1.authentication(), before);
    }
    assert_eq!(before.unwrap().at, START);
}

#[test]
fn nobody_proves_again_who_they_are() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    session.authenticate_again(password(&site));
    assert_eq!(session.authentication(), None);
    assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
    assert_eq!((site.desk.log(), who(&site, &browser)), (vec!["load"], None));
}

#[test]
fn how_somebody_signed_in_goes_with_them() {
    let leave: [fn(&Session); 2] = [Session::clear_user, |session| session.set_user(user("bob"))];
    for leave in leave {
        let site = Site::new();
        let mut browser = signed_in(&site, "ada");
        let handle = site.open(&browser).1.authentication().unwrap().handle;
        assert!(site.visit(&mut browser, leave).unwrap().sets());
        assert_eq!(site.open(&browser).1.authentication(), None);
        let scope = Scope::Session(user("ada"), handle);
        assert_eq!(run(site.desk.memory.count(&scope, START)).unwrap(), 0);
    }
}
