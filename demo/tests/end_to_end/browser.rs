//! The demo in Chromium, with its own ideas about cookies.

use crate::support::chromium::Chromium;
use crate::support::database::Database;
use crate::support::server::Server;

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';

#[test]
fn chromium_keeps_its_session_over_reload_and_restart() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let port = server.port();
    let page = |path: &str| format!("http://localhost:{port}{path}");
    let chromium = Chromium::start();

    chromium.open(&page("/"));
    chromium.fill("#name", "Coat");
    chromium.click("#hand-in button");
    assert_eq!(chromium.text(".flash"), "“Coat” is on your hook.");
    chromium.click(".things button");

    // The default cookie works on localhost without HTTPS.
    let cookies = chromium.cookies();
    assert_eq!(cookies.len(), 1);
    assert_eq!(cookies[0]["name"], "__Host-cloakroom-demo");
    assert_eq!(cookies[0]["secure"], true);
    assert_eq!(cookies[0]["httpOnly"], true);
    assert_eq!(cookies[0]["sameSite"], "Lax");

    chromium.fill("#name", "Umbrella");
    chromium.fill("#pieces", "two");
    chromium.click("#hand-in button");
    assert_eq!(chromium.text("#pieces-error"), "Give a whole number from 1 to 20.");
    assert_eq!(chromium.value("#name"), "Umbrella");
    assert_eq!(chromium.value("#pieces"), "two");
    chromium.fill("#pieces", "2");
    chromium.click("#hand-in button");
    assert_eq!(chromium.text(".flash"), "“Umbrella” is on your hook.");
    chromium.click(".things a");
    chromium.fill("#name", "Parasol");
    chromium.click("#change button");
    assert_eq!(chromium.text(".things .name"), "Parasol");

    server.kill();
    let server = Server::start_on(port, database.url());
    chromium.reload();
    assert_eq!(chromium.text(".things .name"), "Parasol");
    assert_eq!(chromium.text(".things .pieces"), "2 pieces");

    chromium.click("footer a");
    assert_eq!(chromium.text("#state"), "stored");
    chromium.click("form[action='/sign-out'] button");
    // The browser clears what it kept before it goes on, and until then the page is the old one.
    chromium.wait_for(".alone h1");
    assert_eq!(chromium.text("h1"), "You are signed out");
    assert_eq!(chromium.url(), page("/signed-out"));
    assert!(chromium.cookies().is_empty());
    assert_eq!(database.rows(), 0);
    chromium.open(&page("/"));
    assert!(chromium.text(".empty").starts_with("Nothing yet"));
    drop(server);
}

#[test]
fn chromium_needs_no_mouse() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let chromium = Chromium::start();
    chromium.open(&format!("http://localhost:{}/session", server.port()));
    chromium.press(TAB);
    assert_eq!(chromium.focused(), "Skip to the content");
    for link in ["Cloakroom", "Your things"] {
        chromium.press(TAB);
        assert_eq!(chromium.focused(), link);
    }
    chromium.press(ENTER);
    chromium.fill("#name", "");
    chromium.press(ENTER);
    assert_eq!(chromium.text("#name-error"), "Say what you hand in, for example “Umbrella”.");
    // The summary has the focus, and leads to the field at fault.
    chromium.wait_for(".errors:focus");
    chromium.press(TAB);
    chromium.press(ENTER);
    chromium.wait_for("#name:focus");
    "Hat".chars().for_each(|key| chromium.press(key));
    chromium.press(ENTER);
    assert_eq!(chromium.text(".things .name"), "Hat");
}
