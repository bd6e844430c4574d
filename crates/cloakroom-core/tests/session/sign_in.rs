//! Signing in: one admission, a new id, and nobody signed in who was not let in.

use std::num::NonZeroU32;

use cloakroom_core::*;

use crate::support::*;

const UNKNOWN: ErrorKind = ErrorKind::Unknown;

/// Under what conditions the user may sign in, as a sign-in reads it first.
pub(crate) fn admission(site: &Site, name: &str) -> Admission {
    let mark = StoreKey::reserved(site.manager.cookie_name(), "test", name);
    let version = match run(site.desk.memory.load(&mark, START)).unwrap() {
        Loaded::Live(stored) => stored.version,
        Loaded::Expired | Loaded::Absent => {
            let record = Record::new(Lifetime::idle(10_000 * HOUR), START);
            run(site.desk.memory.put(&mark, Put::New, &record, START)).unwrap()
        }
    };
    Admission { mark, version, limit: None }
}

/// At most so many sessions.
fn limited(site: &Site, name: &str, most: u32, when_full: WhenFull) -> Admission {
    let limit = SessionLimit { most: NonZeroU32::new(most).unwrap(), when_full };
    Admission { limit: Some(limit), ..admission(site, name) }
}

/// Ends all sessions of a user, those of sign-ins that are under way as well.
fn end_all(site: &Site, name: &str) {
    let Admission { mark, version, .. } = admission(site, name);
    let record = Record::new(Lifetime::idle(10_000 * HOUR), START);
    run(site.desk.memory.put(&mark, Put::At(version), &record, START)).unwrap();
    run(site.desk.memory.end(&Scope::User(user(name)), None, site.clock.now())).unwrap();
}

/// A password, just now.
pub(crate) fn password(site: &Site) -> Authentication {
    Authentication::new(Method::password(), site.clock.now(), &**site.manager.random()).unwrap()
}

pub(crate) fn sign_in(site: &Site, session: &Session, name: &str) -> Result<Vec<Summary>, SaveError> {
    run(session.sign_in(user(name), password(site), admission(site, name)))
}

/// A browser in which this user has signed in.
pub(crate) fn signed_in(site: &Site, name: &str) -> Browser {
    let mut browser = Browser::default();
    let (lazy, session) = site.open(&browser);
    sign_in(site, &session, name).unwrap();
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    site.desk.log();
    site.events();
    browser
}

fn who(site: &Site, browser: &Browser) -> Option<UserId> {
    site.open(browser).1.user()
}

/// Browsers with nothing, with an anonymous session, and with a session of another user.
fn arrivals(site: &Site) -> [Browser; 3] {
    [Browser::default(), site.visitor(), signed_in(site, "before")]
}

#[test]
fn asvs_7_2_4_r16_every_sign_in_changes_the_id_also_over_a_signed_in_session() {
    let site = Site::new();
    let mut browser = site.visitor();
    let key = site.manager.key(&browser.id());
    for name in ["ada", "ada", "bob"] {
        let old = browser.clone();
        let before = site.open(&old).1.authentication();
        let (lazy, session) = site.open(&browser);
        assert_eq!(sign_in(&site, &session, name).unwrap(), []);
        // It is stored before the response is ready.
        let handle = session.authentication().unwrap().handle;
        assert_eq!(site.desk.row(&site, &old.id()).unwrap().authentication.unwrap().handle, handle);
        assert_ne!(before.map(|it| it.handle), Some(handle));
        assert!(site.close(&mut browser, &lazy).unwrap().sets());
        assert_ne!(browser.cookie(), old.cookie());
        assert!(site.open(&old).1.is_new(), "the old id still answers");
        assert_eq!(who(&site, &browser), Some(user(name)));
        // A session has one key for life, so that a sign-out ends it whatever its id became.
        assert_eq!(site.manager.key(&browser.id()), key);
    }
    assert_eq!((site.desk.rows(), site.read(&browser, "n")), (1, Some(1)));
}

#[test]
fn a_sign_in_costs_a_load_where_there_is_a_cookie_and_one_admission() {
    let site = Site::new();
    let (admission, expected) = (admission(&site, "ada"), [&["admit"][..], &["load", "admit"]]);
    for (mut browser, expected) in [Browser::default(), site.visitor()].into_iter().zip(expected) {
        let (lazy, session) = site.open(&browser);
        run(session.sign_in(user("ada"), password(&site), admission.clone())).unwrap();
        assert!(site.close(&mut browser, &lazy).unwrap().sets());
        assert_eq!(site.desk.log(), expected);
        // The first request asks how often everybody was signed out; those that follow it do not.
        site.clock.advance(MINUTE / 60);
        assert_eq!(who(&site, &browser), Some(user("ada")));
        assert_eq!(site.desk.log(), ["load", "load"]);
        assert_eq!(who(&site, &browser), Some(user("ada")));
        assert_eq!(site.desk.log(), ["load"]);
    }
}

