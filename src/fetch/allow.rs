//! The operator's list of places inside the own network that queries may reach.

use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;
use url::{Host, Url};

/// Hosts and networks that queries may reach although their addresses are not public.
///
/// Parsed from a comma-separated setting. An entry is a host name (`iiif.internal`), an address
/// (`10.1.2.3`, `::1`), either of them with a port (`cantaloupe:8182`, `127.0.0.1:8182`, `[::1]:8182`),
/// or a network (`10.0.0.0/8`). A name with a trailing dot is the name without it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Name { name: String, port: Option<u16> },
    Network { network: IpNet, port: Option<u16> },
}

/// Why a setting is no [`AllowList`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowListError {
    /// A URL where a host belongs.
    #[error(
        "{0:?} is a URL; write its host alone, for instance iiif.example.org or localhost:8182"
    )]
    Url(String),
    /// A pattern.
    #[error("{0:?} has a wildcard; list the hosts, or a network such as 10.0.0.0/8")]
    Wildcard(String),
    /// A slash that is not followed by a prefix length.
    #[error(
        "{0:?} is not a network; write an address and a prefix length, for instance 10.0.0.0/8"
    )]
    Network(String),
    /// A colon that is not followed by a port number.
    #[error("{entry:?} has the port {port:?}; write a number from 1 to 65535 after the colon")]
    Port {
        /// The whole entry.
        entry: String,
        /// What follows the colon.
        port: String,
    },
    /// Neither a host name nor an address.
    #[error("{0:?} is not a host name, an address or a network")]
    Host(String),
}

impl AllowList {
    /// Whether nothing is on the list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether `url` names a host that is on the list: by name or address, and by port where the entry
    /// has one. Names are not resolved.
    #[must_use]
    pub fn permits_url(&self, url: &Url) -> bool {
        let Some(host) = url.host() else {
            return false;
        };
        let url_port = url.port_or_known_default();
        self.entries.iter().any(|entry| match (entry, &host) {
            (Entry::Name { name, port }, Host::Domain(domain)) => {
                name == domain.trim_end_matches('.') && port.is_none_or(|p| Some(p) == url_port)
            }
            (Entry::Network { network, port }, Host::Ipv4(ip)) => {
                network.contains(&IpAddr::V4(*ip)) && port.is_none_or(|p| Some(p) == url_port)
            }
            (Entry::Network { network, port }, Host::Ipv6(ip)) => {
                network.contains(&ip.to_canonical()) && port.is_none_or(|p| Some(p) == url_port)
            }
            (Entry::Name { .. }, Host::Ipv4(_) | Host::Ipv6(_))
            | (Entry::Network { .. }, Host::Domain(_)) => false,
        })
    }

    /// Whether every port of `ip` is on the list. An entry with a port is for URLs that name the
    /// address itself, so it does not count here.
    #[must_use]
    pub fn permits_address(&self, ip: IpAddr) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Network {
                network,
                port: None,
            } => network.contains(&ip.to_canonical()),
            Entry::Network { port: Some(_), .. } | Entry::Name { .. } => false,
        })
    }
}

impl FromStr for AllowList {
    type Err = AllowListError;

    fn from_str(setting: &str) -> Result<Self, AllowListError> {
        let entries = setting
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(parse_entry)
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }
}

