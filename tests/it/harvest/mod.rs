//! Manifests and collections of IIIF Presentation, read and harvested.

mod build;
mod discovery;
mod expected;
mod joined;
mod nightly;
mod robust;
pub(crate) mod site;
pub(crate) mod stream;
mod triples;
