//! The guide to the defaults says what the code does.

use std::time::Duration;

use cloakroom::{CookieConfig, Expiration, Lifetime, Persistence, SessionId, SystemRandom};

const GUIDE: &str = include_str!("../../guides/defaults.md");

/// What the guide's table says about a setting.
fn stated(setting: &str) -> &'static str {
    let row = GUIDE.lines().find_map(|line| line.strip_prefix(&format!("| {setting} | ")));
    row.and_then(|row| row.split(" | ").next())
        .unwrap_or_else(|| panic!("the guide has no row for {setting}"))
}

fn hours(limit: Option<Duration>) -> u64 {
    limit.unwrap().as_secs() / 3_600
}

#[test]
fn asvs_7_1_1_the_limits_are_documented() {
    let lifetime = Lifetime::default();
    assert_eq!(stated("idle limit"), format!("{} hour", hours(lifetime.idle_limit())));
    assert_eq!(stated("absolute limit"), format!("{} hours", hours(lifetime.absolute_limit())));
    assert_eq!(lifetime.persistence(), Persistence::Browser);
    assert_eq!(stated("cookie's life"), "until the browser closes");
}

#[test]
fn asvs_3_3_1_asvs_3_3_3_the_default_cookie_is_documented() {
    let cookie = CookieConfig::default().build().unwrap();
    assert_eq!(stated("cookie's name"), format!("`{}`", cookie.name()));
    assert!(cookie.name().starts_with("__Host-"));
    let id = SessionId::generate(&SystemRandom).unwrap();
    let line = cookie.set(&id, Expiration::Browser, &SystemRandom).unwrap();
    let mut printed: Vec<&str> = line.to_str().unwrap().split("; ").skip(1).collect();
    let mut documented: Vec<&str> = stated("attributes").trim_matches('`').split("; ").collect();
    printed.sort_unstable();
    documented.sort_unstable();
    assert_eq!(printed, documented);
}
