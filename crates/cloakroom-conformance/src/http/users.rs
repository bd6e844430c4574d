//! Who is signed in, and ending the sessions of one user or of all.

use cloakroom_core::{Scope, UserId};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::site::{Driver, Site, Visitor};
use crate::outcome::{Checked, Failure, ensure_eq};

/// A browser in which `user` is signed in.
async fn signed_in(site: &Site, user: &str) -> Result<Visitor, Failure> {
    let visitor = site.visitor();
    visitor.get(&format!("/sign-in?user={user}")).await?.new_cookie()?;
    visitor.get("/insert?key=greeting&value=hello").await?.ok()?;
    Ok(visitor)
}

/// That the browser's next request is answered for `user`, or for nobody.
async fn is(visitor: &Visitor, user: Option<&str>) -> Checked {
    ensure_eq!(visitor.info("user").await?, user.map_or(Value::Null, Value::from), "who is signed in");
    let greeting = user.map_or(Value::Null, |_| Value::from("hello"));
    ensure_eq!(visitor.value("greeting").await?, greeting, "what the session holds");
    Ok(())
}

pub(super) async fn asvs_7_2_2_every_sign_in_has_an_id_of_its_own(driver: Driver) -> Checked {
    let site = driver.site()?;
    let mut ids = std::collections::BTreeSet::new();
    for round in 0..10 {
        let visitors: Vec<_> = (0..100).map(|_| site.visitor()).collect();
        try_join_all(visitors.iter().map(|visitor| visitor.get("/sign-in?user=ada"))).await?;
        for visitor in visitors {
            ids.insert(visitor.held_id()?);
        }
        ensure_eq!(ids.len(), (round + 1) * 100, "different ids");
    }
    Ok(())
}

pub(super) async fn r21_taking_the_user_out_is_stored(driver: Driver) -> Checked {
    let site = driver.site()?;
    let ada = signed_in(&site, "ada").await?;
    let thief = ada.copy();
    ada.get("/sign-out").await?.new_cookie()?;
    ensure_eq!(ada.info("user").await?, Value::Null, "who is signed in afterwards");
    ensure_eq!(ada.value("greeting").await?, "hello", "what else the session holds");
    is(&thief, None).await
}

pub(super) async fn asvs_7_4_2_r24_a_user_can_be_signed_out_of_every_device(driver: Driver) -> Checked {
    let site = driver.site()?;
    let devices =
        [signed_in(&site, "ada").await?, signed_in(&site, "ada").await?, signed_in(&site, "ada").await?];
    let (bob, guest) = (signed_in(&site, "bob").await?, site.guest().await?);
    let ada = Scope::User(UserId::new("ada")?);
    ensure_eq!(site.store.end(&ada, None, site.now()).await?, 3, "sessions ended");
    for device in &devices {
        is(device, None).await?;
    }
    is(&bob, Some("bob")).await?;
    ensure_eq!(guest.value("greeting").await?, "hello", "the session of somebody who never signed in");
    Ok(())
}

pub(super) async fn asvs_7_4_3_r23_the_present_session_can_be_kept(driver: Driver) -> Checked {
    let site = driver.site()?;
    let (present, other) = (signed_in(&site, "ada").await?, signed_in(&site, "ada").await?);
    let keep = site.key(&present.held_id()?)?;
    let ada = Scope::User(UserId::new("ada")?);
    ensure_eq!(site.store.end(&ada, Some(&keep), site.now()).await?, 1, "sessions ended");
    is(&other, None).await?;
    is(&present, Some("ada")).await?;
    present.get("/rotate").await?.new_cookie()?;
    is(&present, Some("ada")).await
}

pub(super) async fn asvs_7_4_5_everybody_can_be_signed_out(driver: Driver) -> Checked {
    let site = driver.site()?;
    let visitors = [signed_in(&site, "ada").await?, signed_in(&site, "bob").await?, site.guest().await?];
    ensure_eq!(site.store.end(&Scope::All, None, site.now()).await?, 3, "sessions ended");
    for visitor in &visitors {
        is(visitor, None).await?;
    }
    is(&signed_in(&site, "ada").await?, Some("ada")).await
}
