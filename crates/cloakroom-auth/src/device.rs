//! What is recorded of the device on which somebody signs in.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use cloakroom_core::Device;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::header::USER_AGENT;
use sha2::Sha256;
use zeroize::Zeroizing;

/// In what form a client's address is kept (NIST SP 800-63B-4 section 5.3 asks for regard to privacy).
///
/// # Default
/// [`Addresses::Truncated`]: enough for users to recognise where they were, not enough to find their house.
#[derive(Clone, Default)]
pub enum Addresses {
    /// Not at all.
    Off,
    /// The network: the first 24 bits of IPv4 (`203.0.113.0`), the first 48 of IPv6 (`2001:db8:7::`).
    #[default]
    Truncated,
    /// As it is.
    Full,
    /// As a keyed hash: two sessions from one address can be told to be so, and whoever has the table but not the key
    /// learns no address.
    Hashed(AddressKey),
}

/// The key under which addresses are hashed. `Debug` redacts it; it is overwritten when it is dropped.
#[derive(Clone)]
pub struct AddressKey(Arc<Zeroizing<Vec<u8>>>);

impl AddressKey {
    /// The fewest bytes that nobody tries out.
    pub const MIN_BYTES: usize = 32;

    /// Takes a key of at least [`AddressKey::MIN_BYTES`] random bytes.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn new(key: impl Into<Vec<u8>>) -> Result<Self, ShortAddressKey> {
        let key = Zeroizing::new(key.into());
        if key.len() < Self::MIN_BYTES { Err(ShortAddressKey) } else { Ok(Self(Arc::new(key))) }
    }
}

impl fmt::Debug for AddressKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AddressKey(redacted)")
    }
}

/// A key that could be tried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key for addresses has at least 32 random bytes")]
pub struct ShortAddressKey;

impl Addresses {
    /// What is recorded of a request with these headers from `client`.
    pub fn device(&self, headers: &HeaderMap, client: Option<IpAddr>) -> Device {
        let user_agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let device = user_agent.map_or_else(Device::default, |user_agent| Device::new(&user_agent));
        match client.and_then(|client| self.kept(client)) {
            Some(address) => device.with_address(&address),
            None => device,
        }
    }

    fn kept(&self, client: IpAddr) -> Option<String> {
        let client = client.to_canonical();
        match self {
            Self::Off => None,
            Self::Full => Some(client.to_string()),
            Self::Truncated => Some(truncated(client).to_string()),
            Self::Hashed(AddressKey(key)) => {
                let mut hash = Hmac::<Sha256>::new_from_slice(key).ok()?;
                hash.update(client.to_string().as_bytes());
                let digest = hash.finalize().into_bytes();
                Some(digest.iter().take(8).fold(String::new(), |mut text, byte| {
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{byte:02x}");
                    text
                }))
            }
        }
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Off => "Off",
            Self::Truncated => "Truncated",
            Self::Full => "Full",
            Self::Hashed(_) => "Hashed",
        })
    }
}

fn truncated(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & !0xff)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80))),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn kept(addresses: &Addresses, client: &str) -> Option<String> {
        let device = addresses.device(&HeaderMap::new(), Some(client.parse().unwrap()));
        device.address().map(str::to_owned)
    }

    #[test]
    fn nist_5_3_monitoring_keeps_of_an_address_what_was_asked_for() {
        assert_eq!(kept(&Addresses::Off, "203.0.113.77"), None);
        assert_eq!(kept(&Addresses::Full, "203.0.113.77").as_deref(), Some("203.0.113.77"));
        assert_eq!(kept(&Addresses::default(), "203.0.113.77").as_deref(), Some("203.0.113.0"));
        assert_eq!(kept(&Addresses::default(), "::ffff:203.0.113.77").as_deref(), Some("203.0.113.0"));
        assert_eq!(kept(&Addresses::default(), "2001:db8:7:1::5").as_deref(), Some("2001:db8:7::"));
        let hashed = |key: u8| Addresses::Hashed(AddressKey::new([key; 32]).unwrap());
        let once = kept(&hashed(1), "203.0.113.77");
        assert_eq!(once, kept(&hashed(1), "203.0.113.77"));
        assert_ne!(once, kept(&hashed(2), "203.0.113.77"));
        assert_ne!(once, kept(&hashed(1), "203.0.113.78"));
        assert!(!once.unwrap().contains("203"));
        assert!(AddressKey::new([0; 31]).is_err());
        assert!(!format!("{:?}", hashed(1)).contains('1'));
    }

    #[test]
    fn asvs_16_4_1_whatever_a_browser_calls_itself_is_one_tame_line() {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_bytes(b"Firefox\xff\t1").unwrap());
        let device = Addresses::Off.device(&headers, None);
        assert_eq!(device.user_agent(), Some("Firefox\u{fffd} 1"));
        assert_eq!(Addresses::Off.device(&HeaderMap::new(), None), Device::default());
    }
}
