//! Whose word is taken for where a request comes from.
//!
//! Any client can send `X-Forwarded-For`. It is believed only as far as trusted proxies wrote it: the right-most address
//! that is not one of theirs is the client, and what stands left of it is what the client says.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

use crate::configuration::Network;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The peers whose forwarded headers are believed.
#[derive(Clone, Debug)]
pub(crate) struct Proxies(Arc<[Network]>);

impl Proxies {
    pub(crate) fn new(trusted: Vec<Network>) -> Self {
        Self(trusted.into())
    }

    /// The address that a request comes from.
    pub(crate) fn client(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let mut client = peer(extensions)?;
        for address in values(headers, FORWARDED_FOR).into_iter().rev() {
            if !self.trusts(client) {
                break;
            }
            // A proxy that cannot say where the request came from is the last that is known.
            let Some(address) = read_address(address) else { break };
            client = address;
        }
        Some(client.to_canonical())
    }

    /// Whether a trusted proxy says that the request reached it in the clear.
    pub(crate) fn received_http(&self, headers: &HeaderMap, extensions: &Extensions) -> bool {
        peer(extensions).is_some_and(|peer| self.trusts(peer))
            && values(headers, FORWARDED_PROTO).iter().any(|protocol| !protocol.eq_ignore_ascii_case("https"))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// The parts of a list, over all headers of the name. What is no text is an empty part.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// `203.0.113.9`, `203.0.113.9:4711`, `2001:db8::1`, `[2001:db8::1]:4711`
fn read_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(peer: &str, headers: &[(&'static str, &'static str)]) -> (HeaderMap, Extensions) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4711)));
        (map, extensions)
    }

    fn proxies() -> Proxies {
        Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()])
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_is_the_client() {
        for (peer, forwarded, client) in [
            ("203.0.113.9", &[][..], "203.0.113.9"),
            // A client that claims to be somebody else.
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("::1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, "], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            let headers: Vec<_> = forwarded.iter().map(|value| (FORWARDED_FOR, *value)).collect();
            let (headers, extensions) = request(peer, &headers);
            assert_eq!(proxies().client(&headers, &extensions), client.parse().ok(), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn r39_only_a_trusted_proxy_says_over_what_a_request_came() {
        for (peer, protocol, http) in [
            ("10.0.0.1", "http", true),
            ("10.0.0.1", "https", false),
            ("10.0.0.1", "HTTPS", false),
            ("10.0.0.1", "https, http", true),
            ("10.0.0.1", "", true),
            ("203.0.113.9", "http", false),
        ] {
            let (headers, extensions) = request(peer, &[(FORWARDED_PROTO, protocol)]);
            assert_eq!(proxies().received_http(&headers, &extensions), http, "{peer} {protocol}");
        }
        let (headers, extensions) = request("10.0.0.1", &[]);
        assert!(!proxies().received_http(&headers, &extensions));
    }
}
