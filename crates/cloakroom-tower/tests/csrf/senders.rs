//! Requests that say from where they are sent.

use cloakroom_tower::csrf::{Cookieless, CsrfGuard, CsrfRefusal, Origins};
use http::StatusCode;

use crate::support::made_up_cookie;
use crate::{Site, request, text};

const HOST: (&str, &str) = ("host", "shop.example");

#[tokio::test]
async fn asvs_3_5_1_asvs_7_4_4_nist_5_1_forged_what_other_sites_send_is_refused() {
    let site = Site::new(CsrfGuard::default());
    let cookie = site.begin().await;
    let token = site.token(&cookie).await;
    for sender in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "anything"),
        ("origin", "https://elsewhere.example"),
        ("origin", "https://other.shop.example"),
        ("origin", "https://shop.example:8443"),
        ("origin", "null"),
        ("origin", ""),
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "QUERY"] {
            // Not even with the token.
            let headers = [HOST, ("cookie", &*cookie), ("x-csrf-token", &*token), sender];
            let response = site.send(request(method, "/", &headers, "amount=1000")).await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{method} {sender:?}");
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
            assert_eq!(response.extensions().get(), Some(&CsrfRefusal::Foreign));
            let told = text(response).await;
            assert!(told.len() < 200 && !told.contains("rigin") && !told.contains(sender.0), "{told}");
        }
    }
    assert_eq!(site.take_handled(), 0);
    assert_eq!(site.take_refused(), [CsrfRefusal::Foreign; 8 * 5]);
    assert_eq!(site.store.take_log(), [], "nothing is asked of the store");
}

#[tokio::test]
async fn asvs_3_5_1_what_our_own_pages_send_passes_and_costs_nothing() {
    let site = Site::new(CsrfGuard::default());
    let cookie = site.begin().await;
    for sender in [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
        ("origin", "https://shop.example"),
        ("origin", "https://SHOP.example"),
    ] {
        let headers = [HOST, ("cookie", &*cookie), sender];
        assert_eq!(site.status("POST", &headers, "amount=1").await, StatusCode::OK, "{sender:?}");
        let anonymous = [HOST, sender];
        assert_eq!(site.status("POST", &anonymous, "amount=1").await, StatusCode::OK, "{sender:?}");
    }
    assert_eq!(site.take_handled(), 8);
    assert_eq!((site.take_refused(), site.store.take_log()), (vec![], vec![]));
}

#[tokio::test]
async fn asvs_3_5_3_safe_methods_pass_from_everywhere_and_load_no_session() {
    let site = Site::new(CsrfGuard::default());
    let cookie = site.begin().await;
    let unknown = made_up_cookie();
    for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
        for sender in [("sec-fetch-site", "cross-site"), ("origin", "null"), ("x-nothing", "")] {
            for cookie in [&*cookie, &*unknown] {
                let headers = [HOST, ("cookie", cookie), sender, ("x-csrf-token", "wrong")];
                let response = site.send(request(method, "/", &headers, "body")).await;
                assert_eq!(response.status(), StatusCode::OK, "{method} {sender:?}");
                assert!(!response.headers().contains_key("vary"), "the session did not matter");
            }
        }
    }
    assert_eq!(site.take_handled(), 4 * 3 * 2);
    assert_eq!(site.store.take_log(), []);
}

/// A method in a header or a field, as some frameworks believe, makes no other request of it.
#[tokio::test]
async fn asvs_3_5_3_the_method_of_a_request_is_its_method() {
    let site = Site::new(CsrfGuard::default());
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        let headers = [HOST, ("sec-fetch-site", "cross-site"), (name, "GET")];
        assert_eq!(site.status("POST", &headers, "_method=GET").await, StatusCode::FORBIDDEN, "{name}");
    }
    assert_eq!(site.take_handled(), 0);
}

#[tokio::test]
async fn origins_that_are_trusted_or_named_as_our_own_pass() {
    let own = "https://shop.example".parse().unwrap();
    let partner = "https://partner.example".parse().unwrap();
    let site = Site::new(CsrfGuard::default().origins(Origins::default().own([own]).trust([partner])));
    for (sender, status) in [
        ([("host", "inner:8080"), ("origin", "https://shop.example")].as_slice(), StatusCode::OK),
        (&[("origin", "https://partner.example"), ("sec-fetch-site", "cross-site")], StatusCode::OK),
        (&[HOST, ("origin", "http://shop.example")], StatusCode::FORBIDDEN),
        (&[("host", "inner:8080"), ("origin", "http://inner:8080")], StatusCode::FORBIDDEN),
        (&[("origin", "http://partner.example"), ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
    ] {
        assert_eq!(site.status("POST", sender, "").await, status, "{sender:?}");
    }
}

#[tokio::test]
async fn programs_pass_without_a_cookie_where_that_was_chosen() {
    for (cookieless, status) in
        [(Cookieless::Refuse, StatusCode::FORBIDDEN), (Cookieless::Pass, StatusCode::OK)]
    {
        let site = Site::new(CsrfGuard::default().cookieless(cookieless));
        let json = ("content-type", "application/json");
        assert_eq!(site.status("POST", &[HOST, json], "{}").await, status);
        assert_eq!(site.status("POST", &[HOST, json, ("cookie", "a=b")], "{}").await, StatusCode::FORBIDDEN);
        let foreign = [HOST, json, ("sec-fetch-site", "cross-site")];
        assert_eq!(site.status("POST", &foreign, "{}").await, StatusCode::FORBIDDEN);
    }
}
