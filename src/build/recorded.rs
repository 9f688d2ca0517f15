//! Where a collection comes from: `source.json`, which a build leaves behind and `clip-search update` runs again.
//!
//! A new kind of source is a variant of [`Origin`]. How servers are asked is in the file, but for what they are sent in
//! secret: of headers the names alone, and of tokens nothing. Nor is there what belongs to a machine (the model and what
//! runs it, images decoded ahead), to one run (`--refresh`, `--report`) or is a permission (`--allow-fetch`).

use super::BuildSummary;
use super::asked::Asked;
use super::files;
use super::limit::Limit;
use super::manifest::places::is_url;
use super::options::{BuildOptions, Delivery, Source};
use super::shard::Shard;
use crate::features::npy::Precision;
use crate::harvest::discovery::moment::Moment;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use url::Url;

/// The file, below the data directory.
pub const SOURCE: &str = "source.json";

/// The form of the file that this version writes and reads.
const FORMAT: u32 = 1;

/// What `source.json` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    format: u32,
    /// Where the IIIF URLs come from.
    pub source: Origin,
    /// What the build was told and what matters for its result.
    pub options: Told,
    /// The build that wrote the collection.
    pub last_run: LastRun,
}

/// Where the IIIF URLs come from. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "UPPERCASE")]
pub enum Origin {
    /// A CSV file.
    Csv {
        /// The file.
        file: PathBuf,
    },
    /// A query to a SPARQL endpoint.
    Sparql {
        /// Its URL, without user name and password.
        endpoint: String,
        /// The query text.
        query: String,
        /// Whether the URL had a user name or a password.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        had_user: bool,
    },
    /// IIIF manifests and collections.
    Manifest {
        /// URLs, files, folders, lists.
        manifests: Vec<String>,
    },
    /// A folder of images on the disk.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Where `clip-search iiif-serve` serves it.
        base_url: String,
    },
    /// A IIIF Change Discovery stream.
    Discovery {
        /// URL or file.
        stream: String,
    },
}

/// What the build was told and what matters for its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// The part of the images that is built; all, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Column or variable with the IIIF URL.
    pub iiif_column: String,
    /// Which pictures are requested: a width in pixels or `smallest`; what the collection was begun with, if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_width: Option<Delivery>,
    /// Whether downloads are kept.
    pub keep_images: bool,
    /// Whether info.json is asked for.
    pub image_info: bool,
    /// Number format of `features.npy`.
    pub precision: Precision,
    /// Failures that are no reason for exit code 3.
    pub max_failures: Limit,
    /// Whether images that vanish from the input go.
    pub prune: bool,
    /// How many may.
    pub max_prune: Limit,
    /// Whether a cut answer of an endpoint is taken.
    pub allow_partial: bool,
    /// Rows that an endpoint is asked for at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<NonZeroUsize>,
    /// Queries whose answers are kept as RDF.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metadata_queries: Vec<String>,
    /// Most documents that are read.
    pub max_manifests: NonZeroUsize,
    /// The metadata store that gets what manifests say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<PathBuf>,
    /// How servers are asked.
    pub asked: Asked,
}

/// The end of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// When.
    pub ended: Moment,
    /// What it came to.
    #[serde(flatten)]
    pub summary: BuildSummary,
}

/// Why `source.json` cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordedError {
    /// There is none.
    #[error(
        "{dir} has no {SOURCE}, so it is not known what it was built from; build it once more with `clip-search build --mode … --data-dir {dir}`, which writes it"
    )]
    Missing {
        /// The data directory.
        dir: PathBuf,
    },
    /// The system does not let us read it.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is not what a build writes.
    #[error(
        "{path} is damaged or of another version ({reason}); run the command `clip-search build --mode …` again, which writes it anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What was built from is not there.
    #[error(
        "{source_path}, from which {dir} was built, is gone; put it back, or build from another with `clip-search build --mode {mode} … --data-dir {dir}`"
    )]
    Gone {
        /// The file or folder.
        source_path: PathBuf,
        /// The data directory.
        dir: PathBuf,
        /// The mode of the build.
        mode: &'static str,
    },
    /// The endpoint wants to know who asks.
    #[error(
        "{endpoint} was asked with a user name or a password, which {SOURCE} does not keep; run `clip-search build --mode SPARQL --endpoint … --data-dir {dir}` again"
    )]
    User {
        /// The endpoint.
        endpoint: String,
        /// The data directory.
        dir: PathBuf,
    },
}

impl Recorded {
    /// What is recorded in the data directory `dir`; `None` if nothing is.
    ///
    /// # Errors
    /// [`RecordedError`] if the file is there and cannot be used.
    pub fn read(dir: &Path) -> Result<Option<Self>, RecordedError> {
        let path = dir.join(SOURCE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(source) => return Err(RecordedError::Read { path, source }),
        };
        let damaged = |reason| RecordedError::Damaged {
            path: path.clone(),
            reason,
        };
        let recorded: Self =
            serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if recorded.format == FORMAT {
            Ok(Some(recorded))
        } else {
            Err(damaged(format!("form {}", recorded.format)))
        }
    }

