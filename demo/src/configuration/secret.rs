//! Settings that nobody may see: no error and no log repeats them.

use std::env;
use std::fmt;

use cloakroom::auth::AddressKey;
use cloakroom::{CookieKey, KeyRing};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Value;

const VARIABLE: &str = "SESSION_KEYS";

/// Where the database is, with the password to it.
#[derive(Clone)]
pub(crate) struct DatabaseUrl(String);

/// The key ring: the first writes, the others are read.
pub(crate) struct SessionKeys(pub(super) KeyRing);

/// The key under which addresses are hashed.
pub(crate) struct AddressSecret(pub(super) AddressKey);

/// The key ring in the environment: keys with commas between them.
///
/// # Errors
/// When one is no key.
pub(super) fn from_environment() -> Result<Option<SessionKeys>, String> {
    match env::var(VARIABLE) {
        Ok(text) => ring(text.split(',')).map(Some).map_err(|error| format!("{VARIABLE}: {error}")),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(format!("{VARIABLE}: {NO_KEY}")),
    }
}

const NO_KEY: &str =
    "a key is at least 32 random bytes in hexadecimal digits; `openssl rand -hex 32` makes one";

fn ring<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<SessionKeys, String> {
    let mut keys = keys.into_iter().map(|key| CookieKey::from_hex(key).map_err(|_| NO_KEY.to_owned()));
    let first = keys.next().unwrap_or_else(|| Err(NO_KEY.to_owned()))?;
    keys.try_fold(KeyRing::new(first), |ring, key| Ok(ring.also_reads(key?))).map(SessionKeys)
}

impl DatabaseUrl {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of a value, because serde repeats in its errors what it did not expect.
        match Value::deserialize(deserializer)? {
            Value::String(url) => Ok(Self(url)),
            _ => Err(D::Error::custom("database_url is a text")),
        }
    }
}

impl<'de> Deserialize<'de> for SessionKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let no_list = || D::Error::custom("session_keys is a list of texts");
        match Value::deserialize(deserializer)? {
            Value::String(key) => ring([&*key]).map_err(D::Error::custom),
            Value::Array(keys) => {
                let keys: Option<Vec<&str>> = keys.iter().map(Value::as_str).collect();
                ring(keys.ok_or_else(no_list)?).map_err(D::Error::custom)
            }
            _ => Err(no_list()),
        }
    }
}

impl<'de> Deserialize<'de> for AddressSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let key = value.as_str().map(|text| AddressKey::new(text.trim()));
        match key {
            Some(Ok(key)) => Ok(Self(key)),
            _ => Err(D::Error::custom(
                "address_key has at least 32 random characters; `openssl rand -hex 32` makes one",
            )),
        }
    }
}

impl fmt::Debug for AddressSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseUrl(redacted)")
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_writes_and_the_others_are_read() {
        let (new, old) =
            (format!("0{}", "1".repeat(63)), format!("\n{}{}\n", "2".repeat(32), "3".repeat(32)));
        assert_eq!(format!("{:?}", ring([&*new, &*old]).unwrap()), "KeyRing(2 keys, redacted)");
        for wrong in ["", "s3cret", "00", &"0".repeat(64)] {
            let error = ring([&*new, wrong]).unwrap_err();
            assert!(error.contains("openssl rand") && !error.contains("s3cret"), "{error}");
        }
    }
}
