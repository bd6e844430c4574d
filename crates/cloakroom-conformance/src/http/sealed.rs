//! Signed and encrypted cookies are worth what the server says, as plain ones are.

use cloakroom_core::{
    CookieConfig, CookieKey, CookieKeyError, KeyRing, Protection, Scope, SessionId, SystemRandom,
};
use serde_json::Value;

use super::site::{COOKIE_NAME, Driver, Site};
use crate::outcome::{Checked, Failure, ensure, ensure_eq};

/// Every form that a cookie's value can have, always with the same secret.
fn protections() -> Result<[Protection; 3], CookieKeyError> {
    let secret: Vec<u8> = (0..64).collect();
    let ring = || CookieKey::from_bytes(&secret).map(KeyRing::new);
    Ok([Protection::Plain, Protection::Signed(ring()?), Protection::Encrypted(ring()?)])
}

fn site(driver: &Driver, protection: Protection) -> Result<Site, Failure> {
    let config = CookieConfig::new(COOKIE_NAME).protection(protection);
    driver.site_with(|builder| builder.cookie(config))
}

pub(super) async fn asvs_7_2_1_without_its_record_a_cookie_is_nobody(driver: Driver) -> Checked {
    for protection in protections()? {
        let site = site(&driver, protection)?;
        let guest = site.guest().await?;
        site.store.end(&Scope::All, None, site.now()).await?;
        ensure_eq!(guest.value("greeting").await?, Value::Null, "what the cookie alone reads");
        ensure_eq!(guest.info("new").await?, true, "whether the session is new");
    }
    Ok(())
}

pub(super) async fn r19_a_logout_is_more_than_the_browsers_forgetting(driver: Driver) -> Checked {
    for protection in protections()? {
        let site = site(&driver, protection)?;
        let guest = site.guest().await?;
        let thief = guest.copy();
        guest.get("/destroy").await?.removes_the_cookie()?;
        ensure_eq!(thief.value("greeting").await?, Value::Null, "what a copy of the cookie reads");
    }
    Ok(())
}

pub(super) async fn r27_a_value_is_refused_under_the_name_of_another_cookie(driver: Driver) -> Checked {
    const NAMES: [&str; 2] = ["__Host-user", "__Host-admin"];
    for protection in protections()? {
        let storage = driver.storage();
        let named = |name| {
            let config = CookieConfig::new(name).protection(protection.clone());
            driver.site_on(storage.node(0), |builder| builder.cookie(config))
        };
        let sites = [named(NAMES[0])?, named(NAMES[1])?];
        let values = [sites[0].guest().await?.held_id()?, sites[1].guest().await?.held_id()?];
        for (own, other) in [(0, 1), (1, 0)] {
            let read = async |value: &str| {
                let sent = format!("{}={value}", NAMES[own]);
                sites[own].get_with("/read?key=greeting", sent.as_bytes()).await
            };
            ensure_eq!(read(&values[own]).await?.body, "\"hello\"", "what the cookie's own value reads");
            ensure_eq!(read(&values[other]).await?.body, "null", "what the other cookie's value reads");
        }
    }
    Ok(())
}

pub(super) async fn r25_a_value_that_nobody_issued_ends_nothing(driver: Driver) -> Checked {
    for protection in protections()? {
        let site = site(&driver, protection)?;
        let victim = site.guest().await?;
        let value = victim.held_id()?;
        let middle = value.len() / 2;
        let other = if value.as_bytes()[middle] == b'A' { "B" } else { "A" };
        let mut sent = vec![
            SessionId::generate(&SystemRandom)?.expose().to_owned(),
            format!("{}{other}{}", &value[..middle], &value[middle + 1..]),
            value[1..].to_owned(),
        ];
        // What follows the id in a signed value is its proof.
        sent.extend(value.split_once('.').map(|(id, _)| id.to_owned()));
        for value in sent {
            for target in ["/destroy", "/sign-in?user=eve", "/clear", "/rotate"] {
                let cookie = format!("{COOKIE_NAME}={value}");
                site.get_with(target, cookie.as_bytes()).await?.ok()?;
            }
        }
        let ended = site.log.take_operations();
        ensure!(!ended.contains(&cloakroom_core::Operation::Delete), "a made-up cookie deleted something");
        ensure_eq!(victim.value("greeting").await?, "hello", "the victim's session");
    }
    Ok(())
}
