//! Browsers that do not say from where they send, and programs that keep cookies.

use cloakroom_core::Operation;
use cloakroom_tower::csrf::{CsrfGuard, CsrfRefusal};
use http::{HeaderValue, StatusCode};

use crate::support::{cookie, cookies, made_up_cookie};
use crate::{Site, request, text};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn asvs_3_5_1_asvs_3_5_2_nist_5_1_forged_the_token_of_the_session_lets_forms_and_scripts_pass() {
    let site = Site::new(CsrfGuard::default());
    let ours = site.begin().await;
    let token = site.token(&ours).await;

    let form = format!("colour=green&csrf_token={token}&size=7");
    assert_eq!(site.status("POST", &[("cookie", &ours), FORM], form.clone()).await, StatusCode::OK);
    assert_eq!(site.handled.lock().unwrap().pop().unwrap(), form);
    let script = [("cookie", &*ours), ("x-csrf-token", &*token), ("content-type", "application/json")];
    assert_eq!(site.status("DELETE", &script, "{}").await, StatusCode::OK);
    assert_eq!(site.take_handled(), 1);
    assert_eq!(site.store.take_log(), [Operation::Load; 2], "a token costs a load and no write");
    assert_eq!(site.take_refused(), []);
}

#[tokio::test]
async fn asvs_3_5_1_nist_5_1_forged_no_other_token_does() {
    let site = Site::new(CsrfGuard::default());
    let (ours, other) = (site.begin().await, site.begin().await);
    let token = site.token(&ours).await;
    let tokens = [
        site.token(&other).await,
        String::new(),
        token[..85].to_owned(),
        format!("{token}A"),
        token[..43].repeat(2),
        token.to_lowercase(),
        "A".repeat(86),
        "A".repeat(10_000),
        ours.split_once('=').unwrap().1.to_owned(),
    ];
    for wrong in &tokens {
        let form = format!("csrf_token={wrong}");
        let refused = site.status("POST", &[("cookie", &ours), FORM], form).await;
        assert_eq!(refused, StatusCode::FORBIDDEN, "{wrong}");
        let refused = site.status("POST", &[("cookie", &ours), ("x-csrf-token", wrong)], "").await;
        assert_eq!(refused, StatusCode::FORBIDDEN, "{wrong}");
    }
    assert_eq!(site.take_refused(), vec![CsrfRefusal::WrongToken; tokens.len() * 2]);
    // Our token with somebody else's session, with one that nobody has, and with none.
    for cookie in [&*other, &*made_up_cookie(), "a=b"] {
        let headers = [("cookie", cookie), ("x-csrf-token", &*token)];
        assert_eq!(site.status("POST", &headers, "").await, StatusCode::FORBIDDEN, "{cookie}");
    }
    assert_eq!(site.status("POST", &[("x-csrf-token", &token)], "").await, StatusCode::FORBIDDEN);
    assert_eq!(site.status("POST", &[("cookie", &ours), FORM], "colour=green").await, StatusCode::FORBIDDEN);
    // In the address it would end up in logs.
    let in_query = request("POST", &format!("/?csrf_token={token}"), &[("cookie", &ours), FORM], "");
    assert_eq!(site.send(in_query).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(site.take_handled(), 0);
}

#[tokio::test]
async fn asvs_3_5_1_malformed_headers_are_refused() {
    let site = Site::new(CsrfGuard::default());
    let ours = site.begin().await;
    let token = site.token(&ours).await;
    let twice = [("cookie", &*ours), ("x-csrf-token", &*token), ("x-csrf-token", &*token)];
    assert_eq!(site.status("POST", &twice, "").await, StatusCode::FORBIDDEN);
    for name in ["x-csrf-token", "origin", "sec-fetch-site"] {
        for value in [b"\xff\xfe".as_slice(), b" ", b"\"", b"same-origin\xff"] {
            let mut odd = request("POST", "/", &[("cookie", &ours), FORM], format!("csrf_token={token}"));
            odd.headers_mut().insert(name, HeaderValue::from_bytes(value).unwrap());
            assert_eq!(site.send(odd).await.status(), StatusCode::FORBIDDEN, "{name} {value:?}");
        }
    }
    let mut odd = request("POST", "/", &[("cookie", &ours)], format!("csrf_token={token}"));
    odd.headers_mut().insert("content-type", HeaderValue::from_bytes(b"\xff").unwrap());
    assert_eq!(site.send(odd).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(site.take_handled(), 0);
}

#[tokio::test]
async fn asvs_3_5_1_nist_5_1_forged_the_token_changes_with_the_id() {
    let site = Site::new(CsrfGuard::default());
    let before = site.begin().await;
    let token = site.token(&before).await;
    let signed_in =
        site.send(request("POST", "/sign-in", &[("cookie", &before), ("x-csrf-token", &token)], "")).await;
    let after = cookie(&signed_in);
    assert_ne!(after, before);

    let old = [("cookie", &*after), ("x-csrf-token", &*token)];
    assert_eq!(site.status("POST", &old, "").await, StatusCode::FORBIDDEN);
    let token = site.token(&after).await;
    let new = [("cookie", &*after), ("x-csrf-token", &*token)];
    assert_eq!(site.status("POST", &new, "").await, StatusCode::OK);
    let dead = [("cookie", &*before), ("x-csrf-token", &*token)];
    assert_eq!(site.status("POST", &dead, "").await, StatusCode::FORBIDDEN);
    assert_eq!(site.take_handled(), 1);
}

#[tokio::test]
async fn a_page_shows_another_token_each_time_and_each_of_them_works() {
    let site = Site::new(CsrfGuard::default());
    let ours = site.begin().await;
    let tokens = [site.token(&ours).await, site.token(&ours).await, site.token(&ours).await];
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2] && tokens[0] != tokens[2]);
    for token in &tokens {
        assert_eq!(token.len(), 86);
        let headers = [("cookie", &*ours), ("x-csrf-token", &**token)];
        assert_eq!(site.status("POST", &headers, "").await, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_token_is_shown_without_a_write_and_to_nobody_without_a_session() {
    let site = Site::new(CsrfGuard::default());
    let page = site.send(request("GET", "/token", &[], "")).await;
    assert!(cookies(page.headers()).is_empty());
    assert_eq!((text(page).await.as_str(), site.store.take_log()), ("", vec![]));

    let ours = site.begin().await;
    let page = site.send(request("GET", "/token", &[("cookie", &ours)], "")).await;
    assert!(cookies(page.headers()).is_empty());
    assert_eq!(page.headers()["vary"], "Cookie");
    assert_eq!(site.store.take_log(), [Operation::Load]);

    // Unless the application asks for it by name.
    let page = site.send(request("GET", "/begun-token", &[], "")).await;
    let begun = cookie(&page);
    let token = text(page).await;
    assert_eq!(site.store.take_log(), [Operation::Create]);
    let headers = [("cookie", &*begun), FORM];
    assert_eq!(site.status("POST", &headers, format!("csrf_token={token}")).await, StatusCode::OK);
}

#[tokio::test]
async fn names_of_our_own_choice_are_the_only_ones() {
    let guard = CsrfGuard::default().field("_csrf").header("x-xsrf-token".parse().unwrap());
    let site = Site::new(guard);
    let ours = site.begin().await;
    let token = site.token(&ours).await;
    for (header, field, status) in
        [("x-xsrf-token", "_csrf", StatusCode::OK), ("x-csrf-token", "csrf_token", StatusCode::FORBIDDEN)]
    {
        assert_eq!(site.status("POST", &[("cookie", &ours), (header, &token)], "").await, status);
        let form = format!("{field}={token}");
        assert_eq!(site.status("POST", &[("cookie", &ours), FORM], form).await, status);
    }
}
