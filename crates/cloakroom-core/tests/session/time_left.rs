//! Asking how much time a session has left is no use of it.

use cloakroom_core::*;
use http::HeaderMap;
use http::header::{SET_COOKIE, VARY};

use crate::support::*;

const MINUTES: u32 = 60;

fn time_left(lazy: &LazySession) -> Option<TimeLeft> {
    run(lazy.time_left()).unwrap()
}

/// The end of a request: whether its response varies by the cookie, and whether it carries one.
fn finish(lazy: &LazySession) -> (bool, bool) {
    let mut headers = HeaderMap::new();
    run(lazy.finish(OK)).unwrap().apply(&mut headers);
    let varies = headers.get(VARY).is_some_and(|value| value == "Cookie");
    (varies, headers.contains_key(SET_COOKIE))
}

#[test]
fn asvs_7_3_1_asking_for_the_time_left_is_no_activity_however_late() {
    for lifetime in [Lifetime::idle(HOUR), Lifetime::idle(HOUR).persistent()] {
        let site = Site::policy(Policy::default().lifetime(lifetime).touch(TouchPolicy::Always));
        let browser = site.visitor();
        for minute in 1..MINUTES {
            site.clock.advance(MINUTE);
            let lazy = site.begin(&browser);
            let expected = TimeLeft { unless_used: (MINUTES - minute) * MINUTE, at_most: None };
            assert_eq!(time_left(&lazy), Some(expected));
            // The answer is this visitor's own, so that no cache may give it to another.
            assert_eq!(finish(&lazy), (true, false));
            assert_eq!(site.desk.log(), ["load"]);
        }
        site.clock.advance(MINUTE);
        assert_eq!(time_left(&site.begin(&browser)), None);
    }
}

#[test]
fn asvs_7_3_2_it_tells_the_absolute_limit_too() {
    let site = Site::policy(Policy::default().lifetime(Lifetime::idle(HOUR).with_absolute(90 * MINUTE)));
    let mut browser = site.visitor();
    site.clock.advance(HOUR / 2);
    site.visit(&mut browser, |session| drop(session.user())).unwrap();
    let expected = TimeLeft { unless_used: HOUR, at_most: Some(HOUR) };
    assert_eq!(time_left(&site.begin(&browser)), Some(expected));
    site.clock.advance(MINUTE);
    let expected = TimeLeft { unless_used: 59 * MINUTE, at_most: Some(59 * MINUTE) };
    assert_eq!(time_left(&site.begin(&browser)), Some(expected));
}

#[test]
fn a_visitor_without_a_session_has_none_and_costs_nothing() {
    let site = Site::new();
    let lazy = site.begin(&Browser::default());
    assert_eq!(time_left(&lazy), None);
    assert_eq!((finish(&lazy), site.desk.log()), ((true, false), vec![]));
}

#[test]
fn a_handler_that_also_uses_the_session_is_activity_in_either_order() {
    for order in ["looks first", "uses first"] {
        let site = Site::new();
        let browser = site.visitor();
        site.clock.advance(HOUR / 2);
        let lazy = site.begin(&browser);
        if order == "looks first" {
            time_left(&lazy);
        }
        assert!(!run(lazy.load()).unwrap().is_new());
        time_left(&lazy);
        finish(&lazy);
        assert_eq!(site.desk.log(), ["load", "touch"], "{order}");
    }
}

#[test]
fn where_every_cookie_counts_asking_counts() {
    let site = Site::policy(Policy::default().activity(Activity::Cookie));
    let browser = site.visitor();
    site.clock.advance(HOUR / 2);
    let lazy = site.begin(&browser);
    assert_eq!(time_left(&lazy).map(|left| left.unless_used), Some(HOUR / 2));
    assert_eq!((finish(&lazy), site.desk.log()), ((true, false), vec!["load", "touch"]));
}

#[test]
fn asking_replaces_no_id_that_has_grown_old() {
    let site = Site::policy(Policy::default().rotation(Rotation::every(MINUTE)));
    let mut browser = site.visitor();
    let previous = browser.clone();
    site.clock.advance(HOUR / 2);
    for _ in 0..2 {
        let lazy = site.begin(&browser);
        assert!(time_left(&lazy).is_some());
        assert_eq!((finish(&lazy), site.desk.log()), ((true, false), vec!["load"]));
    }
    // Under the previous id it is told no new one either.
    assert!(site.visit(&mut browser, |session| assert!(!session.is_new())).unwrap().sets());
    site.desk.log();
    let lazy = site.begin(&previous);
    assert!(time_left(&lazy).is_some());
    assert_eq!((finish(&lazy), site.desk.log()), ((true, false), vec!["load"]));
}

#[test]
fn a_store_that_fails_is_no_answer() {
    let site = Site::new();
    let browser = site.visitor();
    site.desk.next("load", Fault::Before(ErrorKind::Unavailable));
    let lazy = site.begin(&browser);
    assert_eq!(run(lazy.time_left()).unwrap_err().status().as_u16(), 503);
    assert!(time_left(&lazy).is_some());
}

#[test]
fn asvs_7_4_5_who_was_signed_out_with_everybody_has_no_time_left() {
    let site = Site::new();
    let browser = crate::sign_in::signed_in(&site, "ada");
    assert!(time_left(&site.begin(&browser)).is_some());
    run(site.manager.sign_everybody_out()).unwrap();
    assert_eq!(time_left(&site.begin(&browser)), None);
}
