//! Manifests and collections of IIIF Presentation, read and harvested.

mod expected;
mod robust;
