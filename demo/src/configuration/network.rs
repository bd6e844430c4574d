//! Addresses that belong together: one, or all with the same first bits.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::Deserialize;

/// `10.0.0.0/8`, `fd00::/8`, or one address alone.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Whether the address is in it. An IPv4 address that arrived over IPv6 is the IPv4 address.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (address, network) = (address.to_canonical(), self.address);
        let differing = |left: u128, right: u128, bits: u32| (left ^ right).checked_shr(bits).unwrap_or(0);
        match (address, network) {
            (IpAddr::V4(left), IpAddr::V4(right)) => {
                differing(left.to_bits().into(), right.to_bits().into(), 32 - self.prefix) == 0
            }
            (IpAddr::V6(left), IpAddr::V6(right)) => {
                differing(left.to_bits(), right.to_bits(), 128 - self.prefix) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) =
            text.trim().split_once('/').map_or((text.trim(), None), |(it, prefix)| (it, Some(prefix)));
        let wrong = || "write an address or a network, such as 127.0.0.1, ::1 or 10.0.0.0/8".to_owned();
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(bits), |prefix| prefix.parse::<u8>().map(u32::from));
        match prefix {
            Ok(prefix) if prefix <= bits => Ok(Self { address, prefix }),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_the_addresses_with_its_first_bits() {
        for (network, address, holds) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.2", false),
            ("10.1.2.3/31", "10.1.2.2", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::1", "::1", true),
            ("::/0", "2001:db8::1", true),
            ("::/0", "10.0.0.1", false),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), holds, "{address} in {network}");
        }
    }

    #[test]
    fn what_is_no_network_says_how_to_write_one() {
        for text in
            ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0", "localhost", "10.0.0.0/8/8"]
        {
            assert!(text.parse::<Network>().unwrap_err().contains("10.0.0.0/8"), "{text}");
        }
    }
}
