//! The metadata store: RDF about the images, persistent under a path or in memory.

mod contexts;
mod removing;
mod skipping;
mod view;

pub use removing::remove_file;
pub use view::{StoreStamp, View, ViewFiles};

use crate::lock::Lock;
use flate2::read::MultiGzDecoder;
use oxigraph::io::{RdfFormat, RdfParseError, RdfParser};
use oxigraph::model::{GraphName, NamedNode, NamedOrBlankNode, Term};
use oxigraph::store::{BulkLoader, Store};
use skipping::Skipping;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Why the metadata store cannot be opened or filled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store at the path.
    #[error(
        "there is no metadata store at {0}; create it with `clip-search load --store {0} FILE…`"
    )]
    Missing(PathBuf),
    /// The store at the path cannot be opened.
    #[error("the metadata store {path} cannot be opened: {reason}")]
    Open {
        /// The store's folder.
        path: PathBuf,
        /// The engine's words.
        reason: String,
    },
    /// The file's name says nothing about its format.
    #[error(
        "{0} has no known RDF file ending; known are .ttl, .nt, .nq, .trig, .rdf, .owl, .xml, .jsonld and .json, each also with .gz"
    )]
    UnknownFormat(PathBuf),
    /// A folder where a file is wanted.
    #[error("{0} is a folder; name the RDF files in it, for instance {0}/*.ttl")]
    Folder(PathBuf),
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not what its ending says. Nothing of it was stored.
    #[error("{path} is not valid {format}: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Name of the expected format.
        format: &'static str,
        /// The parser's words, with the position.
        reason: String,
    },
    /// The base or graph IRI is not valid.
    #[error("{0} is not an absolute IRI")]
    NotAnIri(String),
    /// The engine failed.
    #[error("the metadata store failed: {0}")]
    Storage(#[from] oxigraph::store::StorageError),
}

