//! Integration tests: one binary, one module per area.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, helpers included"
)]

mod answered;
mod build;
mod cluster;
mod collection;
mod colours;
mod crash;
mod demo;
mod downloads;
mod encoder;
mod end_to_end;
mod endpoint;
mod endpoint_pages;
mod examples;
mod fetch;
mod folder;
mod harvest;
mod http;
mod http2;
mod identity;
mod iiif_serve;
mod index;
mod keep_images;
mod level0;
mod links;
mod meaning;
mod ontology;
mod page_queries;
mod polite;
mod privacy;
mod process;
mod prune;
mod queries;
mod refresh;
mod report;
mod robots;
mod rooms;
mod servers;
mod settings;
mod shards;
mod sizes;
mod smallest;
mod sparql;
mod support;
mod tables;
mod update;
mod w3c;
mod world;

/// As the program allocates: queries are stopped by the memory that they take.
#[global_allocator]
static ALLOCATOR: clip_search::memory::Counting = clip_search::memory::Counting;
