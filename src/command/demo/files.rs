//! What a demo is made of: a model, pictures, their metadata, queries.

use crate::http::pages::operator::Example;
use crate::unreadable::unreadable;
use anyhow::{Context, ensure};
use blake2::digest::consts::U20;
use blake2::{Blake2b, Digest};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The model's folder.
pub(super) const MODEL: &str = "model";
/// The pictures' folder.
pub(super) const PICTURES: &str = "pictures";
/// What is known about the pictures. Relative IRIs in it are relative to the IIIF service.
pub(super) const METADATA: &str = "metadata.ttl";
/// The folder of queries to try, in the order of their names.
pub(super) const QUERIES: &str = "queries";

/// `examples/demo`, as it was when the program was compiled. A checkout or package without the folder
/// gives a program without a demo, not an error of the compiler.
#[derive(rust_embed::Embed)]
#[folder = "examples/demo"]
#[allow_missing = true]
struct Carried;

/// The files of a demo, by their paths with `/`.
pub(super) struct DemoFiles(BTreeMap<String, Cow<'static, [u8]>>);

impl DemoFiles {
    /// The files that this program carries.
    pub(super) fn carried() -> anyhow::Result<Self> {
        let files = Carried::iter()
            .filter(|path| is_part(path))
            .filter_map(|path| Some((path.to_string(), Carried::get(&path)?.data)));
        let files = Self(files.collect());
        ensure!(
            files.is_complete(),
            "this program was built from a checkout without examples/demo/model, pictures and metadata.ttl, so it carries no demo; build it from a complete one, or name a folder with --files"
        );
        Ok(files)
    }

    /// The files in `folder`.
    pub(super) fn of_folder(folder: &Path) -> anyhow::Result<Self> {
        let mut files = Self(BTreeMap::new());
        files.collect(folder, "")?;
        ensure!(
            files.is_complete(),
            "{} is no demo; it needs {MODEL}/config.json, {PICTURES}/ and {METADATA}",
            folder.display()
        );
        Ok(files)
    }

    fn collect(&mut self, root: &Path, below: &str) -> anyhow::Result<()> {
        let folder = root.join(below);
        let failed = |error| unreadable(folder.display(), &error, "--files");
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_str().with_context(|| {
                format!("{} has a name that is not UTF-8; rename it", path.display())
            })?;
            let below = match below {
                "" => name.to_owned(),
                below => format!("{below}/{name}"),
            };
            if path.is_dir() {
                if is_part(&format!("{below}/")) {
                    self.collect(root, &below)?;
                }
            } else if is_part(&below) {
                let bytes = fs::read(&path)
                    .map_err(|error| unreadable(path.display(), &error, "--files"))?;
                self.0.insert(below, bytes.into());
            }
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        let has = |start: &str| self.0.keys().any(|path| path.starts_with(start));
        has("model/config.json") && has("pictures/") && has(METADATA)
    }

    /// Paths and contents, in the order of the paths.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, bytes)| (&**path, &**bytes))
    }

    /// Whether the demo has a file of this path.
    pub(super) fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// The queries to try: path and text.
    pub(super) fn queries(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.iter()
            .filter(|(path, _)| path.starts_with(QUERIES) && path.ends_with(".rq"))
            .map(|(path, bytes)| (path, String::from_utf8_lossy(bytes)))
    }

    /// The queries to try, for the workbench's menu.
    pub(super) fn examples(&self) -> Vec<Example> {
        let queries = self.queries();
        queries
            .map(|(path, query)| Example::of_query(path, &query))
            .collect()
    }

    /// A hash of all names and contents.
    pub(super) fn digest(&self) -> String {
        let mut hash = Blake2b::<U20>::new();
        for (path, bytes) in self.iter() {
            for part in [path.as_bytes(), bytes] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// Whether a demo has a file of this path: what else lies in the folder is not for its users.
fn is_part(path: &str) -> bool {
    let (folder, is_below) = match path.split_once('/') {
        Some((folder, _)) => (folder, true),
        None => (path, false),
    };
    let is_named = match folder {
        MODEL | PICTURES | QUERIES => is_below,
        METADATA => !is_below,
        _ => false,
    };
    is_named && !path.split('/').any(|name| name.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_parts_of_a_demo_are_taken() {
        for (path, expected) in [
            ("metadata.ttl", true),
            ("model/config.json", true),
            ("model/onnx/text_model_fp16.onnx", true),
            ("pictures/ship-001.jpg", true),
            ("queries/1-ships.rq", true),
            ("model", false),
            ("README.md", false),
            ("metadata.ttl/x", false),
            ("pictures/.DS_Store", false),
            ("data/images.csv", false),
        ] {
            assert_eq!(is_part(path), expected, "{path}");
        }
    }

    #[test]
    fn the_digest_tells_names_and_contents_apart() {
        let files = |entries: &[(&str, &'static str)]| {
            let entry = |(path, text): &(&str, &'static str)| {
                ((*path).to_owned(), Cow::from(text.as_bytes()))
            };
            DemoFiles(entries.iter().map(entry).collect()).digest()
        };
        assert_eq!(files(&[("a", "bc")]), files(&[("a", "bc")]));
        assert_ne!(files(&[("a", "bc")]), files(&[("ab", "c")]));
        assert_ne!(files(&[("a", "b")]), files(&[("a", "c")]));
    }
}
