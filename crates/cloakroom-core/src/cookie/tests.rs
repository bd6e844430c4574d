//! Tests of the cookie as a whole: tables, golden lines and properties.

mod configuring;
mod keys;
mod printing;
mod reading;
mod sealing;

use http::{HeaderMap, HeaderValue, header};

use super::{CookieConfig, CookieKey, Expiration, Freshness, KeyRing, Presented, Protection, SessionCookie};
use crate::event::Rejection;
use crate::id::SessionId;
use crate::random::{Random, RandomError};

/// The id that [`id`] gives, written out for golden lines.
const ID: &str = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8";

/// Fills with one byte, so that golden values with a nonce can be written down.
#[derive(Debug)]
struct Repeating(u8);

impl Random for Repeating {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill(self.0);
        Ok(())
    }
}

#[derive(Debug)]
struct Broken;

impl Random for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError::new("broken on purpose"))
    }
}

fn id() -> SessionId {
    SessionId::parse(ID).unwrap()
}

/// A key whose bytes count up from `first`.
fn key(first: u8) -> CookieKey {
    CookieKey::from_bytes(&(first..first + 32).collect::<Vec<_>>()).unwrap()
}

fn ring(first: u8) -> KeyRing {
    KeyRing::new(key(first))
}

fn built(config: CookieConfig) -> SessionCookie {
    config.build().unwrap()
}

fn with(protection: Protection) -> SessionCookie {
    built(CookieConfig::default().protection(protection))
}

/// Every protection, each with the key that begins at 0.
fn protections() -> [Protection; 3] {
    [Protection::Plain, Protection::Signed(ring(0)), Protection::Encrypted(ring(0))]
}

/// What stands between `=` and the first `;` when `cookie` gives [`id`] to a browser.
fn written(cookie: &SessionCookie) -> String {
    let line = cookie.set(&id(), Expiration::Browser, &Repeating(7)).unwrap();
    let (pair, _) = line.to_str().unwrap().split_once(';').unwrap();
    pair.strip_prefix(cookie.name()).and_then(|rest| rest.strip_prefix('=')).unwrap().to_owned()
}

/// What `cookie` reads from these `Cookie` headers.
fn read(cookie: &SessionCookie, lines: &[impl AsRef<[u8]>]) -> Presented {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(header::COOKIE, HeaderValue::from_bytes(line.as_ref()).unwrap());
    }
    cookie.read(&headers)
}

/// What `cookie` reads when a client presents `value` under its name.
fn present(cookie: &SessionCookie, value: impl AsRef<[u8]>) -> Presented {
    read(cookie, &[[cookie.name().as_bytes(), b"=", value.as_ref()].concat()])
}

fn current() -> Presented {
    Presented::Id { id: id(), freshness: Freshness::Current }
}

fn older() -> Presented {
    Presented::Id { id: id(), freshness: Freshness::OlderKey }
}

const MALFORMED: Presented = Presented::Refused(Rejection::Malformed);
const TAMPERED: Presented = Presented::Refused(Rejection::Tampered);
const AMBIGUOUS: Presented = Presented::Refused(Rejection::Ambiguous);
