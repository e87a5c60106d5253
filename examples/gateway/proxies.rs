//! Proxies of one's own: what they say of a request is believed, and of nobody else anything.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use http::{HeaderMap, HeaderValue};

/// An address, or all that begin like it: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        prefix(address.to_canonical(), self.bits) == prefix(self.first, self.bits)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("{text:?} is neither an address nor a network, as 10.0.0.0/8 is");
        let (first, bits) = match text.split_once('/') {
            Some((first, bits)) => (first, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = first.parse().map_err(|_| unknown())?;
        if first.to_canonical() != first {
            return Err(format!("{text:?} is an IPv4 address: write it as one"));
        }
        let all = if first.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|digit| digit.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= all).ok_or_else(unknown)?
            }
            Some(_) => return Err(unknown()),
            None => all,
        };
        let (is_ipv4, begins) = prefix(first, bits);
        if prefix(first, all) != (is_ipv4, begins) {
            return Err(format!("{text:?} has more bits than the {bits} that it says count"));
        }
        Ok(Self { first, bits })
    }
}

/// Whether it is IPv4, and its first bits.
fn prefix(address: IpAddr, bits: u32) -> (bool, u128) {
    let (is_ipv4, address) = match address {
        IpAddr::V4(address) => (true, u128::from(address.to_bits()) << 96),
        IpAddr::V6(address) => (false, address.to_bits()),
    };
    (is_ipv4, address & u128::MAX.checked_shl(128 - bits).unwrap_or(0))
}

/// Whom this server believes.
#[derive(Clone, Debug, Default)]
pub struct Proxies(pub Vec<Network>);

impl Proxies {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who has sent a request: whoever is at the other end of the connection, or, as far as that is a proxy that is
    /// trusted, the one before it in `X-Forwarded-For`. Each proxy adds whom it has seen at the end, so that what a
    /// stranger has put there stands to the left of himself.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let mut hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let mut client = peer.to_canonical();
        while self.trust(client) {
            // What is no address is as far as it can be followed: they who send that are one.
            match hops.next().map(hop) {
                Some(Some(before)) => client = before,
                Some(None) | None => break,
            }
        }
        client
    }

    /// Whether a proxy that is trusted says that the request came to it over TLS.
    pub fn say_https(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let mut said = headers.get_all("x-forwarded-proto").iter();
        let is_https = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"https");
        self.trust(peer) && said.next().is_some_and(is_https) && said.next().is_none()
    }
}

/// An address, with a port or without: `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]:4711`.
fn hop(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = match bare.parse() {
        Ok(IpAddr::V4(_)) if bare.len() < text.len() => return None,
        Ok(address) => address,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}
