//! The one place where HTTP clients begin.

/// What the program calls itself to servers.
pub const USER_AGENT: &str = concat!("iiif-clip-search/", env!("CARGO_PKG_VERSION"));

/// A client builder with this program's user agent.
///
/// TLS is rustls with ring; reqwest is built without a provider of its own, so the process-wide one is
/// installed here, before the first client can miss it.
pub fn client_builder() -> reqwest::ClientBuilder {
    // An error means that it is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().user_agent(USER_AGENT)
}
