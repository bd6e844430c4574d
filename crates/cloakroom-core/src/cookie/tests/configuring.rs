use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::super::{CookieConfig, CookieConfigError, Partitioning, Protection, SameSite, Transport};
use super::{built, ring};

fn refused(config: CookieConfig) -> CookieConfigError {
    config.build().expect_err("this configuration is wrong")
}

#[test]
fn asvs_3_3_1_asvs_3_3_3_the_host_prefix_takes_neither_domain_nor_path() {
    for name in ["__Host-id", "__Host-Http-id"] {
        let config = CookieConfig::new(name);
        assert_eq!(refused(config.clone().domain("example.com")), CookieConfigError::HostPrefixWithDomain);
        assert_eq!(refused(config.path("/app")), CookieConfigError::HostPrefixWithPath);
    }
    built(CookieConfig::new("__Secure-id").domain("example.com").path("/app"));
}

#[test]
fn owasp_name_of_the_cookie_says_nothing_about_the_software() {
    let name = built(CookieConfig::default()).name().to_ascii_lowercase();
    for word in ["cloakroom", "rust", "axum", "actix", "tower", "sid", "sess"] {
        assert!(!name.contains(word), "{word} in {name}");
    }
}

#[test]
fn rfc6265bis_prefix_in_another_case_is_refused() {
    for (name, prefix) in [
        ("__host-id", "__Host-"),
        ("__HOST-id", "__Host-"),
        ("__HoSt-id", "__Host-"),
        ("__secure-id", "__Secure-"),
        ("__HTTP-id", "__Http-"),
        ("__host-http-id", "__Host-Http-"),
    ] {
        let error = refused(CookieConfig::new(name));
        assert_eq!(error, CookieConfigError::MisspelledPrefix { name: name.to_owned(), prefix });
    }
}

#[test]
fn names_are_tokens() {
    for name in [
        "",
        "a b",
        "a=b",
        "a;b",
        "a,b",
        "a\"b",
        "a\\b",
        "a/b",
        "a\tb",
        "a\0b",
        "a\r\nb",
        "é",
        "a(b",
        "a@b",
        "a[b",
        "a{b",
        "a?b",
        "a:b",
        "a<b",
        "\u{a0}__Host-id",
        "__Host-",
        "__Host-Http-",
        "__Secure-",
        "__Http-",
    ] {
        assert_eq!(refused(CookieConfig::new(name)), CookieConfigError::InvalidName(name.to_owned()));
    }
    for name in ["id", "connect.sid", "__Http-id", "__Secure-id", "__Hostid", "!#$%&'*+-.^_`|~"] {
        assert_eq!(built(CookieConfig::default().name(name)).name(), name);
    }
}

#[test]
fn r36_rfc6265bis_attribute_values_cannot_end_their_attribute_nor_be_too_long() {
    let config = CookieConfig::new("__Secure-id");
    let long = format!("/{}", "a".repeat(1024));
    for path in
        ["", "app", "/a;b", "/a; Domain=evil", "/a\r\nSet-Cookie: x=y", "/a b", "/a\t", "/\0", "/é", &long]
    {
        assert_eq!(refused(config.clone().path(path)), CookieConfigError::InvalidPath(path.to_owned()));
    }
    for path in ["/", "/app", "/app/", "/%C3%A9", &long[..1024]] {
        built(config.clone().path(path));
    }
    let label = "a".repeat(64);
    let long = ["abc"; 64].join(".");
    for domain in [
        "",
        ".",
        ".example.com",
        "example.com.",
        "a..b",
        "-a.com",
        "a-.com",
        "a b",
        "a;b",
        "example.com:443",
        "*.com",
        "https://example.com",
        "a\r\nb",
        "bücher.example",
        "[::1]",
        "a_b.com",
        &label,
        &long,
    ] {
        assert_eq!(
            refused(config.clone().domain(domain)),
            CookieConfigError::InvalidDomain(domain.to_owned())
        );
    }
    for domain in
        ["example.com", "EXAMPLE.com", "a.b-c.example", "xn--bcher-kva.example", "localhost", &label[1..]]
    {
        built(config.clone().domain(domain));
    }
}

