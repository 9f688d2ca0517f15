//! CLIP vector search over IIIF image collections, joined with RDF in one SPARQL query.
pub mod collection;
pub mod data_url;
pub mod embedding;
pub mod encoder;
pub mod engine;
pub mod features;
pub mod fetch;
pub mod http;
pub mod iiif;
pub mod image_id;
pub mod net;
pub mod search;
pub mod sparql;
pub mod store;
pub mod vocab;