fn parse_entry(entry: &str) -> Result<Entry, AllowListError> {
    if entry.contains("://") {
        return Err(AllowListError::Url(entry.to_owned()));
    }
    if entry.contains('*') {
        return Err(AllowListError::Wildcard(entry.to_owned()));
    }
    if entry.contains('/') {
        let network: IpNet = entry
            .parse()
            .map_err(|_| AllowListError::Network(entry.to_owned()))?;
        return Ok(Entry::Network {
            network: network.trunc(),
            port: None,
        });
    }
    // A bare IPv6 address has colons that begin no port.
    if let Ok(ip) = entry.parse::<IpAddr>() {
        return Ok(address(ip, None));
    }
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, digits)) if !digits.ends_with(']') => {
            let port = digits.parse().ok().filter(|port| *port != 0);
            let port = port.ok_or_else(|| AllowListError::Port {
                entry: entry.to_owned(),
                port: digits.to_owned(),
            })?;
            (host, Some(port))
        }
        _ => (entry, None),
    };
    // The parser of URLs, so that both sides have one spelling: lower case, Punycode, dotted decimal.
    match Host::parse(host.trim_end_matches('.')) {
        Ok(Host::Domain(name)) => Ok(Entry::Name { name, port }),
        Ok(Host::Ipv4(ip)) => Ok(address(IpAddr::V4(ip), port)),
        Ok(Host::Ipv6(ip)) => Ok(address(IpAddr::V6(ip), port)),
        Err(_) => Err(AllowListError::Host(entry.to_owned())),
    }
}

fn address(ip: IpAddr, port: Option<u16>) -> Entry {
    Entry::Network {
        network: IpNet::from(ip.to_canonical()),
        port,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(setting: &str, url: &str, permitted: bool) {
        let list: AllowList = setting.parse().unwrap();
        assert_eq!(
            list.permits_url(&Url::parse(url).unwrap()),
            permitted,
            "{setting:?} and {url}"
        );
    }

    #[test]
    fn entries_permit_what_they_name() {
        check("", "http://localhost/", false);
        check("localhost", "http://localhost:8182/x", true);
        check("LocalHost.", "http://localhost./x", true);
        check("localhost:8182", "http://localhost:8182/x", true);
        check("localhost:8182", "http://localhost/x", false);
        check("localhost:443", "https://localhost/x", true);
        check("example.org", "http://sub.example.org/", false);
        check(" a.example , b.example,", "http://b.example/", true);
        check("zürich.example", "http://xn--zrich-kva.example/", true);
        check("127.0.0.1", "http://127.0.0.1:9/", true);
        check("127.0.0.1:8182", "http://2130706433:8182/", true);
        check("127.0.0.1:8182", "http://127.0.0.1:8183/", false);
        check("10.0.0.0/8", "http://10.255.0.1/", true);
        check("10.1.2.3/8", "http://10.255.0.1/", true);
        check("10.0.0.0/8", "http://11.0.0.1/", false);
        check("10.0.0.0/8", "http://[::ffff:10.0.0.1]/", true);
        check("10.0.0.0/8", "http://intranet/", false);
        check("::1", "http://[::1]:8182/", true);
        check("[::1]:8182", "http://[::1]:8182/", true);
        check("[::1]:8182", "http://[::1]/", false);
        check("fd00::/8", "http://[fd12::1]/", true);
    }

    #[test]
    fn only_entries_without_port_permit_an_address() {
        let list: AllowList = "10.0.0.0/8, 127.0.0.1:8182, localhost".parse().unwrap();
        assert!(list.permits_address("10.1.1.1".parse().unwrap()));
        assert!(list.permits_address("::ffff:10.1.1.1".parse().unwrap()));
        assert!(!list.permits_address("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_entry_is_named() {
        let check = |setting: &str, error: AllowListError| {
            assert_eq!(setting.parse::<AllowList>(), Err(error), "{setting:?}");
        };
        let own = str::to_owned;
        check(
            "a.example,http://b.example/",
            AllowListError::Url(own("http://b.example/")),
        );
        check(
            "*.example.org",
            AllowListError::Wildcard(own("*.example.org")),
        );
        check("10.0.0.0/33", AllowListError::Network(own("10.0.0.0/33")));
        check(
            "example.org/x",
            AllowListError::Network(own("example.org/x")),
        );
        for port in ["", "http", "0", "65536"] {
            check(
                &format!("localhost:{port}"),
                AllowListError::Port {
                    entry: format!("localhost:{port}"),
                    port: own(port),
                },
            );
        }
        check("a b", AllowListError::Host(own("a b")));
        check("999.1.1.1", AllowListError::Host(own("999.1.1.1")));
    }
}
