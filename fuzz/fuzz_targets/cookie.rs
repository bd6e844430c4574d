//! A request's `Cookie` headers, one a line, read with every protection.
//!
//! Nothing panics, and nothing is believed but what stands there: a plain id is in the header literally, and a signed
//! or encrypted value opens only if it is one of those in the seeds, which the key really made. Whatever is believed
//! can be printed again and read back.

#![no_main]

use std::sync::LazyLock;

use cloakroom_core::{
    CookieConfig, CookieKey, Expiration, Freshness, KeyRing, Presented, Protection, SessionCookie, SessionId,
    StoreKey, SystemRandom,
};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// The one id that was ever signed or encrypted; the seeds hold the values.
const SEALED: &str = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8";
const NAME: &str = "__Host-id";

static PLAIN: LazyLock<SessionCookie> = LazyLock::new(|| cookie(Protection::Plain));
static SEALING: LazyLock<[SessionCookie; 2]> =
    LazyLock::new(|| [cookie(Protection::Signed(ring())), cookie(Protection::Encrypted(ring()))]);

fn cookie(protection: Protection) -> SessionCookie {
    CookieConfig::new(NAME).protection(protection).build().expect("a good configuration")
}

/// The key that wrote the seeds, behind one that writes today.
fn ring() -> KeyRing {
    let key = |first: u8| CookieKey::from_bytes(&(first..first + 32).collect::<Vec<_>>()).expect("a key");
    KeyRing::new(key(100)).also_reads(key(0))
}

/// The values of our cookie, looked for in the simplest way.
fn values<'a>(headers: &'a HeaderMap) -> Vec<&'a [u8]> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let trimmed = pairs.map(|pair: &'a [u8]| {
        let begin = pair.iter().position(|byte| !is_blank(byte)).unwrap_or(pair.len());
        let end = pair.iter().rposition(|byte| !is_blank(byte)).map_or(begin, |last| last + 1);
        &pair[begin..end]
    });
    let mut values: Vec<&[u8]> =
        trimmed.filter_map(|pair| pair.strip_prefix(b"__Host-id=".as_slice())).collect();
    values.sort_unstable();
    values.dedup();
    values
}

fn prints_again(cookie: &SessionCookie, id: &SessionId) {
    let line = cookie.set(id, Expiration::Browser, &SystemRandom).expect("a cookie that can be printed");
    let pair = line.as_bytes().split(|byte| *byte == b';').next().expect("a pair");
    let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(pair).expect("a value"))]);
    assert_eq!(cookie.read(&headers), Presented::Id { id: id.clone(), freshness: Freshness::Current });
}

fuzz_target!(|input: &[u8]| {
    // What cannot stand in a header cannot arrive.
    let lines = input.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let headers: HeaderMap = lines.take(64).map(|line| (COOKIE, line)).collect();
    let values = values(&headers);

    match PLAIN.read(&headers) {
        Presented::Nothing => assert!(values.is_empty(), "a cookie was overlooked"),
        Presented::Refused(_) => assert!(!values.is_empty(), "refused what is not there"),
        Presented::Id { id, .. } => {
            assert_eq!(values, [id.expose().as_bytes()], "another id than the one that stands there");
            assert_ne!(StoreKey::native(NAME, &id).as_bytes(), id.expose().as_bytes());
            prints_again(&PLAIN, &id);
        }
    }
    for cookie in &*SEALING {
        match cookie.read(&headers) {
            Presented::Nothing => assert!(values.is_empty(), "a cookie was overlooked"),
            Presented::Refused(_) => assert!(!values.is_empty(), "refused what is not there"),
            Presented::Id { id, freshness } => {
                assert_eq!(values.len(), 1, "believed one of several");
                assert_eq!(
                    (id.expose(), freshness),
                    (SEALED, Freshness::OlderKey),
                    "a forged value was believed"
                );
                prints_again(cookie, &id);
            }
        }
    }
});
