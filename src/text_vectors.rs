//! Vectors of texts that outlive the process: a file that several processes may have open.
//!
//! The file has places for a fixed number of texts, which are filled one after the other and then again from the first
//! on. A place says whose vector it holds, by the digest of the text, and has a checksum over both: a place that is
//! damaged, half written or taken by another text meanwhile is not found, and costs the model one run. Texts
//! themselves are not in it.
//!
//! ```text
//! 0   8 bytes         "CLIPTXT1"
//! 8   20              fingerprint of the model's texts
//! 28  u32             width d of the vectors
//! 32  u32             places n
//! 36  u64             texts written so far; the next goes to place (this mod n)
//! 64  n x 32          digest of the text (BLAKE2b-160), checksum of digest and vector (BLAKE2b-96)
//!     n x d x 4       vectors, f32
//! ```
//! All numbers are little-endian.

use crate::embedding::Embedding;
use crate::encoder::{Encoder, EncoderError, probe};
use crate::image_id::hex;
use blake2::digest::consts::{U12, U20};
use blake2::{Blake2b, Digest};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// BLAKE2b-160 of a text.
pub type TextDigest = [u8; 20];

const MAGIC: &[u8; 8] = b"CLIPTXT1";
const HEADER_BYTES: usize = 64;
/// Where the number of texts stands; what is before it does not change.
const COUNT_AT: usize = 36;
const KEY_BYTES: usize = 32;
/// Bound of the vectors of a file: 32,768 texts of width 512.
const MOST_BYTES: usize = 64 << 20;
const MOST_PLACES: usize = 32_768;
/// Files of a folder, each of another model.
const MOST_FILES: usize = 4;
const ENDING: &str = "vectors";

/// Vectors of the texts of one model, on disk.
pub struct TextVectors {
    path: PathBuf,
    layout: Layout,
    state: Mutex<State>,
}

/// What the header of a file says that does not change.
#[derive(Debug, Clone, PartialEq)]
struct Layout {
    fingerprint: [u8; 20],
    width: usize,
    n_places: usize,
}

struct State {
    file: File,
    /// Where texts were when they were last seen.
    places: HashMap<TextDigest, usize>,
    /// The file cannot be written: said once.
    has_failed: bool,
}

/// What tells the texts of models apart: a hash of the vector of a text. It changes with the model, its number format
/// and the libraries below.
///
/// # Errors
/// [`EncoderError`] if the model cannot be run.
pub fn fingerprint(encoder: &dyn Encoder) -> Result<[u8; 20], EncoderError> {
    let mut hash = Blake2b::<U20>::new();
    for embedding in encoder.encode_texts(&[probe::TEXT])? {
        for x in embedding.as_slice() {
            hash.update(x.to_le_bytes());
        }
    }
    Ok(hash.finalize().into())
}

impl TextVectors {
    /// Opens the file of a model in `folder`, which is made if need be. What is no such file is begun anew.
    ///
    /// # Errors
    /// What the system says, for instance that the folder cannot be written.
    pub fn open(folder: &Path, fingerprint: [u8; 20], width: usize) -> io::Result<Self> {
        Self::open_as(folder, Layout::new(fingerprint, width))
    }

    fn open_as(folder: &Path, layout: Layout) -> io::Result<Self> {
        make_private(folder)?;
        let path = folder.join(format!("{}.{ENDING}", hex(&layout.fingerprint)));
        let mut file = open_private(&path)?;
        if !layout.is_of(&mut file)? {
            let is_new = file.metadata()?.len() == 0;
            file.lock()?;
            // Another process may have begun it meanwhile.
            let begun = match layout.is_of(&mut file) {
                Ok(true) => Ok(()),
                Ok(false) => {
                    if !is_new {
                        tracing::warn!(
                            "{} is damaged; the texts in it are encoded again when they are asked for",
                            path.display()
                        );
                    }
                    layout.begin(&mut file)
                }
                Err(error) => Err(error),
            };
            file.unlock()?;
            begun?;
        }
        let places = layout.places(&mut file)?;
        remove_old(folder, &path);
        Ok(Self {
            path,
            layout,
            state: Mutex::new(State {
                file,
                places,
                has_failed: false,
            }),
        })
    }