impl StoreError {
    /// What an error comes to that keeps the store at `path` from being opened.
    fn open<E: Display>(path: &Path) -> impl FnOnce(E) -> Self {
        move |error| Self::Open {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// Where the triples of a file go, and what their relative IRIs are relative to.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadTarget<'a> {
    /// The named graph for triples; the default graph without.
    pub graph: Option<&'a str>,
    /// Base of relative IRIs; without, the file itself, as for any RDF tool.
    pub base: Option<&'a str>,
    /// Whether statements that cannot be read are left out instead of ending the load. Only in the formats
    /// whose statements stand for themselves: Turtle, N-Triples and N-Quads.
    pub skips_errors: bool,
    /// Whether blank nodes keep their names: those of the file are nobody else's, and can be taken out again.
    pub keeps_blank_nodes: bool,
}

/// A store that this process writes to.
pub struct Writing {
    /// Closed before others may write.
    store: Store,
    _lock: Lock,
}

impl Deref for Writing {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// What became of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Triples or quads read.
    pub n_triples: u64,
    /// Statements left out.
    pub n_skipped: u64,
    /// Why, for the first [`MAX_SHOWN`] of them, with their places.
    pub skipped: Vec<String>,
    /// Whether the format has a statement on each line, so that one error costs no other.
    pub has_lines: bool,
}

impl Loaded {
    /// What an error may have cost besides its own statement, as a part of a sentence.
    #[must_use]
    pub fn reach(&self) -> &'static str {
        if self.has_lines {
            ""
        } else {
            ", some perhaps with the one that follows"
        }
    }
}

/// Statements left out that are told one by one.
pub const MAX_SHOWN: usize = 10;

/// Opens the store at `path` for reading, or an empty one in memory.
///
/// # Errors
/// [`StoreError::Missing`] if there is no store at the path, [`StoreError::Open`] if it is damaged.
pub fn open_for_reading(path: Option<&Path>) -> Result<Store, StoreError> {
    let Some(path) = path else {
        return Ok(Store::new()?);
    };
    // Without the check RocksDB would report an obscure "No such file" of its own.
    if !is_store(path) {
        return Err(StoreError::Missing(path.to_owned()));
    }
    read_only(path, path)
}

/// The store whose files are in `folder`, and which users know by `path`.
fn read_only(folder: &Path, path: &Path) -> Result<Store, StoreError> {
    Store::open_read_only(folder).map_err(StoreError::open(path))
}

/// Whether there is a store at `path`: RocksDB marks a complete one with this file.
#[must_use]
pub fn is_store(path: &Path) -> bool {
    path.join("CURRENT").is_file()
}

/// Opens or creates the store at `path` for writing.
///
/// # Errors
/// [`StoreError::Open`] if it is damaged or another process writes to it.
pub fn open_for_writing(path: &Path) -> Result<Writing, StoreError> {
    let lock = view::write(path)?;
    let store = Store::open(path).map_err(StoreError::open(path))?;
    Ok(Writing { store, _lock: lock })
}

/// Number of triples and quads in the store.
///
/// # Errors
/// [`StoreError::Storage`] if the store cannot be read.
pub fn n_triples(store: &Store) -> Result<usize, StoreError> {
    Ok(store.len()?)
}

/// Loads one RDF file, gzipped or not; its format comes from its name. A file with an error leaves the store as
/// it was, unless errors are skipped.
///
/// # Errors
/// [`StoreError`] names the file and, for a syntax error, the line.
pub fn load_file(store: &Store, path: &Path, target: LoadTarget<'_>) -> Result<Loaded, StoreError> {
    if path.is_dir() {
        return Err(StoreError::Folder(path.to_owned()));
    }
    let (format, gzipped) = format_of(path)?;
    let read_error = |source| StoreError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read_error)?;
    let base = match target.base {
        Some(base) => Some(base.to_owned()),
        None => path
            .canonicalize()
            .ok()
            .and_then(|absolute| url::Url::from_file_path(absolute).ok())
            .map(String::from),
    };
    let mut parser = RdfParser::from_format(format);
    if let Some(base) = base {
        parser = parser
            .with_base_iri(base.as_str())
            .map_err(|_| StoreError::NotAnIri(base))?;
    }
    if let Some(graph) = target.graph {
        let graph = NamedNode::new(graph).map_err(|_| StoreError::NotAnIri(graph.to_owned()))?;
        parser = parser.with_default_graph(GraphName::from(graph));
    }
    let mut reader: Box<dyn Read> = if gzipped {
        Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
    } else {
        Box::new(BufReader::new(file))
    };
    let mut reader = without_bom(&mut reader).map_err(read_error)?;
    // In TriG a statement belongs to the graph whose block it stands in, which an error may end too early.
    let can_skip = matches!(
        format,
        RdfFormat::Turtle | RdfFormat::NTriples | RdfFormat::NQuads
    );
    let counted = Arc::new(Mutex::new(Loaded {
        has_lines: matches!(format, RdfFormat::NTriples | RdfFormat::NQuads),
        ..Loaded::default()
    }));
    let counter = counted.clone();
    let mut loader: BulkLoader<'_> = store.bulk_loader();
    let loading = if target.skips_errors && can_skip {
        let text = BufReader::with_capacity(1 << 16, &mut reader);
        loader
            .load_ok_quads::<RdfParseError, LoadError>(Skipping::new(text, parser, format, counter))
    } else {
        let parser = match target.keeps_blank_nodes {
            true => parser,
            false => parser.rename_blank_nodes(),
        };
        let quads = parser
            .for_reader(&mut reader)
            .with_document_loader(|url| Ok(contexts::carried(url)?))
            .inspect(move |_| {
                let mut counted = counter.lock().unwrap_or_else(PoisonError::into_inner);
                counted.n_triples += 1;
            });
        loader.load_ok_quads::<RdfParseError, LoadError>(quads)
    };
    loading.map_err(|error| match error {
        LoadError::Parse(RdfParseError::Io(source)) => read_error(source),
        LoadError::Parse(error) => StoreError::Parse {
            path: path.to_owned(),
            format: format.name(),
            reason: if target.skips_errors && !can_skip {
                format!(
                    "{error}; --skip-errors is for Turtle, N-Triples and N-Quads, convert it first"
                )
            } else {
                error.to_string()
            },
        },
        LoadError::Storage(error) => error.into(),
    })?;
    loader.commit()?;
    let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut counted))
}

