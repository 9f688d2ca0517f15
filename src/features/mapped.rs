//! A file that is read through memory.
//!
//! The file stays the one that was opened: a build writes a new file and gives it the name, which leaves this one as it
//! is until nobody has it open. Whoever writes into this very file, or cuts it off, is noticed: what is read then is
//! given to nobody, and a page that is gone does not end the process (see [`super::cut`]).

use super::ChangedFile;
use crate::iiif::stamp::Stamp;
use memmap2::Mmap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// A file in memory, whole.
pub(super) struct Mapped {
    // Dropped in this order: a place is watched for as long as there may be faults in it.
    #[cfg(unix)]
    watch: super::cut::Watch,
    map: Mmap,
    file: File,
    path: PathBuf,
    stamp: Stamp,
    /// Whether a change was seen. It is not taken back: nobody knows what else was written in the meantime.
    is_changed: AtomicBool,
}

impl Mapped {
    /// Maps `file`, which was opened at `path`; `None` if the system does not let us, or a fault could not be handled:
    /// the file has to be read then.
    pub(super) fn new(file: File, path: &Path) -> Option<Self> {
        let stamp = Stamp::of(&file.metadata().ok()?);
        if stamp.size_bytes == 0 {
            return None;
        }
        #[expect(unsafe_code, reason = "a mapped file may be written to by others")]
        // SAFETY: the bytes are read as numbers only, of which any bits are one; they are never written, nor handed on
        // as text or as anything that must not change. What was computed from them is thrown away if the file was
        // written to in the meantime (`check`), and a page that the file no longer has reads as zeros (`cut`).
        let map = unsafe { Mmap::map(&file) }.ok()?;
        Some(Self {
            #[cfg(unix)]
            watch: super::cut::Watch::over(&map)?,
            map,
            file,
            path: path.to_owned(),
            stamp,
            is_changed: AtomicBool::new(false),
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Whether all that was read so far is what was there when the file was opened.
    pub(super) fn check(&self) -> Result<(), ChangedFile> {
        if !self.is_changed.load(Ordering::Relaxed) {
            let found = self.file.metadata();
            let is_same = found.is_ok_and(|found| Stamp::of(&found) == self.stamp);
            if is_same && !self.is_cut() {
                return Ok(());
            }
            self.is_changed.store(true, Ordering::Relaxed);
        }
        Err(ChangedFile(self.path.clone()))
    }

    /// Whether a page was read that the file no longer has.
    #[cfg(unix)]
    fn is_cut(&self) -> bool {
        self.watch.is_cut()
    }

    /// Elsewhere the system does not let anybody cut a mapped file.
    #[cfg(not(unix))]
    fn is_cut(&self) -> bool {
        false
    }
}
