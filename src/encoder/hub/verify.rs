//! Whether a file is what the hub announced.

use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;

/// Compares a file with what the hub announced: its size, and its checksum, which the hub sends as
/// the ETag: SHA-256 of large files, Git's blob SHA-1 of small ones.
pub(super) fn verify(file: &Path, size_bytes: usize, etag: &str) -> Result<(), String> {
    let found_bytes = std::fs::metadata(file).map_err(|e| e.to_string())?.len();
    if usize::try_from(found_bytes) != Ok(size_bytes) {
        return Err(format!("{size_bytes} bytes expected, {found_bytes} found"));
    }
    let etag = strong(etag);
    let is_hex = etag.bytes().all(|b| b.is_ascii_hexdigit());
    let found = match etag.len() {
        64 if is_hex => digest(Sha256::new(), file)?,
        40 if is_hex => {
            let head = format!("blob {found_bytes}\0");
            digest(Sha1::new_with_prefix(head), file)?
        }
        // Mirrors may send another kind of ETag, from which nothing follows.
        _ => return Ok(()),
    };
    if found.eq_ignore_ascii_case(etag) {
        Ok(())
    } else {
        Err(format!("checksum {etag} expected, {found} found"))
    }
}

fn digest<D: Digest>(mut digest: D, file: &Path) -> Result<String, String> {
    let mut file = std::fs::File::open(file).map_err(|e| e.to_string())?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(|e| e.to_string())?;
        if read == 0 {
            return Ok(crate::image_id::hex(&digest.finalize()));
        }
        digest.update(&buffer[..read]);
    }
}

/// An ETag without the mark that a compressing proxy puts before it.
pub(super) fn strong(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_both_kinds_are_compared() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "hello\n").unwrap();
        // `git hash-object`, `sha256sum`.
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        assert_eq!(verify(&file, 6, git), Ok(()));
        assert_eq!(verify(&file, 6, sha256), Ok(()));
        assert_eq!(verify(&file, 6, "W-weak-tag"), Ok(()));
        assert!(verify(&file, 7, git).is_err());
        assert!(verify(&file, 6, &git.replace('c', "d")).is_err());
        assert!(verify(&file, 6, &sha256.replace('5', "6")).is_err());
    }
}