    /// Writes it down in the data directory `dir`.
    pub(super) fn save(&self, dir: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        files::replace(&dir.join(SOURCE), |file| {
            std::io::Write::write_all(file, text.as_bytes())
        })
    }

    /// The build that is recorded in `dir`, with defaults for all that is not.
    ///
    /// # Errors
    /// [`RecordedError`] if there is none, or what it was built from is gone.
    pub fn options(dir: &Path) -> Result<BuildOptions, RecordedError> {
        let recorded = Self::read(dir)?;
        let dir = dir.to_owned();
        let Some(Self {
            source,
            options: told,
            ..
        }) = recorded
        else {
            return Err(RecordedError::Missing { dir });
        };
        if let Some(path) = source.paths().find(|path| !path.exists()) {
            return Err(RecordedError::Gone {
                source_path: path.to_owned(),
                dir,
                mode: source.mode(),
            });
        }
        let source = match source {
            Origin::Csv { file } => Source::Csv(file),
            Origin::Sparql {
                endpoint,
                had_user: true,
                ..
            } => return Err(RecordedError::User { endpoint, dir }),
            Origin::Sparql {
                endpoint, query, ..
            } => Source::Sparql {
                endpoint: (endpoint.parse()).map_err(|error| RecordedError::Damaged {
                    path: dir.join(SOURCE),
                    reason: format!("the endpoint {endpoint}: {error}"),
                })?,
                query,
            },
            Origin::Manifest { manifests } => Source::Manifests(manifests),
            Origin::Folder { folder, base_url } => Source::Folder {
                dir: folder,
                base_url: (base_url.parse()).map_err(|error| RecordedError::Damaged {
                    path: dir.join(SOURCE),
                    reason: format!("the URL {base_url}: {error}"),
                })?,
            },
            Origin::Discovery { stream } => Source::Discovery(stream),
        };
        let mut options = BuildOptions::new(source, dir);
        options.shard = told.shard;
        options.iiif_column = told.iiif_column;
        options.delivery = told.image_width;
        options.keep_images = told.keep_images;
        options.asks_info = told.image_info;
        options.precision = told.precision;
        options.max_failures = told.max_failures;
        options.prune = told.prune;
        options.max_prune = told.max_prune;
        options.allow_partial = told.allow_partial;
        options.page_size = told.page_size;
        options.metadata_queries = told.metadata_queries;
        options.crawl.max_documents = told.max_manifests;
        options.store = told.store;
        options.asked = told.asked;
        Ok(options)
    }
}

/// Writes down what was built, when it is.
pub(super) fn write(options: &BuildOptions, summary: &BuildSummary) -> anyhow::Result<()> {
    let recorded = Recorded {
        format: FORMAT,
        source: Origin::of(&options.source),
        options: Told::of(options),
        last_run: LastRun {
            ended: Moment::now(),
            summary: summary.clone(),
        },
    };
    recorded.save(&options.data_dir)
}

impl Origin {
    pub(super) fn of(source: &Source) -> Self {
        match source {
            Source::Csv(file) => Self::Csv {
                file: absolute(file),
            },
            Source::Sparql { endpoint, query } => {
                let mut bare = endpoint.clone();
                // They fail for URLs that can have neither.
                let _ = bare.set_password(None);
                let _ = bare.set_username("");
                Self::Sparql {
                    had_user: bare != *endpoint,
                    endpoint: bare.into(),
                    query: query.clone(),
                }
            }
            Source::Manifests(roots) => Self::Manifest {
                manifests: roots.iter().map(|root| place(root)).collect(),
            },
            Source::Folder { dir, base_url } => Self::Folder {
                folder: absolute(dir),
                base_url: base_url.to_string(),
            },
            Source::Discovery(stream) => Self::Discovery {
                stream: place(stream),
            },
        }
    }

    /// The mode as `--mode` has it.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Csv { .. } => "CSV",
            Self::Sparql { .. } => "SPARQL",
            Self::Manifest { .. } => "MANIFEST",
            Self::Folder { .. } => "FOLDER",
            Self::Discovery { .. } => "DISCOVERY",
        }
    }

    /// The files and folders that are read.
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let (file, places): (Option<&Path>, &[String]) = match self {
            Self::Csv { file } | Self::Folder { folder: file, .. } => (Some(file), &[]),
            Self::Sparql { .. } => (None, &[]),
            Self::Manifest { manifests } => (None, manifests),
            Self::Discovery { stream } => (None, std::slice::from_ref(stream)),
        };
        let places = places.iter().filter(|place| !is_url(place));
        file.into_iter().chain(places.map(Path::new))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.mode())?;
        match self {
            Self::Csv { file } | Self::Folder { folder: file, .. } => {
                write!(f, "{}", file.display())
            }
            Self::Sparql { endpoint, .. } => write!(f, "{endpoint}"),
            Self::Manifest { manifests } => f.write_str(&manifests.join(", ")),
            Self::Discovery { stream } => f.write_str(stream),
        }
    }
}