#[test]
fn a_sign_in_is_one_event() {
    let site = Site::new();
    let arrivals = [(Browser::default(), &["Created"][..]), (site.visitor(), &["Loaded", "Rotated"])];
    for (mut browser, expected) in arrivals {
        let (lazy, session) = site.open(&browser);
        sign_in(&site, &session, "ada").unwrap();
        site.close(&mut browser, &lazy).unwrap();
        assert_eq!(site.events(), expected);
    }
}

#[test]
fn the_data_stays_unless_it_was_cleared() {
    for clears in ["keeps", "clears"] {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        if clears == "clears" {
            session.clear();
        }
        session.insert("ours", 2).unwrap();
        sign_in(&site, &session, "ada").unwrap();
        session.insert("after", 3).unwrap();
        site.desk.log();
        assert!(site.close(&mut browser, &lazy).unwrap().sets());
        assert_eq!(site.desk.log(), ["save"], "what comes after a sign-in is an ordinary save");
        let found = ["n", "ours", "after"].map(|key| site.read(&browser, key));
        assert_eq!(found, [(clears == "keeps").then_some(1), Some(2), Some(3)]);
        assert_eq!(who(&site, &browser), Some(user("ada")));
    }
}

#[test]
fn both_limits_start_afresh() {
    let site = Site::policy(Policy::default().lifetime(Lifetime::idle(HOUR).with_absolute(3 * HOUR)));
    let mut browser = site.visitor();
    for _ in 0..3 {
        site.clock.advance(59 * MINUTE);
        site.visit(&mut browser, |session| assert!(!session.is_new())).unwrap();
    }
    let now = site.clock.now();
    let (lazy, session) = site.open(&browser);
    assert_eq!(session.deadline(), Some(START.plus(3 * HOUR)));
    sign_in(&site, &session, "ada").unwrap();
    site.close(&mut browser, &lazy).unwrap();
    let record = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!((record.expires, record.deadline), (now.plus(HOUR), Some(now.plus(3 * HOUR))));
    assert_eq!((record.created, record.authentication.unwrap().at), (START, now));
}

#[test]
fn asvs_7_1_2_who_is_turned_away_leaves_nothing_behind() {
    for (most, status) in [(Some(1), 403), (None, 409)] {
        let site = Site::new();
        for browser in arrivals(&site) {
            let there = signed_in(&site, "ada");
            let stale = match most {
                Some(most) => limited(&site, "ada", most, WhenFull::Refuse),
                None => Admission { version: Version::number(-1), ..admission(&site, "ada") },
            };
            let before = (who(&site, &browser), site.read(&browser, "n"), site.desk.rows());
            let mut shown = browser.clone();
            let (lazy, session) = site.open(&browser);
            site.desk.log();
            session.insert("secret", 1).unwrap();
            session.set_device(Device::new("a browser"));
            session.renew(Lifetime::idle(720 * HOUR).persistent());
            let error = run(session.sign_in(user("ada"), password(&site), stale)).unwrap_err();
            assert_eq!((error.status().as_u16(), error.outcome()), (status, Outcome::NotWritten));
            assert_eq!(error.retry_after(), None);
            assert_eq!(site.desk.log(), ["admit"]);
            assert_eq!((session.user(), session.get::<i64>("secret").unwrap()), (before.0.clone(), None));
            // Whatever the handler answers, its response carries nothing and nothing is written.
            assert!(site.close(&mut shown, &lazy).unwrap().is_silent());
            assert_eq!(site.desk.log(), [] as [&str; 0]);
            assert_eq!((who(&site, &browser), site.read(&browser, "n"), site.desk.rows()), before);
            assert_eq!(who(&site, &there), Some(user("ada")));
            end_all(&site, "ada");
        }
    }
}

#[test]
fn who_made_room_is_told_and_is_out() {
    let site = Site::new();
    let [first, second] = [signed_in(&site, "ada"), signed_in(&site, "ada")];
    let handle = site.open(&first).1.authentication().unwrap().handle;
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    site.clock.advance(MINUTE);
    let admission = limited(&site, "ada", 2, WhenFull::EndLeastRecentlySeen);
    // The second one was used since.
    site.visit(&mut second.clone(), |session| session.insert("n", 1).unwrap()).unwrap();
    let ended = run(session.sign_in(user("ada"), password(&site), admission)).unwrap();
    assert_eq!(
        ended.iter().map(|it| it.authentication.as_ref().unwrap().handle).collect::<Vec<_>>(),
        [handle]
    );
    site.close(&mut browser, &lazy).unwrap();
    assert_eq!([&first, &second, &browser].map(|it| who(&site, it).is_some()), [false, true, true]);
}

