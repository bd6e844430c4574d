//! What the browser is told, and what happens after the response has left.

use cloakroom_core::{
    CookieConfig, CookieKey, KeyRing, Lifetime, Policy, Protection, SaveError, ServerErrorPolicy, Session,
};
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::support::*;
use crate::trace::captured;

fn save(session: &Session) {
    run(session.save()).unwrap();
}

#[test]
fn one_cookie_is_sent_whatever_was_saved_before_and_it_is_the_last() {
    let site = Site::new();
    let mut browser = Browser::default();
    let created = site.visit(&mut browser, |session| {
        session.insert("n", 1).unwrap();
        save(session);
        session.rotate();
        save(session);
        session.set_user(user("7"));
        save(session);
    });
    assert!(created.unwrap().sets());
    assert_eq!(site.desk.log(), ["create", "save", "save"], "finish had nothing left to do");
    assert_eq!(site.desk.rows(), 1);
    assert_eq!(site.open(&browser).1.user(), Some(user("7")));
}

#[test]
fn what_was_created_and_destroyed_in_one_request_is_not_mentioned() {
    let site = Site::new();
    let mut browser = Browser::default();
    let answer = site.visit(&mut browser, |session| {
        session.insert("n", 1).unwrap();
        save(session);
        session.destroy();
    });
    assert!(answer.unwrap().is_silent());
    assert_eq!(site.desk.rows(), 0);
}

#[test]
fn a_session_that_arrived_is_removed_whatever_came_in_between() {
    let site = Site::new();
    let handlers: [fn(&Session); 3] = [
        |session| {
            session.rotate();
            save(session);
            session.destroy();
        },
        |session| {
            session.destroy();
            save(session);
            session.insert("new", 1).unwrap();
            save(session);
            session.destroy();
        },
        |session| {
            session.destroy();
            save(session);
        },
    ];
    for handler in handlers {
        let mut browser = site.visitor();
        assert!(site.visit(&mut browser, handler).unwrap().removes());
        assert_eq!(site.desk.rows(), 0);
    }
}

#[test]
fn the_cookie_is_given_out_once() {
    let site = Site::new();
    let (lazy, session) = site.open(&Browser::default());
    session.insert("n", 1).unwrap();
    assert!(run(lazy.finish(OK)).unwrap().set_cookie().is_some());
    assert!(run(lazy.finish(OK)).unwrap().set_cookie().is_none());
}

#[test]
fn after_the_response_a_plain_save_works_and_a_new_id_is_refused() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    site.close(&mut browser, &lazy).unwrap();
    increment(&session);
    save(&session);
    assert_eq!(site.read(&browser, "n"), Some(2));
    session.set_user(user("7"));
    assert!(matches!(run(session.save()).unwrap_err(), SaveError::ResponseSent));
    session.destroy();
    save(&session);
    assert_eq!(site.desk.rows(), 0);
    session.insert("n", 1).unwrap();
    assert!(matches!(run(session.save()).unwrap_err(), SaveError::ResponseSent));
    assert_eq!(site.desk.rows(), 0);
}

#[test]
fn a_session_loaded_only_after_the_response_cannot_begin_one() {
    let site = Site::new();
    let lazy = site.begin(&Browser::default());
    let _ = run(lazy.finish(OK)).unwrap();
    let session = run(lazy.load()).unwrap();
    session.insert("n", 1).unwrap();
    assert!(matches!(run(session.save()).unwrap_err(), SaveError::ResponseSent));
    assert_eq!(site.desk.rows(), 0);
}

#[test]
fn a_save_that_is_under_way_when_the_response_is_made_ready_still_gets_its_cookie_out() {
    let site = Site::new();
    let (lazy, session) = site.open(&Browser::default());
    session.insert("n", 1).unwrap();
    site.desk.next("create", Fault::WaitBefore);
    let (saved, finished) = run(futures_util::future::join(session.save(), lazy.finish(OK)));
    saved.unwrap();
    assert!(finished.unwrap().set_cookie().is_some());
    assert_eq!(site.desk.log(), ["create"]);
}

#[test]
fn changes_made_after_the_response_and_never_saved_are_warned_about() {
    let site = Site::new();
    let mut browser = site.visitor();
    let warned = |handler: fn(&Session)| {
        captured(|| {
            let (lazy, session) = site.open(&browser);
            site.close(&mut browser.clone(), &lazy).unwrap();
            handler(&session);
        })
        .contains("never saved")
    };
    assert!(warned(|session| session.insert("x", 1).unwrap()));
    assert!(warned(Session::rotate));
    assert!(warned(Session::destroy));
    assert!(!warned(|_| {}));
    assert!(!warned(|session| session.insert("n", 1).unwrap()), "an equal value is no change");
    assert!(!warned(|session| {
        session.insert("y", 1).unwrap();
        save(session);
    }));
    browser.close_window();
    let unsent = captured(|| drop(site.open(&browser).1.insert("x", 1)));
    assert!(!unsent.contains("never saved"), "a request that failed before its response says so itself");
}

