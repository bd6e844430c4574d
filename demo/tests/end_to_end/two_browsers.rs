//! A user of two browsers, each with its own ideas about cookies, caches and focus.

use crate::support::chromium::Chromium;
use crate::support::database::{Database, on_every_database};
use crate::support::server::Server;
use crate::support::visitor::PASSWORD;

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const SPACE: char = ' ';

on_every_database![chromium_twice_signed_in_sees_and_ends_the_other];

/// Opens pages of one server.
fn page(server: &Server, path: &str) -> String {
    format!("http://localhost:{}{path}", server.port())
}

fn sign_up(chromium: &Chromium, server: &Server) {
    chromium.open(&page(server, "/sign-up"));
    chromium.fill("#name", "Ann");
    chromium.fill("#email", "Ann@Example.com");
    chromium.fill("#password", PASSWORD);
    chromium.click(".card button");
    assert_eq!(chromium.text(".flash"), "Welcome, Ann.");
}

fn sign_in(chromium: &Chromium, server: &Server, password: &str) {
    chromium.open(&page(server, "/sign-in"));
    chromium.fill("#email", "ann@example.com");
    chromium.fill("#password", password);
    chromium.click(".card button");
}

fn chromium_twice_signed_in_sees_and_ends_the_other(database: &Database) {
    let server = Server::start(database.url());
    let port = server.port();
    let (first, second) = (Chromium::start(), Chromium::start());
    sign_up(&first, &server);
    sign_in(&second, &server, PASSWORD);
    assert_eq!(second.text(".flash"), "You are signed in.");

    // The session is in the database, not in the server.
    server.kill();
    let server = Server::start_on(port, database.url());
    first.click("nav a[href='/devices']");
    assert_eq!(first.texts(".devices li").len(), 2);
    assert_eq!(first.texts(".badge"), ["This device"]);
    assert_eq!(first.text(".devices .current h2"), "Chrome on Linux\nThis device");

    first.click(".devices li:not(.current) button");
    assert_eq!(first.text(".flash"), "Chrome on Linux is signed out.");
    assert_eq!(first.texts(".devices li").len(), 1);
    second.reload();
    assert_eq!(second.texts("nav a"), ["Your things", "Sign in", "Sign up"]);

    // A new password puts the other out, and keeps this one in.
    sign_in(&second, &server, PASSWORD);
    first.open(&page(&server, "/password"));
    first.fill("#current", PASSWORD);
    first.fill("#new", "a new password");
    first.click(".card button");
    assert!(first.text(".flash").starts_with("Your password is changed"));
    second.open(&page(&server, "/profile"));
    assert_eq!(second.text("h1"), "Sign in");
    sign_in(&second, &server, PASSWORD);
    assert_eq!(second.text(".errors li"), "Invalid email or password");
    sign_in(&second, &server, "a new password");
    assert_eq!(second.text(".flash"), "You are signed in.");

    first.open(&page(&server, "/devices"));
    first.click("form[action='/devices/sign-out-all'] button");
    first.wait_for(".alone h1");
    assert!(first.cookies().is_empty());
    second.reload();
    assert_eq!(second.texts("nav a"), ["Your things", "Sign in", "Sign up"]);
}

/// Row ASVS 14.3.2: what the browser shows on the way back is asked of the server again.
#[test]
fn asvs_14_3_2_chromium_shows_nothing_private_on_the_way_back() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let chromium = Chromium::start();
    sign_up(&chromium, &server);
    chromium.open(&page(&server, "/profile"));
    assert_eq!(chromium.text("#email"), "Ann@Example.com");
    chromium.click("form[action='/sign-out'] button");
    chromium.wait_for(".alone h1");
    assert_eq!(chromium.text("h1"), "You are signed out");
    for _ in 0..3 {
        chromium.back();
        let text = chromium.text("body");
        assert!(!text.contains("Ann"), "{text}");
    }
}

#[test]
fn asvs_7_5_3_chromium_confirms_and_goes_where_it_wanted_to() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let chromium = Chromium::start();
    sign_up(&chromium, &server);
    chromium.open(&page(&server, "/sign-in"));
    chromium.click("input[name='remember']");
    chromium.fill("#email", "ann@example.com");
    chromium.fill("#password", PASSWORD);
    chromium.click(".card button");
    assert!(chromium.cookies()[0]["expiry"].is_i64(), "kept when the browser closes");
    chromium.open(&page(&server, "/devices"));
    assert_eq!(chromium.text("h1"), "Confirm your password");
    assert!(chromium.text(".lead").contains("this device was remembered"));
    chromium.fill("#password", PASSWORD);
    chromium.click(".card button");
    assert_eq!(chromium.url(), page(&server, "/devices"));
    assert_eq!(chromium.text("h1"), "Your devices");
}

#[test]
fn chromium_signs_up_and_out_without_a_mouse() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let chromium = Chromium::start();
    let press = |text: &str| text.chars().for_each(|key| chromium.press(key));
    chromium.open(&page(&server, "/sign-up"));
    for focused in ["Skip to the content", "Cloakroom", "Your things", "Sign in", "Sign up", "Sign in"] {
        chromium.press(TAB);
        assert_eq!(chromium.focused(), focused);
    }
    for field in ["Ann", "ann@example.com", PASSWORD] {
        chromium.press(TAB);
        press(field);
    }
    chromium.press(ENTER);
    assert_eq!(chromium.text(".flash"), "Welcome, Ann.");
    for focused in ["Skip to the content", "Cloakroom", "Your things", "Devices", "Ann", "Sign out"] {
        chromium.press(TAB);
        assert_eq!(chromium.focused(), focused);
    }
    chromium.press(SPACE);
    chromium.wait_for(".alone h1");
    assert_eq!(chromium.text("h1"), "You are signed out");
}
