//! Law 1: two requests that write at once both count.

use cloakroom_core::{Device, Lifetime, Policy, SaveError};

use crate::support::*;

#[test]
fn r06_different_keys_both_survive() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("save", move || {
        other.visit(&mut another, |session| session.insert("theirs", 2).unwrap()).unwrap();
    });
    site.visit(&mut browser, |session| session.insert("ours", 3).unwrap()).unwrap();
    assert_eq!(site.desk.log(), ["load", "save", "load", "save", "load", "save"]);
    assert_eq!([site.read(&browser, "theirs"), site.read(&browser, "ours")], [Some(2), Some(3)]);
    assert_eq!(site.events()[..5], ["Loaded", "Loaded", "Saved", "Conflict { attempt: 1 }", "Saved"]);
}

#[test]
fn r06_sixty_four_requests_that_loaded_together_lose_nothing() {
    let site = Site::policy(Policy::default().retries(64));
    let browser = site.visitor();
    let requests: Vec<_> = (0..64).map(|_| site.open(&browser)).collect();
    for (number, (_, session)) in requests.iter().enumerate() {
        session.insert(format!("key-{number}"), number).unwrap();
        increment(session);
    }
    for (lazy, _) in &requests {
        let _ = run(lazy.finish(OK)).unwrap();
    }
    let (_, session) = site.open(&browser);
    assert_eq!(session.len(), 65);
    assert_eq!(session.get::<i64>("n").unwrap(), Some(65));
}

#[test]
fn every_kind_of_change_is_made_again_on_what_another_request_wrote() {
    let site = Site::new();
    let mut browser = site.visitor();
    site.visit(&mut browser, |session| session.insert("old", 1).unwrap()).unwrap();
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("save", move || {
        other.visit(&mut another, |session| session.insert("theirs", 2).unwrap()).unwrap();
    });
    let month = Lifetime::idle(720 * HOUR).persistent();
    site.visit(&mut browser, |session| {
        session.remove("old");
        session.set_device(Device::new("a browser"));
        session.renew(month);
        session.insert("list", [1, 2]).unwrap();
        session
            .update("list", |list: Option<Vec<i32>>| [list.unwrap_or_default(), vec![3]].concat())
            .unwrap();
    })
    .unwrap();
    let record = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!(record.data.keys().collect::<Vec<_>>(), ["n", "theirs", "list"]);
    assert_eq!(record.data["list"], serde_json::json!([1, 2, 3]));
    assert_eq!((record.lifetime, record.deadline), (month, None));
    assert_eq!(record.device, Some(Device::new("a browser")));
}

#[test]
fn clear_clears_what_another_request_wrote() {
    let site = Site::new();
    let mut browser = site.visitor();
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("save", move || {
        other.visit(&mut another, |session| session.insert("theirs", 2).unwrap()).unwrap();
    });
    site.visit(&mut browser, |session| {
        session.clear();
        session.insert("ours", 1).unwrap();
    })
    .unwrap();
    let record = site.desk.row(&site, &browser.id()).unwrap();
    assert_eq!(record.data.keys().collect::<Vec<_>>(), ["ours"]);
}

#[test]
fn retries_are_bounded_and_the_changes_stay_to_be_saved_again() {
    let site = Site::policy(Policy::default().retries(2));
    let browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    increment(&session);
    for _ in 0..3 {
        let (other, mut another) = (site.clone(), browser.clone());
        site.desk.before("save", move || {
            // The rival's own save meets no rival.
            let (lazy, session) = other.open(&another);
            let (memory, now) = (&other.desk.memory, START);
            let key = other.manager.key(&session.id().unwrap());
            let cloakroom_core::Loaded::Live(mut stored) =
                run(cloakroom_core::Store::load(&**memory, &key, now)).unwrap()
            else {
                panic!("not there")
            };
            let n = stored.record.data["n"].as_i64().unwrap();
            stored.record.data.insert("n".into(), (n + 10).into());
            let put = cloakroom_core::Put::At(stored.version);
            run(cloakroom_core::Store::put(&**memory, &key, put, &stored.record, now)).unwrap();
            drop(lazy);
            another.close_window();
        });
    }
    site.events();
    let error = run(lazy.finish(OK)).unwrap_err();
    assert!(matches!(error, SaveError::Contended { attempts: 3 }), "{error:?}");
    assert_eq!(error.status(), 503);
    assert_eq!(site.events().iter().filter(|event| event.starts_with("Conflict")).count(), 3);
    assert_eq!(site.read(&browser, "n"), Some(31));
    run(session.save()).unwrap();
    assert_eq!(site.read(&browser, "n"), Some(32));
}