#[test]
fn a_server_error_saves_unless_the_policy_says_otherwise() {
    for policy in [ServerErrorPolicy::Save, ServerErrorPolicy::Discard] {
        let site = Site::policy(Policy::default().on_server_error(policy));
        for (status, saves) in [(500, policy == ServerErrorPolicy::Save), (404, true)] {
            let browser = site.visitor();
            let handlers: [fn(&Session); 3] =
                [|session| session.insert("x", 1).unwrap(), Session::rotate, Session::destroy];
            for (number, handler) in handlers.into_iter().enumerate() {
                let mut browser = if number == 0 { browser.clone() } else { site.visitor() };
                let (lazy, session) = site.open(&browser);
                handler(&session);
                let log = captured(|| {
                    let status = StatusCode::from_u16(status).unwrap();
                    site.close_with(&mut browser, &lazy, status).unwrap();
                    // A task that goes on must not write what was discarded.
                    run(session.save()).unwrap();
                    drop((lazy, session));
                });
                assert!(!log.contains("never saved"));
                let saved = site.desk.log().iter().any(|verb| *verb != "load");
                assert_eq!(saved, saves, "{policy:?} {status} {number}");
            }
        }
    }
}

#[test]
fn a_discarded_request_still_sends_the_cookie_of_what_it_saved_itself() {
    let site = Site::policy(Policy::default().on_server_error(ServerErrorPolicy::Discard));
    let mut browser = Browser::default();
    let (lazy, session) = site.open(&browser);
    increment(&session);
    save(&session);
    increment(&session);
    assert!(site.close_with(&mut browser, &lazy, StatusCode::BAD_GATEWAY).unwrap().sets());
    assert_eq!(site.read(&browser, "n"), Some(1));
}

#[test]
fn r46_headers_are_added_and_others_stay() {
    let site = Site::new();
    let (lazy, session) = site.open(&Browser::default());
    session.insert("n", 1).unwrap();
    let finished = run(lazy.finish(OK)).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(SET_COOKIE, HeaderValue::from_static("theme=dark"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    finished.apply(&mut headers);
    assert_eq!(headers.get_all(SET_COOKIE).iter().count(), 2);
    assert_eq!(headers.get_all(VARY).iter().collect::<Vec<_>>(), ["Accept-Encoding", "Cookie"]);
    assert_eq!(headers[CACHE_CONTROL], "no-store");
}

#[test]
fn asvs_14_3_2_reading_varies_and_only_a_cookie_forbids_caching() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    assert_eq!(session.len(), 1);
    let finished = run(lazy.finish(OK)).unwrap();
    assert!(finished.varies());
    let mut headers = HeaderMap::new();
    headers.insert(VARY, HeaderValue::from_static("accept, COOKIE"));
    finished.apply(&mut headers);
    assert_eq!((headers.get_all(VARY).iter().count(), headers.get(CACHE_CONTROL)), (1, None));
    let untouched = run(site.begin(&browser).finish(OK)).unwrap();
    assert!(!untouched.varies());
    let (lazy, session) = site.open(&browser);
    session.rotate();
    let rotated = run(lazy.finish(OK)).unwrap();
    for (before, after) in
        [("private", "private"), ("max-age=1, No-Store", "max-age=1, No-Store"), ("no-cache", "no-store")]
    {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(before));
        rotated.apply(&mut headers);
        assert_eq!(headers[CACHE_CONTROL], after);
    }
    browser.close_window();
}

#[test]
fn remember_me_is_kept_by_the_browser_and_moves_with_activity() {
    let site = Site::new();
    let mut browser = site.visitor();
    let month = Lifetime::idle(720 * HOUR).with_absolute(2_160 * HOUR).persistent();
    let renewed = site.visit(&mut browser, |session| session.renew(month)).unwrap();
    assert_eq!(renewed.max_age(), Some(720 * 3_600));
    browser.close_window();
    site.clock.advance(600 * HOUR);
    let written = site.visit(&mut browser, |session| session.insert("x", 1).unwrap()).unwrap();
    assert_eq!(written.max_age(), Some(720 * 3_600));
    let record = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!((record.lifetime, record.deadline), (month, Some(START.plus(2_160 * HOUR))));
    // The absolute limit cuts the last cookie short.
    site.clock.advance(700 * HOUR);
    site.visit(&mut browser, |_| {}).unwrap();
    site.clock.advance(700 * HOUR);
    let last = site.visit(&mut browser, |session| session.insert("x", 2).unwrap()).unwrap();
    assert_eq!(last.max_age(), Some(160 * 3_600));
    let forgotten = site.visit(&mut browser, |session| session.renew(Lifetime::aal2())).unwrap();
    assert!(forgotten.sets() && forgotten.max_age().is_none());
}

#[test]
fn asvs_13_3_4_a_cookie_of_an_older_key_is_written_again_when_its_session_is_used() {
    let key = |first: u8| CookieKey::from_bytes(&(first..).take(64).collect::<Vec<_>>()).unwrap();
    let (old, new) = (key(0), key(64));
    let config = |ring| CookieConfig::default().protection(Protection::Signed(ring));
    let before = Site::with(|builder| builder.cookie(config(KeyRing::new(old.clone()))));
    let mut browser = Browser::default();
    before.visit(&mut browser, |session| session.insert("n", 1).unwrap()).unwrap();
    let ring = KeyRing::new(new).also_reads(old);
    let manager = cloakroom_core::SessionManager::builder(before.desk.clone())
        .cookie(config(ring))
        .clock(before.clock.clone())
        .build()
        .unwrap();
    let after = Site { manager, ..before };
    let again = after.visit(&mut browser, |session| assert!(!session.is_empty())).unwrap();
    assert!(again.sets());
    assert!(after.visit(&mut browser, |session| assert!(!session.is_empty())).unwrap().is_silent());
    assert_eq!(after.read(&browser, "n"), Some(1));
}
