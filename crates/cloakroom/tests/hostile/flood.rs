//! Visitors by the thousand who have no session: nothing is stored for them, and the database is asked as little as can
//! be.

use cloakroom::{CookieKey, KeyRing, Operation, Protection, SessionId, SystemRandom};
use http::StatusCode;

use crate::site::{Site, made_up, named};
use crate::support::{Place, on_every_store};

on_every_store! {
    r33_ten_thousand_visitors_without_sessions_store_nothing
    r11_a_good_id_and_a_made_up_one_cost_the_same_question
    asvs_16_3_3_every_refusal_is_an_event
}

/// Pages on which a visitor without a session has nothing to store.
const HARMLESS: [&str; 5] = ["/look", "/read", "/clear", "/rotate", "/destroy"];

fn ring(first: u8) -> KeyRing {
    KeyRing::new(CookieKey::from_bytes(&(first..first + 32).collect::<Vec<_>>()).unwrap())
}

/// What cannot be a cookie of ours, for a round's number.
fn malformed(round: usize) -> Vec<u8> {
    let id = SessionId::generate(&SystemRandom).unwrap();
    let id = id.expose();
    match round % 10 {
        0 => named("").into_bytes(),
        1 => named(&id[1..]).into_bytes(),
        2 => named(&format!("{id}A")).into_bytes(),
        3 => named(&format!("\"{}\"", &id[2..])).into_bytes(),
        4 => named(&format!("{}=", &id[1..])).into_bytes(),
        5 => named("' OR '1'='1").into_bytes(),
        6 => named("../../../../../../../../../../../etc/passwd").into_bytes(),
        7 => [named(&id[1..]).as_bytes(), &[0xff]].concat(),
        8 => named(&"x".repeat(round)).into_bytes(),
        _ => format!("{}; {}", named(id), made_up()).into_bytes(),
    }
}

/// A value that was signed with another key, or was changed on the way.
fn tampered(signed: &str, round: usize) -> String {
    let mut value = signed.as_bytes().to_vec();
    let place = signed.find('=').unwrap() + 1 + round % 43;
    value[place] = if value[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(value).unwrap()
}

async fn r33_ten_thousand_visitors_without_sessions_store_nothing(place: Place) {
    const ROUNDS: usize = 2_000;
    let store = place.store().await;
    let plain = Site::new(store.clone(), Protection::Plain);
    let signed = Site::new(store.clone(), Protection::Signed(ring(0)));
    let other = Site::new(store, Protection::Signed(ring(50)));
    let foreign = other.guest().await;
    let ours = signed.guest().await;
    assert_eq!(plain.sessions().await, 2);

    for round in 0..ROUNDS {
        let page = HARMLESS[round % HARMLESS.len()];
        let harmless = async |site: &Site, cookie: Option<&[u8]>, asked: &[Operation]| {
            let reply = site.get(page, cookie).await;
            assert_eq!((reply.status, reply.cookie), (StatusCode::OK, None), "{page} in round {round}");
            assert_eq!(site.log.take_operations(), asked, "{page} in round {round}");
        };
        harmless(&plain, None, &[]).await;
        harmless(&plain, Some(b"theme=dark; __Host-other=1"), &[]).await;
        harmless(&plain, Some(&malformed(round)), &[]).await;
        harmless(&plain, Some(made_up().as_bytes()), &[Operation::Load]).await;
        // The last place of a signed value has left-over bits, so the id is what is changed.
        let forged = if round % 2 == 0 { tampered(&ours, round) } else { foreign.clone() };
        harmless(&signed, Some(forged.as_bytes()), &[]).await;
    }
    // A page that does not ask for its session costs nothing, whatever is sent.
    for sent in [made_up().into_bytes(), malformed(1), foreign.into_bytes()] {
        plain.get("/none", Some(&sent)).await;
    }
    assert_eq!(plain.log.take_operations(), []);
    assert_eq!(plain.sessions().await, 2, "sessions after ten thousand requests");
    assert_eq!(signed.greeting(ours.as_bytes()).await, "hello");
}

/// The one question is about a hash, so no answer depends on how much of an id was right.
async fn r11_a_good_id_and_a_made_up_one_cost_the_same_question(place: Place) {
    let site = Site::new(place.store().await, Protection::Plain);
    let good = site.guest().await;
    let mut nearly = good.clone().into_bytes();
    let last = nearly.len() - 1;
    // Another last letter of the 16 that it may be.
    nearly[last] = if nearly[last] == b'A' { b'E' } else { b'A' };
    let ended = site.guest().await;
    site.get("/destroy", Some(ended.as_bytes())).await;
    site.log.take();
    for (cookie, found) in [
        (good.as_bytes(), "hello"),
        (nearly.as_slice(), "null"),
        (ended.as_bytes(), "null"),
        (made_up().as_bytes(), "null"),
    ] {
        assert_eq!(site.greeting(cookie).await, found);
        let asked = site.log.take();
        assert_eq!(asked.len(), 1, "one question");
        assert_eq!(asked[0].operation, Operation::Load);
        assert_eq!(asked[0].key.as_ref().unwrap().as_bytes().len(), 32);
    }
}

async fn asvs_16_3_3_every_refusal_is_an_event(place: Place) {
    let store = place.store().await;
    let site = Site::new(store.clone(), Protection::Signed(ring(0)));
    let ours = site.guest().await;
    let plain = Site::new(store, Protection::Plain);
    let id = plain.guest().await;
    for (site, cookies, event) in [
        (&site, vec![ours.clone()], "Loaded"),
        (&site, vec![id.clone()], "Rejected(Malformed)"),
        (&site, vec![tampered(&ours, 0)], "Rejected(Tampered)"),
        (&site, vec![ours.clone(), tampered(&ours, 0)], "Rejected(Ambiguous)"),
        (&plain, vec![id.clone()], "Loaded"),
        (&plain, vec![ours.clone()], "Rejected(Malformed)"),
        (&plain, vec![format!("{id}; {}", made_up())], "Rejected(Ambiguous)"),
        (&plain, vec![made_up()], "Rejected(Unknown)"),
        (&plain, vec![named("")], "Rejected(Malformed)"),
    ] {
        let cookies: Vec<Vec<u8>> = cookies.into_iter().map(String::into_bytes).collect();
        site.get_with("/look", cookies.clone()).await;
        assert_eq!(site.events.take(), [event]);
        // A page that does not ask for its session is told nothing, and tells nothing.
        site.get_with("/none", cookies).await;
        assert_eq!(site.events.take(), [""; 0]);
    }
    site.get("/look", None).await;
    assert_eq!(site.events.take(), [""; 0], "a visitor without a cookie is no event");
}
