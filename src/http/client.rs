//! Who asks: clients are told apart by their addresses, so that none of them can hold all places.

use super::live::Live;
use crate::place::fair::Client;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

tokio::task_local! {
    /// Who sent the request that is being answered.
    static CLIENT: Client;
}

/// Who sent the request that is being answered.
pub(super) fn current() -> Client {
    CLIENT.try_with(|client| *client).unwrap_or(Client::Anybody)
}

/// Finds out who asks before `next` answers.
pub(super) async fn identify(State(live): State<Live>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get().map(|Peer(address)| *address);
    let trusts_proxy = live.now().settings.trust_proxy;
    let client = client(request.headers(), peer, trusts_proxy);
    CLIENT.scope(client, next.run(request)).await
}

fn client(headers: &HeaderMap, peer: Option<IpAddr>, trusts_proxy: bool) -> Client {
    let forwarded = || headers.get_all(FORWARDED_FOR).iter().next_back();
    if trusts_proxy
        && let Some(address) = forwarded().and_then(|header| last_address(header.to_str().ok()?))
    {
        return Client::Address(network(address));
    }
    match peer {
        // A proxy on this machine, behind which all are, or somebody who can do worse.
        Some(peer) if !trusts_proxy && peer.to_canonical().is_loopback() => Client::Anybody,
        Some(peer) => Client::Address(network(peer)),
        None => Client::Anybody,
    }
}

/// The last address of `X-Forwarded-For`, which the nearest proxy has written; what stands before it, anybody may have.
fn last_address(header: &str) -> Option<IpAddr> {
    let last = header.rsplit(',').next()?.trim();
    let bare = last
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    (bare.unwrap_or(last).parse().ok())
        .or_else(|| last.parse().ok().map(|address: SocketAddr| address.ip()))
}

/// Whoever has an IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Client {
        Client::Address(text.parse().unwrap())
    }

    #[test]
    fn clients_are_told_apart_by_address_or_network() {
        let of = |peer: &str| client(&HeaderMap::new(), Some(peer.parse().unwrap()), false);
        assert_eq!(of("192.0.2.7"), address("192.0.2.7"));
        assert_eq!(of("::ffff:192.0.2.7"), address("192.0.2.7"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::9"), of("2001:db8:1:3::9"));
        for local in ["127.0.0.1", "::1", "::ffff:127.0.0.2"] {
            assert_eq!(of(local), Client::Anybody);
        }
        assert_eq!(client(&HeaderMap::new(), None, false), Client::Anybody);
    }

    #[test]
    fn a_proxy_is_believed_where_the_operator_says_so() {
        let proxy = Some(IpAddr::from([127, 0, 0, 1]));
        for (lines, expected) in [
            (&["192.0.2.7"][..], "192.0.2.7"),
            (&["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
            (&["198.51.100.1", "192.0.2.7 "], "192.0.2.7"),
            (&["192.0.2.7:4711"], "192.0.2.7"),
            (&["[2001:db8::1]:4711"], "2001:db8::"),
            (&["[2001:db8::1]"], "2001:db8::"),
            (&["2001:db8::1"], "2001:db8::"),
            (&["unknown"], "127.0.0.1"),
            (&[""], "127.0.0.1"),
            (&[], "127.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            assert_eq!(
                client(&headers, proxy, true),
                address(expected),
                "{lines:?}"
            );
            assert_eq!(client(&headers, proxy, false), Client::Anybody, "{lines:?}");
        }
    }
}
