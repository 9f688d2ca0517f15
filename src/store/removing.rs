//! Taking triples out of the store that a file put there.

use super::StoreError;
use oxigraph::io::{RdfFormat, RdfParseError, RdfParser};
use oxigraph::model::Quad;
use oxigraph::store::Store;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Triples that are taken out in one transaction, which lies in memory.
const MAX_AT_ONCE: usize = 10_000;

/// Takes the triples of the N-Triples file at `path` out of the default graph of the store, except those whose line
/// (without a line end) `stays`; gives their number.
///
/// # Errors
/// [`StoreError`] if the file cannot be read or the store not be written.
pub fn remove_file(
    store: &Store,
    path: &Path,
    stays: impl Fn(&str) -> bool,
) -> Result<usize, StoreError> {
    let unreadable = |source| StoreError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let quads = RdfParser::from_format(RdfFormat::NTriples).for_reader(BufReader::new(file));
    let mut n_removed = 0;
    let mut waiting = Vec::new();
    for quad in quads {
        let quad = match quad {
            Ok(quad) => quad,
            Err(RdfParseError::Io(source)) => return Err(unreadable(source)),
            // What cannot be read was never loaded.
            Err(RdfParseError::Syntax(_)) => continue,
        };
        if !stays(&format!("{quad} .")) {
            n_removed += 1;
            waiting.push(quad);
        }
        if waiting.len() == MAX_AT_ONCE {
            remove(store, &mut waiting)?;
        }
    }
    remove(store, &mut waiting)?;
    Ok(n_removed)
}

fn remove(store: &Store, quads: &mut Vec<Quad>) -> Result<(), StoreError> {
    let mut transaction = store.start_transaction()?;
    for quad in quads.drain(..) {
        transaction.remove(&quad);
    }
    Ok(transaction.commit()?)
}
