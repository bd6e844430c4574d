//! What asking costs.

use cloakroom_core::Operation;
use http::StatusCode;

use crate::site::{Browser, Site, text};

#[tokio::test]
async fn nothing_is_looked_up_unless_somebody_asks() {
    let site = Site::new();
    let mut browser = Browser::signed_in(&site, "ann").await;
    site.accounts.take_lookups();
    site.store.take_log();
    for path in ["/", "/lazy"] {
        assert_eq!(browser.get(&site, path).await.status(), StatusCode::OK);
        assert_eq!((site.accounts.take_lookups(), site.store.take_log()), (0, vec![]), "{path}");
    }
    assert_eq!(browser.read(&site, "/optional").await, "true");
    assert_eq!((site.accounts.take_lookups(), site.store.take_log()), (0, vec![Operation::Load]));
    assert_eq!(browser.read(&site, "/hello").await, "ann");
    assert_eq!((site.accounts.take_lookups(), site.store.take_log()), (1, vec![Operation::Load]));
}

#[tokio::test]
async fn one_request_looks_up_once_however_many_ask() {
    let site = Site::new();
    let mut browser = Browser::signed_in(&site, "ann").await;
    site.accounts.take_lookups();
    site.store.take_log();
    assert_eq!(text(browser.get(&site, "/everything").await).await, "ann");
    let loads = site.store.take_log().into_iter().filter(|it| *it == Operation::Load).count();
    // The session, and the epoch, which the step-up asks for anew.
    assert_eq!((site.accounts.take_lookups(), loads), (1, 2));
}

#[tokio::test]
async fn visitors_who_are_not_signed_in_cost_nothing() {
    let site = Site::new();
    let mut stranger = Browser::default();
    assert_eq!(stranger.read(&site, "/hello").await, "stranger");
    assert_eq!(stranger.read(&site, "/optional").await, "false");
    assert_eq!(stranger.get(&site, "/user").await.status(), StatusCode::SEE_OTHER);
    assert_eq!((site.accounts.take_lookups(), site.store.take_log()), (0, vec![]));
    assert_eq!(stranger.cookie, None);
}
