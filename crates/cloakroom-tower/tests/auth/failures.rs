//! What is answered when something fails.

use cloakroom_core::Operation;
use http::StatusCode;
use http::header::{CACHE_CONTROL, RETRY_AFTER};

use crate::site::{Browser, DETAIL, Ear, GUARDED, Site, location, text};

#[tokio::test]
async fn asvs_16_5_1_asvs_16_5_3_users_who_cannot_be_looked_up_are_neither_let_in_nor_signed_out() {
    let site = Site::new();
    let mut browser = Browser::signed_in(&site, "ann").await;
    site.accounts.break_down(true);
    for path in GUARDED.into_iter().chain(["/hello"]) {
        let response = browser.get(&site, path).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{path}");
        let text = text(response).await;
        assert!(!text.contains(DETAIL) && !text.contains("ann"), "{path}: {text}");
    }
    let refused = Browser::default().post(&site, "/sign-in/ann/not", "right").await;
    assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
    site.accounts.break_down(false);
    for path in GUARDED {
        assert_eq!(browser.get(&site, path).await.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn asvs_16_5_2_a_store_that_is_down_is_503_and_no_redirect() {
    let site = Site::new();
    let mut browser = Browser::signed_in(&site, "ann").await;
    site.store.break_down(|_| true);
    for path in GUARDED.into_iter().chain(["/hello", "/optional"]) {
        let response = browser.get(&site, path).await;
        assert_eq!(
            (response.status(), location(&response)),
            (StatusCode::SERVICE_UNAVAILABLE, None),
            "{path}"
        );
        assert_eq!(response.headers()[RETRY_AFTER], "5", "{path}");
    }
    site.store.break_down(|operation| operation == Operation::Admit);
    let mut other = Browser::default();
    let response = other.post(&site, "/sign-in/ben/not", "right").await;
    assert_eq!((response.status(), other.cookie), (StatusCode::SERVICE_UNAVAILABLE, None));
    site.store.break_down(|operation| operation == Operation::List);
    let response = browser.get(&site, "/handler").await;
    assert_eq!(
        response.status(),
        StatusCode::SERVICE_UNAVAILABLE,
        "not of the session, and told all the same"
    );
    assert_eq!(response.headers()[RETRY_AFTER], "5");
    site.store.break_down(|_| false);
    assert_eq!(browser.read(&site, "/user").await, "ann");
}

#[tokio::test]
async fn too_many_attempts_are_429_with_the_time_to_wait() {
    let site = Site::new();
    let mut browser = Browser::default();
    let mut tries = 0;
    let response = loop {
        let response = browser.post(&site, "/sign-in/ann/not", "wrong").await;
        if response.status() != StatusCode::UNAUTHORIZED || tries == 1_000 {
            break response;
        }
        tries += 1;
    };
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = response.headers()[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..3_600).contains(&seconds), "{seconds}");
    site.clock.advance(std::time::Duration::from_secs(seconds));
    assert_eq!(browser.post(&site, "/sign-in/ann/not", "right").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn r22_an_observer_that_panics_stops_nothing() {
    let ear = Ear { panics: true, ..Ear::default() };
    let site = Site::with(ear, |auth| auth);
    let mut browser = Browser::signed_in(&site, "ann").await;
    assert_eq!(browser.read(&site, "/user").await, "ann");
    let copy = browser.clone();
    assert_eq!(browser.post(&site, "/sign-out", "").await.status(), StatusCode::OK);
    assert_eq!({ copy }.read(&site, "/hello").await, "stranger");
    assert_eq!(site.store.sessions().await, 0);
    assert_eq!(site.ear.take(), ["ann signed in, Present", "1 ended by sign-out"], "it was told");
}
