//! Where a request comes from, if it came through proxies.

use std::net::{IpAddr, Ipv6Addr};

use actix_web::dev::ServiceRequest;

/// Networks that are believed when they say for whom they ask.
#[derive(Debug, Clone, Default)]
pub struct Networks(Vec<(IpAddr, u32)>);

impl Networks {
    /// Reads addresses and networks (`192.0.2.0/24`), separated by commas.
    ///
    /// # Errors
    /// The one that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| network(item).ok_or_else(|| item.to_owned())).collect::<Result<_, _>>().map(Self)
    }

    fn contain(&self, address: IpAddr) -> bool {
        let (bits, is_v4) = bits(address.to_canonical());
        self.0.iter().any(|(network, length)| {
            let (own, own_v4) = self::bits(*network);
            let outside = if is_v4 { 32 } else { 128 } - length;
            is_v4 == own_v4 && own.checked_shr(outside).unwrap_or(0) == bits.checked_shr(outside).unwrap_or(0)
        })
    }

    /// The address of the client: the last one that no trusted proxy has. What stands before it in `X-Forwarded-For`
    /// anybody may have written.
    #[must_use]
    pub fn client(&self, peer: IpAddr, forwarded: &[&str]) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = forwarded.iter().flat_map(|line| line.split(','));
        for hop in hops.collect::<Vec<_>>().into_iter().rev() {
            if !self.contain(client) {
                return client;
            }
            match hop.trim().trim_matches(['[', ']']).parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => return client,
            }
        }
        client
    }

    /// The same of a request.
    #[must_use]
    pub fn client_of(&self, request: &ServiceRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip();
        let lines = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
        Some(self.client(peer, &lines.collect::<Vec<_>>()))
    }
}

/// What limits count as one host: an IPv4 address, or the 2^64 IPv6 addresses that whoever has one of them has.
#[must_use]
pub fn host_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = length.unwrap_or(most);
    (length <= most).then_some((address, length))
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), true),
        IpAddr::V6(address) => (address.into(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        Networks::parse(trusted).unwrap().client(peer.parse().unwrap(), forwarded).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = "127.0.0.1, 10.0.0.0/8,2001:db8::/32";
        for (peer, forwarded, found) in [
            ("203.0.113.7", &["198.51.100.1"][..], "203.0.113.7"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["192.0.2.9, 198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["198.51.100.1, 10.1.2.3"], "198.51.100.1"),
            ("127.0.0.1", &["198.51.100.1", "10.1.2.3"], "198.51.100.1"),
            ("127.0.0.1", &["10.1.2.3"], "10.1.2.3"),
            ("2001:db8::1", &["[2001:db9::7]"], "2001:db9::7"),
            ("127.0.0.1", &["unknown"], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1, nobody, 10.1.2.3"], "10.1.2.3"),
        ] {
            assert_eq!(client(trusted, peer, forwarded), found, "{peer} {forwarded:?}");
        }
        assert_eq!(client("", "127.0.0.1", &["198.51.100.1"]), "127.0.0.1");
        assert_eq!(client("0.0.0.0/0", "203.0.113.7", &["198.51.100.1"]), "198.51.100.1");
    }

    #[test]
    fn a_host_of_ipv6_has_many_addresses() {
        for (address, host) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(host_of(address.parse().unwrap()).to_string(), host);
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["10.0.0.0/33", "proxy", "10.0.0.0/x", "::/129", "10.0.0/8"] {
            assert_eq!(Networks::parse(&format!("127.0.0.1,{wrong}")).unwrap_err(), wrong);
        }
    }
}