/// Takes the triples of a text in N-Triples out of the default graph, all or none.
///
/// # Errors
/// [`StoreError::Storage`] if the store cannot be written. Lines that cannot be read are passed over.
pub fn remove_triples(store: &Store, text: &str) -> Result<(), StoreError> {
    let mut transaction = store.start_transaction()?;
    let quads = RdfParser::from_format(RdfFormat::NTriples).for_slice(text);
    for quad in quads.filter_map(Result::ok) {
        transaction.remove(quad.as_ref());
    }
    transaction.commit()?;
    Ok(())
}

/// The terms that a vocabulary in Turtle describes, with their English comments.
///
/// What cannot be read is left out: a test holds the vocabulary that is carried.
pub(crate) fn comments(turtle: &str) -> Vec<(String, String)> {
    const COMMENT: &str = "http://www.w3.org/2000/01/rdf-schema#comment";
    RdfParser::from_format(RdfFormat::Turtle)
        .for_slice(turtle)
        .filter_map(|quad| {
            let quad = quad
                .ok()
                .filter(|quad| quad.predicate.as_str() == COMMENT)?;
            match (quad.subject, quad.object) {
                (NamedOrBlankNode::NamedNode(term), Term::Literal(comment)) => {
                    let is_english = comment.language().is_none_or(|tag| tag == "en");
                    is_english.then(|| (term.into_string(), comment.value().to_owned()))
                }
                _ => None,
            }
        })
        .collect()
}

/// The rest of `reader` after a UTF-8 byte order mark, which editors write and the parsers refuse.
fn without_bom(mut reader: impl Read) -> std::io::Result<impl Read> {
    const BOM: &[u8] = b"\xEF\xBB\xBF";
    let mut start = Vec::with_capacity(BOM.len());
    reader.by_ref().take(3).read_to_end(&mut start)?;
    if start == BOM {
        start.clear();
    }
    Ok(std::io::Cursor::new(start).chain(reader))
}

/// What can go wrong between the parser and the store.
enum LoadError {
    Parse(RdfParseError),
    Storage(oxigraph::store::StorageError),
}

impl From<RdfParseError> for LoadError {
    fn from(error: RdfParseError) -> Self {
        Self::Parse(error)
    }
}

impl From<oxigraph::store::StorageError> for LoadError {
    fn from(error: oxigraph::store::StorageError) -> Self {
        Self::Storage(error)
    }
}

/// The RDF format that a file name promises, and whether it is gzipped.
fn format_of(path: &Path) -> Result<(RdfFormat, bool), StoreError> {
    let unknown = || StoreError::UnknownFormat(path.to_owned());
    let name = path
        .file_name()
        .and_then(|n| n.to_str())
        .ok_or_else(unknown)?;
    let name = name.to_ascii_lowercase();
    let (name, gzipped) = match name.strip_suffix(".gz") {
        Some(name) => (name, true),
        None => (name.as_str(), false),
    };
    let ending = name.rsplit_once('.').ok_or_else(unknown)?.1;
    let extension = match ending {
        "ttl" | "nt" | "nq" | "trig" | "jsonld" => ending,
        "json" => "jsonld",
        "rdf" | "owl" | "xml" => "rdf",
        _ => return Err(unknown()),
    };
    let format = RdfFormat::from_extension(extension).ok_or_else(unknown)?;
    Ok((format, gzipped))
}
