//! Sessions that have ended.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::{EndedBy, Ending, History};
use cloakroom_conformance::SpyStore;
use cloakroom_core::{Loaded, MemoryStore, Operation, Policy, Put, Store as _, StoreKey, UserId};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Application, Browser};

const DAY: Duration = Duration::from_secs(86_400);

fn kept(entries: u32) -> History {
    History::Kept { entries: NonZeroU32::new(entries).unwrap(), time: 90 * DAY }
}

fn ann() -> UserId {
    UserId::new("ann").unwrap()
}

#[tokio::test]
async fn owasp_simultaneous_the_last_ones_are_kept_with_who_ended_them() {
    let application = Application::with(|builder| builder.history(kept(3)));
    let sessions = application.auth.sessions_of(ann());
    let mut expected = Vec::new();
    for round in 0..5 {
        application.clock.advance(Duration::from_secs(1));
        let mut browser = Browser::default();
        browser.sign_in(&application, "ann").await;
        let handle = browser.handle(&application).await;
        let by = if round % 2 == 0 {
            let request = browser.request(&application);
            request.visit.sign_out().await.unwrap();
            browser.answer(request).await;
            EndedBy::SignOut
        } else {
            assert_eq!(sessions.end(handle).await.unwrap(), Ending::Ended);
            EndedBy::Application
        };
        expected.insert(0, (Some(handle), by));
    }
    let history = sessions.history().await.unwrap();
    assert_eq!(history.iter().map(|it| (it.handle, it.by)).collect::<Vec<_>>(), expected[..3]);
    let device = history[0].device.as_ref().unwrap();
    assert_eq!((device.user_agent(), device.address()), (Some("Test/1"), None));
    assert_eq!(history[0].ended, application.auth.manager().now());
    // The user sees it from a session of their own, and it ends at its time.
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    let seen = browser.request(&application).visit.sessions().await.unwrap().history().await.unwrap();
    assert_eq!(seen, history);
    application.clock.advance(90 * DAY);
    assert_eq!(sessions.history().await.unwrap(), []);
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_not_written() {
    let spy = SpyStore::new(MemoryStore::new());
    let log = spy.log();
    let application = Application::on(spy, Policy::default(), |builder| builder);
    let mut browser = Browser::default();
    browser.sign_in(&application, "ann").await;
    let handle = browser.handle(&application).await;
    log.take_operations();
    application.auth.sessions_of(ann()).end(handle).await.unwrap();
    assert_eq!(log.take_operations(), [Operation::End]);
}

#[tokio::test]
async fn sixteen_that_end_at_once_are_all_remembered() {
    let memory = Arc::new(MemoryStore::new());
    let nodes = [(); 2].map(|()| {
        Application::on(Arc::clone(&memory), Policy::default(), |builder| builder.history(kept(100)))
    });
    let mut handles = Vec::new();
    for _ in 0..16 {
        let mut browser = Browser::default();
        browser.sign_in(&nodes[0], "ann").await;
        handles.push(browser.handle(&nodes[0]).await);
    }
    let ends = handles.iter().enumerate().map(|(number, handle)| {
        let (sessions, handle) = (nodes[number % 2].auth.sessions_of(ann()), *handle);
        tokio::spawn(async move { sessions.end(handle).await.unwrap() })
    });
    for ending in join_all(ends).await {
        assert_eq!(ending.unwrap(), Ending::Ended);
    }
    let history = nodes[1].auth.sessions_of(ann()).history().await.unwrap();
    assert_eq!(history.len(), 16);
    assert!(handles.iter().all(|handle| history.iter().any(|it| it.handle == Some(*handle))));
}

#[tokio::test]
async fn what_a_later_version_wrote_is_skipped_and_not_destroyed() {
    let memory = Arc::new(MemoryStore::new());
    let application =
        Application::on(Arc::clone(&memory), Policy::default(), |builder| builder.history(kept(10)));
    let sessions = application.auth.sessions_of(ann());
    let end_one = async || {
        let mut browser = Browser::default();
        browser.sign_in(&application, "ann").await;
        sessions.end(browser.handle(&application).await).await.unwrap();
    };
    end_one().await;
    let key = StoreKey::reserved(application.auth.manager().cookie_name(), "history", "ann");
    let now = application.auth.manager().now();
    let stored = || async { memory.load(&key, now).await.unwrap() };
    let Loaded::Live(before) = stored().await else { panic!("there is no history") };
    let mut record = before.record.clone();
    let strange = [
        json!({ "ended": 1, "created": 1, "seen": 1, "by": "satellite" }),
        json!({ "quite": "another shape" }),
        json!(7),
    ];
    let list = record.data.values_mut().next().unwrap().as_array_mut().unwrap();
    list.extend(strange.clone());
    memory.put(&key, Put::At(before.version), &record, now).await.unwrap();

    assert_eq!(sessions.history().await.unwrap().len(), 1);
    end_one().await;
    assert_eq!(sessions.history().await.unwrap().len(), 2);
    let Loaded::Live(after) = stored().await else { panic!("there is no history") };
    let list = after.record.data.values().next().unwrap().as_array().unwrap();
    assert_eq!(list[2..], strange);
}
