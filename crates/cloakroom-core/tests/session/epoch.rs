//! Signing everybody out by one write.

use std::time::Duration;

use cloakroom_core::*;

use crate::sign_in::{admission, password};
use crate::support::*;

/// How long a process may go without asking.
const AGE: Duration = Duration::from_secs(1);
const ALMOST: Duration = Duration::from_millis(999);

/// Another process: the same store and the same clock.
fn another_node(site: &Site) -> Site {
    let builder = SessionManager::builder(site.desk.clone()).clock(site.clock.clone());
    Site { manager: builder.observer(site.diary.clone()).build().unwrap(), ..site.clone() }
}

/// A browser in which the user signed in under the present count.
fn signed_in(site: &Site, name: &str) -> Browser {
    let mut browser = Browser::default();
    let (lazy, session) = site.open(&browser);
    let authentication = Authentication { epoch: run(site.manager.epoch()).unwrap(), ..password(site) };
    run(session.sign_in(user(name), authentication, admission(site, name))).unwrap();
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    browser
}

fn is_in(site: &Site, browser: &Browser) -> bool {
    site.open(browser).1.user().is_some()
}

fn sign_everybody_out(site: &Site) -> u64 {
    run(site.manager.sign_everybody_out()).unwrap()
}

#[test]
fn asvs_7_4_5_everybody_who_signed_in_is_out_at_once_and_nobody_else() {
    let site = Site::new();
    let (ada, bob) = (signed_in(&site, "ada"), signed_in(&site, "bob"));
    let visitor = site.visitor();
    assert!(is_in(&site, &ada) && is_in(&site, &bob));
    site.desk.log();
    assert_eq!(sign_everybody_out(&site), 1);
    // However many there are.
    assert_eq!(site.desk.log(), ["load", "create"]);
    site.events();
    assert!(!is_in(&site, &ada) && !is_in(&site, &bob));
    assert_eq!(site.events(), ["Loaded", "Rejected(SignedOut)", "Loaded", "Rejected(SignedOut)"]);
    assert_eq!(site.read(&visitor, "n"), Some(1));
    assert_eq!((sign_everybody_out(&site), run(site.manager.epoch()).unwrap()), (2, 2));
    assert_eq!(site.read(&visitor, "n"), Some(1));
}

#[test]
fn asvs_7_4_5_a_session_that_is_out_shows_nothing_and_is_never_written_again() {
    let site = Site::new();
    let mut browser = signed_in(&site, "ada");
    site.visit(&mut browser, |session| session.insert("private", 1).unwrap()).unwrap();
    let key = site.manager.key(&browser.id());
    sign_everybody_out(&site);
    let before = run(site.desk.memory.load(&key, START)).unwrap();
    let (lazy, session) = site.open(&browser);
    assert!(session.is_new() && session.is_empty() && session.authentication().is_none());
    session.insert("mine", 2).unwrap();
    assert!(site.close(&mut browser, &lazy).unwrap().sets());
    assert_ne!(site.manager.key(&browser.id()), key);
    assert_eq!(run(site.desk.memory.load(&key, START)).unwrap(), before);
    // Whoever signs in again is in.
    let (lazy, session) = site.open(&browser);
    let authentication = Authentication { epoch: 1, ..password(&site) };
    run(session.sign_in(user("ada"), authentication, admission(&site, "ada"))).unwrap();
    site.close(&mut browser, &lazy).unwrap();
    assert!(is_in(&site, &browser));
}

#[test]
fn asvs_7_4_5_other_processes_notice_within_the_age_that_the_policy_names() {
    let site = Site::new();
    let (browser, other) = (signed_in(&site, "ada"), another_node(&site));
    assert!(is_in(&other, &browser));
    sign_everybody_out(&site);
    assert!(!is_in(&site, &browser));
    site.clock.advance(ALMOST);
    assert!(is_in(&other, &browser), "the last millisecond of what it had heard");
    site.clock.advance(Duration::from_millis(1));
    assert!(!is_in(&other, &browser));
    // A process that was just started asks first.
    assert!(!is_in(&another_node(&site), &browser));
}

#[test]
fn with_an_age_of_zero_other_processes_notice_at_once() {
    let site = Site::new();
    let (browser, mut other) = (signed_in(&site, "ada"), another_node(&site));
    let policy = Policy::default().epoch_age(Duration::ZERO);
    let builder = SessionManager::builder(site.desk.clone()).clock(site.clock.clone()).policy(policy);
    other.manager = builder.build().unwrap();
    assert!(is_in(&other, &browser));
    sign_everybody_out(&site);
    assert!(!is_in(&other, &browser));
}