#[test]
fn r04_a_rotation_that_meets_another_writer_keeps_the_changes_of_both() {
    let site = Site::new();
    let mut browser = site.visitor();
    let old = browser.clone();
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("save", move || {
        other.visit(&mut another, |session| session.insert("theirs", 2).unwrap()).unwrap();
    });
    site.visit(&mut browser, |session| {
        session.insert("ours", 3).unwrap();
        session.set_user(user("7"));
    })
    .unwrap();
    assert_ne!(browser.cookie(), old.cookie());
    assert_eq!(site.desk.rows(), 1);
    let (_, session) = site.open(&browser);
    assert_eq!(session.user(), Some(user("7")));
    assert_eq!(
        (session.get::<i64>("theirs").unwrap(), session.get::<i64>("ours").unwrap()),
        (Some(2), Some(3))
    );
    assert!(site.open(&old).1.is_new(), "the old id still answers");
}

#[test]
fn an_update_that_cannot_be_made_again_leaves_the_other_writer_s_work_alone() {
    let site = Site::new();
    let browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    increment(&session);
    session.insert("ours", 1).unwrap();
    let (other, mut another) = (site.clone(), browser.clone());
    site.desk.before("save", move || {
        other
            .visit(&mut another, |session| {
                session.insert("n", "no number").unwrap();
                session.insert("theirs", 2).unwrap();
            })
            .unwrap();
    });
    site.events();
    assert!(matches!(run(lazy.finish(OK)).unwrap_err(), SaveError::Value(_)));
    assert!(site.events().iter().any(|event| event.starts_with("Undecodable")));
    // Whoever ignores the error and saves again must not write the old view over the other's work.
    assert!(matches!(run(session.save()).unwrap_err(), SaveError::Value(_)));
    assert_eq!(site.read(&browser, "theirs"), Some(2));
    session.insert("n", 5).unwrap();
    run(session.save()).unwrap();
    assert_eq!(
        [site.read(&browser, "theirs"), site.read(&browser, "n"), site.read(&browser, "ours")],
        [Some(2), Some(5), Some(1)]
    );
}

#[test]
fn a_change_that_changed_nothing_is_not_repeated_by_a_later_save() {
    let site = Site::new();
    let browser = site.visitor();
    let (_lazy, session) = site.open(&browser);
    session.insert("n", 1).unwrap();
    run(session.save()).unwrap();
    assert_eq!(site.desk.log(), ["load"]);
    let mut another = browser.clone();
    site.visit(&mut another, |session| session.insert("n", 2).unwrap()).unwrap();
    session.insert("ours", 3).unwrap();
    run(session.save()).unwrap();
    assert_eq!([site.read(&browser, "n"), site.read(&browser, "ours")], [Some(2), Some(3)]);
}

#[test]
fn reload_shows_what_others_wrote_and_makes_unsaved_changes_again() {
    let site = Site::new();
    let browser = site.visitor();
    let (lazy, session) = site.open(&browser);
    increment(&session);
    let mut another = browser.clone();
    site.visit(&mut another, |session| session.insert("n", 10).unwrap()).unwrap();
    assert_eq!(session.get::<i64>("n").unwrap(), Some(2));
    run(session.reload()).unwrap();
    assert_eq!(session.get::<i64>("n").unwrap(), Some(11));
    assert_eq!(site.read(&browser, "n"), Some(10), "reload writes nothing");
    let _ = run(lazy.finish(OK)).unwrap();
    assert_eq!(site.read(&browser, "n"), Some(11));
}
