//! What a store knows opens nothing, and what opens a session no store knows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom::Protection;
use http::HeaderValue;

use crate::search::{Secrets, spellings, spellings_of_id};
use crate::site::{COOKIE_NAME, Site};
use crate::support::{Place, on_every_store};
use crate::witness::Witness;

on_every_store! {
    r12_r30_nothing_that_the_store_sees_opens_a_session
}

/// A site on which every verb of the store was used, what the store saw, and the values of all cookies it gave out.
async fn busy(place: &Place) -> (Site, Witness, Vec<String>) {
    let witness = Witness::new(place.store().await);
    let site = Site::new(witness.clone(), Protection::Plain);
    let mut given = Vec::new();
    let mut visit = async |path: &str, cookie: &str| {
        let reply = site.get(path, Some(cookie.as_bytes())).await;
        let new = reply.cookie.filter(|cookie| !cookie.ends_with('='));
        given.extend(new.clone());
        new.unwrap_or_else(|| cookie.to_owned())
    };
    let ours = visit("/write", "").await;
    let ours = visit("/sign-in", &ours).await;
    let ours = visit("/rotate", &ours).await;
    let ours = visit("/rotate", &ours).await;
    visit("/clear", &ours).await;
    visit("/write", &ours).await;
    let other = visit("/write", "").await;
    visit("/destroy", &other).await;
    let value = |cookie: &String| cookie.split_once('=').unwrap().1.to_owned();
    (site.clone(), witness, given.iter().map(value).collect())
}

async fn r12_r30_nothing_that_the_store_sees_opens_a_session(place: Place) {
    let (site, witness, ids) = busy(&place).await;
    assert!(ids.len() >= 5, "the cookies were not noted");
    let seen = witness.seen();
    let key = site.manager.key(&cloakroom::SessionId::parse(&ids[0]).unwrap());
    assert!(seen.contains(&key.as_bytes().to_vec()), "the keys were not noted");
    assert!(seen.iter().any(|bytes| bytes.starts_with(b"{\"greeting\"")), "the data was not noted");

    let secrets = Secrets::new(ids.iter().flat_map(|id| spellings_of_id(id)));
    for bytes in &seen {
        assert_eq!(secrets.find(bytes), None, "the store was shown an id");
    }

    let live = site.greeting(format!("{COOKIE_NAME}={}", ids[3]).as_bytes()).await;
    assert_eq!(live, "hello", "the session that is looked for is there");
    let mut shown = 0;
    for value in seen.iter().flat_map(|bytes| as_cookies(bytes)) {
        let cookie = [COOKIE_NAME.as_bytes(), b"=", &value].concat();
        if HeaderValue::from_bytes(&cookie).is_ok() {
            assert_eq!(site.greeting(&cookie).await, "null", "what the store saw opened a session");
            shown += 1;
        }
    }
    assert!(shown > 50, "{shown}");
}

/// Ways to show bytes as a cookie: as they are, in every spelling, and cut to the shape of an id.
fn as_cookies(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut shown = spellings(bytes);
    shown.extend(shown.clone().iter().filter_map(|spelling| Some(spelling.get(..43)?.to_vec())));
    // Parts that are as long as what an id stands for: a key, and what a verifier is made of.
    shown.extend(bytes.windows(32).step_by(8).map(|part| URL_SAFE_NO_PAD.encode(part).into_bytes()));
    shown
}