#[test]
fn asvs_16_5_3_a_store_that_fails_signs_nobody_in() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Overloaded, ErrorKind::Closed, ErrorKind::TooLarge] {
        let site = Site::new();
        for mut browser in arrivals(&site) {
            let (before, rows) = (who(&site, &browser), site.desk.rows());
            let (lazy, session) = site.open(&browser);
            session.insert("secret", 1).unwrap();
            site.desk.next("admit", Fault::Before(kind));
            let error = sign_in(&site, &session, "ada").unwrap_err();
            assert_eq!(error.outcome(), Outcome::NotWritten, "{kind:?}");
            assert_eq!((session.user(), session.contains("secret")), (before.clone(), false));
            site.desk.log();
            assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
            assert_eq!(site.desk.log(), [] as [&str; 0]);
            assert_eq!((who(&site, &browser), site.desk.rows()), (before, rows));
        }
    }
}

#[test]
fn r43_a_sign_in_in_doubt_is_settled_by_the_next_save_or_before_the_response() {
    for fault in [|| Fault::Before(UNKNOWN), || Fault::After(UNKNOWN), || Fault::Late] {
        for saves in ["the handler", "the response"] {
            let site = Site::new();
            for mut browser in arrivals(&site) {
                let (lazy, session) = site.open(&browser);
                let expected = session.update("n", |n: Option<i64>| n.unwrap_or(0) + 10).unwrap();
                site.desk.next("admit", fault());
                let error = sign_in(&site, &session, "ada").unwrap_err();
                assert_eq!((error.outcome(), error.status().as_u16()), (Outcome::Unknown, 503));
                if saves == "the handler" {
                    run(session.save()).unwrap();
                    assert_eq!(session.user(), Some(user("ada")));
                }
                assert!(site.close(&mut browser, &lazy).unwrap().sets());
                assert_eq!(
                    (who(&site, &browser), site.read(&browser, "n")),
                    (Some(user("ada")), Some(expected))
                );
                end_all(&site, "ada");
            }
        }
    }
}

#[test]
fn a_sign_in_in_doubt_is_dropped_when_its_client_is_told_to_try_again() {
    for fault in [|| Fault::Before(UNKNOWN), || Fault::Before(ErrorKind::Unavailable)] {
        let site = Site::new();
        let mut browser = site.visitor();
        let (lazy, session) = site.open(&browser);
        site.desk.next("admit", fault());
        let status = sign_in(&site, &session, "ada").unwrap_err().status();
        site.desk.next("admit", Fault::Before(ErrorKind::Unavailable));
        let closed = site.close_with(&mut browser, &lazy, status);
        assert!(closed.map_or(true, |answer| answer.is_silent()));
        assert_eq!(who(&site, &browser), None);
    }
}

#[test]
fn asvs_7_4_2_r24_a_sign_in_in_doubt_does_not_survive_the_end_of_all() {
    let faults = [|| Fault::Before(UNKNOWN), || Fault::After(UNKNOWN), || Fault::Late];
    let stories =
        faults.into_iter().flat_map(|fault| ["a save", "a reload", "the response"].map(|it| (fault, it)));
    for (fault, settles) in stories {
        let site = Site::new();
        for mut browser in arrivals(&site) {
            let (lazy, session) = site.open(&browser);
            site.desk.next("admit", fault());
            assert!(sign_in(&site, &session, "ada").is_err());
            end_all(&site, "ada");
            let told = match settles {
                "a save" => run(session.save()).unwrap_err(),
                "the response" => site.close(&mut browser.clone(), &lazy).unwrap_err(),
                _ => {
                    // What is stored is what is to be seen, and that may be nothing any more.
                    let _ = run(session.reload());
                    SaveError::SignInSuperseded
                }
            };
            assert!(matches!(told, SaveError::SignInSuperseded), "{told:?}");
            assert_ne!(session.user(), Some(user("ada")), "the handler sees somebody who was turned away");
            assert_eq!(run(site.desk.memory.count(&Scope::User(user("ada")), START)).unwrap(), 0);
            assert_ne!(who(&site, &browser), Some(user("ada")));
            // The browser may go on, and may sign in anew.
            let (lazy, session) = site.open(&browser);
            sign_in(&site, &session, "ada").unwrap();
            assert!(site.close(&mut browser, &lazy).unwrap().sets());
            end_all(&site, "ada");
        }
    }
}

