//! Several nodes of one site: what one has written the others see at their next request, because none keeps a copy.

use serde_json::Value;

use super::site::{Driver, Site};
use crate::outcome::{Checked, Failure, ensure_eq};

/// Two nodes of one site.
fn nodes(driver: &Driver) -> Result<[Site; 2], Failure> {
    let storage = driver.storage();
    Ok([
        driver.site_on(storage.node(0), |builder| builder)?,
        driver.site_on(storage.node(1), |builder| builder)?,
    ])
}

pub(super) async fn asvs_7_4_1_r05_r26_a_logout_is_seen_by_every_node_at_once(driver: Driver) -> Checked {
    let [here, there] = nodes(&driver)?;
    let guest = here.guest().await?;
    let elsewhere = guest.copy().at(&there);
    for _ in 0..3 {
        ensure_eq!(elsewhere.value("greeting").await?, "hello", "what the other node reads before");
    }
    guest.get("/destroy").await?.removes_the_cookie()?;
    ensure_eq!(elsewhere.value("greeting").await?, Value::Null, "what the other node reads afterwards");
    ensure_eq!(there.rows().await?, 0, "records");
    Ok(())
}

pub(super) async fn asvs_8_2_4_asvs_8_3_2_a_change_of_rights_is_seen_by_every_node_at_once(
    driver: Driver,
) -> Checked {
    let [here, there] = nodes(&driver)?;
    let guest = here.guest().await?;
    let elsewhere = guest.copy().at(&there);
    for role in ["reader", "editor", "nobody"] {
        guest.get(&format!("/insert?key=role&value={role}")).await?.ok()?;
        ensure_eq!(elsewhere.value("role").await?, role, "what the other node reads");
    }
    elsewhere.get("/remove?key=role").await?.ok()?;
    ensure_eq!(guest.value("role").await?, Value::Null, "what the first node reads");
    Ok(())
}