impl Told {
    fn of(options: &BuildOptions) -> Self {
        Self {
            shard: options.shard,
            iiif_column: options.iiif_column.clone(),
            image_width: options.delivery,
            keep_images: options.keep_images,
            image_info: options.asks_info,
            precision: options.precision,
            max_failures: options.max_failures,
            prune: options.prune,
            max_prune: options.max_prune,
            allow_partial: options.allow_partial,
            page_size: options.page_size,
            metadata_queries: options.metadata_queries.clone(),
            max_manifests: options.crawl.max_documents,
            store: options.store.as_deref().map(absolute),
            asked: options.asked.clone(),
        }
    }
}

impl Default for Told {
    fn default() -> Self {
        Self::of(&BuildOptions::new(
            Source::Manifests(Vec::new()),
            PathBuf::new(),
        ))
    }
}

fn place(name: &str) -> String {
    let name = name.trim();
    match is_url(name) {
        true => without_user(name),
        false => absolute(Path::new(name)).display().to_string(),
    }
}

/// A URL as it was given, but for a user name and a password, which are secrets.
fn without_user(name: &str) -> String {
    match Url::parse(name) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            // They fail for URLs that can have neither.
            let _ = url.set_password(None);
            let _ = url.set_username("");
            url.into()
        }
        _ => name.to_owned(),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Outcome;
    use std::collections::BTreeMap;

    fn summary() -> BuildSummary {
        BuildSummary {
            outcome: Outcome::Finished,
            shard: None,
            rows: 3,
            skipped: 0,
            images: 3,
            encoded: 1,
            changed: 0,
            passed_over: 0,
            reused: 1,
            removed: 2,
            kept: 0,
            failed: BTreeMap::from([(super::super::failures::Stage::Download, 1)]),
        }
    }

    /// A data directory that was built from `source`.
    fn built(source: Source) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut options = BuildOptions::new(source, dir.path().to_owned());
        options.iiif_column = "picture".to_owned();
        options.prune = false;
        options.max_prune = Limit::Images(7);
        options.store = Some("store".into());
        write(&options, &summary()).unwrap();
        let read = Recorded::read(dir.path()).unwrap().unwrap();
        assert_eq!(read.last_run.summary, summary());
        assert_eq!(read.options, Told::of(&options));
        dir
    }

    #[test]
    fn each_source_comes_back_with_absolute_paths() {
        let endpoint: url::Url = "https://example.org/sparql".parse().unwrap();
        let root = std::env::current_dir().unwrap();
        let manifest = root.join("Cargo.toml").display().to_string();
        let url = "https://example.org/stream".to_owned();
        for (source, expected) in [
            (
                Source::Csv("Cargo.toml".into()),
                Source::Csv(root.join("Cargo.toml")),
            ),
            (
                Source::Sparql {
                    endpoint: endpoint.clone(),
                    query: "SELECT * {}".to_owned(),
                },
                Source::Sparql {
                    endpoint,
                    query: "SELECT * {}".to_owned(),
                },
            ),
            (
                Source::Manifests(vec![url.clone(), " Cargo.toml".to_owned()]),
                Source::Manifests(vec![url.clone(), manifest.clone()]),
            ),
            (Source::Discovery(url.clone()), Source::Discovery(url)),
            (
                Source::Discovery("Cargo.toml".to_owned()),
                Source::Discovery(manifest),
            ),
        ] {
            let options = Recorded::options(built(source).path()).unwrap();
            assert_eq!(options.source, expected);
            assert_eq!(options.iiif_column, "picture");
            assert_eq!(
                (options.prune, options.max_prune),
                (false, Limit::Images(7))
            );
            assert_eq!(options.store, Some(root.join("store")));
        }
        let dir = built(Source::Csv("no-such.csv".into()));
        let error = Recorded::options(dir.path()).unwrap_err();
        assert!(error.to_string().contains("is gone"), "{error}");
    }

    #[test]
    fn who_asks_an_endpoint_is_not_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source::Sparql {
            endpoint: "https://me:s3cret@example.org/sparql".parse().unwrap(),
            query: String::new(),
        };
        let options = BuildOptions::new(source, dir.path().to_owned());
        write(&options, &summary()).unwrap();
        let text = std::fs::read_to_string(dir.path().join(SOURCE)).unwrap();
        assert!(!text.contains("s3cret") && !text.contains("me:"), "{text}");
        let error = Recorded::options(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("https://example.org/sparql was asked with a user name"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_told_has_its_default() {
        let dir = tempfile::tempdir().unwrap();
        let text = r#"{"format": 1, "source": {"mode": "DISCOVERY", "stream": "https://example.org/s"},
            "options": {"of_the_future": 1}, "last_run": {"ended": "2026-01-01T00:00:00Z", "outcome": "finished",
            "rows": 1, "skipped": 0, "images": 1, "encoded": 1, "reused": 0, "failed": {}}}"#;
        std::fs::write(dir.path().join(SOURCE), text).unwrap();
        let options = Recorded::options(dir.path()).unwrap();
        assert_eq!(Told::of(&options), Told::default());
    }
}