#[test]
fn r43_a_dropped_sign_in_was_stored_or_was_not_and_the_next_save_finds_out() {
    for fault in [|| Fault::WaitBefore, || Fault::WaitAfter] {
        for superseded in ["not superseded", "superseded"] {
            let site = Site::new();
            for mut browser in arrivals(&site) {
                let (lazy, session) = site.open(&browser);
                session.insert("ours", 1).unwrap();
                site.desk.next("admit", fault());
                let admission = admission(&site, "ada");
                let sign_in = session.sign_in(user("ada"), password(&site), admission);
                assert!(poll_times(1, sign_in).is_none());
                if superseded == "superseded" {
                    end_all(&site, "ada");
                    let error = site.close(&mut browser, &lazy).unwrap_err();
                    assert!(matches!(error, SaveError::SignInSuperseded), "{error:?}");
                    assert_ne!(who(&site, &browser), Some(user("ada")));
                } else {
                    assert!(site.close(&mut browser, &lazy).unwrap().sets());
                    assert_eq!(who(&site, &browser), Some(user("ada")));
                    assert_eq!(site.read(&browser, "ours"), Some(1));
                }
                end_all(&site, "ada");
                assert_eq!(run(site.desk.memory.count(&Scope::User(user("ada")), START)).unwrap(), 0);
            }
        }
    }
}

#[test]
fn r06_a_sign_in_that_meets_another_writer_keeps_the_work_of_both() {
    let site = Site::new();
    let mut browser = site.visitor();
    let old = browser.clone();
    let admission = admission(&site, "ada");
    let (lazy, session) = site.open(&browser);
    increment(&session);
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("admit", move || {
        let theirs = other.visit(&mut another, |session| {
            increment(session);
            session.insert("theirs", 2).unwrap();
        });
        theirs.unwrap();
    });
    site.desk.log();
    run(session.sign_in(user("ada"), password(&site), admission)).unwrap();
    assert_eq!(site.desk.log(), ["admit", "load", "save", "load", "admit"]);
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert_eq!([site.read(&browser, "n"), site.read(&browser, "theirs")], [Some(3), Some(2)]);
    assert_eq!((who(&site, &browser), site.desk.rows()), (Some(user("ada")), 1));
    assert!(site.open(&old).1.is_new());
}

#[test]
fn a_sign_in_that_others_keep_getting_ahead_of_signs_nobody_in() {
    let site = Site::policy(Policy::default().retries(2));
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    for theirs in 0..3 {
        let (other, mut another) = (site.clone(), browser.clone());
        site.desk.before("admit", move || {
            other.visit(&mut another, |session| session.insert("theirs", theirs).unwrap()).unwrap();
        });
    }
    let error = sign_in(&site, &session, "ada").unwrap_err();
    assert!(matches!(error, SaveError::Contended { attempts: 3 }), "{error:?}");
    assert_eq!(session.user(), None);
    assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
    assert_eq!((who(&site, &browser), site.read(&browser, "theirs")), (None, Some(2)));
}

#[test]
fn r01_a_sign_out_of_the_same_session_wins_whoever_comes_first() {
    let site = Site::new();
    // The sign-out comes first: whoever signs in to what has ended is told so.
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("admit", move || drop(other.visit(&mut another, Session::destroy).unwrap()));
    let error = sign_in(&site, &session, "ada").unwrap_err();
    assert!(matches!(error, SaveError::Gone), "{error:?}");
    assert_eq!((session.user(), site.desk.rows()), (None, 0));
    assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
    assert_eq!(site.desk.rows(), 0);
    // The sign-in comes first: the session ends under its new id.
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    session.destroy();
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("delete", move || {
        let (lazy, session) = other.open(&another);
        sign_in(&other, &session, "ada").unwrap();
        assert!(other.close(&mut another, &lazy).unwrap().sets());
    });
    assert!(site.close(&mut browser, &lazy).unwrap().removes());
    assert_eq!(site.desk.rows(), 0);
}

#[test]
fn a_second_sign_in_of_one_session_is_told_that_the_first_took_its_place() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("admit", move || {
        let (lazy, session) = other.open(&another);
        sign_in(&other, &session, "bob").unwrap();
        other.close(&mut another, &lazy).unwrap();
    });
    assert!(matches!(sign_in(&site, &session, "ada").unwrap_err(), SaveError::Gone));
    assert_eq!(session.user(), None);
    assert!(site.close(&mut browser, &lazy).unwrap().is_silent());
    assert_eq!(run(site.desk.memory.count(&Scope::User(user("ada")), START)).unwrap(), 0);
    assert_eq!(run(site.desk.memory.count(&Scope::User(user("bob")), START)).unwrap(), 1);
}
