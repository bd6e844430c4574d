//! Sections as arguments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::routing::get;
use cloakroom_core::{Event, Observer, Section, SessionManager};
use cloakroom_tower::SessionLayer;
use cloakroom_tower::axum::{Session, SessionError, Typed};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::{Probe, cookie};
use crate::{ask, text};

#[derive(Default, Serialize, Deserialize)]
struct Basket {
    articles: Vec<u64>,
}

impl Section for Basket {
    const NAME: &'static str = "basket";
}

async fn add(basket: Typed<Basket>) -> Result<String, SessionError> {
    Ok(format!("{:?}", basket.update(|basket| basket.articles.push(7))?.articles))
}

async fn show(basket: Typed<Basket>) -> String {
    format!("{:?}", basket.get().articles)
}

async fn empty(basket: Typed<Basket>) {
    basket.remove();
}

async fn replace(basket: Typed<Basket>) -> Result<(), SessionError> {
    Ok(basket.insert(&Basket { articles: vec![1, 2] })?)
}

/// What an older release stored, and what a newer one adds.
async fn old(session: Session) -> Result<(), SessionError> {
    Ok(session.insert("basket", json!({ "articles": "seven", "voucher": "A1" }))?)
}

async fn raw(session: Session) -> String {
    serde_json::Value::from(session.data().get("basket").cloned()).to_string()
}

#[derive(Clone, Debug, Default)]
struct Undecodable(Arc<AtomicU32>);

impl Observer for Undecodable {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Undecodable { key: "basket" } = event {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn app(observer: &Undecodable) -> Router {
    let manager = SessionManager::builder(Probe::default()).observer(observer.clone()).build().unwrap();
    Router::new()
        .route("/add", get(add))
        .route("/show", get(show))
        .route("/empty", get(empty))
        .route("/replace", get(replace))
        .route("/old", get(old))
        .route("/raw", get(raw))
        .layer(SessionLayer::from(manager))
}

#[tokio::test]
async fn a_section_is_read_changed_replaced_and_removed() {
    let app = app(&Undecodable::default());
    let ours = cookie(&ask(&app, "/add", &[]).await);
    for (path, answer) in [
        ("/show", "[7]"),
        ("/add", "[7, 7]"),
        ("/replace", ""),
        ("/show", "[1, 2]"),
        ("/empty", ""),
        ("/show", "[]"),
    ] {
        assert_eq!(text(ask(&app, path, &[&ours]).await).await, answer, "{path}");
    }
}

#[tokio::test]
async fn a_section_of_an_older_release_is_the_default_until_it_is_changed() {
    let told = Undecodable::default();
    let app = app(&told);
    let ours = cookie(&ask(&app, "/old", &[]).await);
    assert_eq!(text(ask(&app, "/show", &[&ours]).await).await, "[]");
    assert_eq!(told.0.load(Ordering::SeqCst), 1, "the observer hears of it");
    let stored = text(ask(&app, "/raw", &[&ours]).await).await;
    assert_eq!(stored, r#"{"articles":"seven","voucher":"A1"}"#, "reading replaces nothing");

    assert_eq!(text(ask(&app, "/add", &[&ours]).await).await, "[7]");
    assert_eq!(told.0.load(Ordering::SeqCst), 2);
    let stored = text(ask(&app, "/raw", &[&ours]).await).await;
    assert_eq!(stored, r#"{"articles":[7],"voucher":"A1"}"#, "unknown members are kept");
}