#[test]
fn asvs_7_4_5_a_sign_in_that_was_under_way_comes_too_late() {
    let site = Site::new();
    let other = another_node(&site);
    for (node, reads) in [(&site, &site), (&other, &site), (&site, &other)] {
        let mut browser = Browser::default();
        let authentication = Authentication { epoch: run(reads.manager.epoch()).unwrap(), ..password(node) };
        sign_everybody_out(&site);
        let (lazy, session) = node.open(&browser);
        run(session.sign_in(user("ada"), authentication, admission(node, "ada"))).unwrap();
        assert!(node.close(&mut browser, &lazy).unwrap().sets());
        assert!(!is_in(&site, &browser), "at once where it was called");
        site.clock.advance(AGE);
        assert!(!is_in(&other, &browser), "and elsewhere");
    }
}

#[test]
fn who_signs_in_after_it_is_in_where_it_was_not_heard_of_yet() {
    let site = Site::new();
    let (before, other) = (signed_in(&site, "ada"), another_node(&site));
    assert!(is_in(&other, &before));
    sign_everybody_out(&site);
    let after = signed_in(&site, "ada");
    // The session itself brings the news.
    site.desk.log();
    assert!(is_in(&other, &after));
    assert_eq!(site.desk.log(), ["load", "load"]);
    assert!(!is_in(&other, &before));
    assert_eq!(site.desk.log(), ["load"]);
}

#[test]
fn a_count_that_the_store_never_had_opens_nothing() {
    let site = Site::new();
    for (moved, epoch) in [(0, 1), (1, 2), (1, 0)] {
        if run(site.manager.epoch()).unwrap() < moved {
            sign_everybody_out(&site);
        }
        let mut browser = Browser::default();
        let (lazy, session) = site.open(&browser);
        let authentication = Authentication { epoch, ..password(&site) };
        run(session.sign_in(user("ada"), authentication, admission(&site, "ada"))).unwrap();
        site.close(&mut browser, &lazy).unwrap();
        assert!(!is_in(&site, &browser), "{epoch} where it is {moved}");
    }
}

#[test]
fn asvs_16_5_3_a_count_that_cannot_be_read_lets_nobody_in() {
    let anonymous = Policy::default().on_load_failure(LoadFailure::Anonymous);
    for policy in [Policy::default(), anonymous] {
        let site = Site::policy(policy);
        let (browser, visitor) = (signed_in(&site, "ada"), site.visitor());
        site.clock.advance(AGE);
        for kind in [ErrorKind::Unavailable, ErrorKind::Unknown, ErrorKind::Corrupt] {
            site.desk.before("load", || {});
            site.desk.next("load", Fault::Before(kind));
            let error = run(site.begin(&browser).load()).unwrap_err();
            assert_eq!(error.status().as_u16(), if kind == ErrorKind::Corrupt { 500 } else { 503 });
            assert!(site.events().iter().any(|event| event.starts_with("StoreFailed")));
        }
        assert_eq!(site.read(&visitor, "n"), Some(1), "who is not signed in needs no count");
        assert!(is_in(&site, &browser), "asked again, it is read again");
    }
}