    /// The vector of the text with this digest, if it is there and whole.
    #[must_use]
    pub fn get(&self, text: &TextDigest) -> Option<Embedding> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let place = *state.places.get(text)?;
        let found = self.layout.read(&mut state.file, place, text);
        if found.is_none() {
            state.places.remove(text);
        }
        found
    }

    /// Keeps the vectors of texts. What cannot be written is not kept; while another process writes, nothing is.
    pub fn keep<'a>(&self, texts: impl IntoIterator<Item = (TextDigest, &'a Embedding)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.has_failed || state.file.try_lock().is_err() {
            return;
        }
        let written = self.write_all(&mut state, texts);
        let unlocked = state.file.unlock();
        if let Err(error) = written.and(unlocked) {
            state.has_failed = true;
            tracing::warn!(
                "{} cannot be written ({error}); new texts are not kept in it until the next start",
                self.path.display()
            );
        }
    }

    fn write_all<'a>(
        &self,
        state: &mut State,
        texts: impl IntoIterator<Item = (TextDigest, &'a Embedding)>,
    ) -> io::Result<()> {
        // Another process may have found it damaged and begun it anew; or it is damaged now.
        if !self.layout.is_of(&mut state.file)? {
            state.places.clear();
            self.layout.begin(&mut state.file)?;
        }
        let mut count = self.layout.count(&mut state.file)?;
        for (text, embedding) in texts {
            if embedding.width() != self.layout.width {
                continue;
            }
            let place = self.layout.place(count);
            let old = self.layout.key(&mut state.file, place)?.0;
            if state.places.get(&old) == Some(&place) {
                state.places.remove(&old);
            }
            self.layout
                .write(&mut state.file, place, &text, embedding)?;
            state.places.insert(text, place);
            count = count.wrapping_add(1);
        }
        write_at(&mut state.file, COUNT_AT as u64, &count.to_le_bytes())
    }
}

impl Layout {
    fn new(fingerprint: [u8; 20], width: usize) -> Self {
        let n_places = (MOST_BYTES / 4 / width.max(1)).clamp(1, MOST_PLACES);
        Self {
            fingerprint,
            width,
            n_places,
        }
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(MAGIC);
        header[8..28].copy_from_slice(&self.fingerprint);
        header[28..32].copy_from_slice(&number(self.width));
        header[32..36].copy_from_slice(&number(self.n_places));
        header
    }

    fn vector_bytes(&self) -> usize {
        self.width * 4
    }

    fn key_at(&self, place: usize) -> u64 {
        (HEADER_BYTES + place * KEY_BYTES) as u64
    }

    fn vector_at(&self, place: usize) -> u64 {
        self.key_at(self.n_places) + (place * self.vector_bytes()) as u64
    }

    fn place(&self, count: u64) -> usize {
        let n_places = self.n_places as u64;
        usize::try_from(count % n_places).expect("a place is below their number")
    }

    /// Whether `file` has this layout.
    fn is_of(&self, file: &mut File) -> io::Result<bool> {
        if file.metadata()?.len() != self.vector_at(self.n_places) {
            return Ok(false);
        }
        let mut header = [0; COUNT_AT];
        read_at(file, 0, &mut header)?;
        Ok(header == self.header()[..COUNT_AT])
    }

    /// Makes `file` one without texts.
    fn begin(&self, file: &mut File) -> io::Result<()> {
        // Holes take no room on disk until they are filled.
        file.set_len(0)?;
        file.set_len(self.vector_at(self.n_places))?;
        write_at(file, 0, &self.header())
    }

    fn count(&self, file: &mut File) -> io::Result<u64> {
        let mut count = [0; 8];
        read_at(file, COUNT_AT as u64, &mut count)?;
        Ok(u64::from_le_bytes(count))
    }

    /// All texts and their places.
    fn places(&self, file: &mut File) -> io::Result<HashMap<TextDigest, usize>> {
        let mut keys = vec![0; self.n_places * KEY_BYTES];
        read_at(file, self.key_at(0), &mut keys)?;
        let keys = keys.as_chunks::<KEY_BYTES>().0.iter().enumerate();
        Ok(keys
            .filter(|(_, key)| **key != [0; KEY_BYTES])
            .map(|(place, key)| (split(key).0, place))
            .collect())
    }

    fn key(&self, file: &mut File, place: usize) -> io::Result<(TextDigest, [u8; 12])> {
        let mut key = [0; KEY_BYTES];
        read_at(file, self.key_at(place), &mut key)?;
        Ok(split(&key))
    }

