//! The Content-Security-Policy of the pages: what a browser may load for them, and from where.

use crate::collection::Collection;
use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use url::Url;

/// Collections of more hosts get a policy that lets pictures come from anywhere: headers have a length.
const MAX_HOSTS: usize = 40;

/// Where pictures and their info.json come from: the hosts of the collection's images and those that the operator
/// names. Both schemes of each, because image servers send visitors from `http` to `https`.
pub(super) fn picture_sources(collection: &Collection, others: &[String]) -> Vec<String> {
    let mut hosts: BTreeSet<String> = others.iter().cloned().collect();
    for authority in collection.authorities() {
        hosts.extend(host_source(authority));
        if hosts.len() > MAX_HOSTS {
            return vec!["https:".to_owned(), "http:".to_owned()];
        }
    }
    hosts
        .into_iter()
        .flat_map(|host| [format!("https://{host}"), format!("http://{host}")])
        .collect()
}

/// `host` or `host:port` of a URL, as a policy writes it.
fn host_source(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// The policy for a page with `style` in its head.
pub(super) fn policy(picture_sources: &[String], style: &str) -> HeaderValue {
    let sources = picture_sources.join(" ");
    let hash = STANDARD.encode(Sha256::digest(style));
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-{hash}'; img-src 'self' data: blob: {sources}; connect-src 'self' {sources}; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src *; connect-src *",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_with_its_port_alone() {
        for (url, expected) in [
            ("https://user@example.org/iiif/a", Some("example.org")),
            ("http://127.0.0.1:8182/a.jpg", Some("127.0.0.1:8182")),
            ("http://[::1]:80/a", Some("[::1]")),
            ("https://bücher.example/a", Some("xn--bcher-kva.example")),
            ("urn:x", None),
            ("no url", None),
        ] {
            assert_eq!(host_source(url).as_deref(), expected, "{url}");
        }
    }
}
