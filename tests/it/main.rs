//! Integration tests: one binary, one module per area.

mod build;
mod collection;
mod iiif_serve;
mod queries;
mod support;
