//! Typed keys, sections and values that no longer decode.

use cloakroom_core::{Key, Section, ValueError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::*;

const VISITS: Key<u32> = Key::new("visits");

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Basket {
    #[serde(default, alias = "items")]
    articles: Vec<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    coupon: Option<String>,
}

impl Section for Basket {
    const NAME: &'static str = "basket";
}

#[test]
fn a_typed_key_is_read_written_taken_and_removed() {
    let site = Site::new();
    let (_lazy, session) = site.open(&Browser::default());
    assert_eq!(session.get(VISITS).unwrap(), None);
    session.insert(VISITS, 2).unwrap();
    assert_eq!(session.update(VISITS, |visits| visits.unwrap_or(0) + 1).unwrap(), 3);
    assert!(session.contains("visits") && session.len() == 1);
    assert_eq!(session.take(VISITS).unwrap(), Some(3));
    assert_eq!((session.take(VISITS).unwrap(), session.remove("visits")), (None, None));
    assert!(session.is_empty() && session.is_new());
}

#[test]
fn a_value_that_no_longer_decodes_is_an_error_an_event_and_stays() {
    let site = Site::new();
    let mut browser = Browser::default();
    site.visit(&mut browser, |session| {
        session.insert("visits", "many-secret").unwrap();
        session.insert("basket", json!({"articles": "none"})).unwrap();
    })
    .unwrap();
    site.events();
    site.visit(&mut browser, |session| {
        let error = session.get(VISITS).unwrap_err();
        assert_eq!(error.key(), "visits");
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert!(session.take(VISITS).is_err() && session.section::<Basket>().is_err());
        assert!(matches!(session.update(VISITS, |_| 1), Err(ValueError::Decode(_))));
        assert!(matches!(session.update_section(|_: &mut Basket| {}), Err(ValueError::Decode(_))));
    })
    .unwrap();
    assert_eq!(site.events().iter().filter(|event| event.starts_with("Undecodable")).count(), 5);
    assert_eq!(site.desk.log(), ["create", "load"], "nothing changed");
    site.visit(&mut browser, |session| {
        session.insert_section(&Basket::default()).unwrap();
        session.insert(VISITS, 1).unwrap();
        assert_eq!(session.section::<Basket>().unwrap(), Basket::default());
    })
    .unwrap();
}

#[test]
fn members_that_a_section_does_not_know_stay() {
    let site = Site::new();
    let (_lazy, session) = site.open(&Browser::default());
    session.insert("basket", json!({"future": 1, "articles": [1], "coupon": "x"})).unwrap();
    let after = session
        .update_section(|basket: &mut Basket| {
            basket.articles.push(2);
            basket.coupon = None;
        })
        .unwrap();
    assert_eq!(after, Basket { articles: vec![1, 2], coupon: None });
    assert_eq!(session.data()["basket"], json!({"future": 1, "articles": [1, 2]}));
    session.remove_section::<Basket>();
    assert_eq!(session.section::<Basket>().unwrap(), Basket::default());
}

#[test]
fn a_member_under_its_old_name_is_written_under_the_new_one_and_still_decodes() {
    let site = Site::new();
    let (_lazy, session) = site.open(&Browser::default());
    session.insert("basket", json!({"items": [1]})).unwrap();
    session.update_section(|basket: &mut Basket| basket.articles.push(2)).unwrap();
    assert_eq!(session.section::<Basket>().unwrap().articles, [1, 2]);
}

#[test]
fn what_is_no_json_changes_nothing() {
    let site = Site::new();
    let (_lazy, session) = site.open(&Browser::default());
    let map = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = session.insert("map", &map).unwrap_err();
    assert_eq!(error.key(), "map");
    assert!(session.is_empty());
}
