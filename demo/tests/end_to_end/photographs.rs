//! Every page, photographed in both colour schemes, on a desk and on a phone.

use std::fs;
use std::path::Path;

use crate::support::chromium::Chromium;
use crate::support::database::Database;
use crate::support::server::Server;
use crate::support::visitor::{PASSWORD, Visitor};

const LOOKS: [(&str, u32, &str); 4] =
    [("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 360, "light"), ("phone-dark", 360, "dark")];

#[test]
fn chromium_photographs_every_page() {
    let database = Database::sqlite();
    let server = Server::start(database.url());
    let page = |path: &str| format!("http://localhost:{}{path}", server.port());
    let chromium = Chromium::start();
    let shoot = |name: &str, path: &str| {
        for (look, width, scheme) in LOOKS {
            chromium.emulate(width, scheme);
            if !path.is_empty() {
                chromium.open(&page(path));
            }
            assert!(chromium.overflow() <= 0, "{name} is wider than {width} pixels");
            let faults = chromium.accessibility_faults();
            assert!(faults.is_empty(), "{name}: {faults:#?}");
            assert_plausible(&chromium.photograph(&format!("{name}-{look}")), width);
        }
    };
    shoot("nothing", "/");
    for (name, pieces) in [("Grey wool coat", "1"), ("Umbrella, the one with the duck", "1"), ("Gloves", "2")]
    {
        chromium.open(&page("/"));
        chromium.fill("#name", name);
        chromium.fill("#pieces", pieces);
        chromium.click("#hand-in button");
    }
    for (name, path) in [
        ("thing", "/things/1"),
        ("session", "/session"),
        ("signed-out", "/signed-out"),
        ("problem", "/nowhere"),
    ] {
        shoot(name, path);
    }
    chromium.open(&page("/"));
    chromium.fill("#name", &"A very long name for a thing that nobody would carry ".repeat(2));
    chromium.fill("#pieces", "two");
    chromium.click("#hand-in button");
    assert!(chromium.text(".errors").contains("There is a problem"));
    shoot("things-errors", "");

    shoot("sign-up", "/sign-up");
    chromium.fill("#email", "ann");
    chromium.fill("#password", "short");
    chromium.click(".card button");
    assert!(chromium.text(".errors").contains("Enter your name."));
    shoot("sign-up-errors", "");
    chromium.fill("#name", "Ann-Katherine Wolfeschlegelsteinhausen");
    chromium.fill("#email", "ann@example.com");
    chromium.fill("#password", PASSWORD);
    chromium.click(".card button");
    assert!(chromium.text(".flash").starts_with("Welcome"));
    shoot("welcome", "");
    shoot("things", "/");
    for browser in [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
    ] {
        Visitor::with_browser(browser).sign_in(&server, "ann", &[("remember", "yes")]);
    }
    for (name, path) in [
        ("devices", "/devices"),
        ("profile", "/profile"),
        ("password", "/password"),
        ("confirm", "/confirm?next=%2Fdevices"),
        ("sign-in", "/sign-in"),
    ] {
        shoot(name, path);
    }
    chromium.fill("#email", "ann@example.com");
    chromium.fill("#password", "wrong");
    chromium.click(".card button");
    assert!(chromium.text(".errors").contains("Invalid email or password"));
    shoot("sign-in-errors", "");
}

/// A PNG of the window's width, and with more in it than one colour.
fn assert_plausible(photograph: &Path, width: u32) {
    let bytes = fs::read(photograph).unwrap();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(bytes[16..20], width.to_be_bytes());
    let height = u32::from_be_bytes(bytes[20..24].try_into().unwrap());
    assert!((400..8_000).contains(&height), "{height} pixels high");
    assert!(bytes.len() > 8_000, "{} bytes", bytes.len());
}
