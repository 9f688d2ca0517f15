//! Everything that speaks HTTP to clients.

pub mod iiif;
