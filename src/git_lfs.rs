//! Git LFS pointers: the small texts that stand in for large files until they are fetched.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What every pointer begins with.
///
/// # Source
/// Git LFS specification, "The Pointer".
const START: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Whether the file at `path` is a pointer. What cannot be read is none: reading it will say why.
pub(crate) fn is_pointer(path: &Path) -> bool {
    let mut start = [0u8; START.len()];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok_and(|()| start == *START)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.onnx");
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 351\n";
        for (content, expected) in [
            (pointer, true),
            ("version https://git-lfs", false),
            ("", false),
            ("{}", false),
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(is_pointer(&path), expected, "{content}");
        }
        assert!(!is_pointer(&dir.path().join("nowhere")));
    }
}