#[test]
fn asvs_3_3_2_chips_partitioned_needs_same_site_none_which_needs_secure() {
    let none = CookieConfig::default().same_site(SameSite::None);
    built(none.clone());
    assert_eq!(
        refused(none.transport(Transport::LocalhostDevelopment)),
        CookieConfigError::SameSiteNoneWithoutSecure
    );
    let partitioned = CookieConfig::default().partitioning(Partitioning::Partitioned);
    built(partitioned.clone().same_site(SameSite::None));
    for same_site in [SameSite::Lax, SameSite::Strict] {
        assert_eq!(
            refused(partitioned.clone().same_site(same_site)),
            CookieConfigError::PartitionedWithoutSameSiteNone
        );
    }
    assert_eq!(
        refused(partitioned.same_site(SameSite::None).transport(Transport::LocalhostDevelopment)),
        CookieConfigError::SameSiteNoneWithoutSecure
    );
}

#[test]
fn asvs_3_3_5_rfc6265bis_size_over_4096_bytes_is_refused_at_build() {
    for protection in super::protections() {
        let config = |length: usize| CookieConfig::new("n".repeat(length)).protection(protection.clone());
        let fits = (1..4096).rev().find(|&length| config(length).build().is_ok()).unwrap();
        assert_eq!(refused(config(fits + 1)), CookieConfigError::TooLong(4097));

        // The promise is about what is sent: nothing that this cookie prints is longer.
        let cookie = built(config(fits));
        let expiration = super::Expiration::After(std::time::Duration::MAX);
        assert_eq!(cookie.set(&super::id(), expiration, &super::Repeating(1)).unwrap().len(), 4096);
        assert!(cookie.removal().len() <= 4096);
    }
}

#[test]
fn development_on_localhost_is_checked_like_production() {
    let config = CookieConfig::default().transport(Transport::LocalhostDevelopment);
    assert_eq!(refused(config.clone().domain("example.com")), CookieConfigError::HostPrefixWithDomain);
    assert_eq!(refused(config.clone().path("/app")), CookieConfigError::HostPrefixWithPath);
    for (name, short) in [
        ("__Host-id", "id"),
        ("__Host-Http-id", "id"),
        ("__Http-id", "id"),
        ("__Secure-id", "id"),
        ("sid", "sid"),
    ] {
        assert_eq!(built(config.clone().name(name)).name(), short);
    }
    // What is left must not be a prefix again, which browsers would hold to its rules.
    assert!(config.name("__Secure-__host-id").build().is_err());
}

#[test]
fn development_on_localhost_is_announced_and_production_is_silent() {
    let warnings = Arc::new(AtomicUsize::new(0));
    tracing::subscriber::with_default(Warnings(Arc::clone(&warnings)), || {
        built(CookieConfig::default());
        assert_eq!(warnings.load(Ordering::Relaxed), 0);
        built(CookieConfig::default().transport(Transport::LocalhostDevelopment));
        assert_eq!(warnings.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn asvs_16_2_5_debug_shows_no_key() {
    let config = CookieConfig::default().protection(Protection::Encrypted(ring(1).also_reads(super::key(9))));
    let shown = format!("{config:?} {config:#?} {:?}", config.clone().build().unwrap());
    assert!(shown.contains("KeyRing(2 keys, redacted)"), "{shown}");
    // Both keys hold the bytes 9 to 32, in decimal, as Debug would write them.
    assert!(!shown.contains("9, 10") && !shown.contains("9,\n"), "{shown}");
    assert!(
        shown.contains("SessionCookie(__Host-id=; HttpOnly; SameSite=Lax; Secure; Path=/, encrypted)"),
        "{shown}"
    );
}

/// Counts warnings of this crate.
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        if *event.metadata().level() == Level::WARN {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
