//! Manifests and collections of IIIF Presentation, read and harvested.

mod build;
mod expected;
mod joined;
mod robust;
mod site;
mod triples;
