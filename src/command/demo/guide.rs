//! What the demo tells when it serves: where it is, and what to ask.

use super::files::DemoFiles;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// Where to look, and the queries to paste.
pub(super) fn guide(
    n_images: usize,
    service: &str,
    iiif: &str,
    dir: &Path,
    files: &DemoFiles,
) -> String {
    let mut text = format!(
        "serving {n_images} pictures at {service}/ until Ctrl-C

search page  {service}/
workbench    {service}/sparql, which is the SPARQL endpoint too
JSON         {service}/query?str=a+ship+at+sea
manifest     {service}/iiif/manifest?str=a+ship+at+sea, for IIIF viewers
pictures     {iiif}/, by IIIF
health       {service}/health
"
    );
    let queries: Vec<_> = files.queries().collect();
    if !queries.is_empty() {
        let _ = write!(
            text,
            "\nQueries for the workbench, also in its menu and in {}:\n",
            dir.join(super::files::QUERIES).display()
        );
    }
    for (path, query) in queries {
        let name = path.rsplit('/').next().unwrap_or(path);
        let _ = write!(text, "\n==== {name}\n{}\n", query.trim_end());
    }
    text
}

/// The URL under which this machine reaches what listens on `address`, without a slash at its end.
pub(super) fn origin(mut address: SocketAddr) -> String {
    // All addresses: IIIF URLs need one.
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_can_be_reached() {
        for (address, expected) in [
            ("127.0.0.1:8182", "http://127.0.0.1:8182"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:8182", "http://[::1]:8182"),
            ("192.168.1.2:1", "http://192.168.1.2:1"),
        ] {
            assert_eq!(origin(address.parse().unwrap()), expected);
        }
    }
}
