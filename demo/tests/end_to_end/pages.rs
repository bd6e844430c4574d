//! What the pages do with forms, good and bad, and what every response carries.

use crate::support::database::Database;
use crate::support::program::Program;
use crate::support::server::Server;
use crate::support::visitor::Visitor;

#[test]
fn bad_input_is_explained_and_nothing_typed_is_lost() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    let long = format!("<b>{}</b>", "é".repeat(60));
    let page = visitor.post(&server, "/things", &[("name", &long), ("pieces", "“two”")]);
    assert_eq!(page.status, 422);
    page.assert_says("<title>Error: Your things");
    page.assert_says("Use at most 60 characters; these are 67.");
    page.assert_says("Give a whole number from 1 to 20.");
    page.assert_says(&format!("value=\"&#60;b&#62;{}&#60;/b&#62;\"", "é".repeat(60)));
    page.assert_says("value=\"“two”\"");
    assert_eq!(database.rows(), 0, "nothing was worth a session");

    visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")]);
    let page = visitor.post(&server, "/things/1", &[("name", ""), ("pieces", "7")]);
    assert_eq!(page.status, 422);
    page.assert_says("Say what you hand in");
    page.assert_says("value=\"7\"");
    let page = visitor.post(&server, "/things/9", &[("name", "Mittens"), ("pieces", "2")]);
    assert_eq!(page.status, 404);
    page.assert_says("was taken back meanwhile");
    page.assert_says("value=\"Mittens\"");
    visitor.get(&server, "/").assert_says("Coat");
}

#[test]
fn a_full_hook_keeps_what_was_typed() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    for thing in 1..=12 {
        let page = visitor.post(&server, "/things", &[("name", &format!("Hat {thing}")), ("pieces", "1")]);
        assert_eq!(page.status, 200);
    }
    let page = visitor.post(&server, "/things", &[("name", "Hat 13"), ("pieces", "1")]);
    assert_eq!(page.status, 409);
    page.assert_says("Your hook is full");
    page.assert_says("value=\"Hat 13\"");
    visitor.get(&server, "/").assert_silent_about("Hat 13");
}

#[test]
fn a_message_is_shown_once() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    visitor
        .post(&server, "/things", &[("name", "Coat"), ("pieces", "1")])
        .assert_says("“Coat” is on your hook.");
    visitor.get(&server, "/").assert_silent_about("is on your hook");
}

#[test]
fn broken_requests_get_a_page() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    let huge = "x".repeat(100_000);
    for (page, status) in [
        (visitor.get(&server, "/nowhere"), 404),
        (visitor.get(&server, "/things/1"), 404),
        (visitor.get(&server, "/things/none"), 400),
        (visitor.get(&server, "/sign-out"), 405),
        (visitor.post(&server, "/things", &[("name", &huge)]), 413),
    ] {
        assert_eq!(page.status, status);
        page.assert_says("<!doctype html>");
        page.assert_says("class=\"lead\"");
    }
    assert!(visitor.cookies().is_empty());
}

#[test]
fn asvs_3_5_1_asvs_7_4_4_forms_of_other_sites_are_refused() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")]);
    for site in ["cross-site", "same-site"] {
        let page = visitor.post_from(site, &server, "/sign-out", &[]);
        assert_eq!(page.status, 403);
        page.assert_says("This was not sent from one of our pages");
        assert!(page.headers.get("set-cookie").is_none());
    }
    visitor.get(&server, "/").assert_says("Coat");
}

/// Browsers from before 2020 say nothing about where a form comes from.
#[test]
fn asvs_3_5_2_every_form_carries_the_sessions_token() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")]);
    let before = visitor.get(&server, "/").csrf_token();
    visitor.sign_up(&server, "ann");
    for path in ["/", "/profile", "/devices", "/password", "/confirm", "/sign-in", "/sign-up", "/session"] {
        let page = visitor.get(&server, path);
        let forms = page.text.matches("<form ").count();
        assert!(forms >= 1);
        assert_eq!(page.text.matches("name=\"csrf_token\"").count(), forms, "{path}");
    }
    let token = visitor.get(&server, "/").csrf_token();
    assert_ne!(token, visitor.get(&server, "/").csrf_token(), "it looks different each time");
    let mut old_browser = Program::new();
    old_browser.cookie = Some(visitor.cookie_header());
    for (sent, status) in [(&*token, 303), (&before, 403), ("", 403), (&token[1..], 403)] {
        let form = format!("name=Hat&pieces=1&csrf_token={sent}");
        assert_eq!(old_browser.post_with(&server, "/things", FORM, &form, &[]).status, status);
    }
    assert_eq!(old_browser.post_with(&server, "/things", FORM, "name=Hat&pieces=1", &[]).status, 403);
}

#[test]
fn asvs_14_3_1_leaving_clears_what_the_browser_kept() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")]);
    let page = visitor.post_from("same-origin", &server, "/sign-out", &[]);
    assert_eq!(page.status, 303);
    assert_eq!(page.headers["clear-site-data"], "\"cache\", \"storage\"");
    assert_eq!(database.rows(), 0);
}

#[test]
fn asvs_3_5_3_what_changes_something_takes_no_get() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")]);
    for path in ["/sign-out", "/things", "/things/1/take-back"] {
        assert_eq!(visitor.get(&server, path).status, 405, "{path}");
    }
    visitor.get(&server, "/").assert_says("Coat");
}

/// Row ASVS 3.3.4: the token is in the cookie and nowhere else.
#[test]
fn asvs_3_3_4_no_page_shows_the_id() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    visitor.post(&server, "/things", &[("name", "Coat"), ("pieces", "1")]);
    let (_, id) = visitor.cookies().first_key_value().unwrap();
    let id = id.clone();
    assert_eq!(id.len(), 43);
    for path in ["/", "/things/1", "/session", "/signed-out", "/nowhere"] {
        visitor.get(&server, path).assert_silent_about(&id);
    }
    let session = visitor.get(&server, "/session");
    session.assert_says("__Host-cloakroom-demo");
    assert_eq!(session.element("state"), "stored");
    assert_eq!(session.element("count"), "1");
}

#[test]
fn what_shows_no_session_begins_none() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    for path in ["/", "/session", "/signed-out", "/style.css", "/icon.svg", "/nowhere"] {
        visitor.get(&server, path);
    }
    assert!(visitor.cookies().is_empty());
    assert_eq!(database.rows(), 0);
}

#[test]
fn every_response_is_guarded() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let mut visitor = Visitor::new();
    for path in ["/", "/session", "/signed-out", "/nowhere", "/style.css"] {
        let page = visitor.get(&server, path);
        let header = |name: &str| page.headers.get(name).map_or("", |value| value.to_str().unwrap());
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        let caching = if path == "/style.css" { "public, max-age=60" } else { "no-store" };
        assert_eq!(header("cache-control"), caching, "{path}");
        page.assert_silent_about("<script");
        page.assert_silent_about("style=\"");
    }
}
