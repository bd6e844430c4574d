//! What the browser is told, and what it is not.

use std::time::Duration;

use cloakroom_core::{CookieConfig, SameSite};
use http::header::{CACHE_CONTROL, HeaderName, LOCATION, SET_COOKIE, VARY};
use http::{HeaderValue, StatusCode};

use super::site::{COOKIE_NAME, Driver};
use crate::outcome::{Checked, ensure, ensure_eq};

pub(super) async fn asvs_3_3_1_asvs_3_3_2_nist_5_1_1_cookie_of_the_first_write_is_guarded(
    driver: Driver,
) -> Checked {
    let reply = driver.site()?.visitor().get("/insert?key=a&value=b").await?;
    let cookie = reply.new_cookie()?;
    ensure_eq!(cookie.name, COOKIE_NAME, "name");
    ensure_eq!(cookie.attributes, ["httponly", "path=/", "samesite=lax", "secure"], "attributes");
    ensure_eq!(cookie.max_age, None, "the lifetime of a browser session's cookie");
    ensure_eq!(cookie.value.len(), 43, "the length of the id");
    Ok(())
}

pub(super) async fn r39_nist_5_1_http_the_cookie_is_secure_whatever_the_request_says(
    driver: Driver,
) -> Checked {
    let site = driver.site()?;
    for (name, value) in [
        ("x-forwarded-proto", "http"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-ssl", "off"),
        ("front-end-https", "off"),
        ("forwarded", "for=192.0.2.60;proto=http;by=203.0.113.43"),
        ("host", "example.com:80"),
    ] {
        let headers = [(HeaderName::from_static(name), HeaderValue::from_static(value))];
        let reply = site.send("/insert?key=a&value=b", &headers).await?;
        let cookie = reply.new_cookie()?;
        let is_guarded = cookie.has("secure") && cookie.name.starts_with("__Host-");
        ensure!(is_guarded, "{name}: {value} made the cookie insecure");
    }
    Ok(())
}

pub(super) async fn reading_and_writing_send_no_cookie_again(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    for target in [
        "/none",
        "/read?key=greeting",
        "/insert?key=a&value=b",
        "/increment?key=n",
        "/remove?key=a",
        "/clear",
    ] {
        site.clock.advance(Duration::from_secs(600));
        let reply = guest.get(target).await?;
        reply.ok()?;
        reply.leaves_the_cookie()?;
    }
    Ok(())
}

pub(super) async fn a_persistent_cookie_moves_with_the_session(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    let day = 86_400;
    let renewed = guest.get("/remember").await?;
    ensure_eq!(renewed.new_cookie()?.max_age, Some(14 * day), "Max-Age after renewal");
    guest.get("/read?key=greeting").await?.leaves_the_cookie()?;
    site.clock.advance(Duration::from_secs(2 * 86_400));
    let touched = guest.get("/read?key=greeting").await?;
    ensure_eq!(touched.new_cookie()?.max_age, Some(14 * day), "Max-Age after a touch");
    guest.restart();
    ensure_eq!(guest.value("greeting").await?, "hello", "after the browser was closed");
    Ok(())
}

pub(super) async fn nist_5_1_restart_of_the_browser_ends_its_session(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    guest.restart();
    ensure_eq!(guest.value("greeting").await?, serde_json::Value::Null, "after the browser was closed");
    Ok(())
}

pub(super) async fn the_removal_repeats_every_attribute(driver: Driver) -> Checked {
    let configs = [
        CookieConfig::new(COOKIE_NAME),
        CookieConfig::new(COOKIE_NAME).same_site(SameSite::Strict),
        CookieConfig::new("__Secure-id").domain("example.com").path("/shop").same_site(SameSite::None),
        CookieConfig::new(COOKIE_NAME)
            .same_site(SameSite::None)
            .partitioning(cloakroom_core::Partitioning::Partitioned),
    ];
    for config in configs {
        let site = driver.site_with(|builder| builder.cookie(config))?;
        let guest = site.guest().await?;
        // The jar refuses a removal whose attributes differ from those with which the cookie was set.
        let reply = guest.get("/destroy").await?;
        reply.removes_the_cookie()?;
        ensure!(guest.id().is_none(), "the browser still has the cookie");
    }
    Ok(())
}

pub(super) async fn r46_other_cookies_and_headers_stay(driver: Driver) -> Checked {
    let site = driver.site()?;
    let reply = site.visitor().get("/dressed?key=a&value=b").await?;
    reply.new_cookie()?;
    ensure_eq!(reply.headers.get_all(SET_COOKIE).iter().count(), 2, "Set-Cookie lines");
    ensure!(
        reply.headers.get_all(SET_COOKIE).iter().any(|line| line == "theme=dark; Path=/"),
        "the theme is lost"
    );
    ensure!(reply.lists(&VARY, "accept-encoding"), "the handler's Vary is lost");
    ensure!(reply.lists(&VARY, "cookie"), "the response does not vary by cookie");
    Ok(())
}

pub(super) async fn asvs_14_2_2_r38_owasp_caching_what_carries_the_cookie_is_never_cached(
    driver: Driver,
) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    for (visitor, target) in [
        (site.visitor(), "/dressed?key=a&value=b"),
        (site.visitor(), "/insert?key=a&value=b"),
        (guest.clone(), "/rotate"),
        (guest.clone(), "/remember"),
        (guest.clone(), "/sign-in?user=ada"),
        (guest, "/destroy"),
    ] {
        let reply = visitor.get(target).await?;
        ensure!(!reply.cookies.is_empty(), "{target} sets no cookie");
        let guarded = reply.lists(&CACHE_CONTROL, "no-store") || reply.lists(&CACHE_CONTROL, "private");
        ensure!(
            guarded && !reply.lists(&CACHE_CONTROL, "public"),
            "a cache may keep the response of {target}"
        );
        ensure!(reply.lists(&VARY, "cookie"), "the response of {target} does not vary by cookie");
    }
    Ok(())
}

pub(super) async fn the_handlers_answer_comes_through(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    ensure_eq!(guest.get("/none").await?.body, "none", "body");
    ensure_eq!(guest.get("/read?key=greeting").await?.body, "\"hello\"", "body");
    guest.get("/unknown").await?.status(StatusCode::NOT_FOUND)?;
    let redirect = guest.get("/redirect?key=a&value=b").await?;
    redirect.status(StatusCode::SEE_OTHER)?;
    let location = redirect.headers.get(LOCATION).map(|value| value.as_bytes().to_owned());
    ensure_eq!(location.as_deref(), Some(b"/read?key=a".as_slice()), "location");
    Ok(())
}

pub(super) async fn a_server_error_saves_what_the_handler_did(driver: Driver) -> Checked {
    let site = driver.site()?;
    let visitor = site.visitor();
    let reply = visitor.get("/fail?key=a&value=b").await?;
    reply.status(StatusCode::INTERNAL_SERVER_ERROR)?;
    reply.new_cookie()?;
    ensure_eq!(visitor.value("a").await?, "b", "the value");
    Ok(())
}

pub(super) async fn a_server_error_saves_nothing_where_the_policy_says_so(driver: Driver) -> Checked {
    let policy =
        cloakroom_core::Policy::default().on_server_error(cloakroom_core::ServerErrorPolicy::Discard);
    let site = driver.site_of(policy)?;
    let reply = site.visitor().get("/fail?key=a&value=b").await?;
    reply.status(StatusCode::INTERNAL_SERVER_ERROR)?;
    reply.leaves_the_cookie()?;
    ensure_eq!(site.rows().await?, 0, "records");
    Ok(())
}
