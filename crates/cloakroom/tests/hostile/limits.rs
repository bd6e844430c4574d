//! More than a session is for: refused when it is written, by a type and a status that say so, and nothing is stored.

use cloakroom::{Policy, Protection};
use http::StatusCode;

use crate::site::Site;
use crate::support::{Place, on_every_store};

on_every_store! {
    r33_too_much_is_refused_when_it_is_written
}

async fn r33_too_much_is_refused_when_it_is_written(place: Place) {
    let store = place.store().await;
    let site = |policy| Site::with_policy(store.clone(), Protection::Plain, policy);
    let narrow = Policy::default().data_limit(1_000).value_limit(300).key_limit(5);
    for (policy, lets_in, refuses) in [
        (Policy::default(), "1000,10", "1001,10"),
        (Policy::default(), "1,1048000", "1,1048576"),
        (narrow.clone(), "5,100", "6,1"),
        (narrow.clone(), "1,298", "1,299"),
        (narrow, "3,298", "4,298"),
    ] {
        let site = site(policy);
        let before = site.sessions().await;
        // By nobody, who gets neither a row nor a cookie, and by somebody, whose session stays what it was.
        let refused = site.get(&format!("/fill?{refuses}"), None).await;
        assert_eq!((refused.status, refused.cookie), (StatusCode::PAYLOAD_TOO_LARGE, None), "{refuses}");
        assert_eq!(refused.body, "", "{refuses}");
        assert_eq!(site.sessions().await, before, "{refuses}");
        let filled = site.get(&format!("/fill?{lets_in}"), None).await;
        assert_eq!(filled.status, StatusCode::OK, "{lets_in}");
        let cookie = filled.cookie.unwrap();
        site.log.take();
        let refused = site.get(&format!("/fill?{refuses}"), Some(cookie.as_bytes())).await;
        assert_eq!((refused.status, refused.cookie), (StatusCode::PAYLOAD_TOO_LARGE, None), "{refuses}");
        let asked = site.log.take_operations();
        assert_eq!(asked, [cloakroom::Operation::Load], "what is refused is not sent to the database");
        let kept = site.get("/look", Some(cookie.as_bytes())).await.body;
        let keys = lets_in.split(',').next().unwrap();
        assert_eq!(kept, keys, "{lets_in}, then {refuses}");
        assert_eq!(site.sessions().await, before + 1);
    }
}
