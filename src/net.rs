//! The one place where HTTP clients begin.

use std::sync::OnceLock;

/// What the program calls itself to servers.
pub const USER_AGENT: &str = concat!("iiif-clip-search/", env!("CARGO_PKG_VERSION"));

/// A client builder with this program's user agent.
///
/// TLS is rustls with ring; reqwest is built without a provider of its own, so the process-wide one is
/// installed here, before the first client can miss it.
pub fn client_builder() -> reqwest::ClientBuilder {
    // An error means that it is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = || reqwest::Client::builder().user_agent(USER_AGENT);
    if *HAS_ROOTS.get_or_init(|| builder().build().is_ok()) {
        builder()
    } else {
        builder().tls_certs_only([])
    }
}

/// Whether the system has root certificates. A bare container has none, and no client can be made with what it
/// has; one that trusts nobody still speaks `http`, and refuses `https` when it is asked for.
static HAS_ROOTS: OnceLock<bool> = OnceLock::new();
