//! CLIP vector search over IIIF image collections, joined with RDF in one SPARQL query.
//!
//! # Bird's-eye view
//!
//! A *collection* is a data directory: the IIIF URLs of images and one CLIP vector for each. A *metadata
//! store* holds RDF about them. A SPARQL query may contain *requests*, subjects of the class
//! `clip:Request`, which stand for a relation: the images that look like a text or another image, with
//! their scores. The query is rewritten so that the relation becomes tables, and evaluated by oxigraph.
//!
//! # Entry points
//!
//! - [`sparql::Sparql::answer`]: a query in, an answer out. `/sparql`, `/query` and `clip-search query`
//!   all go through it.
//! - [`build::run`]: IIIF URLs in, a data directory out.
//! - [`command::run`]: what the binary does.
//!
//! # Code map
//!
//! | module | what | alone names |
//! | --- | --- | --- |
//! | [`cli`], [`env_file`], [`config`], [`command`] | flags and environment; what the subcommands do | clap, dotenvy, rust-embed |
//! | [`mod@print`] | standard output and standard error | |
//! | [`http`] | protocol, content negotiation, streaming, errors, connections, IIIF server | axum, hyper |
//! | [`sparql`] | from query text to answer | oxigraph (with [`store`]) |
//! | [`describe`], [`presentation`] | what is known about images; the documents that IIIF viewers open | |
//! | [`vocab`] | the terms of `ontology/clip.ttl` | |
//! | [`engine`], [`text_vectors`] | collection and encoder together; the texts that are remembered | |
//! | [`encoder`] | model folders, tokens, pixels, inference, hub | ort, tokenizers, image |
//! | [`collection`], [`features`] | the data directory; vectors as they lie in their file, and what a score is | memmap2 |
//! | [`search`] | the engines that find the nearest vectors, behind one trait; sets of rows | roaring |
//! | [`build`] | from a table of URLs, manifests, a stream of changes or a folder of files to a data directory | |
//! | [`harvest`] | IIIF manifests and collections as images and triples; streams of changes; pure | |
//! | [`fetch`], [`net`] | URLs from strangers; the HTTP client | reqwest (with [`build`] and SERVICE) |
//! | `git_lfs` | files that are not fetched yet | |
//! | [`memory`] | what a query's rows have in use | the allocator |
//! | [`place`] | a query's place among the queries, and how it is lent | |
//! | [`embedding`], [`image_id`], [`iiif`], [`data_url`] | small nouns | |
//!
//! # Invariants
//!
//! - An [`embedding::Embedding`] has unit length; there is no other way to make one.
//! - The answer is that of the naive plan: materialise the relation, then join. `LIMIT` counts rows after
//!   the joins; only `clip:limit` cuts before them. Where the operator has chosen approximate search, the relation may
//!   lack an image that would be among the best, and EXPLAIN says so; whatever is in it is right.
//! - A query without a request is handed to oxigraph as it is.
//! - What gives an input variable its values is a superset of its values in the solutions; the join
//!   makes it exact. What restricts the images may not be used across a LIMIT or an aggregate.
//! - Serving writes nothing but the vectors of texts ([`text_vectors`]), which may be deleted at any time: the store is
//!   opened read-only, the collection is immutable.
//! - A build ends with the same bytes whether or not it was interrupted: an image's vector does not
//!   depend on the images encoded beside it.
//! - The bits of a text's vector depend on the model and the text alone: not on the texts that other queries ask for at
//!   the same time, not on whether it was remembered.
//! - Files appear under their final names complete, or not at all.
//!
//! # Cross-cutting
//!
//! - *Errors* are precise where they arise and mapped once, in `http/error.rs`: who must act decides the
//!   status. `anyhow` is used where only a person at a terminal reads the error: in [`command`], [`build`],
//!   [`config`], [`mod@print`], `lock` and `unreadable`.
//! - *Blocking work* (evaluation, inference, decoding, fetching for a query) never runs on the async
//!   threads. A query's thread has [`sparql::text::guard::STACK_SIZE`] bytes of stack.
//! - *Tests*: `tests/it` is one binary. What the steps of rewriting make of a query stands in `tests/rewriting`. The oracle for SPARQL enumerates the relation as triples and asks
//!   stock oxigraph; the oracle for the encoder is the Python reference.
//!
//! # Walkthroughs
//!
//! *One /sparql request*: `http/sparql.rs` finds the query text and the formats; a thread calls
//! [`sparql::Sparql::answer`]. `text` refuses shapes that would exhaust the stack (`guard`) and parses: it knows the
//! prefixes that callers leave out, and `syntax` says what is wrong where there is no way. `plan` has `request` take
//! the clip triples out (`extract`) and group them into requests (`grouping`), evaluates what stands beside a single
//! one, as far as that is little (`gather`), and chooses the way: the rows of the hits are the answer (`direct`), hits
//! are joined block by block from the best (`best_hits`), or all at once (`all_hits`). On each, `surroundings` gives
//! `inputs` their values and finds the images that matter (`candidates`), `relation` searches, `rows` makes tables of
//! the hits, and `insert` and `order` put them into the query. `evaluate` hands it to oxigraph; `explain` has counted;
//! `results` writes and `http/stream.rs` sends the rows as they come.
//!
//! *One build*: `build/table` finds out what the input is (`endpoint` asks for it before, where it is a
//! query, `manifest` crawls documents, which [`harvest`] reads, and writes what they say as a draft, `discovery` tells
//! which of them have changed and has the others, and `folder` lists files, which it reads itself) and gives its
//! rows; `source.rs` reads them and writes `images.csv` as a draft; `prune.rs` sees what has vanished; `download` fetches
//! what the journal has no vector for, host by host (`host`), at its pace (`pace`), by its rules (`permit`, `robots`) and in
//! a way that each has (`ways`), looks again at what has one, if it is told to (`refresh`, `answers.rs`), and asks for
//! info.json beside that (`asking`, `measure.rs`); `encode.rs` decodes ahead of the model and appends vectors to the
//! journal; `output.rs` publishes the files in an order that readers can check; `recorded.rs` writes down what was built,
//! for the next time. Of a shard, `part.rs` leaves those
//! rows that are its own, and `merge` later puts the shards' files together, in the order of the input.

#![warn(clippy::print_stdout, clippy::print_stderr)]

mod blocking;
pub mod build;
pub mod cli;
pub mod collection;
pub mod command;
pub mod config;
pub mod data_dir;
pub mod data_url;
pub mod describe;
pub mod embedding;
pub mod encoder;
pub mod engine;
pub mod env_file;
mod escape;
pub mod features;
pub mod fetch;
mod git_lfs;
pub mod harvest;
pub mod http;
pub mod iiif;
pub mod image_id;
mod lock;
pub mod memory;
pub mod net;
mod parallel;
pub mod place;
pub mod presentation;
pub mod print;
mod results_json;
pub mod search;
pub mod sparql;
pub mod store;
pub mod text_vectors;
mod unreadable;
pub mod vocab;