    fn read(&self, file: &mut File, place: usize, text: &TextDigest) -> Option<Embedding> {
        let (digest, sum) = self.key(file, place).ok()?;
        let mut bytes = vec![0; self.vector_bytes()];
        read_at(file, self.vector_at(place), &mut bytes).ok()?;
        if digest != *text || sum != checksum(text, &bytes) {
            return None;
        }
        let numbers = bytes.as_chunks::<4>().0.iter();
        Embedding::new(numbers.map(|x| f32::from_le_bytes(*x)).collect()).ok()
    }

    fn write(
        &self,
        file: &mut File,
        place: usize,
        text: &TextDigest,
        embedding: &Embedding,
    ) -> io::Result<()> {
        let numbers = embedding.as_slice().iter();
        let bytes: Vec<u8> = numbers.flat_map(|x| x.to_le_bytes()).collect();
        let mut key = [0; KEY_BYTES];
        key[..20].copy_from_slice(text);
        key[20..].copy_from_slice(&checksum(text, &bytes));
        write_at(file, self.vector_at(place), &bytes)?;
        write_at(file, self.key_at(place), &key)
    }
}

fn split(key: &[u8; KEY_BYTES]) -> (TextDigest, [u8; 12]) {
    let (mut digest, mut sum) = ([0; 20], [0; 12]);
    digest.copy_from_slice(&key[..20]);
    sum.copy_from_slice(&key[20..]);
    (digest, sum)
}

fn checksum(text: &TextDigest, vector: &[u8]) -> [u8; 12] {
    let hash = Blake2b::<U12>::new().chain_update(text);
    hash.chain_update(vector).finalize().into()
}

