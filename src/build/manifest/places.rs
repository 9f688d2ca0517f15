//! What `--manifest` names: URLs, files, folders of files, and lists of all these.

use crate::unreadable::unreadable;
use anyhow::bail;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::build) enum Place {
    Url(String),
    File(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Folders within folders that are looked into: links may lead in a circle.
const MAX_DEPTH: usize = 16;
/// Longest list of places.
const MAX_LIST_BYTES: u64 = 256 << 20;

/// All places that `roots` name, in their order; files of a folder in the order of their names.
///
/// # Errors
/// If a root is neither a URL nor there.
pub(super) fn all(roots: &[String]) -> anyhow::Result<Vec<Place>> {
    let mut places = Vec::new();
    for root in roots {
        add(&mut places, root.trim(), Path::new(""), true)?;
    }
    Ok(places)
}

fn add(places: &mut Vec<Place>, name: &str, from: &Path, may_be_list: bool) -> anyhow::Result<()> {
    if is_url(name) {
        places.push(Place::Url(name.to_owned()));
        return Ok(());
    }
    let path = from.join(name);
    let failed = |error| unreadable(path.display(), &error, "--manifest");
    if path.is_dir() {
        let before = places.len();
        add_folder(places, &path, 0).map_err(failed)?;
        if places.len() == before {
            bail!(
                "the folder {} (--manifest) has no file that ends with .json",
                path.display()
            );
        }
        return Ok(());
    }
    if !may_be_list {
        // Like a URL that does not answer, it costs itself alone.
        places.push(Place::File(path));
        return Ok(());
    }
    let mut file = File::open(&path).map_err(failed)?;
    if !is_list(&mut file).map_err(failed)? {
        places.push(Place::File(path));
        return Ok(());
    }
    let mut text = Vec::new();
    let mut file = File::open(&path).map_err(failed)?.take(MAX_LIST_BYTES);
    file.read_to_end(&mut text).map_err(failed)?;
    let text = String::from_utf8_lossy(&text);
    let folder = path.parent().unwrap_or(Path::new(""));
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        add(places, line, folder, false)?;
    }
    Ok(())
}

/// Whether `name` is no path.
pub(in crate::build) fn is_url(name: &str) -> bool {
    let begins = |scheme: &str| {
        let start = name.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    begins("http://") || begins("https://")
}

/// Whether a file holds places, one a line, and no document: that begins with a bracket.
fn is_list(file: &mut File) -> std::io::Result<bool> {
    let mut head = Vec::new();
    file.take(4096).read_to_end(&mut head)?;
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
    let first = head.trim_ascii().first();
    Ok(!matches!(first, None | Some(b'{' | b'[' | b'<')))
}

fn add_folder(places: &mut Vec<Place>, folder: &Path, depth: usize) -> std::io::Result<()> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    for path in paths {
        let ending = path.extension();
        if path.is_dir() {
            if depth < MAX_DEPTH {
                add_folder(places, &path, depth + 1)?;
            }
        } else if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
            places.push(Place::File(path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_folders_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let text = |name: &str| path(name).display().to_string();
        fs::create_dir_all(path("folder/more")).unwrap();
        for name in ["folder/b.json", "folder/more/a.JSON", "folder/c.txt"] {
            fs::write(path(name), "{}").unwrap();
        }
        fs::write(path("m.txt"), " {\"type\": \"Manifest\"}").unwrap();
        let list = "\u{feff}# comment\nhttps://example.org/m\n\n folder \r\nnot-there.json\n";
        fs::write(path("list"), list).unwrap();
        let roots = [
            "HTTP://example.org/c".to_owned(),
            text("m.txt"),
            text("list"),
        ];
        let places = all(&roots).unwrap();
        assert_eq!(
            places,
            [
                Place::Url("HTTP://example.org/c".to_owned()),
                Place::File(path("m.txt")),
                Place::Url("https://example.org/m".to_owned()),
                Place::File(path("folder/b.json")),
                Place::File(path("folder/more/a.JSON")),
                Place::File(path("not-there.json")),
            ]
        );
        fs::create_dir(path("empty")).unwrap();
        for (root, expected) in [
            ("no/such", "no/such"),
            ("empty", "no file that ends with .json"),
        ] {
            let root = path(root).display().to_string();
            let error = all(&[root]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