#[test]
fn a_count_that_is_none_lets_nobody_in() {
    let site = Site::new();
    let browser = signed_in(&site, "ada");
    sign_everybody_out(&site);
    let key = StoreKey::reserved(site.manager.cookie_name(), "epoch", "");
    let Loaded::Live(Stored { record, version }) = run(site.desk.memory.load(&key, START)).unwrap() else {
        panic!("no count")
    };
    let broken =
        Record { data: Data::from_iter([("signed_everybody_out".to_owned(), "1".into())]), ..record };
    run(site.desk.memory.put(&key, Put::At(version), &broken, START)).unwrap();
    site.clock.advance(AGE);
    assert_eq!(run(site.begin(&browser).load()).unwrap_err().status().as_u16(), 500);
    assert!(run(site.manager.epoch()).is_err());
    assert_eq!(run(site.manager.sign_everybody_out()).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn one_load_a_second_however_many_requests() {
    let site = Site::new();
    let browsers = [signed_in(&site, "ada"), signed_in(&site, "bob")];
    for _ in 0..3 {
        site.clock.advance(AGE);
        site.desk.log();
        for request in 0..100 {
            assert!(is_in(&site, &browsers[request % 2]));
            if request == 50 {
                site.clock.advance(ALMOST);
            }
        }
        assert_eq!(site.desk.log().len(), 101);
    }
}

#[test]
fn requests_at_once_ask_once() {
    let site = Site::new();
    let browser = signed_in(&site, "ada");
    site.clock.advance(AGE);
    site.desk.log();
    for _ in 0..10 {
        site.desk.next("load", Fault::WaitBefore);
    }
    site.desk.next("load", Fault::WaitAfter);
    let requests: Vec<_> = (0..10).map(|_| site.begin(&browser)).collect();
    let loaded = run(futures_util::future::join_all(requests.iter().map(LazySession::load)));
    assert!(loaded.into_iter().all(|session| session.unwrap().user().is_some()));
    assert_eq!(site.desk.log().len(), 11);
}

#[test]
fn one_that_fails_to_ask_does_not_keep_the_others_waiting() {
    let site = Site::new();
    let browser = signed_in(&site, "ada");
    site.clock.advance(AGE);
    // The first is dropped while it asks, the second fails, the third is answered.
    let requests: Vec<_> = (0..3).map(|_| site.begin(&browser)).collect();
    site.desk.before("load", || {});
    site.desk.next("load", Fault::WaitBefore);
    assert!(poll_times(1, requests[0].load()).is_none());
    site.desk.before("load", || {});
    site.desk.next("load", Fault::Before(ErrorKind::Unavailable));
    assert!(run(requests[1].load()).is_err());
    assert!(run(requests[2].load()).unwrap().user().is_some());
}

#[test]
fn who_is_not_signed_in_costs_no_question() {
    let site = Site::new();
    let visitor = site.visitor();
    site.clock.advance(AGE);
    assert_eq!(site.read(&visitor, "n"), Some(1));
    let mut browser = visitor.clone();
    site.visit(&mut browser, |session| session.set_user(user("7"))).unwrap();
    site.desk.log();
    // An application that calls set_user itself says nothing of how they signed in.
    assert!(is_in(&site, &browser));
    assert_eq!(site.desk.log(), ["load"]);
}

#[test]
fn a_clock_that_was_set_back_does_not_make_an_old_answer_new() {
    let site = Site::new();
    let (browser, other) = (signed_in(&site, "ada"), another_node(&site));
    site.clock.advance(HOUR / 2);
    assert!(is_in(&other, &browser));
    sign_everybody_out(&site);
    site.clock.set(START);
    assert!(!is_in(&other, &browser));
}

#[test]
fn two_who_sign_everybody_out_at_once_both_do() {
    let site = Site::new();
    for (verb, counts) in [("create", (1, 2)), ("save", (3, 4))] {
        let other = another_node(&site);
        site.desk.before(verb, move || assert_eq!(sign_everybody_out(&other), counts.0));
        assert_eq!(sign_everybody_out(&site), counts.1);
    }
}

#[test]
fn an_answer_that_was_overtaken_takes_nothing_back() {
    let site = Site::new();
    let browser = signed_in(&site, "ada");
    site.clock.advance(AGE);
    // The count is read, then everybody is signed out, then the answer arrives.
    let request = site.begin(&browser);
    site.desk.before("load", || {});
    site.desk.next("load", Fault::WaitAfter);
    let out = async { sign_everybody_out(&site) };
    let (loaded, count) = run(futures_util::future::join(request.load(), out));
    assert_eq!((loaded.unwrap().user(), count), (None, 1));
    assert!(!is_in(&site, &browser));
}

#[test]
fn everybody_stays_out_when_the_store_is_swept_years_later() {
    let site = Site::new();
    sign_everybody_out(&site);
    site.clock.advance(100 * 365 * 24 * HOUR);
    let limit = std::num::NonZeroU32::new(100).unwrap();
    run(site.desk.memory.sweep(limit, site.clock.now())).unwrap();
    assert_eq!(run(another_node(&site).manager.epoch()).unwrap(), 1);
}

#[test]
fn asvs_16_5_3_a_store_that_fails_to_sign_everybody_out_says_so() {
    let site = Site::new();
    let browser = signed_in(&site, "ada");
    for (verb, kind) in [("load", ErrorKind::Unavailable), ("create", ErrorKind::Overloaded)] {
        site.desk.next(verb, Fault::Before(kind));
        assert_eq!(run(site.manager.sign_everybody_out()).unwrap_err().kind(), kind);
        assert!(is_in(&site, &browser));
    }
    // Whoever is not told asks again, and that is once more than needed.
    site.desk.next("create", Fault::After(ErrorKind::Unknown));
    assert!(run(site.manager.sign_everybody_out()).is_err());
    assert_eq!(sign_everybody_out(&site), 2);
    assert!(!is_in(&site, &browser));
}

#[test]
fn the_counts_of_two_cookies_are_two() {
    let site = Site::new();
    let staff = CookieConfig::new("staff");
    let builder = SessionManager::builder(site.desk.clone()).clock(site.clock.clone()).cookie(staff);
    let other = Site { manager: builder.build().unwrap(), ..site.clone() };
    let browser = signed_in(&other, "ada");
    sign_everybody_out(&site);
    site.clock.advance(AGE);
    assert!(is_in(&other, &browser));
}
