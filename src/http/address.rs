//! Where a call comes from, and whether one may come from there.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Whether an address is in one of these ranges. An IPv4 address that is written as an IPv6 one is that IPv4 address, in
/// the ranges too.
pub fn is_allowed(address: IpAddr, ranges: &[IpNet]) -> bool {
    let address = address.to_canonical();
    ranges.iter().any(|&range| canonical(range).contains(&address))
}

/// Reads `REMOTE_ADDR`. A link-local address may come with the name of its interface.
pub fn parse(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let (address, _) = text.split_once('%').unwrap_or((text, ""));
    address.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// The network that one customer has: in IPv6 that's 64 bits, and each of its addresses is as good as another.
pub fn network(address: IpAddr) -> String {
    let IpAddr::V6(address) = address.to_canonical() else { return address.to_canonical().to_string() };
    let network = Ipv6Net::new(address, 64).map(|network| network.trunc()).ok().filter(|_| !address.is_loopback());
    network.map_or_else(|| address.to_string(), |network| network.to_string())
}

fn canonical(range: IpNet) -> IpNet {
    let mapped = || {
        let IpNet::V6(range) = range else { return None };
        Ipv4Net::new(range.addr().to_ipv4_mapped()?, range.prefix_len().checked_sub(96)?).ok()
    };
    mapped().map_or(range, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::addresses;

    fn allowed(address: &str, ranges: &str) -> bool {
        is_allowed(parse(address.as_bytes()).unwrap(), &addresses(ranges).unwrap())
    }

    #[test]
    fn an_address_must_be_in_a_range() {
        assert!(allowed("127.0.0.1", "127.0.0.1, ::1"));
        assert!(allowed("::1", "127.0.0.1, ::1"));
        assert!(!allowed("127.0.0.2", "127.0.0.1, ::1"));
        assert!(allowed("10.255.0.1", "10.0.0.0/8") && !allowed("11.0.0.1", "10.0.0.0/8"));
        assert!(allowed("2001:db8:1::7", "2001:db8::/32") && !allowed("2001:db9::1", "2001:db8::/32"));
        assert!(!allowed("127.0.0.1", ""));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address() {
        assert!(allowed("::ffff:10.1.2.3", "10.0.0.0/8"));
        assert!(allowed("10.1.2.3", "::ffff:10.0.0.0/104"));
        assert!(allowed("::ffff:10.1.2.3", "::ffff:10.1.2.3"));
        assert!(!allowed("11.1.2.3", "::ffff:10.0.0.0/104"));
        // A range of IPv6 that holds the mapped ones too doesn't mean them.
        assert!(!allowed("::ffff:10.1.2.3", "::/0"));
    }

    #[test]
    fn a_network_is_what_one_customer_has() {
        for (address, network) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8:0:1:ffff::9", "2001:db8:0:1::/64"),
            ("2001:db8::9", "2001:db8::/64"),
            ("::1", "::1"),
        ] {
            assert_eq!(super::network(address.parse().unwrap()), network);
        }
    }

    #[test]
    fn an_address_is_read_strictly() {
        assert_eq!(parse(b"fe80::1%eth0"), Some("fe80::1".parse().unwrap()));
        assert_eq!(parse(b"::ffff:192.0.2.1"), Some("192.0.2.1".parse().unwrap()));
        for text in ["", "localhost", "127.1", "127.0.0.1, 10.0.0.1", "127.0.0.01", " 127.0.0.1"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
