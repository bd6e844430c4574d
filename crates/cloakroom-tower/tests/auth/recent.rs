//! Proving again who one is.

use std::time::Duration;

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use crate::site::{Browser, RECENT, Site, location};

const PATHS: [&str; 3] = ["/recent", "/layer/recent", "/everything"];

/// What each path answers to a program.
async fn statuses(browser: &mut Browser, site: &Site) -> Vec<u16> {
    let mut statuses = Vec::new();
    for path in PATHS {
        statuses.push(browser.fetch(site, path).await.status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn asvs_7_5_1_asvs_7_5_3_a_proof_is_recent_for_so_long_and_activity_does_not_prolong_it() {
    let site = Site::new();
    let mut browser = Browser::signed_in(&site, "ann").await;
    site.clock.advance(Duration::from_secs(RECENT - 60));
    assert_eq!(statuses(&mut browser, &site).await, [200; 3]);
    site.clock.advance(Duration::from_secs(60));
    assert_eq!(statuses(&mut browser, &site).await, [200; 3]);
    site.clock.advance(Duration::from_millis(1));
    assert_eq!(statuses(&mut browser, &site).await, [401; 3]);
    assert_eq!(browser.read(&site, "/user").await, "ann", "and is still signed in");

    let response = browser.fetch(&site, "/recent").await;
    let challenge = r#"Cookie realm="session", error="insufficient_user_authentication""#;
    assert_eq!(response.headers()[WWW_AUTHENTICATE], challenge);
    let response = browser.get(&site, "/recent").await;
    assert_eq!(location(&response), Some("/confirm?next=%2Frecent"));
    assert_eq!(location(&browser.post(&site, "/recent", "").await), Some("/confirm"));
    assert!(site.ear.take().contains(&"recent required of ann".to_owned()));

    assert_eq!(browser.post(&site, "/confirm/ann", "wrong").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(browser.post(&site, "/confirm/ben", "right").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(statuses(&mut browser, &site).await, [401; 3], "somebody else's password proves nothing");
    let before = browser.cookie.clone();
    assert_eq!(browser.post(&site, "/confirm/ann", "right").await.status(), StatusCode::OK);
    assert_ne!(browser.cookie, before, "and the id is another");
    assert_eq!(statuses(&mut browser, &site).await, [200; 3]);
}

#[tokio::test]
async fn asvs_7_5_1_a_remembered_browser_has_to_prove_it_from_the_first_moment_on() {
    let site = Site::new();
    let mut browser = Browser::default();
    assert_eq!(browser.post(&site, "/sign-in/ann/remembered", "right").await.status(), StatusCode::OK);
    assert_eq!(browser.read(&site, "/user").await, "ann");
    assert_eq!(statuses(&mut browser, &site).await, [401; 3]);
    assert_eq!(browser.post(&site, "/confirm/ann", "right").await.status(), StatusCode::OK);
    assert_eq!(statuses(&mut browser, &site).await, [200; 3]);
    site.clock.advance(Duration::from_millis(RECENT * 1_000 + 1));
    assert_eq!(statuses(&mut browser, &site).await, [401; 3]);
}
