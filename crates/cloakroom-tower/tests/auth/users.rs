//! What becomes of users while they are signed in.

use cloakroom_auth::Addresses;
use http::StatusCode;

use crate::site::{Browser, Ear, Site};

#[tokio::test]
async fn asvs_8_3_2_a_changed_permission_counts_at_the_next_request() {
    let site = Site::new();
    let mut browser = Browser::signed_in(&site, "ben").await;
    for path in ["/edit", "/layer/edit"] {
        site.accounts.set("ben", true);
        assert_eq!(browser.fetch(&site, path).await.status(), StatusCode::OK, "{path}");
        site.accounts.set("ben", false);
        assert_eq!(browser.fetch(&site, path).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn r24_asvs_7_4_2_whoever_was_disabled_is_out_at_the_next_request() {
    let site = Site::new();
    let (mut browser, mut other) =
        (Browser::signed_in(&site, "ann").await, Browser::signed_in(&site, "ann").await);
    let copy = browser.clone();
    site.accounts.remove("ann");
    assert_eq!(browser.fetch(&site, "/layer/user").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(browser.cookie, None);
    assert_eq!(other.read(&site, "/hello").await, "stranger");
    assert_eq!(site.store.sessions().await, 0);
    assert!(site.ear.take().contains(&"1 ended by user-gone".to_owned()));

    site.accounts.set("ann", true);
    for mut browser in [copy, other] {
        assert_eq!(browser.read(&site, "/hello").await, "stranger", "the sessions have ended for good");
    }
}

#[tokio::test]
async fn asvs_7_5_2_sessions_say_on_which_device_they_were_opened() {
    for (addresses, kept) in [
        (Addresses::default(), r#"Some("203.0.113.0")"#),
        (Addresses::Full, r#"Some("203.0.113.77")"#),
        (Addresses::Off, "None"),
    ] {
        let site = Site::with(Ear::default(), |auth| auth.addresses(addresses));
        let mut browser = Browser::signed_in(&site, "ann").await;
        let devices = browser.read(&site, "/handler").await;
        assert_eq!(devices, format!(r#"Some("Browser/1") from {kept}"#));
    }
}
