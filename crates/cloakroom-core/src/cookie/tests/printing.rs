use std::time::Duration;

use super::super::{
    CookieConfig, CookiePrintError, Expiration, Partitioning, Protection, SameSite, Transport,
};
use super::{Broken, ID, Repeating, built, id, protections, ring, with};

/// One configuration, the attributes of its lines, and its name if that is not `__Host-id`.
fn table() -> Vec<(CookieConfig, &'static str, &'static str)> {
    let default = CookieConfig::default;
    vec![
        (default(), "__Host-id", "; HttpOnly; SameSite=Lax; Secure; Path=/"),
        (default().same_site(SameSite::Strict), "__Host-id", "; HttpOnly; SameSite=Strict; Secure; Path=/"),
        (default().same_site(SameSite::None), "__Host-id", "; HttpOnly; SameSite=None; Secure; Path=/"),
        (
            default().same_site(SameSite::None).partitioning(Partitioning::Partitioned),
            "__Host-id",
            "; HttpOnly; SameSite=None; Partitioned; Secure; Path=/",
        ),
        (CookieConfig::new("__Host-Http-id"), "__Host-Http-id", "; HttpOnly; SameSite=Lax; Secure; Path=/"),
        (
            CookieConfig::new("__Secure-id").domain("example.com").path("/app"),
            "__Secure-id",
            "; HttpOnly; SameSite=Lax; Secure; Path=/app; Domain=example.com",
        ),
        (CookieConfig::new("connect.sid"), "connect.sid", "; HttpOnly; SameSite=Lax; Secure; Path=/"),
        (default().transport(Transport::LocalhostDevelopment), "id", "; HttpOnly; SameSite=Lax; Path=/"),
        (
            CookieConfig::new("__Secure-id")
                .domain("example.com")
                .path("/app")
                .same_site(SameSite::Strict)
                .transport(Transport::LocalhostDevelopment),
            "id",
            "; HttpOnly; SameSite=Strict; Path=/app",
        ),
    ]
}

#[test]
fn asvs_3_3_4_nist_5_1_1_cookie_rfc6265bis_http_each_configuration_has_its_exact_lines() {
    for (config, name, attributes) in table() {
        let cookie = built(config);
        assert_eq!(
            cookie.set(&id(), Expiration::Browser, &Broken).unwrap(),
            format!("{name}={ID}{attributes}")
        );
        assert_eq!(
            cookie.set(&id(), Expiration::After(Duration::from_secs(3600)), &Broken).unwrap(),
            format!("{name}={ID}{attributes}; Max-Age=3600")
        );
        assert_eq!(
            cookie.removal(),
            format!("{name}={attributes}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
        );
    }
}

#[test]
fn protected_values_have_the_same_attributes() {
    for protection in protections() {
        let cookie = with(protection);
        let value = super::written(&cookie);
        assert_eq!(
            cookie.set(&id(), Expiration::Browser, &Repeating(7)).unwrap(),
            format!("__Host-id={value}; HttpOnly; SameSite=Lax; Secure; Path=/")
        );
        assert_eq!(
            cookie.removal(),
            "__Host-id=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }
}

#[test]
fn rfc6265bis_age_is_whole_seconds_between_1_and_400_days() {
    let cookie = built(CookieConfig::default());
    for (duration, seconds) in [
        (Duration::ZERO, 1),
        (Duration::from_millis(1), 1),
        (Duration::from_millis(1_999), 1),
        (Duration::from_millis(59_999), 59),
        (Duration::from_secs(86_400), 86_400),
        (Duration::from_secs(400 * 86_400 - 1), 34_559_999),
        (Duration::from_secs(400 * 86_400), 34_560_000),
        (Duration::from_secs(400 * 86_400 + 1), 34_560_000),
        (Duration::MAX, 34_560_000),
    ] {
        let line = cookie.set(&id(), Expiration::After(duration), &Broken).unwrap();
        let expected = format!("; Max-Age={seconds}");
        assert!(line.to_str().unwrap().ends_with(&expected), "{duration:?}");
    }
}

#[test]
fn r32_without_random_bits_nothing_is_encrypted() {
    let cookie = with(Protection::Encrypted(ring(0)));
    let error = cookie.set(&id(), Expiration::Browser, &Broken).unwrap_err();
    assert!(matches!(error, CookiePrintError::Random(_)));
}

#[test]
fn asvs_16_2_5_the_line_is_marked_sensitive() {
    let line = built(CookieConfig::default()).set(&id(), Expiration::Browser, &Broken).unwrap();
    assert_eq!(format!("{line:?}"), "Sensitive");
}
