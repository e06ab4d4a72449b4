//! Whose share it is.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Somebody with a share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// A caller that is known by name.
    Name(Arc<str>),
    /// Whoever is at an address.
    Address(IpAddr),
    /// Everybody else, once too many are known at the same time.
    Others,
}

impl Who {
    /// The one at `peer`. Of an IPv6 address its first 64 bits count: a single host has all that follow to choose from.
    pub(crate) fn at(peer: Option<SocketAddr>) -> Self {
        match peer.map(|peer| peer.ip().to_canonical()) {
            Some(IpAddr::V6(address)) => Self::Address(IpAddr::V6(network(address))),
            Some(address) => Self::Address(address),
            None => Self::Others,
        }
    }
}

fn network(address: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart_and_their_addresses_are_not() {
        let at = |text: &str| Who::at(Some(text.parse().unwrap()));
        assert_eq!(at("10.0.0.1:1"), at("10.0.0.1:2"));
        assert_eq!(at("10.0.0.1:1"), at("[::ffff:10.0.0.1]:1"));
        assert_ne!(at("10.0.0.1:1"), at("10.0.0.2:1"));
        assert_eq!(at("[2001:db8::1]:1"), at("[2001:db8::ffff:1]:1"));
        assert_ne!(at("[2001:db8::1]:1"), at("[2001:db8:0:1::1]:1"));
    }
}