fn read_at(file: &mut File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

fn write_at(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// Makes a folder that its owner alone can look into, unless it is there.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removes the files of models that were not asked for longest, beside `kept`. One that another process has open is
/// lost to those that come after it.
fn remove_old(folder: &Path, kept: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut others: Vec<(SystemTime, PathBuf)> = entries
        .map(|entry| entry.path())
        .filter(|path| path != kept && path.extension().is_some_and(|ending| ending == ENDING))
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .collect();
    others.sort();
    let n_old = (others.len() + 1).saturating_sub(MOST_FILES);
    for (_, path) in others.into_iter().take(n_old) {
        // Then it takes room, and nothing else.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_id::digest;
    use proptest::prelude::*;
    use std::sync::Arc;

    const WIDTH: usize = 8;
    const PLACES: usize = 250;

    fn embedding(n: usize) -> Embedding {
        let x = |at: usize| f32::from(u16::try_from((n * 31 + at * 7) % 101 + 1).unwrap());
        Embedding::new((0..WIDTH).map(x).collect()).unwrap()
    }

    fn text(n: usize) -> TextDigest {
        digest(&format!("text {n}"))
    }

    fn open(folder: &Path) -> TextVectors {
        let layout = Layout {
            n_places: PLACES,
            ..Layout::new([7; 20], WIDTH)
        };
        TextVectors::open_as(folder, layout).unwrap()
    }

    fn keep(vectors: &TextVectors, n: usize) {
        vectors.keep([(text(n), &embedding(n))]);
    }

    /// The only file in `folder`.
    fn file(folder: &Path) -> PathBuf {
        fs::read_dir(folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart_and_of_this_model_alone() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path());
        assert_eq!(first.get(&text(1)), None);
        keep(&first, 1);
        assert_eq!(first.get(&text(1)), Some(embedding(1)));
        drop(first);
        assert_eq!(open(dir.path()).get(&text(1)), Some(embedding(1)));
        let other = TextVectors::open(dir.path(), [8; 20], WIDTH).unwrap();
        assert_eq!(other.get(&text(1)), None);
    }

    #[test]
    fn the_oldest_give_way_and_the_file_does_not_grow() {
        let dir = tempfile::tempdir().unwrap();
        let vectors = open(dir.path());
        let size = || fs::metadata(file(dir.path())).unwrap().len();
        let before = size();
        let all: Vec<_> = (0..PLACES + 10).map(|n| (text(n), embedding(n))).collect();
        vectors.keep(all.iter().map(|(text, embedding)| (*text, embedding)));
        for vectors in [&vectors, &open(dir.path())] {
            for n in [0, 9] {
                assert_eq!(vectors.get(&text(n)), None);
            }
            for n in [10, PLACES - 1, PLACES, PLACES + 9] {
                assert_eq!(vectors.get(&text(n)), Some(embedding(n)), "{n}");
            }
        }
        assert_eq!(vectors.state.lock().unwrap().places.len(), PLACES);
        assert_eq!(size(), before);
    }

    #[test]
    fn files_are_bounded_for_vectors_of_any_width() {
        for width in [1, 512, 4096, 10_000_000] {
            let layout = Layout::new([7; 20], width);
            let bytes = usize::try_from(layout.vector_at(layout.n_places)).unwrap();
            assert!(
                bytes <= MOST_BYTES + MOST_PLACES * KEY_BYTES + HEADER_BYTES,
                "{width}"
            );
        }
    }

    #[test]
    fn several_that_write_at_once_leave_a_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let all: Vec<Arc<TextVectors>> = (0..4).map(|_| Arc::new(open(dir.path()))).collect();
        std::thread::scope(|scope| {
            for (number, vectors) in all.iter().enumerate() {
                scope.spawn(move || (0..50).for_each(|n| keep(vectors, number * 1000 + n)));
            }
        });
        let again = open(dir.path());
        let mut n_kept = 0;
        for n in (0..4).flat_map(|number| (0..50).map(move |n| number * 1000 + n)) {
            if let Some(found) = again.get(&text(n)) {
                assert_eq!(found, embedding(n));
                n_kept += 1;
            }
        }
        // Whoever finds another writing keeps nothing.
        assert!(n_kept > 0);
        assert_eq!(again.state.lock().unwrap().places.len(), n_kept);
    }

    #[test]
    fn a_folder_has_few_files() {
        let dir = tempfile::tempdir().unwrap();
        for model in 0..9 {
            TextVectors::open(dir.path(), [model; 20], WIDTH).unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), MOST_FILES);
        assert!(
            dir.path()
                .join(format!("{}.{ENDING}", hex(&[8; 20])))
                .exists()
        );
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_look_into_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("vectors");
        keep(&open(&folder), 1);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!((mode(&folder), mode(&file(&folder))), (0, 0));
    }

    /// What may happen to a file.
    #[derive(Debug, Clone)]
    enum Damage {
        Byte(f64, u8),
        Cut(f64),
        Grown(u16),
    }

    fn damages() -> impl Strategy<Value = Damage> {
        // What is written lies in the first 64 bytes, in the first keys and in the first vectors.
        let at = prop_oneof![0.0..0.004, 0.004..0.02, 0.5..0.52, 0.0..1.0];
        prop_oneof![
            4 => (at, 1u8..).prop_map(|(at, flip)| Damage::Byte(at, flip)),
            1 => (0.0..1.0).prop_map(Damage::Cut),
            1 => (1u16..).prop_map(Damage::Grown),
        ]
    }

    fn damage(path: &Path, damages: &[Damage]) {
        let mut file = File::options().read(true).write(true).open(path).unwrap();
        for damage in damages {
            let len = file.metadata().unwrap().len();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "somewhere in the file"
            )]
            let somewhere = |at: f64| (at * len as f64) as u64;
            match damage {
                Damage::Byte(at, flip) if len > 0 => {
                    let mut byte = [0];
                    read_at(&mut file, somewhere(*at), &mut byte).unwrap();
                    write_at(&mut file, somewhere(*at), &[byte[0] ^ flip]).unwrap();
                }
                Damage::Byte(..) => {}
                Damage::Cut(at) => file.set_len(somewhere(*at)).unwrap(),
                Damage::Grown(by) => file.set_len(len + u64::from(*by)).unwrap(),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
        /// Whatever happens to a file, before it is opened or while it is open: a text's vector is right or unknown, and
        /// what is kept from then on is there.
        #[test]
        fn damage_costs_what_is_damaged(
            before in prop::collection::vec(damages(), 0..4),
            meanwhile in prop::collection::vec(damages(), 0..3),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let vectors = open(dir.path());
            (0..8).for_each(|n| keep(&vectors, n));
            drop(vectors);
            let path = file(dir.path());
            damage(&path, &before);
            let vectors = open(dir.path());
            damage(&path, &meanwhile);
            let mut n_found = 0;
            for n in 0..8 {
                if let Some(found) = vectors.get(&text(n)) {
                    prop_assert_eq!(found, embedding(n));
                    n_found += 1;
                }
            }
            if before.iter().chain(&meanwhile).all(|damage| matches!(damage, Damage::Byte(..))) && before.is_empty() {
                prop_assert!(n_found + meanwhile.len() >= 8);
            }
            keep(&vectors, 100);
            prop_assert_eq!(vectors.get(&text(100)), Some(embedding(100)));
            prop_assert_eq!(open(dir.path()).get(&text(100)), Some(embedding(100)));
        }
    }
}
