//! Visitors who try ids: the database is asked once for each, and somebody is told.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use cloakroom::{Guessing, Operation, Policy, Protection};
use http::Request;
use http::header::COOKIE;

use crate::site::{Site, made_up, named};
use crate::support::{Place, on_every_store};

on_every_store! {
    owasp_guessing_many_unknown_ids_from_one_address_are_an_event
}

/// Asks for a page from an address and with a `Cookie` header.
async fn from(site: &Site, peer: &str, cookie: &str) {
    let mut request = Request::get("/look").header(COOKIE, cookie).body(Body::empty()).unwrap();
    let address: IpAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 1024)));
    // What a client says of itself counts for nothing.
    request.headers_mut().insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
    request.headers_mut().insert("forwarded", "for=203.0.113.9".parse().unwrap());
    site.send(request).await;
}

async fn owasp_guessing_many_unknown_ids_from_one_address_are_an_event(place: Place) {
    let guessing = Guessing::Watched { ids: 30, window: Duration::from_hours(1) };
    let site =
        Site::with_policy(place.store().await, Protection::Plain, Policy::default().guessing(guessing));
    let good = site.guest().await;
    let stale = made_up();
    // What many good visitors behind one address do: they come, they come back after weeks, they send rubbish.
    for _ in 0..100 {
        from(&site, "192.0.2.1", &good).await;
        from(&site, "192.0.2.1", &stale).await;
        from(&site, "192.0.2.1", &named("rubbish")).await;
    }
    site.log.take();
    let mut told = site.events.take();
    told.retain(|event| event.starts_with("Guessing"));
    assert_eq!(told, [""; 0]);

    for number in 0..100 {
        // From one /64, as somebody does who has a whole one.
        from(&site, &format!("2001:db8::{number:x}"), &made_up()).await;
        assert_eq!(
            site.log.take_operations(),
            [Operation::Load],
            "no guess is cheaper or dearer than another"
        );
        let expected: &[&str] = match number {
            30 => &["Rejected(Unknown)", "Guessing { address: 2001:db8::, ids: 31 }"],
            _ => &["Rejected(Unknown)"],
        };
        assert_eq!(site.events.take(), expected, "id {number}");
    }
    assert_eq!(site.greeting(good.as_bytes()).await, "hello");
}
